//! Lines of the journal.

use engine::{apply, journal};

use crate::{
    fake::{Fake, Turn, run},
    plans::{file, plan},
};

#[test]
fn a_line_is_read_back_as_the_event_it_was_made_of() {
    let a = file("h1", "a", &[]);
    let fake = Fake::default().turn(&a.id, Turn::LoseAfter).turn(&a.id, Turn::Die);
    fake.finish(apply(&fake.world(), &run(), &plan(vec![a])));
    let events = fake.events.borrow();
    let lines: Vec<_> = events.iter().map(journal::line).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"schema":1,"at":0.0,"what":{"event":"stage","host":"h1","steps":1}}
    {"schema":1,"at":0.12,"what":{"event":"began","step":"h1: a","host":"h1","title":"a"}}
    {"schema":1,"at":1.22,"what":{"event":"stage","host":"h1","steps":1}}
    {"schema":1,"at":1.34,"what":{"event":"ended","step":"h1: a","host":"h1","title":"a","change":"add","outcome":{"is":"broken","fault":{"cause":"timedOut","detail":"no answer"}},"took":1.22}}
    "#);
    for (line, event) in lines.iter().zip(events.iter()) {
        assert_eq!(journal::read(line).as_ref(), Ok(event));
    }
}

#[test]
fn a_line_of_another_schema_is_refused() {
    let error =
        journal::read(r#"{"schema":2,"at":0,"what":{"event":"stopping"}}"#).expect_err("it is refused");
    assert_eq!(error, "the line is of schema 2, and this coracle reads 1");
}
