//! Every rule a cluster file is judged by, with a stable name.
//!
//! Owns: the closed list of codes, and one line each of cause and cure for the generated reference.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($variant:ident $text:literal $cause:literal $cure:literal)*) => {
        /// Which rule a diagnostic comes from. The text form is stable from release to release.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $cause] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the reference.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable name, in kebab case.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// What brings it about, in one sentence.
            pub fn cause(self) -> &'static str {
                match self { $(Self::$variant => $cause,)* }
            }

            /// What to do about it, in one sentence.
            pub fn cure(self) -> &'static str {
                match self { $(Self::$variant => $cure,)* }
            }
        }
    };
}

codes! {
    NotText "not-text" "The file is not UTF-8 text." "Save it as UTF-8."
    EmptyFile "empty-file" "The file holds no document." "Write a document of `kind: Cluster`; `coracle init` makes one."
    TooLarge "too-large" "The file is larger, deeper or more wrong than any cluster file needs to be." "Split it, or remove what does not belong there."
    YamlSyntax "yaml-syntax" "The text is not YAML." "Mend the syntax at the place shown; the rest of that document is judged afterwards."
    YamlUnsupported "yaml-unsupported" "An anchor, alias, tag, directive or a key that is not text." "Write the value out in place."
    DuplicateKey "duplicate-key" "A mapping has the same key twice." "Keep one of the two."
    UnsetVariable "unset-variable" "`${NAME}` names a variable that is not set." "Set it, give a default with `${NAME:-default}`, or write `$${NAME}` for the text itself."
    BadSubstitution "bad-substitution" "`${` is not followed by a name and `}`." "Write `${NAME}` or `${NAME:-default}`, and `$$` for a dollar sign."
    UnknownKey "unknown-key" "A key that the cluster file does not have." "Correct its spelling or remove it."
    MissingKey "missing-key" "A key without which the cluster cannot be described." "Add it."
    WrongType "wrong-type" "A value of another type than its key takes." "Write the type that the message names; quote text that looks like a number."
    UnknownValue "unknown-value" "A value outside the closed list its key takes." "Choose one of the listed values."
    InvalidValue "invalid-value" "Text that does not have the form its key takes." "Write it in the form of the example."
    NotInThisVersion "not-in-this-version" "Something that a later coracle carries out and this one does not." "Remove it until then."
    InvalidName "invalid-name" "A name that DNS or Kubernetes does not allow." "Use a-z, 0-9 and `-`, beginning and ending with a letter or digit."
    DoubleHyphen "double-hyphen" "A cluster or node name with `--`, which separates service and cluster in ingress names." "Use a single hyphen."
    DuplicateName "duplicate-name" "Two nodes of a cluster, or two clusters of a file, have one name." "Rename one of them."
    DuplicateAddress "duplicate-address" "Two nodes have one address or one SSH target." "Give each node its own."
    InvalidVersion "invalid-version" "A k3s version that cannot exist." "Write the release's full name, as in v1.36.4+k3s1."
    UnsupportedVersion "unsupported-version" "A Kubernetes minor whose k3s flags this coracle does not know." "Choose a version of a known minor, or use another coracle."
    UnsupportedArchitecture "unsupported-architecture" "A machine for whose architecture k3s publishes no binary." "Use a machine with amd64, arm64 or 32-bit arm."
    InvalidCidr "invalid-cidr" "Text that is not an address range, or has bits set behind its prefix." "Write the range's first address and prefix, as in 10.42.0.0/16."
    CidrOverlap "cidr-overlap" "Two ranges, or a range and a node's address, overlap." "Move one of them."
    CidrFamily "cidr-family" "Pod ranges, service ranges and node addresses are not of the same address families." "Give each family one pod and one service range, in the same order."
    CidrSize "cidr-size" "A range that is too small for the nodes, or larger than Kubernetes takes." "Choose another prefix length."
    AddressOutsideNetwork "address-outside-network" "A node's address does not lie in the node network." "Correct the address or the range."
    NoServer "no-server" "No node has the role server." "Give at least one node `role: server`."
    EvenEtcdServers "even-etcd-servers" "An even number of etcd servers, which survives no more failures than one fewer." "Use one, three or five servers."
    SqliteManyServers "sqlite-many-servers" "More than one server on sqlite, which is one file on one machine." "Use etcd or an external datastore."
    UnknownK3sKey "unknown-k3s-key" "A k3s key that k3s does not have." "Correct its spelling or remove it; k3s itself would skip it."
    K3sKeyNotInRelease "k3s-key-not-in-release" "A k3s key that the chosen release does not have yet." "Choose a later release or remove the key."
    K3sKeyType "k3s-key-type" "A k3s key with a value of another type than k3s reads." "Write the type that the message names."
    K3sKeyValue "k3s-key-value" "A k3s key with a value that k3s refuses." "Write a value that the message names."
    K3sKeyOwned "k3s-key-owned" "A k3s key that coracle writes itself." "Use the field that the message names."
    K3sKeyRole "k3s-key-role" "A k3s key for servers only on an agent." "Move it to a server, or remove it."
    K3sKeyEverywhere "k3s-key-everywhere" "A k3s key that must be equal on all servers, written for one node." "Move it to spec.kubernetes.config."
    K3sKeyDatastore "k3s-key-datastore" "A k3s key of etcd in a cluster whose datastore is another." "Write `datastore: etcd`, or remove the key."
    K3sKeyDeprecated "k3s-key-deprecated" "An old name of a k3s key." "Use the new name."
    LegacyFlannelBackend "legacy-flannel-backend" "A flannel backend that k3s no longer has." "Use vxlan, host-gw or wireguard-native."
    CniContradiction "cni-contradiction" "CNI, kube-proxy and network policy contradict each other." "Change the one that the message names."
    InvalidLabel "invalid-label" "A node label that Kubernetes refuses." "Write a qualified name and a value of at most 63 letters, digits, `-`, `_` and `.`."
    ReservedLabel "reserved-label" "A node label that the kubelet may not set on itself, or that k3s sets." "Use a prefix of your own."
    InvalidTaint "invalid-taint" "A node taint that Kubernetes refuses." "Write `key=value:Effect` with NoSchedule, PreferNoSchedule or NoExecute."
    PortClash "port-clash" "Two listeners on one port." "Choose another port."
    InvalidPort "invalid-port" "A port or range of ports that cannot be." "Write a number from 1 to 65535, or two joined by `-`."
    SecretInPlainText "secret-in-plain-text" "A secret, or a variable that holds one, where a reference to it belongs." "Write `{env: NAME}` or `{file: path}`."
    InvalidPath "invalid-path" "A path that is not absolute and plain." "Write it from `/`, without `.`, `..`, or double or trailing slashes."
    ReservedName "reserved-name" "A path, service or setting that coracle or k3s keeps, or that could lock the operator out." "Use the field that the message names, or leave it."
    DuplicateEntry "duplicate-entry" "Two entries for the same thing on the same node." "Merge them, or give them different nodes."
    UnknownNode "unknown-node" "An entry for a node that the cluster does not have." "Correct the name."
    InvalidMatch "invalid-match" "An entry that says in two ways, or in none, which nodes it is for." "Write `nodes` or `labels`, or neither for all nodes."
    MatchesNothing "matches-nothing" "An entry whose labels no node has." "Correct the labels, or remove the entry."
    RootLogin "root-login" "Root logins are forbidden, but a node is reached as root." "Log in as another user, or allow root with a key."
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
