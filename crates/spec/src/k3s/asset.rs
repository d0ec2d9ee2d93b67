//! Names of release files.

/// The name of k3s's binary among the files of a release for a machine with this architecture, as `uname -m`, Go
/// and Kubernetes write it; `None` where k3s publishes none.
pub fn asset(arch: &str) -> Option<&'static str> {
    match arch {
        "amd64" | "x86_64" => Some("k3s"),
        "arm64" | "aarch64" => Some("k3s-arm64"),
        "arm" | "armhf" | "armv7l" | "armv7" | "armv8l" => Some("k3s-armhf"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_published_architectures_have_a_binary() {
        assert_eq!(asset("aarch64"), Some("k3s-arm64"));
        assert_eq!(asset("armv6l"), None);
        assert_eq!(asset("riscv64"), None);
        assert_eq!(asset("s390x"), None);
    }
}
