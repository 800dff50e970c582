//! Redirections.

use super::Step;
use crate::Stop;
use crate::machine::Machine;
use crate::machine::files::{Errno, Kind, OpenMode};
use crate::machine::io::{Input, Io, OpenFile, Output};
use crate::shell::Shell;
use crate::shell::syntax::{Dialect, Redirect, Target, Word};

impl Shell {
    /// Streams after these redirections, or the status of the one that fails.
    pub(super) fn opened(&mut self, machine: &mut Machine, redirects: &[Redirect]) -> Step<Result<Io, i32>> {
        let mut io = self.context.io.clone();
        for redirect in redirects {
            let output = match &redirect.target {
                Target::Same(0) => continue,
                Target::Same(other) => {
                    if *other == 1 {
                        io.stdout.clone()
                    } else {
                        io.stderr.clone()
                    }
                }
                Target::Here(word) => {
                    let text = self.text(machine, word)?;
                    io.stdin = machine.input(text.into_bytes());
                    continue;
                }
                Target::Read(word) => {
                    let path = match self.target_path(machine, word, redirect)? {
                        Ok(path) => path,
                        Err(status) => return Ok(Err(status)),
                    };
                    match path.as_str() {
                        "/dev/null" => io.stdin = Input::Null,
                        "/dev/stdin" => {}
                        path => match machine.files.read(self.context.user, &self.context.cwd, path) {
                            Ok(bytes) => io.stdin = machine.input(bytes),
                            // A folder can be opened; reading from it fails in the command.
                            Err(Errno::IsADirectory) => {
                                let what = format!("a folder ({path}) as a command's input");
                                return Err(Stop::Unable(what).into());
                            }
                            Err(error) => return Ok(Err(self.not_opened(machine, path, error, false)?)),
                        },
                    }
                    continue;
                }
                Target::Truncate(word) | Target::Both(word) => {
                    match self.written(machine, word, redirect, OpenMode::Truncate, &io)? {
                        Ok(output) => output,
                        Err(status) => return Ok(Err(status)),
                    }
                }
                Target::Append(word) | Target::BothAppend(word) => {
                    match self.written(machine, word, redirect, OpenMode::Append, &io)? {
                        Ok(output) => output,
                        Err(status) => return Ok(Err(status)),
                    }
                }
            };
            if matches!(redirect.target, Target::Both(_) | Target::BothAppend(_)) {
                io.stderr = output.clone();
                io.stdout = output;
            } else if redirect.descriptor == 2 {
                io.stderr = output;
            } else {
                io.stdout = output;
            }
        }
        Ok(Ok(io))
    }

    /// The one path that a redirection's word stands for.
    pub(in crate::shell) fn target_path(
        &mut self,
        machine: &mut Machine,
        word: &Word,
        redirect: &Redirect,
    ) -> Step<Result<String, i32>> {
        // dash splits nothing here.
        if self.dialect == Dialect::Dash {
            return Ok(Ok(self.text(machine, word)?));
        }
        let mut fields = self.fields(machine, std::slice::from_ref(word))?;
        match (fields.pop(), fields.is_empty()) {
            (Some(path), true) => {
                if path.starts_with("/dev/tcp/") || path.starts_with("/dev/udp/") || path.starts_with("/dev/fd/") {
                    return Err(Stop::Unable(format!("{path} as the target of a redirection")).into());
                }
                Ok(Ok(path))
            }
            _ => {
                self.complain(machine, &format!("{}: ambiguous redirect", redirect.text))?;
                Ok(Err(1))
            }
        }
    }

    fn written(
        &mut self,
        machine: &mut Machine,
        word: &Word,
        redirect: &Redirect,
        mode: OpenMode,
        io: &Io,
    ) -> Step<Result<Output, i32>> {
        let path = match self.target_path(machine, word, redirect)? {
            Ok(path) => path,
            Err(status) => return Ok(Err(status)),
        };
        match path.as_str() {
            "/dev/null" => return Ok(Ok(Output::Null)),
            "/dev/full" => return Ok(Ok(Output::Full)),
            "/dev/stdout" => return Ok(Ok(io.stdout.clone())),
            "/dev/stderr" => return Ok(Ok(io.stderr.clone())),
            _ => {}
        }
        let (user, umask, now) = (self.context.user, self.context.umask, machine.now);
        match machine.files.open(user, &self.context.cwd, &path, mode, (umask, now)) {
            Ok(ino) if matches!(machine.files.inode(ino).kind, Kind::Null) => Ok(Ok(Output::Null)),
            Ok(ino) => {
                machine.streams.files.push(OpenFile { ino, position: 0, mode });
                Ok(Ok(Output::File(machine.streams.files.len() - 1)))
            }
            Err(error) => Ok(Err(self.not_opened(machine, &path, error, true)?)),
        }
    }

    fn not_opened(&mut self, machine: &mut Machine, path: &str, error: Errno, writing: bool) -> Step<i32> {
        match self.dialect {
            Dialect::Bash => {
                self.complain(machine, &format!("{path}: {}", error.text()))?;
                Ok(1)
            }
            Dialect::Dash => {
                let verb = if writing { "create" } else { "open" };
                let why = match error {
                    Errno::NotFound if writing => "Directory nonexistent",
                    Errno::NotFound => "No such file",
                    other => other.text(),
                };
                self.complain(machine, &format!("cannot {verb} {path}: {why}"))?;
                Ok(2)
            }
        }
    }
}
