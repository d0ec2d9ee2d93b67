//! Turns the contents of operations into the bytes that travel with them, just before they are sent.
//!
//! Owns: looking secrets up. Must not: keep them longer than the exec, or say them.

use std::cell::RefCell;

use model::{
    op::{HostOp, Look, Survey},
    plan::StepId,
    port::Body,
    reply::{Failure, FailureKind},
    secret::{Content, Secret, SecretSource},
};

use crate::{World, hush::Hush};

/// An operation as it is sent, with its bytes.
pub(crate) struct Loaded {
    /// The operation; a survey no longer offers what could not be resolved.
    pub(crate) op: HostOp,
    /// Its bytes, in the order the operation expects.
    pub(crate) bodies: Vec<Body>,
}

/// Where contents find their secrets.
pub(crate) struct Sources<'a> {
    world: &'a World<'a>,
    /// The secret replies heard so far.
    replies: &'a dyn Fn(&StepId) -> Option<Secret>,
    hush: RefCell<&'a mut Hush>,
    missing: RefCell<Option<String>>,
}

impl<'a> Sources<'a> {
    /// Secrets of the operator, and of earlier steps.
    pub(crate) fn new(
        world: &'a World<'a>,
        replies: &'a dyn Fn(&StepId) -> Option<Secret>,
        hush: &'a mut Hush,
    ) -> Self {
        Self { world, replies, hush: RefCell::new(hush), missing: RefCell::default() }
    }

    /// The operation with its bytes; fails when a secret that it must have is not at hand.
    pub(crate) fn load(&self, op: &HostOp) -> Result<Loaded, Failure> {
        match op {
            HostOp::Observe(survey) => Ok(self.survey(survey)),
            other => {
                let bodies = other.content().map(|content| self.body(content)).transpose()?;
                Ok(Loaded { op: other.clone(), bodies: bodies.into_iter().collect() })
            }
        }
    }

    /// A secret that is not at hand is not offered: the look then gives the keyed digest alone.
    fn survey(&self, survey: &Survey) -> Loaded {
        let mut survey = survey.clone();
        let mut bodies = Vec::new();
        for look in survey.paths.values_mut() {
            let Look::Secret(Some(content)) = look else { continue };
            match self.body(content) {
                Ok(body) => bodies.push(body),
                Err(_) => *look = Look::Secret(None),
            }
        }
        Loaded { op: HostOp::Observe(survey), bodies }
    }

    fn body(&self, content: &Content) -> Result<Body, Failure> {
        let resolved = content.resolve(&|source| self.find(source));
        let bytes = resolved.map_err(|_| {
            let text = self.missing.borrow_mut().take().unwrap_or_default();
            Failure::new(FailureKind::Missing, text)
        })?;
        Ok(Body { bytes, secret: content.is_secret() })
    }

    fn find(&self, source: &SecretSource) -> Option<Secret> {
        let found = match source {
            SecretSource::Operator(reference) => self.world.secrets.look(reference),
            SecretSource::Step(step) => (self.replies)(step).ok_or_else(|| {
                format!("the secret that \"{step}\" should have answered with is not at hand")
            }),
        };
        match found {
            Ok(secret) => {
                self.hush.borrow_mut().learn(&secret);
                Some(secret)
            }
            Err(text) => {
                *self.missing.borrow_mut() = Some(text);
                None
            }
        }
    }
}
