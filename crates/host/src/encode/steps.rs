//! The step list: each operation as a call of a script's function, its values as quoted words or files.

use std::collections::BTreeSet;

use model::{
    condition::Condition,
    digest::Sha256,
    facts::{Content, FileFact, FileMeta, Init, PackageTool},
    op::{Guard, Holder, HostOp, Lease, Look, Origin, Run, Survey},
    port::{Exec, ExecStep},
    resource::{Kind, ResourceId},
};

use super::{
    quote::{escape, word},
    scripts::{ALWAYS, SCRIPTS, needs},
};

/// What an exec consists of, beside its entry.
pub(super) struct Listed<'a> {
    /// The step list.
    pub(super) text: String,
    /// Scripts that define what it calls, with their names, in the order they are read.
    pub(super) scripts: Vec<(&'static str, &'static str)>,
    /// Bodies: name, mode, bytes.
    pub(super) bodies: Vec<(String, u32, &'a [u8])>,
}

/// Lists an exec. The error says which step cannot be said in shell, and why.
pub(super) fn list(exec: &Exec) -> Result<Listed<'_>, String> {
    let mut wanted: BTreeSet<&str> = ALWAYS.into();
    let mut text = String::new();
    let mut bodies = Vec::new();
    for (index, step) in exec.steps.iter().enumerate() {
        wanted.extend(needs(&step.op));
        let calls = calls(index, step).map_err(|why| format!("step {}: {why}", step.id))?;
        if calls.contains('\0') {
            return Err(format!(
                "step {}: a value has a NUL byte, which no path or argument can hold",
                step.id
            ));
        }
        text.push_str(&calls);
        for (number, body) in step.bodies.iter().enumerate().filter(|_| sends_bodies(&step.op)) {
            bodies.push((body_name(index, number), body_mode(&step.op), body.bytes.expose()));
        }
    }
    let scripts = SCRIPTS.iter().filter(|(name, _)| wanted.contains(name)).copied().collect();
    Ok(Listed { text, scripts, bodies })
}

/// The contents that a survey offers are compared by digest and stay here.
fn sends_bodies(op: &HostOp) -> bool {
    matches!(op, HostOp::PutFile { .. } | HostOp::ReceiveChunk { .. })
}

fn body_name(step: usize, number: usize) -> String {
    format!("body.{step}.{number}")
}

fn body_mode(op: &HostOp) -> u32 {
    match op {
        HostOp::PutFile { meta, .. } => meta.mode & 0o777,
        _ => 0o600,
    }
}

/// One call: the function, then its words.
fn call(out: &mut String, function: &str, words: &[&str]) {
    out.push_str(function);
    for text in words {
        out.push(' ');
        out.push_str(&word(text));
    }
    out.push('\n');
}

fn calls(index: usize, step: &ExecStep) -> Result<String, String> {
    let mut out = String::new();
    call(&mut out, "begin", &[&index.to_string(), step.id.as_str()]);
    if let Some(resource) = &step.own {
        let secret =
            step.bodies.iter().any(|body| body.secret) || matches!(step.op, HostOp::MakeSecret { .. });
        call(&mut out, "own", &[&key(resource), &kept_name(resource), if secret { "s" } else { "p" }]);
    }
    was(&mut out, &step.was);
    operation(&mut out, index, step)?;
    Ok(out)
}

fn key(resource: &ResourceId) -> String {
    escape(&resource.to_string())
}

/// A file name for what was there before: a path may be longer than a name can be.
fn kept_name(resource: &ResourceId) -> String {
    Sha256::of(resource.to_string().as_bytes()).as_str()[..32].to_owned()
}

fn was(out: &mut String, condition: &Condition) {
    let Condition::Path { path, was } = condition else { return };
    match was {
        FileFact::Absent => call(out, "was", &["absent", path]),
        FileFact::Special => call(out, "was", &["special", path]),
        FileFact::Link { target } => call(out, "was", &["link", path, target]),
        FileFact::Dir { meta } => call(out, "was", &["dir", path, &mode(meta), &meta.owner, &meta.group]),
        FileFact::File { meta, content } => {
            let (how, hex) = match content {
                Content::Unread => ("unread", ""),
                Content::Digest(digest) => ("digest", digest.as_str()),
                Content::Keyed { digest, .. } => ("keyed", digest.as_str()),
            };
            call(out, "was", &["file", path, &mode(meta), &meta.owner, &meta.group, how, hex]);
        }
    }
}

