//! `git log`.

use super::objects::COMMITTER;
use super::{Place, Repository, ambiguous, option, say};
use crate::Run;
use crate::machine::Machine;
use crate::programs::Call;
use crate::programs::calendar::civil;
use crate::programs::options::refuse;

/// How a commit is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Medium,
    OneLine,
    /// A format; `bool`: each ends with a newline, else newlines are between them.
    Format(String, bool),
}

/// `Thu Nov 16 22:13:20 2023 +0000`
fn date(time: u64) -> String {
    let at = civil(i64::try_from(time).unwrap_or(0));
    let day = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"].get(at.weekday as usize).copied().unwrap_or_default();
    let clock = format!("{:02}:{:02}:{:02}", at.hour, at.minute, at.second);
    format!("{day} {} {} {clock} {} +0000", at.month_name(), at.day, at.year)
}

pub(super) fn run(
    machine: &mut Machine,
    call: &Call<'_>,
    place: &Place,
    repository: &Repository,
    arguments: &[&str],
) -> Run<i32> {
    let (mut shape, mut most, mut reverse) = (Shape::Medium, usize::MAX, false);
    let (mut revisions, mut paths): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut words = arguments.iter().copied();
    let mut separated = false;
    while let Some(word) = words.next() {
        let number = |text: &str| text.parse::<usize>().map_err(|_| option(call, "log", word));
        let format = |text: &str| match text.split_once(':') {
            Some(("format", format)) => Ok(Shape::Format(format.to_owned(), false)),
            Some(("tformat", format)) => Ok(Shape::Format(format.to_owned(), true)),
            None if text == "oneline" => Ok(Shape::Format("%H %s".to_owned(), true)),
            None if text == "medium" => Ok(Shape::Medium),
            None if text.contains('%') => Ok(Shape::Format(text.to_owned(), true)),
            _ => Err(option(call, "log", word)),
        };
        match word {
            "--" => {
                separated = true;
                paths.extend(words);
                break;
            }
            "--oneline" => shape = Shape::OneLine,
            "--reverse" => reverse = true,
            "--no-decorate" | "--no-color" | "--no-merges" | "--first-parent" => {}
            "-n" | "--max-count" => most = number(words.next().unwrap_or_default())?,
            _ if word.starts_with("--max-count=") => most = number(word.trim_start_matches("--max-count="))?,
            _ if word.starts_with("--format=") => shape = format(word.trim_start_matches("--format="))?,
            _ if word.starts_with("--pretty=") => shape = format(word.trim_start_matches("--pretty="))?,
            _ if word.starts_with("-n") => most = number(word.get(2..).unwrap_or_default())?,
            _ if word.starts_with('-') && word.len() > 1 && word.bytes().skip(1).all(|byte| byte.is_ascii_digit()) => {
                most = number(word.get(1..).unwrap_or_default())?;
            }
            _ if word.starts_with('-') => return Err(option(call, "log", word)),
            other => revisions.push(other),
        }
    }
    // From which commit back to which, that one not included.
    let (mut newest, mut until): (Option<usize>, Option<usize>) = (None, None);
    for revision in &revisions {
        if revision.contains("...") {
            return Err(option(call, "log", revision));
        }
        let (from, to) = match (revision.split_once(".."), revision.strip_prefix('^')) {
            (Some((from, to)), _) => (Some(from), Some(to)),
            (None, Some(from)) => (Some(from), None),
            (None, None) => (None, Some(*revision)),
        };
        let mut ends = [None, None];
        for (end, name) in ends.iter_mut().zip([from, to]) {
            let Some(name) = name.map(|name| if name.is_empty() { "HEAD" } else { name }) else { continue };
            match repository.resolve(name) {
                Some(commit) => *end = Some(commit),
                None if separated => return refuse(machine, call, &format!("fatal: bad revision '{revision}'\n"), 128),
                None => {
                    let exists = machine.files.resolve(call.context.user, &place.root, revision).is_ok();
                    if exists {
                        return Err(option(call, "log", &format!("{revision} without --")));
                    }
                    return refuse(machine, call, &ambiguous(revision), 128);
                }
            }
        }
        let [from, to] = ends;
        until = until.max(from);
        newest = newest.max(to);
    }
    let only_excluded = newest.is_none() && until.is_some();
    let newest = match newest.or_else(|| repository.head()) {
        Some(newest) if !(only_excluded && revisions.is_empty()) => newest,
        _ => {
            let text = format!("fatal: your current branch '{}' does not have any commits yet\n", repository.branch);
            return refuse(machine, call, &text, 128);
        }
    };
    let begin = until.map_or(0, |until| until + 1);
    let touches = |commit: usize| {
        paths.is_empty() || {
            let (now, before) = (repository.tree(commit), commit.checked_sub(1).map(|before| repository.tree(before)));
            let before = before.unwrap_or_default();
            let full = |path: &&str| format!("{}{}", place.prefix, path.trim_end_matches('/'));
            let within =
                |known: &str, path: &str| known == path || known.starts_with(&format!("{path}/")) || path == ".";
            paths.iter().map(full).any(|path| {
                now.keys().chain(before.keys()).any(|known| within(known, &path) && now.get(known) != before.get(known))
            })
        }
    };
    let mut commits: Vec<usize> = (begin..=newest).rev().filter(|commit| touches(*commit)).take(most).collect();
    if begin > newest {
        commits.clear();
    }
    if reverse {
        commits.reverse();
    }
    let mut text = String::new();
    for (number, index) in commits.iter().enumerate() {
        let Some(commit) = repository.history.commits.get(*index) else { continue };
        let id = repository.history.id(*index);
        match &shape {
            Shape::Medium => {
                if number > 0 {
                    text.push('\n');
                }
                let date = date(commit.time);
                text.push_str(&format!("commit {id}\nAuthor: {COMMITTER}\nDate:   {date}\n\n"));
                commit.subject.lines().for_each(|line| text.push_str(&format!("    {line}\n")));
            }
            Shape::OneLine => text.push_str(&format!("{} {}\n", id.get(..7).unwrap_or_default(), commit.subject)),
            Shape::Format(format, ended) => {
                if number > 0 && !ended {
                    text.push('\n');
                }
                let filled =
                    fill(format, id, commit.time, &commit.subject).map_err(|what| option(call, "log", &what))?;
                text.push_str(&filled);
                if *ended {
                    text.push('\n');
                }
            }
        }
    }
    say(machine, call, &text, 0)
}

