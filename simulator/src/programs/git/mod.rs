//! git (2.47), as far as a compose file's repository and the postmortem need it: a history without branches, imported;
//! a working tree; what is between them. Ids, dates and diffs are those of real git.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::common::emit;
use super::options::{refuse, unmodelled};
use super::{Call, Program, any_arguments};
use crate::machine::Machine;
use crate::machine::files::{Errno, Kind};
use crate::machine::users::ROOT;
use crate::spec::ReleaseCommits;
use crate::{Run, Stop};

mod commands;
mod compare;
mod diff;
mod index_file;
mod log;
pub mod objects;
mod work_tree;

use objects::{History, Tree};

/// Where a machine finds the stream of its history.
pub const STREAM: &str = "/usr/local/lib/rollback-drill/history.fast-import";
/// Folders looked through for a repository.
const PARENTS_MAX: usize = 4096;

/// The history of files.
pub const GIT: Program = Program { name: "git", in_sbin: false, run: git, knows };

/// The repositories of a machine, and the history that an import brings.
#[derive(Debug, Clone)]
pub struct Repositories {
    /// Oldest release first.
    pub history: Arc<[ReleaseCommits]>,
    /// By the path of their working tree.
    all: BTreeMap<String, Repository>,
}

impl Default for Repositories {
    fn default() -> Repositories {
        Repositories::new(&[])
    }
}

/// A repository.
#[derive(Debug, Clone)]
struct Repository {
    history: Arc<History>,
    /// The branch that is checked out.
    branch: String,
    /// Full names of references.
    refs: BTreeMap<String, usize>,
    /// What was checked out last; `None` before the first commit.
    index: Option<Arc<Tree>>,
    /// What its index file has of each of these files.
    stats: index_file::Stats,
}

impl Repositories {
    /// None yet; this is what `git fast-import` will read.
    pub fn new(history: &[ReleaseCommits]) -> Repositories {
        Repositories { history: history.into(), all: BTreeMap::new() }
    }

    /// Whether a repository tracks the file with this absolute path.
    pub fn tracks(&self, path: &str) -> bool {
        let inside = |root: &str| path.strip_prefix(root)?.strip_prefix('/');
        self.all.iter().any(|(root, repository)| {
            let index = repository.index.as_ref();
            inside(root).is_some_and(|path| index.is_some_and(|index| index.contains_key(path)))
        })
    }
}

/// What stands before the command.
#[derive(Debug, Default, PartialEq, Eq)]
struct Global<'a> {
    folder: Option<&'a str>,
    version: bool,
}

/// Parts a command line into global options and the command; `Err` is what is not modelled.
fn split<'a>(words: &[&'a str]) -> Result<(Global<'a>, Vec<&'a str>), String> {
    let mut global = Global::default();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "-C" if global.folder.is_none() => global.folder = words.next(),
            // Settings change only what is not modelled; those that would are refused.
            "-c" => match words.next().unwrap_or_default() {
                setting if harmless(setting) => {}
                setting => return Err(format!("-c {setting}")),
            },
            "--no-pager" | "-P" | "--no-optional-locks" => {}
            "--version" | "-v" => global.version = true,
            option if option.starts_with('-') => return Err(option.to_owned()),
            command => return Ok((global, std::iter::once(command).chain(words).collect())),
        }
    }
    Ok((global, Vec::new()))
}

fn harmless(setting: &str) -> bool {
    let name = setting.split('=').next().unwrap_or_default().to_ascii_lowercase();
    let value = setting.split_once('=').map_or("true", |(_, value)| value);
    match name.as_str() {
        "color.ui" | "color.diff" | "color.log" => matches!(value, "false" | "never" | "auto"),
        "core.pager" | "advice.detachedhead" | "gc.auto" | "user.name" | "user.email" | "init.defaultbranch" => true,
        _ => false,
    }
}

fn knows(words: &[Option<&str>]) -> Result<(), String> {
    let known: Vec<&str> = words.iter().map(|word| word.unwrap_or("?")).collect();
    let (_, command) = split(&known).map_err(|what| format!("git {what} is not modelled"))?;
    match command.first() {
        Some(name) if *name != "?" && !commands::COMMANDS.contains(name) => {
            Err(format!("the command git {name} is not modelled"))
        }
        _ => any_arguments(words),
    }
}

fn git(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let work = machine.calibration.programs.git_us;
    let work = machine.about(work);
    machine.spend(work)?;
    let words: Vec<&str> = call.arguments().iter().map(String::as_str).collect();
    let (global, command) = split(&words).map_err(|what| unmodelled(call, &what))?;
    if global.version {
        return super::common::finish(machine, call, b"git version 2.47.3\n", 0);
    }
    let mut context = call.context.clone();
    if let Some(folder) = global.folder {
        let found = machine.files.resolve(context.user, &context.cwd, folder);
        let is_folder = |ino| matches!(machine.files.inode(ino).kind, Kind::Folder(_));
        match found.and_then(|ino| if is_folder(ino) { Ok(ino) } else { Err(Errno::NotADirectory) }) {
            Ok(ino) => context.cwd = machine.files.canonical(ino),
            Err(error) => {
                let text = format!("fatal: cannot change to '{folder}': {}\n", error.text());
                return refuse(machine, call, &text, 128);
            }
        }
    }
    let call = Call { words: call.words, context: &context };
    match command.split_first() {
        None => Err(unmodelled(&call, "without a command")),
        Some((name, arguments)) => commands::run(machine, &call, name, arguments),
    }
}

