//! Unit files: what of them is modelled, read as systemd reads it. What is not modelled is refused by name.

use super::span;
use super::words::{specifiers, split};
use crate::machine::files::Ino;
use crate::machine::process::Signal;
use crate::time::{SECOND, Us};

use super::builtin::Builtin;

/// How a service counts as started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// With its fork.
    Simple,
    /// With its exec.
    Exec,
    /// With the end of its commands.
    Oneshot,
    /// When it says so; built-in units only.
    Notify,
}

impl Type {
    /// systemd's word.
    pub fn word(self) -> &'static str {
        match self {
            Type::Simple => "simple",
            Type::Exec => "exec",
            Type::Oneshot => "oneshot",
            Type::Notify => "notify",
        }
    }
}

/// When a service is started again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Never.
    No,
    /// After a clean end.
    OnSuccess,
    /// After any other.
    OnFailure,
    /// After a signal or a timeout.
    OnAbnormal,
    /// After a signal.
    OnAbort,
    /// After any.
    Always,
}

impl Restart {
    const ALL: [(&'static str, Restart); 6] = [
        ("no", Restart::No),
        ("on-success", Restart::OnSuccess),
        ("on-failure", Restart::OnFailure),
        ("on-abnormal", Restart::OnAbnormal),
        ("on-abort", Restart::OnAbort),
        ("always", Restart::Always),
    ];

    /// systemd's word.
    pub fn word(self) -> &'static str {
        Restart::ALL.iter().find(|(_, policy)| *policy == self).map_or("no", |(word, _)| word)
    }
}

/// A command of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The executable's absolute path, then arguments; variables not yet replaced.
    pub words: Vec<String>,
    /// `-` in front: its failure is none.
    pub may_fail: bool,
}

/// A file of variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentFile {
    /// Absolute.
    pub path: String,
    /// `-` in front: it need not be there.
    pub may_lack: bool,
}

/// A unit as its files say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitFile {
    /// With its suffix.
    pub name: String,
    /// Where it lies.
    pub path: String,
    /// The inodes that it was read from and their times, to see whether they changed.
    pub read_from: Vec<(Ino, Us)>,
    /// Its name leads to /dev/null.
    pub masked: bool,
    /// One whose work is modelled and not run.
    pub builtin: Option<Builtin>,
    /// `Description=`
    pub description: String,
    /// `Documentation=`
    pub documentation: Vec<String>,
    /// `After=`
    pub after: Vec<String>,
    /// `Requires=`
    pub requires: Vec<String>,
    /// `Wants=`
    pub wants: Vec<String>,
    /// `WantedBy=`
    pub wanted_by: Vec<String>,
    /// `StartLimitIntervalSec=`, microseconds.
    pub limit_interval: Us,
    /// `StartLimitBurst=`
    pub limit_burst: u32,
    /// `Type=`
    pub kind: Type,
    /// `User=`; root if empty.
    pub user: String,
    /// `WorkingDirectory=`; / if empty.
    pub folder: String,
    /// `Environment=`
    pub environment: Vec<(String, String)>,
    /// `EnvironmentFile=`
    pub environment_files: Vec<EnvironmentFile>,
    /// `ExecStartPre=`
    pub start_pre: Vec<Command>,
    /// `ExecStart=`
    pub start: Vec<Command>,
    /// `RemainAfterExit=`
    pub remain: bool,
    /// `Restart=`
    pub restart: Restart,
    /// `RestartSec=`, microseconds.
    pub restart_after: Us,
    /// `TimeoutStartSec=`, microseconds; `None` as long as nothing is said.
    pub start_timeout: Option<Us>,
    /// `TimeoutStopSec=`, microseconds.
    pub stop_timeout: Us,
    /// `KillSignal=`
    pub kill_signal: Signal,
}

