//! Conditions and ranges on the wire: RFC 9110 sections 13 and 14.

use super::world::{World, pattern};

#[test]
fn a_range_of_a_file_in_memory_and_of_one_sent_by_the_kernel() {
    let world = World::new("");
    let answer = world.get("/digits.txt", &["Range: bytes=2-4"]);
    assert_eq!(
        (answer.status, answer.text().as_str(), answer.field("content-range")),
        (206, "234", "bytes 2-4/10")
    );
    let answer = world.get("/large.bin", &["Range: bytes=100000-200003"]);
    assert_eq!((answer.status, answer.field("content-range")), (206, "bytes 100000-200003/300000"));
    assert_eq!(answer.body, pattern(300_000)[100_000..200_004]);
    let answer = world.get("/large.bin", &[]);
    assert_eq!((answer.status, answer.field("accept-ranges")), (200, "bytes"));
    assert_eq!(answer.body, pattern(300_000));
}

#[test]
fn several_ranges_come_as_parts_with_their_own_heads() {
    let world = World::new("");
    let answer = world.get("/digits.txt", &["Range: bytes=0-1,-2"]);
    let kind = answer.field("content-type").to_owned();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let part = |range: &str, bytes: &str| {
        format!(
            "\r\n--{boundary}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-range: bytes {range}/10\r\n\r\n{bytes}"
        )
    };
    assert_eq!(answer.text(), part("0-1", "01") + &part("8-9", "89") + &format!("\r\n--{boundary}--\r\n"));
    assert_eq!((answer.status, answer.field("content-range")), (206, ""));
    let large = world.get("/large.bin", &["Range: bytes=0-3,299996-299999"]);
    assert!(large.body.windows(4).any(|bytes| bytes == 74_999_u32.to_be_bytes()));
}

#[test]
fn ranges_that_cannot_be_are_416_and_ranges_that_are_none_are_ignored() {
    let world = World::new("");
    let answer = world.get("/digits.txt", &["Range: bytes=10-"]);
    assert_eq!((answer.status, answer.field("content-range")), (416, "bytes */10"));
    for field in ["bytes=5-2", "lines=1-2", "bytes=x"] {
        assert_eq!(world.get("/digits.txt", &[&format!("Range: {field}")]).status, 200, "{field}");
    }
    assert_eq!(world.get("/empty.txt", &["Range: bytes=0-"]).status, 200);
    let head = world.client().ask("HEAD /digits.txt", &["Range: bytes=2-4"]);
    assert_eq!((head.status, head.field("content-length")), (200, "10"), "ranges are for GET");
}

#[test]
fn a_validator_that_was_sent_is_a_validator_that_works() {
    let world = World::new("");
    let answer = world.get("/digits.txt", &[]);
    let (etag, date) = (answer.field("etag").to_owned(), answer.field("last-modified").to_owned());
    let ask = |field: String| world.get("/digits.txt", &[&field]);
    for field in [
        format!("If-None-Match: {etag}"),
        format!("If-None-Match: \"x\", W/{etag}"),
        format!("If-Modified-Since: {date}"),
        "If-None-Match: *".to_owned(),
    ] {
        let answer = ask(field);
        assert_eq!(
            (
                answer.status,
                answer.field("etag"),
                answer.field("content-type"),
                answer.field("content-length")
            ),
            (304, etag.as_str(), "", "")
        );
    }
    assert_eq!(ask(format!("If-Match: {etag}")).status, 200);
    assert_eq!(ask("If-Match: \"other\"".to_owned()).status, 412);
    assert_eq!(ask("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT".to_owned()).status, 412);
    assert_eq!(world.get("/digits.txt", &["Range: bytes=0-0", &format!("If-Range: {etag}")]).status, 206);
    assert_eq!(world.get("/digits.txt", &["Range: bytes=0-0", &format!("If-Range: {date}")]).status, 206);
    assert_eq!(world.get("/digits.txt", &["Range: bytes=0-0", "If-Range: \"other\""]).status, 200);
}

#[test]
fn each_coding_has_a_tag_of_its_own_and_ranges_are_of_what_is_sent() {
    let world = World::new("");
    let answer = world.get("/assets/app.js", &["Accept-Encoding: br"]);
    let etag = answer.field("etag").to_owned();
    assert_ne!(etag, world.get("/assets/app.js", &[]).field("etag"));
    assert_eq!(
        world.get("/assets/app.js", &["Accept-Encoding: br", &format!("If-None-Match: {etag}")]).status,
        304
    );
    assert_eq!(world.get("/assets/app.js", &[&format!("If-None-Match: {etag}")]).status, 200);
    let part = world.get("/assets/app.js", &["Accept-Encoding: br", "Range: bytes=0-5"]);
    assert_eq!((part.status, part.text().as_str(), part.field("content-encoding")), (206, "brotli", "br"));
}

#[test]
fn what_is_missing_is_missing_whatever_conditions_say() {
    let world = World::new("    not_found: /404.html\n");
    for field in ["If-None-Match: *", "Range: bytes=0-1", "If-Modified-Since: Sat, 06 Nov 2094 08:49:37 GMT"]
    {
        let answer = world.get("/none", &[field]);
        assert_eq!((answer.status, answer.text().as_str()), (404, "not here"));
    }
}
