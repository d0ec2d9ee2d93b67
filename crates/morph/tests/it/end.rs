//! The end of a server.

use std::{
    io::ErrorKind,
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use morph::{config::parse, server::bind};

use super::{client::Client, world::World};

#[test]
fn ending_under_load_loses_no_request() {
    let mut world = World::with("", "limits: { connections: 4096 }");
    let (address, lost, answered) = (world.address, Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let begun = Arc::new(AtomicBool::new(false));
    let askers: Vec<_> = (0..8)
        .map(|asker| {
            let (lost, answered, begun) = (lost.clone(), answered.clone(), begun.clone());
            thread::spawn(move || {
                // Half keep their connections, half open one for each request, until nobody listens any more.
                while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
                    drop(stream);
                    let Ok(mut client) = std::panic::catch_unwind(|| Client::to(address)) else { return };
                    loop {
                        client.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
                        let Some(answer) = client.answer(false) else {
                            lost.fetch_add(1, Relaxed);
                            break;
                        };
                        assert_eq!(answer.body.len(), 300_000);
                        if answered.fetch_add(1, Relaxed) > 200 {
                            begun.store(true, Relaxed);
                        }
                        if asker % 2 == 0 || answer.field("connection") == "close" {
                            break;
                        }
                    }
                }
            })
        })
        .collect();
    while !begun.load(Relaxed) {
        thread::yield_now();
    }
    world.take().end(false).unwrap();
    for asker in askers {
        asker.join().unwrap();
    }
    assert_eq!(lost.load(Relaxed), 0, "of {}", answered.load(Relaxed));
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_port_that_another_server_has_is_not_shared_with_it() {
    let world = World::new("");
    let text =
        format!("listen: ['{}']\nadmin: 'off'\nsites: [{{ hosts: ['*'], root: /srv }}]\n", world.address);
    let refusal = bind(&parse(&text).unwrap()).err().unwrap().to_string();
    assert!(refusal.starts_with(&format!("cannot listen on {}", world.address)), "{refusal}");
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
