//! Kubeconfigs: reading the one that a server gives out, and merging it into the user's.
//!
//! Owns: names, what counts as the same cluster, and what is never changed: other entries, unknown keys, comments,
//! order, and the current context unless asked. Text in, text out; must not touch files.

mod edit;
mod tree;

use std::fmt;

use edit::{Edit, Fresh};
use tree::{Node, Value};

/// What a kubeconfig needs of one cluster. The certificates and keys are base64 text.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// `https://…:6443`.
    pub(crate) server: String,
    ca: String,
    certificate: String,
    key: String,
}

/// How a merge may go further than adding and renewing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Liberty {
    /// Entries of this name for another cluster are replaced.
    pub(crate) force: bool,
    /// The current context becomes this cluster's.
    pub(crate) switch: bool,
}

/// Why a kubeconfig was not merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It cannot be read, or not edited without losing something.
    Unreadable(String),
    /// An entry of this name belongs to something else.
    Taken(&'static str),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Credentials({}, …)", self.server)
    }
}

impl Credentials {
    /// Reads the kubeconfig that k3s writes for its administrator.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let root = tree::read(text)?.ok_or("is empty")?;
        let first = |list: &str| root.get(list).and_then(|list| list.items().first());
        let find = |list: &str, path: &[&str]| {
            let text = first(list).and_then(|item| item.text(path));
            text.map(ToOwned::to_owned).ok_or_else(|| format!("has no {} in {list}", path.join(".")))
        };
        Ok(Self {
            server: find("clusters", &["cluster", "server"])?,
            ca: find("clusters", &["cluster", "certificate-authority-data"])?,
            certificate: find("users", &["user", "client-certificate-data"])?,
            key: find("users", &["user", "client-key-data"])?,
        })
    }

    fn cluster<'a>(&'a self, name: &'a str) -> Fresh<'a> {
        let inner = vec![
            ("certificate-authority-data", Fresh::Text(&self.ca)),
            ("server", Fresh::Text(&self.server)),
        ];
        Fresh::Map(vec![("cluster", Fresh::Map(inner)), ("name", Fresh::Text(name))])
    }

    fn user<'a>(&'a self, name: &'a str) -> Fresh<'a> {
        let inner = vec![
            ("client-certificate-data", Fresh::Text(&self.certificate)),
            ("client-key-data", Fresh::Text(&self.key)),
        ];
        Fresh::Map(vec![("name", Fresh::Text(name)), ("user", Fresh::Map(inner))])
    }

    fn context(name: &str) -> Fresh<'_> {
        let inner = vec![("cluster", Fresh::Text(name)), ("user", Fresh::Text(name))];
        Fresh::Map(vec![("context", Fresh::Map(inner)), ("name", Fresh::Text(name))])
    }

    /// A kubeconfig of this cluster alone; its context is the current one.
    pub(crate) fn alone(&self, name: &str) -> String {
        self.whole(name, true)
    }

    fn whole(&self, name: &str, switch: bool) -> String {
        let current = if switch { format!("current-context: {name}\n") } else { String::new() };
        format!(
            "apiVersion: v1\nclusters:\n- {}\ncontexts:\n- {}\n{current}kind: Config\npreferences: {{}}\nusers:\n- {}\n",
            self.cluster(name).block(2),
            Self::context(name).block(2),
            self.user(name).block(2),
        )
    }
}

/// Whether a kubeconfig has any entry of this name.
pub(crate) fn mentions(text: &str, name: &str) -> bool {
    let Ok(Some(root)) = tree::read(text) else { return false };
    ["clusters", "contexts", "users"].iter().any(|list| named(&root, list, name).is_some())
}

/// The kubeconfig with the cluster in it, under its name.
///
/// An entry of the same name and the same CA gets new credentials; one of another CA is refused unless forced. So is a text
/// in which what was merged would not be found again just as it was written.
pub(crate) fn merge(text: &str, name: &str, new: &Credentials, liberty: Liberty) -> Result<String, Refusal> {
    let merged = merged(text, name, new, liberty)?;
    let again = self::merged(&merged, name, new, liberty);
    if mentions(&merged, name) && again.as_ref() == Ok(&merged) {
        return Ok(merged);
    }
    Err(lossy())
}

fn lossy() -> Refusal {
    Refusal::Unreadable("is written in a way that cannot be edited without loss".into())
}

