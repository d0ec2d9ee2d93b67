//! The access log: one JSON object a line, written by a thread of its own.
//!
//! Owns: the lines, and whose address a request has. Must not: hold up a worker; what the writer does not take in time is
//! dropped and counted.

use std::{
    fmt::Write as _,
    io::Write,
    net::{IpAddr, SocketAddr},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use ipnet::IpNet;

use crate::http::{condition, fields::Fields};

/// Lines that may wait for the writer.
const WAITING: usize = 16_384;

/// The end that workers hold.
#[derive(Clone, Debug)]
pub struct Log {
    lines: SyncSender<String>,
}

impl Log {
    /// Starts the writer. It ends when the last `Log` is dropped and all lines are out.
    pub fn start(into: impl Write + Send + 'static) -> std::io::Result<(Log, thread::JoinHandle<()>)> {
        let (lines, waiting) = sync_channel(WAITING);
        let writer = thread::Builder::new().name("log".to_owned()).spawn(move || write(&waiting, into))?;
        Ok((Log { lines }, writer))
    }

    /// Hands over a line; false if it was dropped.
    pub fn take(&self, line: String) -> bool {
        self.lines.try_send(line).is_ok()
    }
}

fn write(waiting: &Receiver<String>, into: impl Write) {
    let mut into = std::io::BufWriter::with_capacity(64 << 10, into);
    while let Ok(line) = waiting.recv() {
        let mut failed = into.write_all(line.as_bytes()).is_err();
        while let Ok(line) = waiting.try_recv() {
            failed |= into.write_all(line.as_bytes()).is_err();
        }
        failed |= into.flush().is_err();
        if failed {
            // Nobody reads standard output any more; the site is served all the same.
            return;
        }
    }
}

/// What of a request is written down, taken while its bytes are there.
#[derive(Debug)]
pub struct Noted {
    text: String,
}

impl Noted {
    /// Notes a request.
    pub fn new(
        peer: SocketAddr,
        proxies: &[IpNet],
        method: &str,
        target: &[u8],
        fields: &Fields<'_>,
    ) -> Noted {
        let client = client(peer.ip(), proxies, fields.forwarded_for.as_deref());
        let mut text = String::with_capacity(256);
        let _ = write!(text, "\"client\":\"{client}\",\"method\":");
        quote(&mut text, method.as_bytes());
        for (name, value) in [
            ("host", fields.host),
            ("target", Some(target)),
            ("referer", fields.referer),
            ("agent", fields.user_agent),
        ] {
            if let Some(value) = value {
                let _ = write!(text, ",\"{name}\":");
                quote(&mut text, value);
            }
        }
        Noted { text }
    }

    /// The whole line, once the answer is sent.
    pub fn line(self, since_epoch: Duration, status: u16, bytes: u64, took: Duration) -> String {
        let date = condition::date(since_epoch.as_secs());
        format!(
            "{{\"time\":\"{date}\",{},\"status\":{status},\"bytes\":{bytes},\"micros\":{}}}\n",
            self.text,
            took.as_micros()
        )
    }
}

/// The client's address: the peer's, or where the peer is a declared proxy, the last one in X-Forwarded-For that is not.
pub fn client(peer: IpAddr, proxies: &[IpNet], forwarded: Option<&[u8]>) -> IpAddr {
    let is_proxy = |address: &IpAddr| proxies.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    for entry in forwarded.unwrap_or_default().rsplit(|&byte| byte == b',') {
        if !is_proxy(&client) {
            break;
        }
        let Some(address) = std::str::from_utf8(entry.trim_ascii()).ok().and_then(|text| text.parse().ok())
        else {
            break;
        };
        client = address;
    }
    client
}

/// A JSON string; bytes that are not UTF-8 are shown as the replacement character.
fn quote(text: &mut String, bytes: &[u8]) {
    text.push('"');
    for letter in String::from_utf8_lossy(bytes).chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            letter if letter.is_control() => _ = write!(text, "\\u{:04x}", u32::from(letter)),
            letter => text.push(letter),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_declared_proxies_are_believed_and_only_to_the_first_stranger() {
        let proxies = ["10.42.0.0/16".parse().unwrap()];
        let seen = |peer: &str, field: &str| {
            client(peer.parse().unwrap(), &proxies, Some(field.as_bytes())).to_string()
        };
        assert_eq!(seen("203.0.113.9", "1.1.1.1"), "203.0.113.9");
        assert_eq!(seen("10.42.0.7", "6.6.6.6, 198.51.100.1, 10.42.3.3"), "198.51.100.1");
        assert_eq!(seen("10.42.0.7", "junk"), "10.42.0.7");
        assert_eq!(seen("::ffff:10.42.0.7", "2001:db8::1"), "2001:db8::1");
        assert_eq!(client("10.42.0.7".parse().unwrap(), &proxies, None).to_string(), "10.42.0.7");
    }

    #[test]
    fn lines_are_json_whatever_clients_send() {
        let mut fields = Fields::default();
        fields.take(b"User-Agent", b"a\"b\\c\x1b\xff");
        let noted = Noted::new("192.0.2.1:5".parse().unwrap(), &[], "GET", b"/x\"\n", &fields);
        let line = noted.line(Duration::from_secs(784_111_777), 200, 3, Duration::from_micros(4));
        insta::assert_snapshot!(line, @r#"{"time":"Sun, 06 Nov 1994 08:49:37 GMT","client":"192.0.2.1","method":"GET","target":"/x\"\u000a","agent":"a\"b\\c\u001b�","status":200,"bytes":3,"micros":4}"#);
    }
}
