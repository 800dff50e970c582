//! `git diff`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::diff::{Side, counts, is_binary, patch};
use super::objects::Tree;
use super::{Place, Repository, ambiguous, index_file, option, say, work_tree};
use crate::Run;
use crate::machine::Machine;
use crate::programs::Call;
use crate::programs::options::{refuse, unmodelled};

/// How a diff is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Patch,
    Numstat,
    Stat,
    NameOnly,
    NameStatus,
    Nothing,
}

pub(super) fn run(
    machine: &mut Machine,
    call: &Call<'_>,
    place: &Place,
    repository: &Repository,
    arguments: &[&str],
) -> Run<i32> {
    let (mut shape, mut by_status, mut cached) = (Shape::Patch, false, false);
    let (mut revisions, mut paths): (Vec<usize>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut words = arguments.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "--" => {
                paths.extend(words);
                break;
            }
            "--numstat" => shape = Shape::Numstat,
            "--stat" => shape = Shape::Stat,
            "--name-only" => shape = Shape::NameOnly,
            "--name-status" => shape = Shape::NameStatus,
            "--quiet" => (shape, by_status) = (Shape::Nothing, true),
            "--exit-code" => by_status = true,
            "--cached" | "--staged" => cached = true,
            "--no-color" | "--no-ext-diff" | "-p" | "--patch" | "-u" => {}
            _ if word.starts_with('-') => return Err(option(call, "diff", word)),
            other => {
                let (from, to) = match other.split_once("..") {
                    Some((from, to)) => (repository.resolve(from), Some(to)),
                    None => (repository.resolve(other), None),
                };
                let to = to.map(|to| repository.resolve(if to.is_empty() { "HEAD" } else { to }));
                match (from, to) {
                    (Some(from), None) if paths.is_empty() => revisions.push(from),
                    (Some(from), Some(Some(to))) => revisions.extend([from, to]),
                    _ if machine.files.resolve_link(call.context.user, &call.context.cwd, other).is_ok() => {
                        paths.push(other);
                    }
                    _ => return refuse(machine, call, &ambiguous(other), 128),
                }
            }
        }
    }
    let empty = Arc::new(Tree::new());
    let index = repository.index.clone().unwrap_or_else(|| empty.clone());
    let (old, new): (Arc<Tree>, Option<Arc<Tree>>) = match (revisions.as_slice(), cached) {
        ([], false) => (index.clone(), None),
        ([], true) => (repository.head().map_or(empty, |head| repository.tree(head)), Some(index.clone())),
        ([from], cached) => (repository.tree(*from), cached.then(|| index.clone())),
        ([from, to], false) => (repository.tree(*from), Some(repository.tree(*to))),
        _ => return Err(option(call, "diff", "with so many revisions")),
    };
    let there = if new.is_none() { Some(work_tree::tracked(machine, call, place, &index)) } else { None };
    let full: Vec<String> =
        paths.iter().map(|path| format!("{}{}", place.prefix, path.trim_end_matches('/'))).collect();
    let wanted = |path: &str| {
        let within = |full: &String| path == full || path.starts_with(&format!("{full}/")) || full == ".";
        full.is_empty() || full.iter().any(within)
    };
    let known: BTreeSet<&String> = old.keys().chain(new.as_deref().unwrap_or(&index).keys()).collect();
    let (mut text, mut any) = (String::new(), false);
    let mut counted = Vec::new();
    for path in known.into_iter().filter(|path| wanted(path)) {
        let before: Side<'_> = old.get(path).map(|bytes| (&**bytes, false));
        let after: Side<'_> = match (&new, &there) {
            (Some(new), _) => new.get(path).map(|bytes| (&**bytes, false)),
            (None, Some(there)) => {
                there.get(path).and_then(|content| content.as_ref().map(|(bytes, executable)| (&**bytes, *executable)))
            }
            (None, None) => None,
        };
        if before == after {
            continue;
        }
        any = true;
        let side = |side: Side<'_>| side.map_or(Vec::new(), |(bytes, _)| bytes.to_vec());
        let told = match shape {
            Shape::Nothing => Ok(String::new()),
            Shape::Patch => patch(path, before, after),
            Shape::NameOnly => Ok(format!("{path}\n")),
            Shape::NameStatus => Ok(format!(
                "{}\t{path}\n",
                match (before, after) {
                    (None, _) => 'A',
                    (_, None) => 'D',
                    _ => 'M',
                }
            )),
            Shape::Stat if is_binary(&side(before)) || is_binary(&side(after)) => Err("--stat of no text".into()),
            Shape::Stat => counts(&side(before), &side(after)).map(|(added, removed)| {
                counted.push((path.as_str(), added, removed));
                String::new()
            }),
            Shape::Numstat if is_binary(&side(before)) || is_binary(&side(after)) => Ok(format!("-\t-\t{path}\n")),
            Shape::Numstat => {
                counts(&side(before), &side(after)).map(|(added, removed)| format!("{added}\t{removed}\t{path}\n"))
            }
        };
        text.push_str(&told.map_err(|what| unmodelled(call, &format!("diff: {what}")))?);
    }
    if new.is_none() && revisions.is_empty() {
        index_file::refresh(machine, call, place, wanted);
    }
    if !counted.is_empty() {
        text = stat(&counted).map_err(|what| unmodelled(call, &format!("diff: {what}")))?;
    }
    say(machine, call, &text, i32::from(any && by_status))
}

/// `--stat` of files with the lines that were added and taken away, as it is on 80 columns.
fn stat(files: &[(&str, usize, usize)]) -> Result<String, String> {
    let names = files.iter().map(|(path, ..)| path.chars().count()).max().unwrap_or(0);
    let most = files.iter().map(|(_, added, removed)| added + removed).max().unwrap_or(0);
    let digits = most.to_string().len();
    // git shortens names and scales the graph where a line would be longer.
    if names + digits + most + 6 > 80 {
        return Err("--stat that does not fit into a line".into());
    }
    let mut text = String::new();
    for (path, added, removed) in files {
        let graph = format!("{}{}", "+".repeat(*added), "-".repeat(*removed));
        let line = format!(" {path:names$} | {:digits$} {graph}", added + removed);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let sum = |of: fn(&(&str, usize, usize)) -> usize| files.iter().map(of).sum::<usize>();
    let (added, removed) = (sum(|file| file.1), sum(|file| file.2));
    let many = |count: usize| if count == 1 { "" } else { "s" };
    text.push_str(&format!(" {} file{} changed", files.len(), many(files.len())));
    if added > 0 || removed == 0 {
        text.push_str(&format!(", {added} insertion{}(+)", many(added)));
    }
    if removed > 0 || added == 0 {
        text.push_str(&format!(", {removed} deletion{}(-)", many(removed)));
    }
    text.push('\n');
    Ok(text)
}