impl UnitFile {
    /// A unit of which nothing is said yet; the figures are systemd's own.
    pub fn empty(name: &str, path: &str) -> UnitFile {
        UnitFile {
            name: name.to_owned(),
            path: path.to_owned(),
            read_from: Vec::new(),
            masked: false,
            builtin: None,
            description: String::new(),
            documentation: Vec::new(),
            after: Vec::new(),
            requires: Vec::new(),
            wants: Vec::new(),
            wanted_by: Vec::new(),
            limit_interval: 10 * SECOND,
            limit_burst: 5,
            kind: Type::Simple,
            user: String::new(),
            folder: String::new(),
            environment: Vec::new(),
            environment_files: Vec::new(),
            start_pre: Vec::new(),
            start: Vec::new(),
            remain: false,
            restart: Restart::No,
            restart_after: 100_000,
            start_timeout: None,
            stop_timeout: 90 * SECOND,
            kill_signal: Signal::Term,
        }
    }

    /// How the journal and `systemctl` call it: `NAME - DESCRIPTION`.
    pub fn title(&self) -> String {
        if self.description.is_empty() { self.name.clone() } else { format!("{} - {}", self.name, self.description) }
    }

    /// Until when its start has to be over: a oneshot has no end by itself.
    pub fn start_within(&self) -> Us {
        self.start_timeout.unwrap_or(if self.kind == Type::Oneshot { Us::MAX } else { 90 * SECOND })
    }

    /// Takes a file's text in: the unit's own, or a drop-in's after it.
    ///
    /// # Errors
    /// The line, and what of it is not modelled.
    pub fn read(&mut self, path: &str, text: &str) -> Result<(), String> {
        let mut section = String::new();
        for (number, line) in logical_lines(text) {
            let refuse = |what: String| format!("{path}:{number}: {what} is not modelled; use --host container");
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                if !matches!(name, "Unit" | "Service" | "Install") {
                    return Err(refuse(format!("the section [{name}]")));
                }
                section = name.to_owned();
                continue;
            }
            let Some((key, value)) = line.split_once('=') else { return Err(refuse(format!("the line `{line}`"))) };
            let (key, value) = (key.trim(), value.trim());
            let value = specifiers(value, &self.name).map_err(refuse)?;
            let taken = match section.as_str() {
                "Unit" => self.unit_key(key, &value),
                "Service" => self.service_key(key, &value),
                "Install" => self.install_key(key, &value),
                _ => Err("a key outside a section".to_owned()),
            };
            taken.map_err(|what| refuse(format!("{what} ({key}={value})")))?;
        }
        Ok(())
    }

    /// What cannot be seen by one key alone.
    ///
    /// # Errors
    /// What is not modelled.
    pub fn check(&self) -> Result<(), String> {
        let refuse = |what: &str| Err(format!("{}: {what} is not modelled; use --host container", self.path));
        if self.start.is_empty() {
            return refuse("a service without ExecStart=");
        }
        if self.kind != Type::Oneshot && self.start.len() > 1 {
            return refuse("more than one ExecStart= of a service that is no oneshot");
        }
        if self.restart != Restart::No && (self.kind == Type::Oneshot || !self.start_pre.is_empty()) {
            return refuse("Restart= of a oneshot or beside ExecStartPre=");
        }
        Ok(())
    }

    fn unit_key(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "Description" => value.clone_into(&mut self.description),
            "Documentation" => list(&mut self.documentation, value),
            "After" => list(&mut self.after, value),
            "Requires" => list(&mut self.requires, value),
            "Wants" => list(&mut self.wants, value),
            // What it says of others' order is theirs to wait for; none of them is modelled beside this one.
            "Before" => {}
            "StartLimitIntervalSec" | "StartLimitInterval" => self.limit_interval = seconds(value)?,
            "StartLimitBurst" => self.limit_burst = value.parse().map_err(|_| "this number".to_owned())?,
            _ => return Err("a key of [Unit]".to_owned()),
        }
        Ok(())
    }

    fn service_key(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "Type" => {
                self.kind = match value {
                    "simple" => Type::Simple,
                    "exec" => Type::Exec,
                    "oneshot" => Type::Oneshot,
                    _ => return Err("this type".to_owned()),
                }
            }
            "User" => value.clone_into(&mut self.user),
            "Group" if value == self.user => {}
            "WorkingDirectory" if value.is_empty() || value.starts_with('/') => value.clone_into(&mut self.folder),
            "Environment" => {
                if value.is_empty() {
                    self.environment.clear();
                }
                for word in split(value)? {
                    let (name, value) = word.split_once('=').ok_or("a word without =")?;
                    self.environment.push((name.to_owned(), value.to_owned()));
                }
            }
            "EnvironmentFile" => {
                if value.is_empty() {
                    self.environment_files.clear();
                } else {
                    let (path, may_lack) = value.strip_prefix('-').map_or((value, false), |path| (path, true));
                    if !path.starts_with('/') || path.contains(['*', '?', '[']) {
                        return Err("a path that is not absolute, or a pattern".to_owned());
                    }
                    self.environment_files.push(EnvironmentFile { path: path.to_owned(), may_lack });
                }
            }
            "ExecStart" => commands(&mut self.start, value)?,
            "ExecStartPre" => commands(&mut self.start_pre, value)?,
            "RemainAfterExit" => self.remain = boolean(value)?,
            "Restart" => {
                let known = Restart::ALL.iter().find(|(word, _)| *word == value);
                self.restart = known.map(|(_, policy)| *policy).ok_or("this policy")?;
            }
            "RestartSec" => self.restart_after = seconds(value)?,
            "TimeoutStartSec" => self.start_timeout = Some(timeout(value)?),
            "TimeoutStopSec" => self.stop_timeout = timeout(value)?,
            "TimeoutSec" => (self.start_timeout, self.stop_timeout) = (Some(timeout(value)?), timeout(value)?),
            "KillSignal" => {
                self.kill_signal = match value {
                    "SIGTERM" | "15" => Signal::Term,
                    "SIGINT" | "2" => Signal::Int,
                    "SIGKILL" | "9" => Signal::Kill,
                    _ => return Err("this signal".to_owned()),
                }
            }
            "StandardOutput" | "StandardError" if value == "journal" || value == "inherit" => {}
            // Before systemd 230 these stood here, and may still.
            "StartLimitBurst" | "StartLimitInterval" => return self.unit_key(key, value),
            _ => return Err("a key or value of [Service]".to_owned()),
        }
        Ok(())
    }

    fn install_key(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "WantedBy" => list(&mut self.wanted_by, value),
            _ => return Err("a key of [Install]".to_owned()),
        }
        Ok(())
    }
}

