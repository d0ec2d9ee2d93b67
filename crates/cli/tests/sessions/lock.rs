//! `coracle lock`, against a release page on loopback.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    thread,
};

use crate::desk::{Desk, SMALL};

/// A release page that answers this many requests; `digit` fills its checksums.
fn release_page(requests: usize, digit: char) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().take(requests) {
            let mut stream = stream.expect("a connection");
            let mut request = String::new();
            let mut lines = BufReader::new(stream.try_clone().expect("a second handle"));
            lines.read_line(&mut request).expect("a request");
            let name = match &request {
                text if text.contains("sha256sum-amd64.txt") => Some("k3s"),
                text if text.contains("sha256sum-arm64.txt") => Some("k3s-arm64"),
                _ => None,
            };
            let found = request.contains("/download/v1.36.4%2Bk3s1/");
            let (status, body) = match name.filter(|_| found) {
                Some(name) => ("200 OK", format!("{}  {name}\n", digit.to_string().repeat(64))),
                None => ("404 Not Found", String::new()),
            };
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).expect("it listens");
        }
    });
    format!("http://{address}")
}

fn file(base: &str, version: &str) -> String {
    format!("{SMALL}  kubernetes: {{version: {version}}}\n  artifacts: {{source: {{mirror: \"{base}\"}}}}\n")
}

#[test]
fn checksums_of_every_architecture_are_written_and_never_silently_replaced() {
    let desk = Desk::with(&file(&release_page(3, 'a'), "v1.36.4+k3s1"));
    let done = desk.run(&["lock"]);
    assert_eq!((done.code, done.out.as_str()), (0, ""), "{}", done.err);
    let lock = desk.read("coracle.lock");
    let json: serde_json::Value = serde_json::from_str(&lock).expect("JSON");
    assert_eq!(json["k3s"]["v1.36.4+k3s1"]["arm64"]["name"], "k3s-arm64");
    assert!(json["k3s"]["v1.36.4+k3s1"]["armhf"].is_null());
    desk.write("coracle.yaml", &file(&release_page(3, 'b'), "v1.36.4+k3s1"));
    let other = desk.run(&["lock"]);
    assert!(other.code == 77 && other.err.contains("other bytes"), "{}", other.err);
    assert_eq!(desk.read("coracle.lock"), lock);
}

#[test]
fn a_release_that_is_not_there_and_a_page_that_is_not_there_are_told_apart() {
    let missing = Desk::with(&file(&release_page(1, 'a'), "v1.36.5+k3s1")).run(&["lock"]);
    assert!(missing.code == 65 && missing.err.contains("there is no k3s v1.36.5+k3s1"), "{}", missing.err);
    let dark = Desk::with(&file(&release_page(0, 'a'), "v1.36.4+k3s1")).run(&["lock"]);
    assert!(dark.code == 69 && dark.err.contains("hint:"), "{}", dark.err);
}

#[test]
fn a_lock_that_is_wrong_is_named_with_what_is_wrong_in_it() {
    let entry = |name: &str, sha256: &str| {
        format!(
            r#"{{"version":1,"k3s":{{"v1.36.4+k3s1":{{"amd64":{{"name":"{name}","sha256":"{sha256}"}}}}}}}}"#
        )
    };
    let digest = "a".repeat(64);
    for (text, why) in [
        (String::new(), "EOF while parsing"),
        ("[]".to_owned(), "invalid"),
        (
            r#"{"version":2,"k3s":{},"charts":{}}"#.to_owned(),
            "it has version 2; this coracle knows version 1",
        ),
        (entry("k3s", "abc"), "64 lower-case hex digits"),
        (entry("../../etc/passwd", &digest), "no file's name"),
        (entry("..", &digest), "no file's name"),
    ] {
        let desk = Desk::with(SMALL);
        desk.write("coracle.lock", &text);
        let done = desk.run(&["rehearse"]);
        assert_eq!(done.code, 65, "{text}: {}", done.err);
        assert!(done.err.contains("coracle.lock") && done.err.contains(why), "{text}: {}", done.err);
    }
}