fn mode(meta: &FileMeta) -> String {
    format!("{:o}", meta.mode)
}

fn operation(out: &mut String, index: usize, step: &ExecStep) -> Result<(), String> {
    match &step.op {
        HostOp::Observe(survey) => observe(out, survey, step)?,
        HostOp::TakeLock(lease) => take_lock(out, lease),
        HostOp::ReleaseLock { holder } => call(out, "release_lock", &[&holder_field(holder)]),
        HostOp::Claim { cluster, id, instead } => {
            let instead = instead.as_ref().map_or_else(|| "-".to_owned(), |id| escape(id));
            call(out, "claim", &[cluster.as_str(), &escape(id), &instead]);
        }
        HostOp::Unclaim => call(out, "unclaim", &[]),
        HostOp::PutFile { path, meta, later, .. } => {
            let body = step.bodies.first().ok_or("the content of the file is missing")?;
            call(out, "body", &[&escape(path), if body.secret { "s" } else { "p" }]);
            let sum = Sha256::of(body.bytes.expose());
            let name = body_name(index, 0);
            let later = later.as_ref().map_or("-", Sha256::as_str);
            call(out, "put_file", &[path, &mode(meta), &meta.owner, &meta.group, &name, sum.as_str(), later]);
        }
        HostOp::PutDir { path, meta } => {
            call(out, "put_dir", &[path, &mode(meta), &meta.owner, &meta.group]);
        }
        HostOp::PutLink { path, target } => call(out, "put_link", &[path, target]),
        HostOp::SetMeta { path, meta } => {
            call(out, "set_meta", &[path, &mode(meta), &meta.owner, &meta.group]);
        }
        HostOp::Restore { resource } => {
            let (kind, name) = (resource.kind.as_str(), resource.name.as_str());
            let path_key = if resource.kind == Kind::File { escape(name) } else { String::new() };
            call(out, "restore", &[kind, name, &key(resource), &kept_name(resource), &path_key]);
        }
        HostOp::InstallPackages { tool, names } => {
            let tool = match tool {
                PackageTool::Apt => "apt",
                PackageTool::Dnf => "dnf",
                PackageTool::Apk => "apk",
            };
            let words: Vec<_> = [tool].into_iter().chain(names.iter().map(String::as_str)).collect();
            call(out, "install_packages", &words);
        }
        HostOp::LoadModules { names } => {
            let words: Vec<_> = names.iter().flat_map(|name| module(name)).collect();
            call(out, "load_modules", &words.iter().map(String::as_str).collect::<Vec<_>>());
        }
        HostOp::SetSysctls { values } => {
            let mut words = Vec::new();
            for (key, value) in values {
                let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
                words.extend([sysctl_file(key)?, key.clone(), value]);
            }
            call(out, "set_sysctls", &words.iter().map(String::as_str).collect::<Vec<_>>());
        }
        HostOp::SetService { init, name, enabled, run } => {
            let enabled = match enabled {
                None => "-",
                Some(true) => "yes",
                Some(false) => "no",
            };
            let (run, stamp) = run_words(run);
            call(out, "set_service", &[init_word(*init), name, enabled, run, stamp]);
        }
        HostOp::FetchArtifact { from, sha256, path, meta } => {
            let (way, source) = match from {
                Origin::Url(url) => ("url", url),
                Origin::Sent { name, .. } => ("sent", name),
            };
            call(out, "body", &[&escape(path), "p"]);
            let words = [way, source, sha256.as_str(), path, &mode(meta), &meta.owner, &meta.group];
            call(out, "fetch_artifact", &words);
        }
        HostOp::ReceiveChunk { sha256, offset } => {
            let name = body_name(index, 0);
            call(out, "receive_chunk", &[sha256.as_str(), &offset.to_string(), &name]);
        }
        HostOp::MakeSecret { path, bytes } => {
            call(out, "body", &[&escape(path), "s"]);
            call(out, "make_secret", &[path, &bytes.to_string()]);
        }
        HostOp::ReadSecret { path } => call(out, "read_secret", &[path]),
        HostOp::ArmGuard(guard) => arm_guard(out, guard),
        HostOp::DisarmGuard { id } => call(out, "disarm_guard", &[&escape(id)]),
        HostOp::RecordIntegrity { paths } => {
            let words: Vec<_> = paths.iter().flat_map(|path| [escape(path), path.clone()]).collect();
            call(out, "record_integrity", &words.iter().map(String::as_str).collect::<Vec<_>>());
        }
        HostOp::KillK3s => call(out, "kill_k3s", &[]),
        HostOp::RemoveK3s { volumes } => call(out, "remove_k3s", &[if *volumes { "yes" } else { "no" }]),
    }
    Ok(())
}

