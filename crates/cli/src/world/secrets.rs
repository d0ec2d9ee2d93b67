//! The operator's secrets: environment variables and files.
//!
//! Owns: looking them up when they are needed. Must not: keep, show or log a value.

use std::{
    env, fs, io,
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
};

use model::{SecretRef, port::Secrets, secret::Secret};

/// Looks secrets up; relative paths begin at the cluster file's directory.
#[derive(Clone, Debug)]
pub(crate) struct OperatorSecrets {
    base: PathBuf,
}

impl OperatorSecrets {
    /// Secrets of a cluster file.
    pub(crate) fn beside(file: &Path) -> Self {
        Self { base: file.parent().unwrap_or(Path::new("")).to_owned() }
    }
}

impl Secrets for OperatorSecrets {
    fn look(&self, reference: &SecretRef) -> Result<Secret, String> {
        match reference {
            SecretRef::Env(name) => match env::var_os(name) {
                Some(value) if !value.is_empty() => Ok(Secret::new(value.into_vec())),
                Some(_) => Err(format!("the environment variable {name} is empty")),
                None => Err(format!("the environment variable {name} is not set")),
            },
            SecretRef::File(path) => file(&self.base.join(path)),
        }
    }
}

fn file(path: &Path) -> Result<Secret, String> {
    let mut bytes = fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no file {}", path.display()),
        _ => format!("{} cannot be read: {error}", path.display()),
    })?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    if bytes.is_empty() { Err(format!("{} is empty", path.display())) } else { Ok(Secret::new(bytes)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_file_loses_one_newline_and_is_found_beside_the_cluster_file() {
        let dir = tempfile::tempdir().expect("a directory for the test");
        fs::write(dir.path().join("token"), "abc\n\n").expect("writes");
        let secrets = OperatorSecrets::beside(&dir.path().join("coracle.yaml"));
        let secret = secrets.look(&SecretRef::File("token".into())).expect("is there");
        assert_eq!(secret.expose(), b"abc\n");
        let missing = secrets.look(&SecretRef::File("nothing".into())).expect_err("is not there");
        assert!(missing.contains("there is no file"), "{missing}");
    }
}
