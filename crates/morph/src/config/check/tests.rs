//! What the checks say of good and wrong files.

use super::*;

fn told(text: &str) -> String {
    match parse(text) {
        Ok(_) => "fine".to_owned(),
        Err(findings) => findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

#[test]
fn the_smallest_file_is_a_site() {
    let config = parse("sites:\n  - hosts: ['*']\n    root: /srv\n").unwrap();
    assert_eq!((config.sites.len(), config.listen.len(), config.access_log), (1, 1, false));
}

#[test]
fn every_finding_comes_at_once_with_its_line_and_a_cure() {
    insta::assert_snapshot!(told("listen: ['nowhere', ':8080']
limits: { idle: 3 weeks, head: 99GiB }
proxies: [10.42.0.0/33]
sites:
  - hosts: [example.org, 'a b']
    root: srv
    fallback: index.html
    headers:
      - { path: 'assets/**', set: { Content-Length: '3', X-A: ok } }
    redirects:
      - { from: /a, to: /a }
      - { from: '/b/*', to: 'c/$2', status: 200 }
      - { from: /d }
      - { from: '/e/**', to: 'https://$1.example.org/' }
  - hosts: [example.org]
    root: /srv
"), @r#"
        1:10: `nowhere` is no address to listen on
            cure: write `0.0.0.0:8080`, `[::]:8080` or `:8080`
        2:17: `3 weeks` is no time that can be used here
            cure: write a number and `ms`, `s` or `m`, from 1s to a day
        2:32: `99GiB` is no size that can be used here
            cure: write a number and `KiB` or `MiB`, from 1024 to 1048576 bytes
        3:11: `10.42.0.0/33` is no network
            cure: write the pods' network of the proxies, like `10.42.0.0/16`
        5:26: `a b` is no host name
            cure: write `example.org`, `*.example.org`, or `*` for all others; without port
        6:11: the directory is not given from the root
            cure: begin it with a slash, for what a relative path means depends on where the server is started
        7:15: not a file within the site
            cure: write its path from the site's root, like `/404.html`
        9:17: the pattern does not begin with a slash
            cure: write it from the site's root, like `/assets/**`
        9:53: `Content-Length` belongs to the server
            cure: leave it out; the server sends it as the file demands
        11:25: the redirect leads to itself
            cure: change `from` or `to`
        12:29: the target is neither a path nor an address
            cure: begin it with one slash, or with `https://`
        12:29: `$` is not followed by the number of a star in `from`
            cure: `$1` stands for what the first `*` held, `$2` for the second; write `%24` for a dollar
        12:45: 200 is no redirect
            cure: use 308 (for good), 307 (for now), 301, 302 or 303; or 410 without `to` for what is gone
        13:17: the redirect has no `to`
            cure: add `to: /where`, or `status: 410` if the page is gone
        14:30: whoever makes a link chooses the host that it leads to
            cure: write the host out; `$1` may stand after it
        15:13: `example.org` is claimed by the site in line 5 already
            cure: let one site have each name
        "#);
}

#[test]
fn a_wrong_shape_is_told_with_its_place() {
    insta::assert_snapshot!(told("sites:\n  - hosts: '*'\n    rot: /srv\n    clean: maybe\nworkers: [1]\n"), @r#"
        2:5: `root` is missing
            cure: add `root:`
        2:12: `*` stands where a list like `[one, two]` is wanted
            cure: write a list like `[one, two]`
        3:5: there is no key `rot` here
            cure: write `root`
        4:12: `maybe` stands where `true` or `false` is wanted
            cure: write `true` or `false`
        5:10: a list stands where a whole number is wanted
            cure: write a whole number
        "#);
    insta::assert_snapshot!(told("sites: [\n"), @r#"
        1:8: unclosed bracket '['
            cure: mend it; indent with blanks, and put text with special characters in quotes
        "#);
    insta::assert_snapshot!(told("sites: []\n"), @r#"
        1:8: there is no site
            cure: add one with `hosts: ["*"]` and `root: /srv`
        "#);
    insta::assert_snapshot!(told(""), @r#"
        1:1: the file holds nothing
            cure: begin with `sites:`; `man morph` has an example
        "#);
    insta::assert_snapshot!(told("sites: []\nsites: []\n"), @r#"
        2:1: the key `sites` stands twice
            cure: keep one of the two
        "#);
}

#[test]
fn the_example_is_right() {
    assert_eq!(told(include_str!("../../../examples/morph.yaml")), "fine");
}

#[test]
fn the_configuration_in_the_manifest_is_right() {
    let manifest = include_str!("../../../deploy/site.yaml");
    let block = manifest.split("morph.yaml: |\n").nth(1).unwrap().split("\n---").next().unwrap();
    assert_eq!(told(&block.replace("\n    ", "\n").replacen("    ", "", 1)), "fine");
}
