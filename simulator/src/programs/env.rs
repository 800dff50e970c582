//! env, which, xargs.

use super::common::{fail, finish, input, lines, quote};
use super::options::{Digits, Options};
use super::sleep::found;
use super::{Call, Program, execute_file, find, nested, options};
use crate::machine::Machine;
use crate::machine::io::Input;
use crate::{Run, Stop};

const ENV_OPTIONS: Options = Options {
    short: "iu:C:",
    long: &[("ignore-environment", 'i'), ("unset", 'u'), ("chdir", 'C')],
    unmodelled: "0Sv",
    in_order: true,
    digits: Digits::Options,
    status: 125,
    ..Options::NONE
};
const WHICH_OPTIONS: Options = Options { short: "as", unmodelled: "", ..Options::NONE };
const XARGS_OPTIONS: Options = Options {
    short: "0rn:L:I:",
    long: &[("null", '0'), ("no-run-if-empty", 'r'), ("max-args", 'n'), ("max-lines", 'L'), ("replace", 'I')],
    unmodelled: "adEeiloptPsx",
    in_order: true,
    ..Options::NONE
};
/// Commands that one xargs runs.
const COMMANDS_MAX: usize = 10_000;

/// A command in another environment (coreutils 9.7).
pub const ENV: Program =
    Program { name: "env", in_sbin: false, run: env, knows: |words| nested(&ENV_OPTIONS.read(words)?.operands) };
/// Where a command lies (debianutils).
pub const WHICH: Program =
    Program { name: "which", in_sbin: false, run: which, knows: |words| WHICH_OPTIONS.know(words) };
/// Commands from input (findutils 4.10).
pub const XARGS: Program =
    Program { name: "xargs", in_sbin: false, run: xargs, knows: |words| nested(&XARGS_OPTIONS.read(words)?.operands) };

fn env(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match ENV_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let mut context = call.context.clone();
    if given.has('i') || given.operands.first() == Some(&"-") {
        context.environment.clear();
    }
    for (letter, value) in &given.options {
        match (letter, value) {
            ('u', Some(name)) => drop(context.environment.remove(*name)),
            ('C', Some(folder)) => match machine.files.resolve(context.user, &context.cwd, folder) {
                Ok(ino) => context.cwd = machine.files.canonical(ino),
                Err(error) => {
                    fail(machine, call, &format!("cannot change directory to {}: {}", quote(folder), error.text()))?;
                    return Ok(125);
                }
            },
            _ => {}
        }
    }
    let mut words = given.operands.iter().copied().skip_while(|word| *word == "-").peekable();
    while let Some((name, value)) = words.next_if(|word| word.contains('=')).and_then(|word| word.split_once('=')) {
        context.environment.insert(name.to_owned(), value.to_owned());
    }
    let command: Vec<String> = words.map(str::to_owned).collect();
    if command.is_empty() {
        let text: String = context.environment.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        return finish(machine, call, text.as_bytes(), 0);
    }
    let call = Call { words: call.words, context: &context };
    match found(machine, &call, &command)? {
        Ok(path) => execute_file(machine, &path, &command, &context),
        Err(status) => Ok(status),
    }
}

fn which(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match WHICH_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    if given.operands.is_empty() {
        return Ok(1);
    }
    let path = call.context.environment.get("PATH").map_or(super::PATH, String::as_str).to_owned();
    let (mut text, mut status) = (String::new(), 0);
    for name in &given.operands {
        let places: Vec<String> = if name.contains('/') {
            vec![(*name).to_owned()]
        } else {
            path.split(':').map(|folder| format!("{folder}/{name}")).collect()
        };
        let mut hits = places.iter().filter(|place| find(machine, call.context, place).is_ok()).peekable();
        if hits.peek().is_none() {
            status = 1;
        }
        for hit in hits.take(if given.has('a') { usize::MAX } else { 1 }) {
            text.push_str(&format!("{hit}\n"));
        }
    }
    if given.has('s') {
        text.clear();
    }
    finish(machine, call, text.as_bytes(), status)
}

/// Words as xargs takes them: blanks part them, quotes and backslashes hold them together; with their line's number.
fn items(text: &str) -> Result<Vec<(usize, String)>, &'static str> {
    let mut items: Vec<(usize, String)> = Vec::new();
    let mut current: Option<String> = None;
    let mut line = 0;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => {
                let word = current.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some(inner) if inner == letter => break,
                        Some('\n') | None if letter == '"' => return Err("double"),
                        Some('\n') | None => return Err("single"),
                        Some(inner) => word.push(inner),
                    }
                }
            }
            '\\' => current.get_or_insert_default().extend(letters.next()),
            ' ' | '\t' | '\n' => {
                items.extend(current.take().map(|word| (line, word)));
                line += usize::from(letter == '\n');
            }
            other => current.get_or_insert_default().push(other),
        }
    }
    items.extend(current.map(|word| (line, word)));
    Ok(items)
}

