//! cd, pwd, umask.

use super::not_modelled;
use crate::machine::Machine;
use crate::machine::files::{Access, Errno, Kind};
use crate::shell::Shell;
use crate::shell::run::Step;
use crate::shell::syntax::Dialect;

/// `cd [-L|-P] [folder]`
pub(super) fn change(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let mut physical = false;
    let mut operands = words.get(1..).unwrap_or_default();
    while let Some((first, rest)) = operands.split_first() {
        match first.as_str() {
            "-L" => physical = false,
            "-P" => physical = true,
            "--" => {
                operands = rest;
                break;
            }
            "-" => break,
            other if other.starts_with('-') => return not_modelled("cd", other),
            _ => break,
        }
        operands = rest;
    }
    if operands.len() > 1 && shell.dialect == Dialect::Bash {
        shell.complain(machine, "cd: too many arguments")?;
        return Ok(1);
    }
    let wanted = match operands.first().map(String::as_str) {
        None => match shell.variable("HOME").map(str::to_owned) {
            Some(home) => home,
            None => {
                shell.complain(machine, "cd: HOME not set")?;
                return Ok(1);
            }
        },
        Some("-") => match shell.variable("OLDPWD").map(str::to_owned) {
            Some(before) => {
                shell.say(machine, "cd", format!("{before}\n").as_bytes())?;
                before
            }
            None => {
                shell.complain(machine, "cd: OLDPWD not set")?;
                return Ok(1);
            }
        },
        Some("") => return Ok(0),
        Some(folder) => folder.to_owned(),
    };
    if shell.variable("CDPATH").is_some_and(|path| !path.is_empty()) {
        return not_modelled("cd", "with CDPATH");
    }
    let user = shell.context.user;
    let entered =
        machine.files.resolve(user, &shell.context.cwd, &wanted).and_then(|ino| match machine.files.inode(ino).kind {
            Kind::Folder(_) if machine.files.may(user, ino, Access::Execute) => Ok(ino),
            Kind::Folder(_) => Err(Errno::PermissionDenied),
            _ => Err(Errno::NotADirectory),
        });
    match entered {
        Ok(ino) => {
            let cwd = if physical { machine.files.canonical(ino) } else { logical(&shell.context.cwd, &wanted) };
            let before = std::mem::replace(&mut shell.context.cwd, cwd.clone());
            shell.assign("OLDPWD", before);
            shell.assign("PWD", cwd);
            Ok(0)
        }
        Err(error) => {
            let what = match shell.dialect {
                Dialect::Bash => format!("cd: {wanted}: {}", error.text()),
                Dialect::Dash => format!("cd: can't cd to {wanted}"),
            };
            shell.complain(machine, &what)?;
            Ok(if shell.dialect == Dialect::Bash { 1 } else { 2 })
        }
    }
}

/// A path without `.` and `..`, links not looked at.
fn logical(cwd: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let begin = if path.starts_with('/') { "" } else { cwd };
    for part in begin.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// `pwd [-L|-P]`
pub(super) fn print(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    let physical = match words.get(1).map(String::as_str) {
        Some("-P") => true,
        Some(other) if other.starts_with('-') && other != "-L" => return not_modelled("pwd", other),
        _ => false,
    };
    let mut path = shell.context.cwd.clone();
    if physical && let Ok(ino) = machine.files.resolve(shell.context.user, "/", &path) {
        path = machine.files.canonical(ino);
    }
    path.push('\n');
    shell.say(machine, "pwd", path.as_bytes())
}

/// `umask [mode]`
pub(super) fn mask(shell: &mut Shell, machine: &mut Machine, words: &[String]) -> Step<i32> {
    match words.get(1).map(String::as_str) {
        None => {
            let line = format!("{:04o}\n", shell.context.umask);
            shell.say(machine, "umask", line.as_bytes())
        }
        Some(mode) => match u32::from_str_radix(mode, 8) {
            Ok(mask) if mask <= 0o777 => {
                shell.context.umask = mask;
                Ok(0)
            }
            Ok(_) => {
                shell.complain(machine, &format!("umask: {mode}: octal number out of range"))?;
                Ok(1)
            }
            Err(_) if mode.bytes().all(|byte| byte.is_ascii_digit()) => {
                shell.complain(machine, &format!("umask: {mode}: octal number out of range"))?;
                Ok(1)
            }
            Err(_) => not_modelled("umask", mode),
        },
    }
}
