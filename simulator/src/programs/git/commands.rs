//! git's commands but for `log`.

use std::collections::BTreeSet;

use super::objects::{History, Tree};
use super::{Place, Repository, ambiguous, compare, index_file, log, option, place, say, work_tree};
use crate::Run;
use crate::machine::Machine;
use crate::machine::files::{Errno, Kind, OpenMode};
use crate::programs::Call;
use crate::programs::options::{refuse, unmodelled};

/// All that are known.
pub const COMMANDS: [&str; 11] =
    ["branch", "checkout", "diff", "fast-import", "init", "log", "reset", "restore", "rev-parse", "status", "tag"];
/// git's advice on a name for the first branch.
const BRANCH_HINT: &str = "hint: Using 'master' as the name for the initial branch. This default branch name
hint: is subject to change. To configure the initial branch name to use in all
hint: of your new repositories, which will suppress this warning, call:
hint:
hint: \tgit config --global init.defaultBranch <name>
hint:
hint: Names commonly chosen instead of 'master' are 'main', 'trunk' and
hint: 'development'. The just-created branch can be renamed via this command:
hint:
hint: \tgit branch -m <name>
";

pub(super) fn run(machine: &mut Machine, call: &Call<'_>, name: &str, arguments: &[&str]) -> Run<i32> {
    if name == "init" {
        return init(machine, call, arguments);
    }
    if !COMMANDS.contains(&name) {
        return Err(unmodelled(call, name));
    }
    let place = match place(machine, call) {
        Ok(place) => place,
        // Outside of a repository it compares two files; what it says is its usage.
        Err(_) if name == "diff" => {
            let text = "warning: Not a git repository. Use --no-index to compare two paths outside a working tree\n\
                        usage: git diff --no-index [<options>] <path> <path>\n\n";
            return refuse(machine, call, text, 129);
        }
        Err(message) => return refuse(machine, call, &message, 128),
    };
    let Some(repository) = machine.git.all.get(&place.root).cloned() else { return Ok(128) };
    match name {
        "log" => log::run(machine, call, &place, &repository, arguments),
        "diff" => compare::run(machine, call, &place, &repository, arguments),
        "fast-import" => fast_import(machine, call, &place, repository, arguments),
        "reset" => reset(machine, call, &place, repository, arguments),
        "status" => status(machine, call, &place, &repository, arguments),
        "rev-parse" => rev_parse(machine, call, &place, &repository, arguments),
        "checkout" | "restore" => restore(machine, call, &place, &repository, (name, arguments)),
        "tag" | "branch" => names(machine, call, &repository, (name, arguments)),
        other => Err(unmodelled(call, other)),
    }
}

fn init(machine: &mut Machine, call: &Call<'_>, arguments: &[&str]) -> Run<i32> {
    let (mut quiet, mut branch, mut folder) = (false, None, None);
    let mut words = arguments.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "-q" | "--quiet" => quiet = true,
            "-b" | "--initial-branch" => branch = words.next(),
            _ if word.starts_with("--initial-branch=") => branch = word.split_once('=').map(|(_, name)| name),
            _ if word.starts_with('-') || folder.is_some() => return Err(option(call, "init", word)),
            other => folder = Some(other),
        }
    }
    let (user, cwd, umask, now) = (call.context.user, call.context.cwd.clone(), call.context.umask, machine.now);
    let path = folder.unwrap_or(".");
    let denied = |path: &str, error: Errno| format!("fatal: cannot mkdir {path}: {}\n", error.text());
    if machine.files.resolve(user, &cwd, path) == Err(Errno::NotFound)
        && let Err(error) = machine.files.make_folder(user, &cwd, path, 0o777 & !umask, now)
    {
        return refuse(machine, call, &denied(path, error), 128);
    }
    let root = match machine.files.resolve(user, &cwd, path) {
        Ok(ino) if matches!(machine.files.inode(ino).kind, Kind::Folder(_)) => machine.files.canonical(ino),
        Ok(_) => return refuse(machine, call, &denied(path, Errno::NotADirectory), 128),
        Err(error) => return refuse(machine, call, &denied(path, error), 128),
    };
    let again = machine.files.resolve(user, &root, ".git").is_ok() && machine.git.all.contains_key(&root);
    if !again {
        let made = machine.files.make_folder(user, &root, ".git", 0o777 & !umask, now).and_then(|_| {
            let head = machine.files.open(user, &root, ".git/HEAD", OpenMode::Truncate, (umask, now))?;
            let text = format!("ref: refs/heads/{}\n", branch.unwrap_or("master"));
            machine.files.write(head, 0, OpenMode::Truncate, text.as_bytes(), now)
        });
        if let Err(error) = made {
            let at = if root == "/" { "/.git".to_owned() } else { format!("{root}/.git") };
            return refuse(machine, call, &format!("{at}: {}\n", error.text()), 1);
        }
        machine.git.all.insert(root.clone(), Repository::empty(branch.unwrap_or("master")));
        if branch.is_none() && !quiet {
            refuse(machine, call, BRANCH_HINT, 0)?;
        }
    }
    let what = if again { "Reinitialized existing" } else { "Initialized empty" };
    let text = if quiet { String::new() } else { format!("{what} Git repository in {root}/.git/\n") };
    say(machine, call, &text, 0)
}

