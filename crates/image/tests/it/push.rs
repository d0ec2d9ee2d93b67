//! Pushing, against a small registry that keeps to the protocol and can be told to fail.
//!
//! A real registry is pushed to by `crates/morph/check.sh`, where one is installed.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use image::{
    digest::Digest,
    registry::{Options, PushError, Pushed, credentials::Credentials, push, reference::Reference},
};
use tempfile::tempdir;

use super::{built, recipe};

#[derive(Default)]
struct Registry {
    uploads: BTreeMap<String, Vec<u8>>,
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: BTreeMap<String, Vec<u8>>,
    /// Connections to break in the middle of a PATCH.
    breaks: u32,
    /// What Authorization must be, if anything.
    token: Option<&'static str>,
    tokens_given: u32,
}

struct Asked {
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

fn serve(registry: Registry) -> (String, Arc<Mutex<Registry>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let registry = Arc::new(Mutex::new(registry));
    let (shared, own) = (registry.clone(), address.clone());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (shared, own) = (shared.clone(), own.clone());
            thread::spawn(move || converse(&stream.unwrap(), &shared, &own));
        }
    });
    (address, registry)
}

fn converse(stream: &TcpStream, registry: &Mutex<Registry>, own: &str) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader) {
        let Some((status, headers, body)) = answer(&asked, &mut registry.lock().unwrap(), own) else {
            return;
        };
        let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut stream = stream;
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
    }
}

fn read(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&length| length > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, target, headers, body })
}

type Told = Option<(u16, Vec<(&'static str, String)>, String)>;

/// `None` breaks the connection.
fn answer(asked: &Asked, registry: &mut Registry, own: &str) -> Told {
    let plain = |status| Some((status, vec![], String::new()));
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    if path == "/token" {
        let right = asked.headers.get("authorization").is_some_and(|basic| basic == "Basic bWU6aHVzaA==");
        registry.tokens_given += 1;
        return if right && query.contains("scope=repository%3Asite%3Apull%2Cpush") {
            Some((200, vec![], "{\"token\": \"abc\"}".to_owned()))
        } else {
            plain(401)
        };
    }
    if let Some(token) = registry.token
        && asked.headers.get("authorization").map(String::as_str) != Some(token)
    {
        let challenge =
            format!("Bearer realm=\"http://{own}/token\",service=\"x\",scope=\"repository:site:pull,push\"");
        return Some((401, vec![("www-authenticate", challenge)], "unauthorised".to_owned()));
    }
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    match asked.method.as_str() {
        "HEAD" => plain(if registry.blobs.contains_key(&name) { 200 } else { 404 }),
        "POST" => {
            let number = format!("u{}", registry.uploads.len());
            registry.uploads.insert(number.clone(), Vec::new());
            Some((202, vec![("location", format!("/v2/site/blobs/uploads/{number}?state=1"))], String::new()))
        }
        "PATCH" => {
            let content = registry.uploads.get_mut(&name)?;
            let start = asked.headers.get("content-range")?.split('-').next()?.parse::<usize>().ok()?;
            if start != content.len() {
                return plain(416);
            }
            if registry.breaks > 0 {
                registry.breaks -= 1;
                content.extend_from_slice(&asked.body[..asked.body.len() / 2]);
                return None;
            }
            content.extend_from_slice(&asked.body);
            Some((
                202,
                vec![("location", format!("http://{own}/v2/site/blobs/uploads/{name}?state=2"))],
                String::new(),
            ))
        }
        "GET" => {
            let length = registry.uploads.get(&name)?.len();
            Some((204, vec![("range", format!("0-{}", length.saturating_sub(1)))], String::new()))
        }
        "PUT" if path.contains("/manifests/") => {
            registry.manifests.insert(name, asked.body.clone());
            plain(201)
        }
        "PUT" => {
            let content = registry.uploads.remove(&name)?;
            let digest = Digest::of(&content);
            let right = query.contains(&digest.as_str().replace(':', "%3A"));
            registry.blobs.insert(digest.to_string(), content);
            plain(if right { 201 } else { 400 })
        }
        _ => plain(405),
    }
}

fn options() -> Options {
    Options { chunk: 10_000, tries: 3, pause: Duration::from_millis(1), plain: false }
}

fn pushed(address: &str, credentials: Option<Credentials>) -> Result<(Pushed, Digest), PushError> {
    let folder = tempdir().unwrap();
    let (layout, built) = built(&recipe(folder.path()), folder.path());
    let to: Reference = format!("{address}/site:1").parse().unwrap();
    push(&layout, &to, credentials, &options()).map(|pushed| (pushed, built.index.digest))
}

#[test]
fn everything_arrives_and_is_not_sent_twice() {
    let (address, registry) = serve(Registry::default());
    let (first, digest) = pushed(&address, None).unwrap();
    assert_eq!((first.there, first.resumed), (0, 0));
    assert_eq!(Digest::of(&registry.lock().unwrap().manifests["1"]), digest);
    let (second, _) = pushed(&address, None).unwrap();
    // Two programs, two configurations, one tree are there; two manifests and the index are put again.
    assert_eq!((second.there, second.sent), (5, 3));
}

#[test]
fn a_broken_upload_goes_on_where_it_broke_off() {
    let (address, registry) = serve(Registry { breaks: 2, ..Registry::default() });
    let (pushed, _) = pushed(&address, None).unwrap();
    assert_eq!(pushed.resumed, 2);
    let registry = registry.lock().unwrap();
    assert!(registry.blobs.iter().all(|(name, content)| Digest::of(content).as_str() == name));
}

#[test]
fn a_connection_that_breaks_each_time_is_an_error_that_says_what_to_do() {
    let (address, _) = serve(Registry { breaks: 1000, ..Registry::default() });
    let error = pushed(&address, None).unwrap_err().to_string();
    assert!(error.contains("push again"), "{error}");
}

#[test]
fn a_token_is_fetched_with_the_credentials_and_used() {
    let (address, registry) = serve(Registry { token: Some("Bearer abc"), ..Registry::default() });
    let known = Credentials { user: "me".to_owned(), secret: "hush".to_owned() };
    pushed(&address, Some(known)).unwrap();
    assert_eq!(registry.lock().unwrap().tokens_given, 1);
    let error = pushed(&address, None).unwrap_err().to_string();
    assert!(error.contains("docker login"), "{error}");
}
