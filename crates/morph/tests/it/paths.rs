//! Which file answers which path, and which never does.

use std::fs;

use super::world::World;

fn told(world: &World, target: &str) -> (u16, String, String) {
    let answer = world.get(target, &[]);
    (answer.status, answer.field("location").to_owned(), answer.text())
}

fn moved(status: u16, to: &str) -> (u16, String, String) {
    (status, to.to_owned(), String::new())
}

fn page(text: &str) -> (u16, String, String) {
    (200, String::new(), text.to_owned())
}

#[test]
fn directories_have_an_index_and_want_their_slash() {
    let world = World::new("");
    assert_eq!(told(&world, "/"), page("<h1>home</h1>"));
    assert_eq!(told(&world, "/docs/"), page("docs"));
    assert_eq!(told(&world, "/docs?a=1"), moved(301, "/docs/?a=1"));
    assert_eq!(told(&world, "//docs"), moved(301, "/docs/"));
    assert_eq!(told(&world, "/empty/").0, 404);
    assert_eq!(told(&world, "/digits.txt/").0, 404);
    assert_eq!(told(&world, "/a%20b/%C3%A4.txt"), page("umlaut"));
}

#[test]
fn clean_addresses_are_the_only_ones() {
    let world = World::new("    clean: true\n");
    assert_eq!(told(&world, "/about"), page("about"));
    assert_eq!(told(&world, "/about.html?x"), moved(301, "/about?x"));
    assert_eq!(told(&world, "/about/"), moved(301, "/about"));
    assert_eq!(told(&world, "/docs/index.html"), moved(301, "/docs/"));
    assert_eq!(told(&world, "/index.html"), moved(301, "/"));
    assert_eq!(told(&world, "/none").0, 404);
}

#[test]
fn an_application_answers_for_what_is_not_there() {
    let world = World::new("    fallback: /index.html\n");
    assert_eq!(told(&world, "/some/view"), page("<h1>home</h1>"));
    assert_eq!(told(&world, "/.git/config"), page("<h1>home</h1>"));
    assert_eq!(told(&world, "/digits.txt"), page("0123456789"));
}

#[test]
fn redirects_and_rewrites_fill_in_what_stars_held() {
    let world = World::new(
        "    redirects:
      - { from: /old/**, to: /new/$1 }
      - { from: '/user/*', to: 'https://users.example.org/$1', status: 302 }
      - { from: /gone, status: 410 }
      - { from: '/evil/**', to: '/$1' }
    rewrites:
      - { from: '/v1/*/**', to: '/$1/$2' }\n",
    );
    assert_eq!(told(&world, "/old/a%20b?q=1"), moved(308, "/new/a%20b?q=1"));
    assert_eq!(told(&world, "/user/me"), moved(302, "https://users.example.org/me"));
    assert_eq!(told(&world, "/gone").0, 410);
    assert_eq!(told(&world, "/v1/assets/app.js"), page("plain script"));
    assert_eq!(told(&world, "/evil//other.org/x"), moved(308, "/other.org/x"));
}

#[test]
fn nothing_outside_the_root_and_nothing_hidden_is_served() {
    let world = World::new("");
    for target in [
        "/leak",
        "/../outside",
        "/%2e%2e/outside",
        "/..%2foutside",
        "/docs/../../outside",
        "/docs/..%5c..%5coutside",
        "/.git/config",
        "/%2egit/config",
        "/.",
        "/a\\..\\b",
        "/digits.txt%00",
        "/%00",
        "/digits.txt%",
        "/site/../../outside",
        "/....//outside",
    ] {
        let answer = world.get(target, &[]);
        assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
        assert!(!answer.text().contains("outside") && !answer.text().contains("private"), "{target}");
    }
    assert_eq!(told(&world, "/.well-known/security.txt"), page("security"));
    assert_eq!(told(&World::new("    dotfiles: true\n"), "/.git/config"), page("private"));
}

#[test]
fn challenges_go_before_everything() {
    let site = "    fallback: /index.html
    redirects: [{ from: /**, to: 'https://example.org/$1' }]
    rewrites: [{ from: /**, to: /index.html }]\n";
    let folder = tempfile::tempdir().unwrap();
    super::world::plant(folder.path());
    fs::create_dir(folder.path().join("acme")).unwrap();
    fs::write(folder.path().join("acme/shared"), "shared.print").unwrap();
    let all = format!("acme: {}", folder.path().join("acme").display());
    let world = World::serve(folder, site, &all);
    let ask = |token: &str| {
        world.get(&format!("/.well-known/acme-challenge/{token}"), &["Accept-Encoding: gzip, br"])
    };
    for (token, print) in [("to_ken-1", "to_ken-1.print"), ("shared", "shared.print")] {
        let answer = ask(token);
        assert_eq!(
            (answer.status, answer.text().as_str(), answer.field("content-encoding")),
            (200, print, "")
        );
        assert_eq!(answer.field("content-type"), "text/plain; charset=utf-8");
    }
    for token in ["none", "", "../index.html", "%2e%2e", "a/b", "a.b"] {
        assert!(matches!(ask(token).status, 400 | 404), "{token}");
    }
    assert_eq!(told(&world, "/anything").0, 308);
}

#[test]
fn names_choose_sites_and_a_name_of_nobody_is_misdirected() {
    let folder = tempfile::tempdir().unwrap();
    super::world::plant(folder.path());
    let other = folder.path().join("site/docs");
    let more = format!("  - hosts: [other.org, '*.other.org']\n    root: {}\n", other.display());
    let world = World::serve(folder, &more, "");
    let ask = |host: &str| {
        let mut client = world.client();
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        client.answer(false).unwrap()
    };
    assert_eq!(
        (ask("other.org:80").text(), ask("A.Other.Org.").text()),
        ("docs".to_owned(), "docs".to_owned())
    );
    assert_eq!((ask("elsewhere").text().as_str(), ask("a/b").status), ("<h1>home</h1>", 400));
    let mut client = world.client();
    client.send("GET http://other.org/ HTTP/1.1\r\nHost: elsewhere\r\n\r\n");
    assert_eq!(client.answer(false).unwrap().text(), "docs");
}