/// The machine's own history; the stream on stdin is its text and is looked at no further than its first word.
fn fast_import(
    machine: &mut Machine,
    call: &Call<'_>,
    place: &Place,
    mut repository: Repository,
    arguments: &[&str],
) -> Run<i32> {
    if arguments != ["--quiet"] {
        return Err(option(call, "fast-import", "without --quiet alone"));
    }
    let stream = machine.read_all(&call.context.io.stdin);
    let first = stream.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if stream.is_empty() {
        return Ok(0);
    }
    if !work_tree::may_write(machine, call, place) {
        return refuse(machine, call, "fatal: cannot create pack file: Permission denied\n", 128);
    }
    if !["commit ", "reset ", "blob", "feature "].iter().any(|word| first.starts_with(word.as_bytes())) {
        let text = format!(
            "fatal: Unsupported command: {}\nfast-import: dumping crash report to .git/fast_import_crash_{}\n",
            String::from_utf8_lossy(first),
            machine.next_pid().0
        );
        return refuse(machine, call, &text, 128);
    }
    if machine.git.history.is_empty() {
        return Err(unmodelled(call, "fast-import of a stream that is not the machine's own history"));
    }
    repository.history = History::shared(&machine.git.history);
    repository.refs = repository.history.refs.clone();
    machine.git.all.insert(place.root.clone(), repository);
    Ok(0)
}

fn reset(
    machine: &mut Machine,
    call: &Call<'_>,
    place: &Place,
    mut repository: Repository,
    arguments: &[&str],
) -> Run<i32> {
    let (mut quiet, mut hard, mut revision) = (false, false, None);
    for word in arguments {
        match *word {
            "-q" | "--quiet" => quiet = true,
            "--hard" => hard = true,
            _ if word.starts_with('-') || revision.is_some() => return Err(option(call, "reset", word)),
            other => revision = Some(other),
        }
    }
    if !hard {
        return Err(option(call, "reset", "without --hard"));
    }
    let commit = match revision {
        None => repository.head(),
        Some(name) => match repository.resolve(name) {
            Some(commit) => Some(commit),
            None => return refuse(machine, call, &ambiguous(name), 128),
        },
    };
    // In a repository without commits there is nothing to reset to, and that is no error.
    let Some(commit) = commit else { return Ok(0) };
    if !work_tree::may_write(machine, call, place) {
        let text = format!("fatal: Unable to create '{}/.git/index.lock': Permission denied\n", place.root);
        return refuse(machine, call, &text, 128);
    }
    let tree = repository.tree(commit);
    if let Err(message) = work_tree::check_out(machine, call, place, repository.index.as_deref(), &tree) {
        let text =
            format!("{message}fatal: Could not reset index file to revision '{}'.\n", revision.unwrap_or("HEAD"));
        return refuse(machine, call, &text, 128);
    }
    let text = if quiet {
        String::new()
    } else {
        let subject = repository.history.commits.get(commit).map_or("", |commit| &commit.subject);
        format!("HEAD is now at {} {subject}\n", repository.history.id(commit).get(..7).unwrap_or_default())
    };
    let branch = format!("refs/heads/{}", repository.branch);
    repository.refs.insert(branch, commit);
    repository.index = Some(tree);
    machine.git.all.insert(place.root.clone(), repository);
    index_file::write(machine, call, place);
    say(machine, call, &text, 0)
}

