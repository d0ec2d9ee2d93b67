//! Negotiation, types and fields.

use std::io::Read;

use super::world::World;

#[test]
fn siblings_are_chosen_by_weight_and_the_answer_says_that_it_varies() {
    let world = World::new("");
    for (accept, coding, text) in [
        ("gzip, deflate, br, zstd", "br", "brotli script"),
        ("gzip;q=0.9, br;q=0.8, zstd;q=1", "zstd", "zstd script"),
        ("gzip", "gzip", "gzip script"),
        ("identity", "", "plain script"),
        ("br;q=0, *", "zstd", "zstd script"),
        ("deflate", "", "plain script"),
    ] {
        let answer = world.get("/assets/app.js", &[&format!("Accept-Encoding: {accept}")]);
        assert_eq!((answer.field("content-encoding"), answer.text().as_str()), (coding, text), "{accept}");
        assert_eq!(
            (answer.field("vary"), answer.field("content-type")),
            ("accept-encoding", "text/javascript; charset=utf-8")
        );
    }
    assert_eq!(world.get("/assets/app.js", &["Accept-Encoding: identity;q=0, compress"]).status, 406);
    assert_eq!(world.get("/none", &["Accept-Encoding: *;q=0"]).status, 404);
    assert_eq!(world.get("/picture.png", &["Accept-Encoding: gzip"]).field("vary"), "");
}

#[test]
fn what_has_no_sibling_is_compressed_once_and_kept() {
    let world = World::new("");
    let plain = world.get("/words.txt", &[]);
    let packed = world.get("/words.txt", &["Accept-Encoding: gzip"]);
    assert_eq!((packed.field("content-encoding"), packed.field("vary")), ("gzip", "accept-encoding"));
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&*packed.body).read_to_end(&mut text).unwrap();
    assert_eq!(text, plain.body);
    let again = world.get("/words.txt", &["Accept-Encoding: gzip"]);
    assert_eq!((again.body, again.head.contains(packed.field("etag"))), (packed.body.clone(), true));
    assert_eq!(world.get("/words.txt", &["Accept-Encoding: br"]).field("content-encoding"), "br");
    assert_eq!(world.get("/digits.txt", &["Accept-Encoding: br"]).field("content-encoding"), "");
}

#[test]
fn head_says_what_get_would_and_options_and_the_rest_say_what_goes() {
    let world = World::new("");
    let mut client = world.client();
    let (get, head) = (client.ask("GET /words.txt", &[]), client.ask("HEAD /words.txt", &[]));
    for name in ["etag", "content-length", "content-type", "last-modified", "vary"] {
        assert_eq!(get.field(name), head.field(name), "{name}");
    }
    let options = client.ask("OPTIONS /words.txt", &[]);
    assert_eq!(
        (options.status, options.field("allow"), options.field("content-length")),
        (204, "GET, HEAD, OPTIONS", "")
    );
    for (method, status) in [("DELETE", 405), ("TRACE", 405), ("BREW", 501)] {
        let answer = world.client().ask(&format!("{method} /words.txt"), &[]);
        assert_eq!(answer.status, status, "{method}");
    }
}

#[test]
fn rules_set_fields_by_the_path_of_the_file() {
    let rules = "    headers:
      - { path: /**, set: { Cache-Control: no-cache, X-All: '1' } }
      - { path: /assets/**, set: { Cache-Control: immutable } }
      - { path: '/*.html', set: { Content-Type: text/special } }\n";
    let world = World::new(rules);
    let script = world.get("/assets/app.js", &["Accept-Encoding: gzip"]);
    assert_eq!((script.field("cache-control"), script.field("x-all")), ("immutable", "1"));
    let home = world.get("/", &[]);
    assert_eq!((home.field("cache-control"), home.field("content-type")), ("no-cache", "text/special"));
    let unchanged = world.get("/", &["If-None-Match: *"]);
    assert_eq!((unchanged.status, unchanged.field("cache-control")), (304, "no-cache"));
}

#[test]
fn the_second_port_tells_health_and_counts() {
    let world = World::new("");
    world.get("/digits.txt", &[]);
    let ask = |path: &str| super::client::Client::to(world.admin).ask(&format!("GET {path}"), &[]);
    assert_eq!((ask("/healthz").status, ask("/readyz").status, ask("/other").status), (200, 200, 404));
    // Counted once it is out, which its client may see before the server has counted.
    while !ask("/metrics").text().contains("morph_answers_total{site=\"*\",status=\"2xx\"} 1") {
        std::thread::yield_now();
    }
    std::fs::rename(world.path("site"), world.path("away")).unwrap();
    let ready = ask("/readyz");
    assert!(ready.status == 503 && ready.text().contains("no tree at"), "{}", ready.text());
}