fn merged(text: &str, name: &str, new: &Credentials, liberty: Liberty) -> Result<String, Refusal> {
    let root = tree::read(text).map_err(Refusal::Unreadable)?;
    let Some(root) = root.filter(|root| !root.is_nothing()) else {
        // A carriage return alone ends a line, too.
        let lines = text.split(['\n', '\r']);
        let comments = lines.filter(|line| line.starts_with('#')).map(|line| format!("{line}\n"));
        return Ok(comments.collect::<String>() + &new.whole(name, liberty.switch));
    };
    if !matches!(root.value, Value::Map(_)) || root.text(&["kind"]).is_some_and(|kind| kind != "Config") {
        return Err(Refusal::Unreadable("is not a kubeconfig".into()));
    }
    let merged = edited(text, &root, name, new, liberty)?;
    let after = tree::read(&merged).ok().flatten();
    let current = |root: &Node| root.text(&["current-context"]).map(ToOwned::to_owned);
    let wanted = if liberty.switch { Some(name.to_owned()) } else { current(&root) };
    if after.is_some_and(|after| current(&after) == wanted && is_as_meant(&root, &after, name, new)) {
        Ok(merged)
    } else {
        Err(lossy())
    }
}

fn edited(
    text: &str,
    root: &Node,
    name: &str,
    new: &Credentials,
    liberty: Liberty,
) -> Result<String, Refusal> {
    let mut edit = Edit::new(text);
    match named(root, "clusters", name) {
        None => edit.append(root, "clusters", &new.cluster(name)),
        Some(item) => match item.get("cluster") {
            Some(cluster) if same_ca(cluster, new) => edit.set(cluster, "server", &new.server),
            _ if liberty.force => edit.replace(item, &new.cluster(name)),
            _ => return Err(Refusal::Taken("cluster")),
        },
    }
    match named(root, "contexts", name) {
        None => edit.append(root, "contexts", &Credentials::context(name)),
        Some(item) if is_ours(item, name) => {}
        Some(item) if liberty.force => edit.replace(item, &Credentials::context(name)),
        Some(_) => return Err(Refusal::Taken("context")),
    }
    match named(root, "users", name) {
        None => edit.append(root, "users", &new.user(name)),
        Some(item) => match item.get("user") {
            Some(user) if user.get("client-certificate-data").is_some() && user.get("exec").is_none() => {
                edit.set(user, "client-certificate-data", &new.certificate);
                edit.set(user, "client-key-data", &new.key);
            }
            _ if liberty.force => edit.replace(item, &new.user(name)),
            _ => return Err(Refusal::Taken("user")),
        },
    }
    if liberty.switch {
        edit.set(root, "current-context", name);
    }
    Ok(edit.finish())
}

/// The item of this name in one of the three lists.
fn named<'a>(root: &'a Node, list: &str, name: &str) -> Option<&'a Node> {
    root.get(list)?.items().iter().find(|item| item.text(&["name"]) == Some(name))
}

fn same_ca(cluster: &Node, new: &Credentials) -> bool {
    let bare = |text: &str| text.split_whitespace().collect::<String>();
    cluster.text(&["certificate-authority-data"]).is_some_and(|ca| bare(ca) == bare(&new.ca))
}

fn is_ours(context: &Node, name: &str) -> bool {
    ["cluster", "user"].iter().all(|key| context.text(&["context", key]) == Some(name))
}

/// Whether our entries read back as they were meant, and all others as they were.
fn is_as_meant(before: &Node, after: &Node, name: &str, new: &Credentials) -> bool {
    let has = |list: &str, path: &[&str], value: &str| {
        named(after, list, name).and_then(|item| item.text(path)) == Some(value)
    };
    let (Value::Map(old), Value::Map(now)) = (&before.value, &after.value) else { return false };
    let lists = ["clusters", "contexts", "users"];
    let others = |root: &Node, list: &str| -> Vec<Node> {
        let items = root.get(list).map(Node::items).unwrap_or_default();
        items.iter().filter(|item| item.text(&["name"]) != Some(name)).cloned().collect()
    };
    let ours = |key: &str| lists.contains(&key) || key == "current-context";
    has("clusters", &["cluster", "server"], &new.server)
        && has("users", &["user", "client-certificate-data"], &new.certificate)
        && has("users", &["user", "client-key-data"], &new.key)
        && named(after, "contexts", name).is_some_and(|item| is_ours(item, name))
        && lists.iter().all(|list| others(before, list) == others(after, list))
        && old
            .iter()
            .filter(|entry| !ours(&entry.key))
            .all(|entry| after.get(&entry.key) == Some(&entry.value))
        && now.iter().all(|entry| ours(&entry.key) || before.get(&entry.key).is_some())
}

#[cfg(test)]
mod tests;