fn status(
    machine: &mut Machine,
    call: &Call<'_>,
    place: &Place,
    repository: &Repository,
    arguments: &[&str],
) -> Run<i32> {
    let mut short = false;
    for word in arguments {
        match *word {
            "-s" | "--short" | "--porcelain" | "--porcelain=v1" => short = true,
            other => return Err(option(call, "status", other)),
        }
    }
    if !call.arguments().iter().any(|word| word == "--no-optional-locks") {
        index_file::refresh(machine, call, place, |_| true);
    }
    let changed = work_tree::changed(machine, call, place, repository);
    let empty = Tree::new();
    let untracked = work_tree::untracked(machine, call, place, repository.index.as_deref().unwrap_or(&empty));
    if short {
        let changed = changed.iter().map(|(path, letter)| format!(" {letter} {path}\n"));
        let text: String = changed.chain(untracked.iter().map(|path| format!("?? {path}\n"))).collect();
        return say(machine, call, &text, 0);
    }
    let mut text = format!("On branch {}\n", repository.branch);
    let born = repository.head().is_some();
    if !born {
        text.push_str("\nNo commits yet\n\n");
    }
    if !changed.is_empty() {
        let add = if changed.iter().any(|(_, letter)| *letter == 'D') { "add/rm" } else { "add" };
        text.push_str("Changes not staged for commit:\n");
        text.push_str(&format!("  (use \"git {add} <file>...\" to update what will be committed)\n"));
        text.push_str("  (use \"git restore <file>...\" to discard changes in working directory)\n");
        for (path, letter) in &changed {
            let what = if *letter == 'D' { "deleted:    " } else { "modified:   " };
            text.push_str(&format!("\t{what}{path}\n"));
        }
        text.push('\n');
    }
    if !untracked.is_empty() {
        text.push_str("Untracked files:\n  (use \"git add <file>...\" to include in what will be committed)\n");
        untracked.iter().for_each(|path| text.push_str(&format!("\t{path}\n")));
        text.push('\n');
    }
    text.push_str(match (changed.is_empty(), untracked.is_empty(), born) {
        (false, _, _) => "no changes added to commit (use \"git add\" and/or \"git commit -a\")\n",
        (true, false, _) => "nothing added to commit but untracked files present (use \"git add\" to track)\n",
        (true, true, false) => "nothing to commit (create/copy files and use \"git add\" to track)\n",
        (true, true, true) => "nothing to commit, working tree clean\n",
    });
    say(machine, call, &text, 0)
}

fn rev_parse(
    machine: &mut Machine,
    call: &Call<'_>,
    place: &Place,
    repository: &Repository,
    arguments: &[&str],
) -> Run<i32> {
    let (mut text, mut short, mut abbreviated, mut verify) = (String::new(), None, false, false);
    for word in arguments {
        match *word {
            "--short" => short = Some(7),
            "--abbrev-ref" => abbreviated = true,
            "--verify" => verify = true,
            "--show-toplevel" => text.push_str(&format!("{}\n", place.root)),
            "--is-inside-work-tree" => text.push_str("true\n"),
            "--show-prefix" => text.push_str(&format!("{}\n", place.prefix)),
            _ if word.starts_with('-') => return Err(option(call, "rev-parse", word)),
            name => match repository.resolve(name.trim_end_matches("^{commit}")) {
                Some(_) if abbreviated && matches!(name, "HEAD" | "@") => {
                    text.push_str(&format!("{}\n", repository.branch));
                }
                Some(_) if abbreviated => text.push_str(&format!("{name}\n")),
                Some(commit) => {
                    let id = repository.history.id(commit);
                    text.push_str(&format!("{}\n", id.get(..short.unwrap_or(40)).unwrap_or(id)));
                }
                None if verify || short.is_some() => {
                    return refuse(machine, call, "fatal: Needed a single revision\n", 128);
                }
                None => {
                    // What it cannot read it prints, and then complains.
                    text.push_str(&format!("{name}\n"));
                    say(machine, call, &text, 0)?;
                    return refuse(machine, call, &ambiguous(name), 128);
                }
            },
        }
    }
    say(machine, call, &text, 0)
}

