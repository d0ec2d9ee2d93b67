//! Fenced blocks and code within sentences, out of Markdown as our pages write it.

/// A fenced block.
#[derive(Debug)]
pub(super) struct Block {
    /// What stands behind the opening fence.
    pub(super) info: String,
    /// The line of the opening fence.
    pub(super) line: usize,
    /// What stands between the fences.
    pub(super) body: String,
}

/// What becomes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Run(i32),
    Hosts,
    Tools,
    File,
    Spec,
    Add,
    Output,
    Picture,
}

impl Fate {
    /// How many kinds there are.
    pub(super) const KINDS: usize = 8;

    pub(super) fn of(block: &Block) -> Result<Self, String> {
        let words: Vec<_> = block.info.split_whitespace().collect();
        Ok(match words.as_slice() {
            ["sh", "run"] => Self::Run(0),
            ["sh", "run", exit] => {
                let code = exit.strip_prefix("exit=").and_then(|code| code.parse().ok());
                Self::Run(code.ok_or_else(|| format!("{exit:?} is no exit=N"))?)
            }
            ["sh", "hosts"] => Self::Hosts,
            ["sh", "tools"] => Self::Tools,
            ["yaml", "file"] => Self::File,
            ["yaml", "spec"] => Self::Spec,
            ["yaml", "add"] => Self::Add,
            ["text", "output"] => Self::Output,
            ["text", "picture"] | ["json", "sample"] => Self::Picture,
            _ => {
                let info = &block.info;
                return Err(format!("```{info}: what becomes of this block? {} says how", file!()));
            }
        })
    }

    pub(super) fn kind(self) -> String {
        format!("{self:?}").split('(').next().unwrap_or_default().to_owned()
    }
}

impl Block {
    /// Its commands: lines joined over `\` at their end, without comments.
    pub(super) fn commands(&self) -> impl Iterator<Item = String> {
        let joined = self.body.replace("\\\n", " ");
        let lines = joined.lines().map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned());
        lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect::<Vec<_>>().into_iter()
    }
}

/// Every fenced block of a page.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (nth, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(info), None) => {
                open = Some(Block { info: info.to_owned(), line: nth + 1, body: String::new() });
            }
            (None, Some(block)) => {
                block.body += line;
                block.body.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence that is not closed");
    blocks
}

/// Every piece of code within a sentence.
pub(super) fn spans(text: &str) -> impl Iterator<Item = String> {
    let mut fenced = false;
    let prose: Vec<_> = text
        .lines()
        .filter(|line| {
            let fence = line.starts_with("```");
            fenced ^= fence;
            !fenced && !fence
        })
        .collect();
    let prose = prose.join("\n");
    let spans: Vec<_> = prose.split('`').skip(1).step_by(2).map(|span| span.replace('\n', " ")).collect();
    spans.into_iter()
}