/// Lines with those that a backslash carries on joined to them; comments and blank lines left out; 1-based.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut out: Vec<(usize, String)> = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let stripped = line.trim_start();
        if stripped.starts_with(['#', ';']) || (open.is_none() && stripped.is_empty()) {
            continue;
        }
        let (number, mut joined) = open.take().unwrap_or((index + 1, String::new()));
        match line.strip_suffix('\\') {
            Some(part) => {
                joined.push_str(part);
                joined.push(' ');
                open = Some((number, joined));
            }
            None => {
                joined.push_str(line);
                out.push((number, joined.trim().to_owned()));
            }
        }
    }
    out.extend(open.map(|(number, joined)| (number, joined.trim().to_owned())));
    out
}

fn list(into: &mut Vec<String>, value: &str) {
    if value.is_empty() {
        into.clear();
    }
    into.extend(value.split_whitespace().map(str::to_owned));
}

fn commands(into: &mut Vec<Command>, value: &str) -> Result<(), String> {
    if value.is_empty() {
        into.clear();
        return Ok(());
    }
    let (text, may_fail) = value.strip_prefix('-').map_or((value, false), |text| (text, true));
    let words = split(text)?;
    match words.first() {
        Some(path) if path.starts_with('/') => {}
        _ => return Err("a command without an absolute path, or with a prefix other than -".to_owned()),
    }
    if words.iter().any(|word| word == ";") {
        return Err("more than one command in a line".to_owned());
    }
    into.push(Command { words, may_fail });
    Ok(())
}

fn boolean(value: &str) -> Result<bool, String> {
    match value {
        "yes" | "true" | "on" | "1" => Ok(true),
        "no" | "false" | "off" | "0" => Ok(false),
        _ => Err("this value".to_owned()),
    }
}

fn seconds(value: &str) -> Result<Us, String> {
    span::parse(value, Some(SECOND)).ok_or_else(|| "this span".to_owned())
}

/// 0 is no timeout.
fn timeout(value: &str) -> Result<Us, String> {
    seconds(value).map(|us| if us == 0 { Us::MAX } else { us })
}
