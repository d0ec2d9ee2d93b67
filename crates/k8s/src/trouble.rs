//! Why a request gave nothing.
//!
//! Owns: telling an API that is not there from one that says no. Must not: repeat credentials or whole bodies.

use std::{error::Error, time::Duration};

use model::reply::{Failure, FailureKind};

/// Why a request gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The API cannot be reached, or is not itself; another server may do better.
    Dark(String),
    /// There is no such object.
    Absent,
    /// The object was changed by somebody else in between.
    Conflict,
    /// What was asked for did not come true in time.
    Late(String),
    /// The API says no, and every other server would too.
    Refused(String),
}

impl Trouble {
    /// A request that was not answered in time.
    pub(crate) fn late(limit: Duration) -> Self {
        Self::Dark(format!("no answer within {} s", limit.as_secs()))
    }

    /// What it is for people.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Dark(text) | Self::Late(text) | Self::Refused(text) => text,
            Self::Absent => "there is no such object".to_owned(),
            Self::Conflict => "somebody else keeps changing the object".to_owned(),
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        let kind = match &trouble {
            Trouble::Dark(_) | Trouble::Late(_) => FailureKind::Deadline,
            Trouble::Absent | Trouble::Conflict | Trouble::Refused(_) => FailureKind::Refused,
        };
        Self::new(kind, trouble.text())
    }
}

impl From<kube::Error> for Trouble {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => match status.code {
                404 => Self::Absent,
                409 => Self::Conflict,
                // Too busy, or its etcd has no leader at the moment.
                429 | 500.. => Self::Dark(short(&status.message)),
                code => Self::Refused(format!("{} ({code})", short(&status.message))),
            },
            other => Self::Dark(innermost(&other)),
        }
    }
}

/// The last link of a chain of errors, which is the one that names the fact.
fn innermost(error: &dyn Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    short(&inner.to_string())
}

/// The first line, at a length that people read.
fn short(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(300).collect()
}