fn run_words(run: &Run) -> (&'static str, &str) {
    match run {
        Run::Any => ("any", "-"),
        Run::Started { stamp } => ("started", stamp.as_deref().unwrap_or("-")),
        Run::Reloaded { stamp } => ("reloaded", stamp),
        Run::Stopped => ("stopped", "-"),
        Run::Stamped { stamp } => ("stamped", stamp),
    }
}

fn init_word(init: Init) -> &'static str {
    match init {
        Init::Systemd => "systemd",
        Init::Openrc => "openrc",
    }
}

fn holder_field(holder: &Holder) -> String {
    format!("{} {} {} {}", escape(&holder.user), escape(&holder.machine), holder.pid, holder.started)
}

fn take_lock(out: &mut String, lease: &Lease) {
    let dead = lease.dead.iter().map(holder_field);
    let first = [holder_field(&lease.holder), lease.cluster.to_string(), lease.seconds.to_string()];
    let words: Vec<_> = first.into_iter().chain(dead).collect();
    call(out, "take_lock", &words.iter().map(String::as_str).collect::<Vec<_>>());
}

fn arm_guard(out: &mut String, guard: &Guard) {
    let paths = guard.paths.iter().flat_map(|path| [escape(path), path.clone()]);
    let first = [
        escape(&guard.id),
        init_word(guard.init).to_owned(),
        guard.window.to_string(),
        guard.service.clone(),
    ];
    let words: Vec<_> = first.into_iter().chain(paths).collect();
    call(out, "arm_guard", &words.iter().map(String::as_str).collect::<Vec<_>>());
}

/// A module's name as `/sys/module` writes it, and a pattern for `modules.builtin`, where `-` and `_` are the same.
fn module(name: &str) -> [String; 2] {
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    [name.replace('-', "_"), plain.replace(['-', '_'], "[-_]")]
}

/// The file of a dotted key under `/proc/sys`. As sysctl reads it: where the first separator is a slash, slashes
/// separate; else dots do, and a slash stands for a dot in a name (`net.ipv4.conf.eth0/100.forwarding`).
fn sysctl_file(key: &str) -> Result<String, String> {
    let slashes = key.find('/').is_some_and(|slash| key.find('.').is_none_or(|dot| slash < dot));
    let swap = |c| match c {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    let path: String = if slashes { key.to_owned() } else { key.chars().map(swap).collect() };
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(format!("{key:?} is no kernel setting"));
    }
    Ok(format!("/proc/sys/{path}"))
}

fn observe(out: &mut String, survey: &Survey, step: &ExecStep) -> Result<(), String> {
    let mut offered = step.bodies.iter();
    for (index, (path, look)) in survey.paths.iter().enumerate() {
        let (how, wanted) = match look {
            Look::Meta => ("meta", None),
            Look::Digest => ("digest", None),
            Look::Text(wanted) => ("text", wanted.clone()),
            Look::Secret(None) => ("secret", None),
            Look::Secret(Some(_)) => {
                let body =
                    offered.next().ok_or_else(|| format!("the content offered for {path} is missing"))?;
                ("secret", Some(Sha256::of(body.bytes.expose())))
            }
        };
        let wanted = wanted.as_ref().map_or("-", Sha256::as_str);
        call(out, "survey_path", &[&index.to_string(), how, wanted, &escape(path), path]);
    }
    for name in &survey.services {
        call(out, "survey_service", &[name]);
    }
    if !survey.packages.is_empty() {
        call(out, "survey_packages", &survey.packages.iter().map(String::as_str).collect::<Vec<_>>());
    }
    for key in &survey.sysctls {
        call(out, "survey_sysctl", &[&escape(key), &sysctl_file(key)?]);
    }
    for name in &survey.modules {
        let [name, pattern] = module(name);
        call(out, "survey_module", &[&name, &pattern]);
    }
    let yes = |asked| if asked { "yes" } else { "no" };
    call(out, "observed", &[yes(survey.verify), yes(survey.kubeconfig)]);
    Ok(())
}
