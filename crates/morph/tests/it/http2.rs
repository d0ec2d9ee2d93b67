//! HTTP/2 with prior knowledge, frame by frame: RFC 9113.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use super::world::{World, pattern};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const END_STREAM_AND_HEADERS: u8 = 5;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

struct Http2(TcpStream);

impl Http2 {
    /// A connection whose windows are as wide as they can be.
    fn to(world: &World) -> Http2 {
        let stream = TcpStream::connect(world.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut http2 = Http2(stream);
        http2.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        http2.send(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]);
        http2.send(WINDOW_UPDATE, 0, 0, &[0x7f, 0, 0, 0]);
        http2
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.0.write_all(&frame(kind, flags, stream, payload)).unwrap();
    }

    /// GET, in HPACK's static table (RFC 7541 appendix A): 2 is GET, 4 the path, 6 http, 1 the authority.
    fn get(&mut self, stream: u32, path: &str) {
        let mut block = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
        block.extend(path.bytes());
        block.extend(b"\x01\x01a");
        self.send(HEADERS, END_STREAM_AND_HEADERS, stream, &block);
    }

    /// The next frame: kind, flags, stream, payload.
    fn frame(&mut self) -> (u8, u8, u32, Vec<u8>) {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.0.read_exact(&mut payload).unwrap();
        (head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload)
    }

    /// All of a stream: the first byte of its fields, which is the status, and the content. What belongs to others is
    /// kept for nobody.
    fn answer(&mut self, wanted: u32) -> (u8, Vec<u8>) {
        let (mut status, mut content) = (0, Vec::new());
        loop {
            let (kind, flags, stream, payload) = self.frame();
            match kind {
                HEADERS if stream == wanted => status = payload[0],
                DATA if stream == wanted => content.extend(payload),
                _ => continue,
            }
            if flags & END_STREAM != 0 {
                return (status, content);
            }
        }
    }
}

/// 200 and 404 as entries of the static table.
const OK: u8 = 0x88;
const MISSING: u8 = 0x8d;

#[test]
fn answers_of_every_size_come_whole() {
    let world = World::new("");
    let mut http2 = Http2::to(&world);
    for (stream, path, status, content) in [
        (1, "/digits.txt", OK, b"0123456789".to_vec()),
        (3, "/large.bin", OK, pattern(300_000)),
        (5, "/none", MISSING, b"404 not found\n".to_vec()),
        (7, "/empty.txt", OK, Vec::new()),
    ] {
        http2.get(stream, path);
        assert_eq!(http2.answer(stream), (status, content), "{path}");
    }
}

#[test]
fn content_in_memory_that_is_larger_than_a_part_comes_whole() {
    let world = World::new("");
    std::fs::write(world.path("site/middle.bin"), pattern(100_000)).unwrap();
    let mut http2 = Http2::to(&world);
    http2.get(1, "/middle.bin");
    assert_eq!(http2.answer(1), (OK, pattern(100_000)));
}

#[test]
fn who_opens_and_resets_streams_without_end_is_sent_away() {
    let world = World::new("");
    let mut http2 = Http2::to(&world);
    for stream in (1..4000).step_by(2) {
        let opened = frame(HEADERS, END_STREAM_AND_HEADERS, stream, b"\x82\x86\x84\x01\x01a");
        let reset = frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
        if http2.0.write_all(&[opened, reset].concat()).is_err() {
            break;
        }
    }
    let ended = http2.0.read_to_end(&mut Vec::new());
    // The client's own limit of time would be another error.
    assert!(ended.is_ok() || ended.unwrap_err().kind() == std::io::ErrorKind::ConnectionReset);
    assert_eq!(world.get("/digits.txt", &[]).status, 200);
}
