//! A client that shows every byte: what a library would smooth over is what is tested.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A field's value; empty if it is not there.
    pub(crate) fn field(&self, name: &str) -> &str {
        let line = self.head.lines().find(|line| {
            line.len() > name.len()
                && line[..name.len()].eq_ignore_ascii_case(name)
                && line.as_bytes()[name.len()] == b':'
        });
        line.map_or("", |line| line[name.len() + 1..].trim())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Client {
    pub(crate) fn to(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        // Only so that a server that hangs fails the test instead of hanging it too.
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, rest: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads one answer; `None` when the connection ends before one.
    pub(crate) fn answer(&mut self, to_head: bool) -> Option<Answer> {
        let end = loop {
            if let Some(end) = self.rest.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            self.more()?;
        };
        let head = String::from_utf8(self.rest.drain(..end + 4).collect()).unwrap();
        let status = head[9..12].parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.field("content-length").parse().unwrap_or(0);
        let length = if to_head || status == 304 || status == 204 { 0 } else { length };
        while self.rest.len() < length {
            self.more()?;
        }
        answer.body = self.rest.drain(..length).collect();
        Some(answer)
    }

    fn more(&mut self) -> Option<()> {
        let mut room = [0; 16 << 10];
        let got = self.stream.read(&mut room).ok().filter(|&got| got > 0)?;
        self.rest.extend_from_slice(&room[..got]);
        Some(())
    }

    /// Whether the other side has ended the connection, all bytes before read.
    pub(crate) fn is_ended(&mut self) -> bool {
        while self.more().is_some() {}
        true
    }

    /// Asks with the lines given after the request line.
    pub(crate) fn ask(&mut self, line: &str, fields: &[&str]) -> Answer {
        let mut text = format!("{line} HTTP/1.1\r\nHost: example.org\r\n");
        for field in fields {
            text.push_str(field);
            text.push_str("\r\n");
        }
        self.send(text + "\r\n");
        self.answer(line.starts_with("HEAD")).unwrap()
    }
}
