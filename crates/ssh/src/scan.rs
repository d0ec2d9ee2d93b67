//! Which key a host shows.
//!
//! Owns: looking at a host's key without logging in, through the user's jump hosts and under his aliases. Must not:
//! trust anything.

use model::fault::{Cause, HostFault};

use crate::{
    client::{self, Company, Trust, Way},
    key::{self, Offered, Standing},
    known,
    line::{Log, Ssh},
    settings::Destination,
    talk::{Heard, Input, Told, talk},
};

impl Ssh {
    /// The key that a host shows now, and what the user's lists say of it, so that a person can compare the
    /// fingerprint. Nobody logs in. A pin in `to` is not looked at.
    ///
    /// Two connections: one lets OpenSSH judge by the user's own lists, the other has it write the key down. When
    /// they were shown different keys, somebody plays tricks, and that is a fault.
    pub async fn scan(&self, to: &Destination) -> Result<Offered, HostFault> {
        let (judged, first) = self.knock(to, Trust::Known, &[]).await;
        let log = judged.read();
        let fault = judged.judge(&Destination { key: None, ..to.clone() }, &first.beside);
        // Without a key in the log, it is a jump host that is spoken of.
        let standing = match fault.cause {
            _ if !log.contains("Server host ") => return Err(fault),
            _ if first.status.is_some_and(|status| status.success()) => Standing::Known,
            Cause::Authentication => Standing::Known,
            Cause::KeyUnknown => Standing::Unknown,
            Cause::KeyChanged => Standing::Changed,
            _ => return Err(fault),
        };
        let (algorithm, shown) = known::shown(&log).unzip();
        let list = self.file("noted");
        let (noted, second) = self.knock(to, Trust::Noted(&list), &prefer(algorithm)).await;
        let line = std::fs::read_to_string(&list).unwrap_or_default();
        // A leftover goes with the directory.
        let _ = std::fs::remove_file(&list);
        let Some((lookup, key)) = known::last(&line) else { return Err(noted.judge(to, &second.beside)) };
        let fingerprint = key::fingerprint(&key).map_err(|bad| HostFault::new(Cause::Garbled, bad))?;
        if shown.is_some_and(|shown| shown != fingerprint) {
            let detail = format!("it showed {} and then {fingerprint}", shown.unwrap_or_default());
            return Err(HostFault::new(Cause::KeyChanged, detail));
        }
        Ok(Offered { key, fingerprint, standing, lookup })
    }

    /// Connects up to the point where one would log in.
    pub(crate) async fn knock(&self, to: &Destination, trust: Trust<'_>, more: &[String]) -> (Log, Told) {
        let log = self.log();
        let mut command = client::command(&self.settings, to, trust, Way::Fresh, Company::Alone, log.path());
        command.args(["-v", "-o", "PreferredAuthentications=none"]).args(more);
        client::finish(&mut command, to, Some("true"));
        let nothing = Input { first: &[], rest: &[] };
        let told = match command.spawn() {
            Ok(mut child) => {
                talk(&mut child, nothing, &self.settings.limits, &mut |_| Heard::Noise, &mut |_| false).await
            }
            Err(bad) => Told::never(&self.settings.program, &bad),
        };
        (log, told)
    }
}

/// Asks for the kind of key that was judged, lest the other list changes the order of kinds.
fn prefer(algorithm: Option<&str>) -> Vec<String> {
    let Some(algorithm) = algorithm else { return Vec::new() };
    let kinds = if algorithm == "ssh-rsa" { "rsa-sha2-512,rsa-sha2-256" } else { algorithm };
    vec!["-o".into(), format!("HostKeyAlgorithms={kinds}")]
}
