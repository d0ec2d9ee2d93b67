//! Secret values, and the places where they must not stand.
//!
//! The values themselves are looked for, plain, in hex and in base64: in everything that the operator's side wrote, and in
//! everything that may be read or kept on the hosts beside the secrets' own files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::lab::Lent;

/// Files that are secrets, with their values.
const HOLD: &str = r#"
for file in /etc/rancher/k3s/coracle-token /etc/rancher/k3s/coracle-agent-token /etc/rancher/node/password /var/lib/coracle/key \
    /var/lib/rancher/k3s/server/token /var/lib/rancher/k3s/server/agent-token; do
    [ ! -f "$file" ] || { cat "$file"; echo; }
done
for unit in /etc/systemd/system/k3s*.service; do [ ! -f "$unit" ] || sed -n 's/.*--token \([^ ]*\).*/\1/p' "$unit"; done
sed -n 's/^ *client-key-data: *//p' /etc/rancher/k3s/k3s.yaml 2>/dev/null || :
"#;

/// Everything on a host that logs, keeps or forgets: the journal, logs, temporary directories, coracle's own.
const KEEP: &str = r"
{ journalctl --no-pager -o cat 2>/dev/null
  find /var/log /tmp /var/tmp /run/coracle /dev/shm /root /home /var/lib/coracle -xdev -type f ! -path /var/lib/coracle/key ! -path '/var/log/journal/*' -exec cat {} +
  cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ
} 2>/dev/null | tr '\0' '\n'
";

/// Values that must stand nowhere, in every form.
pub(crate) struct Secrets(BTreeSet<String>);

impl Secrets {
    /// Those of these hosts, and more.
    pub(crate) fn of(lent: &Lent, more: impl Iterator<Item = String>) -> Self {
        let held = lent.hosts.iter().filter(|host| host.says("true")).flat_map(|host| values(&host.sh(HOLD)));
        Self(held.chain(more).filter(|value| value.len() >= 8).flat_map(|value| forms(&value)).collect())
    }

    /// None stands in any file below a directory.
    pub(crate) fn below(&self, dir: &Path) {
        for path in files(dir) {
            self.complain(&path.display().to_string(), &fs::read(&path).unwrap());
        }
    }

    /// None stands where hosts keep things.
    pub(crate) fn on_hosts(&self, lent: &Lent) {
        for host in lent.hosts.iter().filter(|host| host.says("true")) {
            self.complain(&host.name, host.sh(KEEP).as_bytes());
        }
    }

    fn complain(&self, place: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        if let Some(secret) = self.0.iter().find(|secret| text.contains(secret.as_str())) {
            let at = text.lines().position(|line| line.contains(secret.as_str()));
            panic!(
                "a secret of {} characters stands in {place}, line {:?}",
                secret.len(),
                at.map(|at| at + 1)
            );
        }
    }
}

/// A line each; of a full token only what is secret of it.
fn values(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.rsplit("::").next().unwrap_or(line))
        .map(|value| value.rsplit(':').next().unwrap_or(value).to_owned())
        .collect()
}

/// A value as it may be disguised.
fn forms(value: &str) -> [String; 3] {
    let hex = value.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    [value.to_owned(), hex, base64(value)]
}

/// Base64 without its last, padded group, which what follows the value would change.
fn base64(value: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = value.as_bytes().chunks_exact(3).map(|three| {
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift & 63) as usize]))
    });
    groups.flatten().collect()
}

/// Every file below a directory but the home's, where secrets may be kept on purpose.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let entries =
        entries.filter(|path| !path.ends_with("home/.kube") && !path.ends_with("home/admin.kubeconfig"));
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.is_file())
        .collect()
}

/// Every command line on this machine and in its hosts, and the environment of the hosts' processes, for a while.
pub(crate) struct Listing {
    over: Arc<AtomicBool>,
    watcher: JoinHandle<BTreeSet<String>>,
}

impl Listing {
    pub(crate) fn begin() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&over);
        let watcher = thread::spawn(move || {
            let (mut lines, mut looks) = (BTreeSet::new(), BTreeMap::new());
            while !end.load(Ordering::Relaxed) {
                sample(&mut lines, &mut looks);
                thread::sleep(Duration::from_millis(5));
            }
            lines
        });
        Self { over, watcher }
    }

    /// All that was seen.
    pub(crate) fn end(self) -> String {
        self.over.store(true, Ordering::Relaxed);
        let lines = self.watcher.join().unwrap();
        lines.into_iter().collect::<Vec<_>>().join("\n")
    }
}

/// Looks at every process a few times: what it is called may change after its birth.
fn sample(lines: &mut BTreeSet<String>, looks: &mut BTreeMap<u32, u32>) {
    let own = fs::read_link("/proc/self/ns/pid").unwrap();
    let alive: Vec<u32> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    looks.retain(|pid, _| alive.contains(pid));
    for pid in alive {
        let seen = looks.entry(pid).or_default();
        *seen += 1;
        if *seen > 4 {
            continue;
        }
        let text = |name: &str| {
            fs::read(format!("/proc/{pid}/{name}"))
                .map(|bytes| String::from_utf8_lossy(&bytes).replace(['\0', '\n'], " "))
        };
        lines.extend(text("cmdline").ok());
        if fs::read_link(format!("/proc/{pid}/ns/pid")).is_ok_and(|space| space != own) {
            lines.extend(text("environ").ok());
        }
    }
}
