//! The end of a server.

use std::{
    io::{ErrorKind, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    thread,
    time::Duration,
};

use morph::{config::parse, server::bind};

use super::{client::Client, world::World};

/// Asks again and again until the server is not ready any more: half keep their connections, half open one for each
/// request. Says how many were answered and how many were lost.
fn ask_until_not_ready(asker: usize, address: SocketAddr, ready: &AtomicBool, answered: &AtomicU32) -> u32 {
    let mut lost = 0;
    while ready.load(Relaxed) {
        let mut client = Client::to(address);
        while ready.load(Relaxed) {
            client.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
            let Some(answer) = client.answer(false) else {
                lost += 1;
                break;
            };
            assert_eq!(answer.body.len(), 300_000);
            answered.fetch_add(1, Relaxed);
            if asker.is_multiple_of(2) || answer.field("connection") == "close" {
                break;
            }
        }
    }
    lost
}

/// A server under test, or with `MORPH_AT` one that runs by itself, has the same file, and is told by others to end.
#[test]
fn ending_under_load_loses_no_request() {
    let elsewhere = std::env::var("MORPH_AT").ok();
    let mut world = World::with("", "shutdown: { wait: 1s, grace: 5s }");
    let at =
        |name: &str, own: SocketAddr| std::env::var(name).map_or(own, |address| address.parse().unwrap());
    let (address, admin) = (at("MORPH_AT", world.address), at("MORPH_ADMIN", world.admin));
    let (ready, answered) = (AtomicBool::new(true), AtomicU32::new(0));
    let lost: u32 = thread::scope(|scope| {
        let (ready, answered) = (&ready, &answered);
        let askers: Vec<_> = (0..32)
            .map(|asker| scope.spawn(move || ask_until_not_ready(asker, address, ready, answered)))
            .collect();
        while answered.load(Relaxed) < 200 {
            thread::yield_now();
        }
        let ending = elsewhere.is_none().then(|| {
            let server = world.take();
            scope.spawn(move || server.end(false).unwrap())
        });
        // As an ingress does, which asks less often.
        while Client::to(admin).ask("GET /readyz", &[]).status == 200 {
            thread::sleep(Duration::from_millis(20));
        }
        ready.store(false, Relaxed);
        let lost = askers.into_iter().map(|asker| asker.join().unwrap()).sum();
        if let Some(ending) = ending {
            ending.join().unwrap();
            assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        }
        lost
    });
    let answered = answered.load(Relaxed);
    if elsewhere.is_some() {
        let told = format!("SIGTERM under load: {answered} requests, {lost} lost\n");
        std::io::stderr().write_all(told.as_bytes()).unwrap();
    }
    assert_eq!(lost, 0, "of {answered}");
}

#[test]
fn a_port_that_another_server_has_is_not_shared_with_it() {
    let world = World::new("");
    // Nor with ourselves: half of the requests for a site would ask the second port.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (listen, admin) in
        [(world.address.to_string(), "off".to_owned()), (free.to_string(), free.to_string())]
    {
        let text =
            format!("listen: ['{listen}']\nadmin: '{admin}'\nsites: [{{ hosts: ['*'], root: /srv }}]\n");
        let refusal = bind(&parse(&text).unwrap()).err().unwrap().to_string();
        assert!(refusal.starts_with(&format!("cannot listen on {listen}")), "{refusal}");
    }
}

#[test]
fn draining_says_not_ready_and_asks_connections_to_close_but_serves() {
    let mut world = World::new("");
    let server = world.take();
    let mut kept = world.client();
    assert_eq!(kept.ask("GET /digits.txt", &[]).field("connection"), "");
    server.drain();
    assert_eq!(Client::to(world.admin).ask("GET /readyz", &[]).status, 503);
    let answer = kept.ask("GET /digits.txt", &[]);
    assert_eq!((answer.status, answer.field("connection")), (200, "close"));
    assert_eq!(world.get("/digits.txt", &[]).status, 200);
    server.end(true).unwrap();
}