/// `checkout [-q] [--] PATH...`, `restore [-q] PATH...`: files as they were checked out.
fn restore(
    machine: &mut Machine,
    call: &Call<'_>,
    place: &Place,
    repository: &Repository,
    (command, arguments): (&str, &[&str]),
) -> Run<i32> {
    let (quiet, arguments) = match arguments {
        ["-q" | "--quiet", rest @ ..] => (true, rest),
        all => (false, all),
    };
    // Without `--`, a name of a commit is one first.
    let is_path = |word: &&str| !word.starts_with('-') && repository.resolve(word).is_none();
    let (paths, counted): (Vec<&str>, bool) = match arguments {
        ["--", paths @ ..] => (paths.to_vec(), false),
        paths if command == "restore" => (paths.to_vec(), false),
        paths if paths.iter().all(is_path) => (paths.to_vec(), !quiet),
        other => return Err(option(call, command, other.first().copied().unwrap_or("without paths"))),
    };
    if let Some(word) = paths.iter().find(|word| word.starts_with('-')) {
        return Err(option(call, command, word));
    }
    if paths.is_empty() {
        return Err(option(call, command, "without paths"));
    }
    let index = repository.index.clone().unwrap_or_default();
    let mut wanted = BTreeSet::new();
    for path in paths {
        let full = format!("{}{}", place.prefix, path.trim_end_matches('/'));
        let before = wanted.len();
        let within = |known: &str| known == full || known.starts_with(&format!("{full}/")) || full == ".";
        wanted.extend(index.keys().filter(|known| within(known)).cloned());
        if wanted.len() == before && !index.keys().any(|known| within(known)) {
            let text = format!("error: pathspec '{path}' did not match any file(s) known to git\n");
            return refuse(machine, call, &text, 1);
        }
    }
    let there = work_tree::tracked(machine, call, place, &index);
    let mut written = 0;
    for path in wanted {
        let Some(bytes) = index.get(&path) else { continue };
        if there.get(&path).is_some_and(|content| content.as_ref().is_some_and(|(there, x)| there == bytes && !x)) {
            continue;
        }
        if let Err(error) = work_tree::write(machine, call, &place.root, &path, bytes) {
            return refuse(machine, call, &format!("error: unable to create file {path}: {}\n", error.text()), 1);
        }
        written += 1;
    }
    if counted {
        let paths = if written == 1 { "path" } else { "paths" };
        return refuse(machine, call, &format!("Updated {written} {paths} from the index\n"), 0);
    }
    Ok(0)
}

/// `tag` and `branch` without arguments: their names.
fn names(
    machine: &mut Machine,
    call: &Call<'_>,
    repository: &Repository,
    (command, arguments): (&str, &[&str]),
) -> Run<i32> {
    let of = |prefix: &str| {
        repository.refs.keys().filter_map(|name| name.strip_prefix(prefix)).map(str::to_owned).collect::<Vec<_>>()
    };
    let text: String = match (command, arguments) {
        ("tag", [] | ["-l" | "--list"]) => of("refs/tags/").iter().map(|name| format!("{name}\n")).collect(),
        ("branch", ["--show-current"]) => format!("{}\n", repository.branch),
        ("branch", [] | ["-l" | "--list"]) => of("refs/heads/")
            .iter()
            .map(|name| format!("{} {name}\n", if *name == repository.branch { '*' } else { ' ' }))
            .collect(),
        (_, other) => return Err(option(call, command, other.first().copied().unwrap_or_default())),
    };
    say(machine, call, &text, 0)
}
