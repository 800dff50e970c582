//! Programs that run another command, which stands in their arguments.

use crate::shell::syntax::Dialect;
use crate::systemd::systemd_run;

/// What a program runs.
pub(super) enum Wrapped<'a> {
    /// A command that begins at this argument, as this user if it is another.
    Command {
        /// Index.
        from: usize,
        /// Name.
        user: Option<&'a str>,
    },
    /// Shell text.
    Text {
        /// Which.
        text: &'a str,
        /// Who reads it.
        dialect: Dialect,
    },
}

/// A program that runs what follows its own arguments.
struct Wrapper {
    name: &'static str,
    /// Options whose value is the next argument.
    with_value: &'static [&'static str],
    /// Operands of its own before the command.
    operands: usize,
    /// `NAME=value` may stand before the command.
    assignments: bool,
    /// Who runs it, if not who called.
    user: Option<&'static str>,
}

const WRAPPERS: [Wrapper; 9] = [
    Wrapper {
        name: "sudo",
        with_value: &[
            "-u",
            "-g",
            "-h",
            "-p",
            "-C",
            "-D",
            "-R",
            "-r",
            "-t",
            "-T",
            "-U",
            "--user",
            "--group",
            "--host",
            "--prompt",
            "--chdir",
            "--chroot",
            "--command-timeout",
        ],
        operands: 0,
        assignments: true,
        user: Some("root"),
    },
    Wrapper { name: "runuser", with_value: &["-u", "-g", "-G"], operands: 0, assignments: false, user: None },
    Wrapper {
        name: "timeout",
        with_value: &["-s", "-k", "--signal", "--kill-after"],
        operands: 1,
        assignments: false,
        user: None,
    },
    Wrapper {
        name: "env",
        with_value: &["-u", "-C", "--unset", "--chdir"],
        operands: 0,
        assignments: true,
        user: None,
    },
    Wrapper { name: "nice", with_value: &["-n", "--adjustment"], operands: 0, assignments: false, user: None },
    Wrapper { name: "nohup", with_value: &[], operands: 0, assignments: false, user: None },
    Wrapper { name: "setsid", with_value: &[], operands: 0, assignments: false, user: None },
    Wrapper {
        name: "stdbuf",
        with_value: &["-i", "-o", "-e", "--input", "--output", "--error"],
        operands: 0,
        assignments: false,
        user: None,
    },
    Wrapper {
        name: "xargs",
        with_value: &["-n", "-I", "-L", "-P", "-d", "-E", "-s", "-a"],
        operands: 0,
        assignments: false,
        user: None,
    },
];

/// What a program runs, if it is one that runs something.
pub(super) fn wrapped<'a>(name: &str, arguments: &[Option<&'a str>]) -> Option<Wrapped<'a>> {
    let name = name.rsplit('/').next().unwrap_or_default();
    match name {
        "bash" => return text(arguments, Dialect::Bash),
        "sh" | "dash" => return text(arguments, Dialect::Dash),
        "systemd-run" => {
            let from = systemd_run::command_at(arguments)?;
            return arguments.get(from).map(|_| Wrapped::Command { from, user: Some("root") });
        }
        _ => {}
    }
    let wrapper = WRAPPERS.iter().find(|wrapper| wrapper.name == name)?;
    let mut user = wrapper.user;
    let mut own_user = None;
    let mut at = 0;
    while let Some(Some(option)) = arguments.get(at).copied().filter(|word| word.is_some_and(|w| w.starts_with('-'))) {
        at += 1;
        if option == "--" {
            break;
        }
        let takes_user = matches!(option, "-u" | "--user") && matches!(name, "sudo" | "runuser");
        if wrapper.with_value.contains(&option) {
            if takes_user {
                own_user = arguments.get(at).copied().flatten();
            }
            at += 1;
        }
    }
    at += wrapper.operands;
    let assigns = |word: Option<&str>| word.is_some_and(|word| word.contains('='));
    while wrapper.assignments && arguments.get(at).is_some_and(|word| assigns(*word)) {
        at += 1;
    }
    if own_user.is_some() {
        user = own_user;
    }
    // `runuser NAME -c text` and a shell of sudo's own are refused by those programs.
    arguments.get(at).map(|_| Wrapped::Command { from: at, user })
}

fn text<'a>(arguments: &[Option<&'a str>], dialect: Dialect) -> Option<Wrapped<'a>> {
    let mut arguments = arguments.iter();
    while let Some(Some(option)) = arguments.next() {
        let letters = option.strip_prefix('-').filter(|letters| !letters.starts_with('-'))?;
        if letters.ends_with('o') {
            arguments.next();
        }
        if letters.contains('c') {
            return arguments.next().copied().flatten().map(|text| Wrapped::Text { text, dialect });
        }
    }
    None
}