fn fill(format: &str, id: &str, time: u64, subject: &str) -> Result<String, String> {
    let mut text = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        let rest = letters.as_str();
        let (name, email) = COMMITTER.split_once(" <").unwrap_or((COMMITTER, ""));
        let short = id.get(..7).unwrap_or_default().to_owned();
        let at = civil(i64::try_from(time).unwrap_or(0));
        let fields = [
            ("an", name.to_owned()),
            ("cn", name.to_owned()),
            ("ae", email.trim_end_matches('>').to_owned()),
            ("ce", email.trim_end_matches('>').to_owned()),
            ("ad", date(time)),
            ("cd", date(time)),
            ("at", time.to_string()),
            ("ct", time.to_string()),
            ("as", at.stamp().get(..10).unwrap_or_default().to_owned()),
            ("cs", at.stamp().get(..10).unwrap_or_default().to_owned()),
            ("ai", format!("{} +0000", at.stamp())),
            ("ci", format!("{} +0000", at.stamp())),
            ("H", id.to_owned()),
            ("h", short),
            ("s", subject.lines().next().unwrap_or_default().to_owned()),
            ("n", "\n".to_owned()),
            ("%", "%".to_owned()),
        ];
        let Some((name, value)) = fields.iter().find(|(name, _)| rest.starts_with(name)) else {
            return Err(format!("with %{}", rest.chars().next().unwrap_or(' ')));
        };
        text.push_str(value);
        letters = rest.get(name.len()..).unwrap_or_default().chars();
    }
    Ok(text)
}
