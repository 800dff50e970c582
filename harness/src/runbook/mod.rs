//! From the document and its binding to a procedure.
//!
//! The document is the thing under test: commands and promises come out of its text, never out of this code. What cannot
//! be read exactly is refused with file, line and what was looked for.

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

pub mod binding;
pub mod claims;
mod context;
mod decision;
pub mod document;
mod error;
mod gaps;
mod lists;
mod place;
pub mod placeholder;
mod prerequisites;
pub mod quantity;
pub mod shell;
mod steps;

use binding::Binding;
use context::Context;
use document::{DOCUMENT_BYTES_MAX, Document, Section};
pub use error::{Place, RunbookError};
pub use lists::PAGE_WORDS;

use crate::decide::Rules;
use crate::procedure::{Prerequisites, Procedure, Releases};
use error::quote;

/// A runbook and its binding, read and matched block by block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runbook {
    /// The document under test.
    pub runbook: Source,
    /// Its binding.
    pub binding: Source,
    document: Document,
    bound: Binding,
}

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As given.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// SHA-256 of the content, lower-case hex.
    pub sha256: String,
}

impl Source {
    fn new(path: &str, bytes: Vec<u8>) -> Self {
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Source { path: path.to_owned(), bytes, sha256 }
    }

    fn read(path: &Path) -> Result<Self, RunbookError> {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        // One byte more than is allowed is enough to see that there is too much.
        let most = DOCUMENT_BYTES_MAX as u64 + 1;
        let read = std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(Source::new(&name, bytes)),
            Err(error) => {
                let what = format!("cannot be read: {error}");
                Err(RunbookError::file(&name, what, "a readable file", "check the path"))
            }
        }
    }
}

impl Runbook {
    /// Reads both files. Errors: unreadable, larger than 1 MiB, not UTF-8, a binding that does not parse, a block or span
    /// that nothing binds. What only some topologies need is looked for by [`Runbook::procedure`].
    pub fn load(runbook: &Path, binding: &Path) -> Result<Self, RunbookError> {
        Runbook::from_sources(Source::read(runbook)?, Source::read(binding)?)
    }

    /// As [`Runbook::load`], from texts and the names that messages give them.
    pub fn from_texts(runbook: (&str, &[u8]), binding: (&str, &[u8])) -> Result<Self, RunbookError> {
        Runbook::from_sources(Source::new(runbook.0, runbook.1.to_vec()), Source::new(binding.0, binding.1.to_vec()))
    }

    fn from_sources(runbook: Source, binding: Source) -> Result<Self, RunbookError> {
        let bound = Binding::parse(&binding.path, &binding.bytes)?;
        let document = Document::parse(&runbook.path, &runbook.bytes)?;
        let runbook = Runbook { runbook, binding, document, bound };
        runbook.all_blocks_bound()?;
        Ok(runbook)
    }

    /// Topology ids of the binding, in alphabetical order.
    pub fn topologies(&self) -> impl Iterator<Item = &str> {
        self.bound.topologies.keys().map(String::as_str)
    }

    /// Rules of findings that the binding adds, in its order.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        let gaps = self.bound.known_gaps.iter().map(|gap| gap.rule.as_str());
        gaps.chain(self.bound.options_wanted.iter().map(|wanted| wanted.rule.as_str()))
    }

    /// What an operator of this topology does, between these releases. Errors: a topology that the binding does not know,
    /// and whatever this topology needs of the text and is not there, or not where the binding looks for it.
    pub fn procedure(&self, topology: &str, releases: &Releases) -> Result<Procedure, RunbookError> {
        let context = Context {
            document: &self.document,
            binding: &self.bound,
            binding_name: &self.binding.path,
            topology,
            releases,
        };
        let own = self.bound.topologies.get(topology).ok_or_else(|| {
            let known: Vec<&str> = self.topologies().collect();
            let what = format!("no topology {}", quote(topology));
            RunbookError::file(&self.binding.path, what, known.join(", "), "choose one of these, or bind it")
        })?;
        let section = place::section(&self.document, &own.heading, &format!("topology {topology} needs it"))?;
        let (steps, mut findings) = steps::of(&context, own, section)?;
        let claims = claims::read(&self.document, &self.bound)?;
        let verification = lists::verification(&context, &claims, &mut findings)?;
        let failure = lists::failure(&context, &mut findings)?;
        let (requirements, captures) = lists::postmortem(&context, &steps, section.line, &mut findings)?;
        findings.extend(gaps::of_steps(&steps, section.line));
        findings.extend(gaps::known(&context)?);
        findings.sort_by(|a, b| (a.line, &a.rule, &a.message).cmp(&(b.line, &b.rule, &b.message)));
        findings.dedup();
        Ok(Procedure {
            topology: topology.to_owned(),
            section: own.section.clone(),
            line: section.line,
            folder: own.folder.clone(),
            steps,
            verification,
            failure,
            requirements,
            captures,
            claims,
            findings,
        })
    }

    /// When to roll back. Errors: a binding without `[decision]`, a document without that section, and whatever there does
    /// not read exactly as the binding says.
    pub fn decision(&self) -> Result<Rules, RunbookError> {
        decision::read(&self.document, &self.bound, &self.binding.path)
    }

    /// What to make sure of before this procedure. Errors: a binding without `[prerequisites]`, and whatever that section
    /// does not hold as the binding says.
    pub fn prerequisites(&self, procedure: &Procedure, releases: &Releases) -> Result<Prerequisites, RunbookError> {
        let context = Context {
            document: &self.document,
            binding: &self.bound,
            binding_name: &self.binding.path,
            topology: &procedure.topology,
            releases,
        };
        prerequisites::read(&context, &procedure.steps)
    }

    /// Topologies whose section fetches before it stops anything, with the line of the command that does. One that cannot
    /// be carried out is none.
    pub fn fetches_first(&self, releases: &Releases) -> Vec<(String, u32)> {
        let fetches = |id: &str| {
            let procedure = self.procedure(id, releases).ok()?;
            Some((id.to_owned(), gaps::fetch_before_stop(&procedure.steps)?))
        };
        self.topologies().filter_map(fetches).collect()
    }

    /// Every block that can be run belongs to a topology, and the prose of these sections holds no unbound code spans.
    fn all_blocks_bound(&self) -> Result<(), RunbookError> {
        let mut bound: Vec<&Section> = Vec::new();
        for topology in self.bound.topologies.values() {
            let Some(section) = self.document.section(&topology.heading)? else { continue };
            place::only_mentions(&self.document, section.prose(), &topology.mentions)?;
            bound.push(section);
        }
        for section in &self.document.sections {
            let has_procedure = bound.iter().any(|bound| std::ptr::eq(*bound, section));
            let mut runnable = section.blocks.iter().filter(|block| !steps::DATA.contains(&block.language.as_str()));
            let procedure = if has_procedure { runnable.next() } else { None };
            let foreign = procedure.filter(|block| !steps::RUN.contains(&block.language.as_str()));
            let Some(block) = foreign.or_else(|| runnable.next()) else { continue };
            let what = match foreign {
                Some(block) => format!("a block of the language {}", quote(&block.language)),
                None => format!("an unbound code block in the section {}", quote(&section.heading)),
            };
            let wanted = "one block of bash in each topology's section, and none elsewhere";
            let advice = "bind its heading as a topology, or give the block a data language such as `text`";
            return Err(RunbookError::at(&self.document.name, block.line, what, wanted, advice));
        }
        Ok(())
    }
}