/// What a command works with: the working tree's path, and where the caller stands in it (with a slash, or empty).
#[derive(Debug, Clone)]
struct Place {
    root: String,
    prefix: String,
}

/// Finds the repository of the folder that a command runs in; `Err` is git's message.
fn place(machine: &Machine, call: &Call<'_>) -> Result<Place, String> {
    let none = "fatal: not a git repository (or any of the parent directories): .git\n";
    let (user, mut folder) = (call.context.user, call.context.cwd.clone());
    if let Ok(ino) = machine.files.resolve(user, "/", &folder) {
        folder = machine.files.canonical(ino);
    }
    let cwd = folder.clone();
    for _ in 0..PARENTS_MAX {
        let inside = machine.files.resolve(user, &folder, ".git");
        if machine.git.all.contains_key(&folder)
            && let Ok(git) = inside
        {
            let owner = machine.files.inode(git).owner;
            // Run by sudo, root may what the caller may.
            let by_sudo = user == ROOT && call.context.environment.get("SUDO_UID") == Some(&owner.to_string());
            if owner != user && !by_sudo {
                return Err(format!(
                    "fatal: detected dubious ownership in repository at '{folder}'\n\
                     To add an exception for this directory, call:\n\n\
                     \tgit config --global --add safe.directory {folder}\n"
                ));
            }
            let below = cwd.strip_prefix(&folder).unwrap_or_default().trim_start_matches('/');
            let prefix = if below.is_empty() { String::new() } else { format!("{below}/") };
            return Ok(Place { root: folder, prefix });
        }
        match folder.rsplit_once('/') {
            Some(("", "")) | None => break,
            Some(("", _)) => folder = "/".to_owned(),
            Some((parent, _)) => folder = parent.to_owned(),
        }
    }
    Err(none.to_owned())
}

impl Repository {
    fn empty(branch: &str) -> Repository {
        Repository {
            history: Arc::new(History::default()),
            branch: branch.to_owned(),
            refs: BTreeMap::new(),
            index: None,
            stats: index_file::Stats::new(),
        }
    }

    fn head(&self) -> Option<usize> {
        self.refs.get(&format!("refs/heads/{}", self.branch)).copied()
    }

    /// What a revision means.
    fn resolve(&self, revision: &str) -> Option<usize> {
        let at = revision.find(['~', '^']).unwrap_or(revision.len());
        let (name, steps) = revision.split_at(at);
        let mut commit = self.named(name)?;
        let mut steps = steps.chars().peekable();
        while let Some(step) = steps.next() {
            let mut digits = String::new();
            while let Some(digit) = steps.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            let number: usize = if digits.is_empty() { 1 } else { digits.parse().ok()? };
            commit = match step {
                '~' => commit.checked_sub(number)?,
                '^' if number <= 1 => commit.checked_sub(number)?,
                _ => return None,
            };
        }
        Some(commit)
    }

    fn named(&self, name: &str) -> Option<usize> {
        if matches!(name, "HEAD" | "@") {
            return self.head();
        }
        // In git's order of what a name may be short for.
        for prefix in ["", "refs/", "refs/tags/", "refs/heads/"] {
            if let Some(commit) = self.refs.get(&format!("{prefix}{name}")) {
                return Some(*commit);
            }
        }
        let is_id = name.len() >= 4 && name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let lower = name.to_ascii_lowercase();
        is_id.then(|| self.history.ids().iter().position(|id| id.starts_with(&lower)))?
    }

    fn tree(&self, commit: usize) -> Arc<Tree> {
        self.history.commits.get(commit).map(|commit| commit.tree.clone()).unwrap_or_default()
    }
}

/// Prints and gives the status.
fn say(machine: &mut Machine, call: &Call<'_>, text: &str, status: i32) -> Run<i32> {
    Ok(match emit(machine, call, text.as_bytes())? {
        Ok(()) => status,
        Err(141) => 141,
        Err(_) => 128,
    })
}

/// git's answer to a revision that there is none of.
fn ambiguous(revision: &str) -> String {
    format!(
        "fatal: ambiguous argument '{revision}': unknown revision or path not in the working tree.\n\
         Use '--' to separate paths from revisions, like this:\n'git <command> [<revision>...] -- [<file>...]'\n"
    )
}

/// The refusal of an option of a command.
fn option(call: &Call<'_>, command: &str, option: &str) -> Stop {
    unmodelled(call, &format!("{command} {option}"))
}

#[cfg(test)]
mod tests;
