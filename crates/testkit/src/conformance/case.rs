//! What a case consists of.

use model::{
    condition::Condition,
    facts::{FileFact, FileMeta, HostFacts, Init, PackageTool},
    op::HostOp,
    plan::StepId,
    port::{Body, ExecStep},
    reply::FailureKind,
    resource::ResourceId,
    secret::Secret,
};

/// What kind of host the cases are for.
#[derive(Clone, Debug)]
pub struct World {
    /// Who owns files: root, or whoever runs the tests.
    pub owner: String,
    /// Their group.
    pub group: String,
    /// What starts services.
    pub init: Init,
    /// What installs packages.
    pub packages: PackageTool,
}

impl World {
    /// Mode and this world's owner.
    pub fn meta(&self, mode: u32) -> FileMeta {
        FileMeta { mode, owner: self.owner.clone(), group: self.group.clone() }
    }
}

/// One operation in one situation.
#[derive(Clone, Debug)]
pub struct Case {
    /// A sentence.
    pub name: &'static str,
    /// What is there before, in this order.
    pub before: Vec<Given>,
    /// What is asked.
    pub step: Step,
    /// What is answered.
    pub expect: Expect,
    /// What is answered when the same is asked again.
    pub again: Expect,
    /// What holds after both.
    pub after: Vec<Then>,
}

/// Something that is there, or has happened, before.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a few hundred values, made once")]
pub enum Given {
    /// A file that coracle did not place; its parents are there too.
    File {
        /// Absolute path.
        path: &'static str,
        /// Permission bits.
        mode: u32,
        /// Its text.
        text: String,
    },
    /// A directory that coracle did not make.
    Dir {
        /// Absolute path.
        path: &'static str,
        /// Permission bits.
        mode: u32,
    },
    /// A link that coracle did not make.
    Link {
        /// Absolute path.
        path: &'static str,
        /// Where it points.
        target: &'static str,
    },
    /// A service.
    Service {
        /// Its name.
        name: &'static str,
        /// It starts at boot.
        enabled: bool,
        /// It runs.
        active: bool,
    },
    /// A package, installed or to be had.
    Package {
        /// Its name.
        name: &'static str,
        /// It is installed.
        installed: bool,
    },
    /// A kernel setting, dotted.
    Sysctl {
        /// Its key.
        key: &'static str,
        /// Its value.
        value: &'static str,
    },
    /// A kernel module, loaded or to be had.
    Module {
        /// Its name.
        name: &'static str,
        /// It is loaded.
        loaded: bool,
    },
    /// A URL that downloads get these bytes from.
    Served {
        /// The URL.
        url: &'static str,
        /// The bytes.
        text: &'static str,
    },
    /// A step that was done and went well.
    Done(Step),
    /// The host was restarted.
    Boot,
}

/// A step without its name.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is done.
    pub op: HostOp,
    /// What must hold before.
    pub was: Condition,
    /// What is owned from then on.
    pub own: Option<ResourceId>,
    /// Bytes that go with it.
    pub bodies: Vec<Body>,
}

impl Step {
    /// A step without condition, ownership or bodies.
    pub fn new(op: HostOp) -> Self {
        Self { op, was: Condition::Holds, own: None, bodies: Vec::new() }
    }

    /// The same, owned as what the operation places.
    #[must_use]
    pub fn owned(mut self) -> Self {
        self.own = self.op.places();
        self
    }

    /// The same, owned as this.
    #[must_use]
    pub fn owned_as(mut self, resource: ResourceId) -> Self {
        self.own = Some(resource);
        self
    }

    /// The same, on the condition that the path was so.
    #[must_use]
    pub fn was(mut self, path: &str, was: FileFact) -> Self {
        self.was = Condition::Path { path: path.to_owned(), was };
        self
    }

    /// The same with bytes.
    #[must_use]
    pub fn body(mut self, bytes: &[u8], secret: bool) -> Self {
        self.bodies.push(Body { bytes: Secret::new(bytes.to_vec()), secret });
        self
    }

    /// As it is sent.
    pub fn send(&self) -> ExecStep {
        ExecStep {
            id: StepId::parse(&format!("harbor-1: {}", self.op.name())),
            op: self.op.clone(),
            was: self.was.clone(),
            own: self.own.clone(),
            bodies: self.bodies.clone(),
        }
    }
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing was to do.
    Unchanged,
    /// It was done.
    Changed,
    /// This secret, unchanged.
    Secret(&'static [u8]),
    /// So many bytes are there.
    Received(u64),
    /// A failure of this kind.
    Failed(FailureKind),
    /// An observation.
    Observed,
}

/// What holds after.
#[derive(Clone, Debug)]
pub enum Then {
    /// A regular file of this text and mode, of the world's owner.
    File(&'static str, u32, &'static str),
    /// Nothing is there.
    Absent(&'static str),
    /// A directory of this mode, of the world's owner.
    Dir(&'static str, u32),
    /// A link to there.
    Link(&'static str, &'static str),
    /// A service: enabled, active, stamp.
    Service(&'static str, bool, bool, Option<&'static str>),
    /// A kernel setting's value.
    Sysctl(&'static str, &'static str),
    /// A module is loaded.
    Module(&'static str),
    /// A package is installed.
    Installed(&'static str),
    /// Looked at with this text in mind, the text of a file comes along, or none does.
    Text(&'static str, &'static str, Option<&'static str>),
    /// Something else about the facts; says what is wrong with them.
    Facts(fn(&HostFacts) -> Result<(), String>),
}
