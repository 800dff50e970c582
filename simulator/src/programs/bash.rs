//! bash, and sh, as programs: a shell of its own for a text or a script.

use super::common::shown;
use super::options::{refuse, unmodelled};
use super::{Call, Program};
use crate::machine::Machine;
use crate::machine::files::Errno;
use crate::shell::syntax::Dialect;
use crate::{Run, shell};

/// bash.
pub const BASH: Program = Program { name: "bash", in_sbin: false, run: bash, knows };
/// Debian's sh is dash.
pub const SH: Program = Program { name: "sh", in_sbin: false, run: bash, knows: knows_sh };

/// What a command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Arguments<'a> {
    /// `set` commands that stand before the text.
    set: String,
    /// -c
    is_text: bool,
    /// The text or the script, if any.
    script: Option<&'a str>,
    /// `$0` (with -c) and what follows.
    rest: Vec<&'a str>,
}

fn parse<'a>(words: &[&'a str]) -> Result<Arguments<'a>, String> {
    let mut arguments = Arguments::default();
    let mut words = words.iter().copied().peekable();
    while let Some(word) = words.next_if(|word| word.len() > 1 && word.starts_with('-')) {
        match word {
            "--" => break,
            "--noprofile" | "--norc" | "--posix" => continue,
            _ => {}
        }
        if word.starts_with("--") {
            return Err(word.to_owned());
        }
        for letter in word.chars().skip(1) {
            match letter {
                'c' => arguments.is_text = true,
                'e' | 'u' | 'f' => arguments.set.push_str(&format!("set -{letter}; ")),
                'o' => match words.next() {
                    Some(name @ ("errexit" | "nounset" | "pipefail" | "noglob")) => {
                        arguments.set.push_str(&format!("set -o {name}; "));
                    }
                    other => return Err(format!("-o {}", other.unwrap_or_default())),
                },
                // From stdin, as without any script.
                's' => {}
                other => return Err(format!("-{other}")),
            }
        }
    }
    arguments.script = words.next();
    arguments.rest = words.collect();
    Ok(arguments)
}

fn knows(words: &[Option<&str>]) -> Result<(), String> {
    knows_as(words, Dialect::Bash)
}

fn knows_sh(words: &[Option<&str>]) -> Result<(), String> {
    knows_as(words, Dialect::Dash)
}

fn knows_as(words: &[Option<&str>], dialect: Dialect) -> Result<(), String> {
    let known: Vec<&str> = words.iter().map(|word| word.unwrap_or("?")).collect();
    let arguments = parse(&known).map_err(|option| format!("the option {option} is not modelled"))?;
    // A text that is written out is looked at now; one that comes later is refused when it comes.
    match arguments.script.filter(|text| arguments.is_text && *text != "?") {
        Some(text) => shell::parse_as(text, dialect).map(drop).map_err(|refused| refused.to_string()),
        None => Ok(()),
    }
}

fn bash(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let words: Vec<&str> = call.arguments().iter().map(String::as_str).collect();
    let arguments = parse(&words).map_err(|option| unmodelled(call, &option))?;
    let own = call.words.first().cloned().unwrap_or_default();
    let is_dash = super::common::name(call) == "sh";
    let dialect = if is_dash { Dialect::Dash } else { Dialect::Bash };
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    if arguments.is_text {
        let Some(text) = arguments.script else {
            let text =
                if is_dash { "sh: 0: -c requires an argument\n" } else { "bash: -c: option requires an argument\n" };
            return refuse(machine, call, text, 2);
        };
        let positional = if arguments.rest.is_empty() { vec![own] } else { owned(&arguments.rest) };
        let text = format!("{}{text}", arguments.set);
        return shell::run_text(machine, &text, (dialect, ""), &positional, call.context);
    }
    let (text, name) = match arguments.script {
        None => (machine.read_all(&call.context.io.stdin), own),
        Some(path) => match machine.files.read(call.context.user, &call.context.cwd, path) {
            Ok(bytes) => (bytes.to_vec(), path.to_owned()),
            Err(error) if is_dash => {
                let why = if error == Errno::NotFound { "No such file" } else { error.text() };
                return refuse(machine, call, &format!("{own}: 0: cannot open {path}: {why}\n"), 2);
            }
            Err(error) => {
                let status = if error == Errno::NotFound { 127 } else { 126 };
                return refuse(machine, call, &format!("{own}: {}: {}\n", shown(path), error.text()), status);
            }
        },
    };
    let mut positional = vec![name];
    positional.extend(owned(&arguments.rest));
    let text = format!("{}{}", arguments.set, crate::lossy(&text));
    shell::run_text(machine, &text, (dialect, ""), &positional, call.context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::common::tests::{machine, run};

    #[test]
    fn command_lines_are_read_as_bash_reads_them() {
        let arguments = parse(&["-ec", "echo $1", "name", "a"]).unwrap();
        assert_eq!((arguments.set.as_str(), arguments.is_text), ("set -e; ", true));
        assert_eq!((arguments.script, arguments.rest), (Some("echo $1"), vec!["name", "a"]));
        let arguments = parse(&["-o", "pipefail", "script", "-x"]).unwrap();
        assert_eq!((arguments.script, arguments.rest), (Some("script"), vec!["-x"]));
        assert_eq!(parse(&["-x", "script"]), Err("-x".into()));
        assert_eq!(parse(&["--login"]), Err("--login".into()));
    }

    // Expected bytes: bash 5.2 in the operator host's image.
    #[test]
    fn what_is_not_there_is_told() {
        let mut machine = machine();
        let said = "bash: nope: No such file or directory\n";
        assert_eq!(run(&mut machine, &["bash", "nope"], b""), (127, said.to_owned()));
        let said = "bash: -c: option requires an argument\n";
        assert_eq!(run(&mut machine, &["bash", "-c"], b""), (2, said.to_owned()));
    }
}