fn xargs(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let given = match XARGS_OPTIONS.given(machine, call)? {
        Ok(given) => given,
        Err(status) => return Ok(status),
    };
    let bytes = input(machine, call, "-")?.unwrap_or_else(|_| std::sync::Arc::from([]));
    let text = crate::lossy(&bytes);
    let replace = given.value('I');
    let items: Vec<(usize, String)> = if given.has('0') {
        text.split('\0').filter(|item| !item.is_empty()).map(str::to_owned).enumerate().collect()
    } else if replace.is_some() {
        let of = |line: &[u8]| crate::lossy(super::common::chomp(line)).trim_start().to_owned();
        if text.contains(['\'', '"', '\\']) {
            return Err(options::unmodelled(call, "-I with quotes in its input"));
        }
        lines(&bytes).map(of).filter(|line| !line.is_empty()).enumerate().collect()
    } else {
        match items(&text) {
            Ok(items) => items,
            Err(kind) => {
                let message = format!(
                    "unmatched {kind} quote; by default quotes are special to xargs unless you use the -0 option"
                );
                fail(machine, call, &message)?;
                return Ok(1);
            }
        }
    };
    let number = |letter: char| given.value(letter).map(|text| text.parse::<usize>().unwrap_or(0));
    let groups: Vec<Vec<String>> = match (replace, number('n'), number('L')) {
        (None, Some(0), _) | (None, _, Some(0)) => return Err(options::unmodelled(call, "with that number")),
        (Some(_), ..) => items.into_iter().map(|(_, item)| vec![item]).collect(),
        (None, _, Some(number)) => {
            let mut groups: Vec<(usize, Vec<String>)> = Vec::new();
            let mut lines_seen: Vec<usize> = Vec::new();
            for (line, item) in items {
                if lines_seen.last() != Some(&line) {
                    lines_seen.push(line);
                }
                let group = (lines_seen.len() - 1) / number;
                match groups.last_mut() {
                    Some((last, group_items)) if *last == group => group_items.push(item),
                    _ => groups.push((group, vec![item])),
                }
            }
            groups.into_iter().map(|(_, items)| items).collect()
        }
        (None, Some(number), None) => {
            let items: Vec<String> = items.into_iter().map(|(_, item)| item).collect();
            items.chunks(number).map(<[String]>::to_vec).collect()
        }
        (None, None, None) if items.is_empty() => Vec::new(),
        (None, None, None) => vec![items.into_iter().map(|(_, item)| item).collect()],
    };
    let groups = if groups.is_empty() && !given.has('r') && replace.is_none() { vec![Vec::new()] } else { groups };
    if groups.len() > COMMANDS_MAX {
        return Err(Stop::Unable(format!("xargs: more than {COMMANDS_MAX} commands")));
    }
    let base: Vec<String> = if given.operands.is_empty() {
        vec!["echo".to_owned()]
    } else {
        given.operands.iter().map(|word| (*word).to_owned()).collect()
    };
    let mut context = call.context.clone();
    context.io.stdin = Input::Null;
    let mut status = 0;
    for group in groups {
        let words: Vec<String> = match (replace, group.first()) {
            (Some(mark), Some(item)) => base.iter().map(|word| word.replace(mark, item)).collect(),
            _ => base.iter().cloned().chain(group).collect(),
        };
        let name = words.first().map_or("", String::as_str);
        let path = match find(machine, &context, name) {
            Ok(path) => path,
            Err((failed, _)) => {
                let why = if failed == 127 { "No such file or directory" } else { "Permission denied" };
                fail(machine, call, &format!("{name}: {why}"))?;
                return Ok(failed);
            }
        };
        match execute_file(machine, &path, &words, &context)? {
            0 => {}
            255 => {
                fail(machine, call, &format!("{name}: exited with status 255; aborting"))?;
                return Ok(124);
            }
            killed @ (137 | 141 | 143) => {
                fail(machine, call, &format!("{name}: terminated by signal {}", killed - 128))?;
                return Ok(125);
            }
            _ => status = 123,
        }
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use crate::programs::common::tests::{file, machine, run};

    // Expected bytes: coreutils 9.7, debianutils and findutils in the operator host's image.
    #[test]
    fn messages_and_statuses_are_the_real_ones() {
        let mut machine = machine();
        file(&mut machine, "f", b"");
        let unmatched =
            "xargs: unmatched double quote; by default quotes are special to xargs unless you use the -0 option\n";
        let cases: [(&[&str], &str, i32, &str); 21] = [
            (&["env", "nope"], "", 127, "env: 'nope': No such file or directory\n"),
            (&["env", "./f"], "", 126, "env: './f': Permission denied\n"),
            (&["env", "-i", "A=1", "B=2", "env"], "", 0, "A=1\nB=2\n"),
            (&["env", "A=1", "env", "-u", "A", "env"], "", 0, ""),
            (&["env", "-z"], "", 125, "env: invalid option -- 'z'\nTry 'env --help' for more information.\n"),
            (&["which", "nope", "ls"], "", 1, "/usr/bin/ls\n"),
            (&["which", "-a", "ls"], "", 0, "/usr/bin/ls\n/bin/ls\n"),
            (&["which"], "", 1, ""),
            (&["which", "/bin/ls"], "", 0, "/bin/ls\n"),
            (&["xargs", "nope"], "a\n", 127, "xargs: nope: No such file or directory\n"),
            (&["xargs"], "a b c\n", 0, "a b c\n"),
            (&["xargs", "-n1", "echo"], "a b c\n", 0, "a\nb\nc\n"),
            (&["xargs", "-I{}", "echo", "[{}]"], "a\nb c\n", 0, "[a]\n[b c]\n"),
            (&["xargs", "-r", "echo", "x"], "\n", 0, ""),
            (&["xargs", "echo", "x"], "\n", 0, "x\n"),
            (&["xargs", "false"], "a\n", 123, ""),
            (&["xargs", "-0", "echo"], "a\0b", 0, "a b\n"),
            (&["xargs", "-n1", "echo"], "a \"b c\"\n", 0, "a\nb c\n"),
            (&["xargs"], "a \"b\n", 1, unmatched),
            (&["xargs", "-L1", "echo"], "a b\nc\n", 0, "a b\nc\n"),
            (&["xargs", "rm"], "f", 0, ""),
        ];
        for (words, stdin, status, said) in cases {
            assert_eq!(run(&mut machine, words, stdin.as_bytes()), (status, said.to_owned()), "{words:?}");
        }
    }
}
