//! What clients may not do.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use super::{client::Client, world::World};

#[test]
fn heads_beyond_the_limits_are_refused_by_name() {
    let world = World::with("", "limits: { head: 2KiB, target: 512B, fields: 8 }");
    let status = |text: String| {
        let mut client = world.client();
        client.send(text);
        let answer = client.answer(false).unwrap();
        assert_eq!(answer.field("connection"), "close");
        assert!(client.is_ended());
        answer.status
    };
    assert_eq!(status(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(600))), 414);
    assert_eq!(status(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(3000))), 431);
    assert_eq!(status(format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(9))), 431);
    assert_eq!(status("GET / HTTP/9.9\r\nHost: a\r\n\r\n".to_owned()), 505);
    assert_eq!(status("\u{16}\u{3}\u{1}junk\r\n\r\n".to_owned()), 400);
    assert_eq!(status("GET / HTTP/1.1\r\n\r\n".to_owned()), 400);
}

#[test]
fn a_body_is_not_taken_for_a_request() {
    let world = World::new("");
    let mut client = world.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\nGET /digits.txt HTTP/1.1\r\nHost: a\r\n\r\n....");
    let answer = client.answer(false).unwrap();
    assert_eq!(
        (answer.status, answer.field("connection"), answer.field("allow")),
        (405, "close", "GET, HEAD, OPTIONS")
    );
    assert!(client.answer(false).is_none());
}

#[test]
fn requests_in_one_packet_are_answered_in_order_and_one_in_many_packets_too() {
    let world = World::new("");
    let mut client = world.client();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send(get("/digits.txt") + &get("/large.bin") + &get("/none") + &get("/about.html"));
    let answers: Vec<(u16, usize)> = (0..4)
        .map(|_| client.answer(false).unwrap())
        .map(|answer| (answer.status, answer.body.len()))
        .collect();
    assert_eq!(answers, [(200, 10), (200, 300_000), (404, 14), (200, 5)]);
    for byte in get("/digits.txt").bytes() {
        client.send([byte]);
    }
    assert_eq!(client.answer(false).unwrap().text(), "0123456789");
}

#[test]
fn connections_last_as_the_version_has_it() {
    let world = World::new("");
    let mut client = world.client();
    client.send("GET /digits.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(client.answer(false).unwrap().field("connection"), "keep-alive");
    client.send("GET /digits.txt HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer(false).unwrap().field("connection"), "close");
    assert!(client.is_ended());
}

#[test]
fn who_does_not_finish_a_head_is_given_up() {
    let world = World::with("", "limits: { head_time: 1s, idle: 1s }");
    let (mut slow, mut idle) = (world.client(), world.client());
    slow.send("GET / HTTP/1.1\r\nHo");
    assert_eq!(idle.ask("GET /digits.txt", &[]).status, 200);
    // Ended by the server: the client's own limit is twenty times as long.
    assert!(slow.is_ended() && idle.is_ended());
}

#[test]
fn connections_beyond_the_limit_hear_that_it_is_busy() {
    let world = World::with("", "limits: { connections: 2 }");
    // One for each of two workers; which one a connection meets is the kernel's choice.
    let mut held: Vec<_> = (0..8).map(|_| world.client()).collect();
    let mut busy = 0;
    for client in &mut held {
        client.send("GET /digits.txt HTTP/1.1\r\nHost: a\r\n\r\n");
        busy += u32::from(client.answer(false).unwrap().status == 503);
    }
    assert_eq!(busy, 6);
}

#[test]
fn the_log_has_the_client_that_a_declared_proxy_names() {
    let mut world = World::with("", "access_log: true\nproxies: [127.0.0.0/8]");
    world.get("/digits.txt", &["X-Forwarded-For: 192.0.2.7", "User-Agent: \"x\""]);
    world.take().end(true).unwrap();
    let log = world.log.text();
    assert!(log.contains("\"client\":\"192.0.2.7\",\"method\":\"GET\",\"host\":\"example.org\",\"target\":\"/digits.txt\",\"agent\":\"\\\"x\\\"\""), "{log}");
    assert!(log.contains("\"status\":200") && log.ends_with("}\n"));
}

/// Clients of which the server sees no end: half begin a head, half never read their answers.
fn slow(count: usize, client: impl Fn() -> Client) -> Vec<Client> {
    let each = |number: usize| {
        let mut client = client();
        if number.is_multiple_of(2) {
            client.send("GET /digits.txt HTTP/1.1\r\nHost: a\r\nX-Sl");
        } else {
            // More than the sockets' buffers hold.
            client.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20));
        }
        client
    };
    (0..count).map(each).collect()
}

/// A server under test, or with `MORPH_AT` one that runs by itself and has the same files, and then ten thousand slow
/// clients: more than one process may have of both ends.
#[test]
fn slow_clients_of_both_kinds_do_not_stop_a_fast_one() {
    let elsewhere = std::env::var("MORPH_AT").ok().and_then(|address| address.parse().ok());
    let world = World::with("", "limits: { connections: 4000 }");
    let address = elsewhere.unwrap_or(world.address);
    let held = slow(if elsewhere.is_some() { 10_000 } else { 400 }, || Client::to(address));
    let mut fast = Client::to(address);
    let mut times: Vec<Duration> = (0..1000)
        .map(|_| {
            let began = Instant::now();
            assert_eq!(fast.ask("GET /digits.txt", &[]).status, 200);
            began.elapsed()
        })
        .collect();
    times.sort();
    if elsewhere.is_some() {
        let told =
            format!("beside {} slow clients: p50 {:?}, p99 {:?}\n", held.len(), times[500], times[990]);
        std::io::stderr().write_all(told.as_bytes()).unwrap();
    }
}
