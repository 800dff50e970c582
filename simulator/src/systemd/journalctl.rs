//! journalctl (systemd 257): the journal of the machine, by unit and time.

use std::sync::Arc;

use super::options::{self, Known, Value, Wrong, flag, other, with};
use super::{HOST, load, span};
use crate::machine::journal::Line;
use crate::machine::users::{self, ROOT, Uid};
use crate::machine::{EPOCH_UNIX_US, Machine};
use crate::programs::{Call, Program, complain, print, write_failed};
use crate::{Run, Stop};

/// journalctl.
pub const PROGRAM: Program = Program { name: "journalctl", in_sbin: false, run, knows };

const OPTIONS: &[Known] = &[
    with("unit", Some('u')),
    with("since", Some('S')),
    with("until", Some('U')),
    with("output", Some('o')),
    Known { long: "lines", short: Some('n'), value: Value::Optional, modelled: true },
    Known { long: "boot", short: Some('b'), value: Value::Optional, modelled: true },
    flag("follow", Some('f')),
    flag("no-tail", None),
    flag("reverse", Some('r')),
    flag("quiet", Some('q')),
    flag("no-pager", None),
    flag("no-full", None),
    flag("full", Some('l')),
    flag("all", Some('a')),
    flag("utc", None),
    flag("no-hostname", None),
    flag("pager-end", Some('e')),
    flag("system", None),
    other("after-cursor", None),
    other("case-sensitive", None),
    other("catalog", Some('x')),
    other("cursor", Some('c')),
    other("cursor-file", None),
    other("directory", Some('D')),
    other("disk-usage", None),
    other("dmesg", Some('k')),
    other("dump-catalog", None),
    other("exclude-identifier", Some('T')),
    other("facility", None),
    other("field", Some('F')),
    other("fields", Some('N')),
    other("file", Some('i')),
    other("flush", None),
    other("force", None),
    other("grep", Some('g')),
    other("header", None),
    other("help", Some('h')),
    other("identifier", Some('t')),
    other("image", None),
    other("invocation", None),
    other("list-boots", None),
    other("list-catalog", None),
    other("list-invocations", None),
    other("list-namespaces", None),
    other("machine", Some('M')),
    other("merge", Some('m')),
    other("namespace", None),
    other("output-fields", None),
    other("priority", Some('p')),
    other("relinquish-var", None),
    other("root", None),
    other("rotate", None),
    other("setup-keys", None),
    other("show-cursor", None),
    other("smart-relinquish-var", None),
    other("sync", None),
    other("this-boot", None),
    other("truncate-newline", Some('W')),
    other("update-catalog", None),
    other("user", None),
    other("user-unit", None),
    other("vacuum-files", None),
    other("vacuum-size", None),
    other("vacuum-time", None),
    other("verify", None),
    other("verify-key", None),
    other("version", None),
];

/// How a line is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `Nov 24 22:17:56 HOST NAME[PID]: TEXT`
    Short,
    /// With microseconds.
    ShortPrecise,
    /// `2026-11-24T22:17:56+00:00 …`
    ShortIso,
    /// With microseconds.
    ShortIsoPrecise,
    /// `Tue 2026-11-24 22:17:56 UTC …`
    ShortFull,
    /// Seconds since 1970.
    ShortUnix,
    /// The text alone.
    Cat,
}

impl Format {
    /// By its name, if it is modelled.
    pub fn named(name: &str) -> Option<Format> {
        Some(match name {
            "short" => Format::Short,
            "short-precise" => Format::ShortPrecise,
            "short-iso" => Format::ShortIso,
            "short-iso-precise" => Format::ShortIsoPrecise,
            "short-full" => Format::ShortFull,
            "short-unix" => Format::ShortUnix,
            "cat" => Format::Cat,
            _ => return None,
        })
    }
}

/// Formats that journalctl has and the simulator does not know.
const OTHER_FORMATS: &[&str] = &[
    "short-monotonic",
    "short-delta",
    "verbose",
    "export",
    "json",
    "json-pretty",
    "json-sse",
    "json-seq",
    "with-unit",
    "help",
];

/// Whether a user may read what the manager and others wrote.
pub fn may_read(user: Uid) -> bool {
    user == ROOT || users::in_group(user, "adm") || users::in_group(user, "systemd-journal")
}

/// Appends a line as it is printed.
pub fn format(line: &Line, format: Format, text: &mut String) {
    if format == Format::Cat {
        text.push_str(&line.text);
        text.push('\n');
        return;
    }
    let unix = EPOCH_UNIX_US.saturating_add_unsigned(line.at);
    moment(unix, format, text);
    let writer = &line.writer;
    text.extend([" ", HOST, " ", &writer.identifier, "["]);
    padded(text, writer.pid.into(), 1);
    text.extend(["]: ", &line.text, "\n"]);
}

/// Appends a time as it stands before a line. A drill shows a hundred lines, so none of it goes through the formatter.
fn moment(unix: i64, format: Format, text: &mut String) {
    let time = span::civil(unix);
    let two = |text: &mut String, number: i8| padded(text, number.into(), 2);
    let clock = |text: &mut String| {
        two(text, time.hour());
        text.push(':');
        two(text, time.minute());
        text.push(':');
        two(text, time.second());
    };
    let fraction = |text: &mut String| {
        text.push('.');
        padded(text, unix.rem_euclid(1_000_000), 6);
    };
    match format {
        Format::Short | Format::ShortPrecise => {
            text.extend([span::names(time).1, " "]);
            two(text, time.day());
            text.push(' ');
            clock(text);
            if format == Format::ShortPrecise {
                fraction(text);
            }
        }
        Format::ShortIso | Format::ShortIsoPrecise => {
            padded(text, time.year().into(), 4);
            text.push('-');
            two(text, time.month());
            text.push('-');
            two(text, time.day());
            text.push('T');
            clock(text);
            if format == Format::ShortIsoPrecise {
                fraction(text);
            }
            text.push_str("+00:00");
        }
        Format::ShortFull => text.push_str(&span::full(unix)),
        Format::ShortUnix => {
            padded(text, unix.div_euclid(1_000_000), 1);
            fraction(text);
        }
        Format::Cat => {}
    }
}

/// A number, with zeros in front of it up to so many digits, 20 at the most.
fn padded(text: &mut String, number: i64, width: usize) {
    let mut digits = [b'0'; 20];
    let (mut place, mut left) = (digits.len(), number.unsigned_abs());
    while let Some(digit) = place.checked_sub(1).and_then(|last| digits.get_mut(last)) {
        *digit += u8::try_from(left % 10).unwrap_or(0);
        (place, left) = (place - 1, left / 10);
        if left == 0 {
            break;
        }
    }
    if number < 0 {
        text.push('-');
    }
    let from = place.min(digits.len().saturating_sub(width));
    text.push_str(digits.get(from..).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default());
}

fn run(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    let us = machine.calibration.systemd.journalctl_us;
    let us = machine.about(us);
    machine.spend(us)?;
    let refuse = |machine: &mut Machine, line: &str| -> Run<i32> {
        complain(machine, call.context, &format!("{line}\n"))?;
        Ok(1)
    };
    // `-n` takes the next word too, if it is a number or `all`.
    let words = joined_lines(call.arguments());
    let said = match options::parse(OPTIONS, &words) {
        Ok(said) => said,
        Err(Wrong::Tool(what)) => return refuse(machine, &format!("journalctl: {what}")),
        Err(Wrong::Unknown(what)) => return Err(unable(&what)),
    };
    if said.has("no-hostname") {
        return Err(unable("--no-hostname"));
    }
    let name = said.last("output").unwrap_or("short");
    let Some(shown_as) = Format::named(name) else {
        if OTHER_FORMATS.contains(&name) {
            return Err(unable(&format!("the format {name}")));
        }
        return refuse(machine, &format!("Unknown output format '{name}'."));
    };
    if let Some(boot) = said.last("boot").filter(|boot| !matches!(*boot, "" | "0" | "-0" | "all")) {
        return Err(unable(&format!("the boot {boot}")));
    }
    let follows = said.has("follow");
    if follows && said.has("reverse") {
        return refuse(machine, "Please specify either --reverse or --follow, not both.");
    }
    let now = machine.unix_us();
    let mut limits = [None, None];
    for (limit, option) in limits.iter_mut().zip(["since", "until"]) {
        if let Some(text) = said.last(option) {
            *limit = span::moment(text, now);
            if limit.is_none() {
                return refuse(machine, &format!("Failed to parse timestamp: {text}"));
            }
        }
    }
    let [since, until] = limits;
    if let (Some(since), Some(until)) = (since, until)
        && since > until
    {
        return refuse(machine, "--since= must be before --until=.");
    }
    let most = match said.last("lines") {
        Some("all") => usize::MAX,
        Some("") => 10,
        Some(text) => match text.parse() {
            Ok(lines) => lines,
            Err(_) if text.starts_with('+') => return Err(unable("--lines=+…")),
            Err(_) => return refuse(machine, &format!("Failed to parse lines '{text}'")),
        },
        None if said.has("pager-end") => 1000,
        None if follows && !said.has("no-tail") => 10,
        None => usize::MAX,
    };
    if let Some(word) = said.words.first() {
        if word.contains('=') || word.starts_with('/') {
            return Err(unable(&format!("the match {word}")));
        }
        return refuse(machine, &format!("Failed to add match '{word}': Invalid argument"));
    }
    let units: Vec<String> = said.all("unit").map(load::unit_name).collect();
    if let Some(pattern) = units.iter().find(|unit| unit.contains(['*', '?', '['])) {
        return Err(unable(&format!("the pattern {pattern}")));
    }
    let quiet = said.has("quiet");
    if !may_read(call.context.user) {
        if !quiet {
            let hint = "Hint: You are currently not seeing messages from other users and the system.
      Users in groups 'adm', 'systemd-journal' can see all messages.
      Pass -q to turn off this notice.\n";
            complain(machine, call.context, hint)?;
        }
        return refuse(machine, "No journal files were opened due to insufficient permissions.");
    }
    let mut seen = machine.journal.written;
    let text = selected(machine, &units, (since, until), most, said.has("reverse"), shown_as);
    let text = if text.is_empty() && !quiet && !follows { "-- No entries --\n".to_owned() } else { text };
    if let Err(failure) = print(machine, call.context, text.as_bytes())? {
        return write_failed(machine, call, failure);
    }
    if !follows {
        return Ok(0);
    }
    // Without an end of its own: the strand's deadline, or a reader that goes, ends it.
    loop {
        machine.step()?;
        let new = usize::try_from(machine.journal.written - seen).unwrap_or(usize::MAX);
        if new == 0 {
            continue;
        }
        seen = machine.journal.written;
        let mut text = String::new();
        let from = machine.journal.lines.len().saturating_sub(new);
        for line in machine.journal.lines.range(from..) {
            if units.is_empty() || units.contains(&line.writer.unit) {
                format(line, shown_as, &mut text);
            }
        }
        if let Err(failure) = print(machine, call.context, text.as_bytes())? {
            return write_failed(machine, call, failure);
        }
    }
}

fn selected(
    machine: &Machine,
    units: &[String],
    (since, until): (Option<i64>, Option<i64>),
    most: usize,
    reverse: bool,
    shown_as: Format,
) -> String {
    let unix = |line: &Line| EPOCH_UNIX_US.saturating_add_unsigned(line.at);
    let wanted = |line: &&Line| {
        (units.is_empty() || units.contains(&line.writer.unit))
            && since.is_none_or(|since| unix(line) >= since)
            && until.is_none_or(|until| unix(line) <= until)
    };
    let mut lines: Vec<&Line> = machine.journal.lines.iter().map(Arc::as_ref).rev().filter(wanted).take(most).collect();
    if !reverse {
        lines.reverse();
    }
    let mut text = String::new();
    for line in lines {
        format(line, shown_as, &mut text);
    }
    text
}

/// `-n 5` as `-n5`: getopt itself would not take the next word for an optional value, journalctl does.
fn joined_lines(arguments: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::with_capacity(arguments.len());
    for word in arguments {
        let takes = out.last().is_some_and(|last| {
            last == "--lines" || (last.starts_with('-') && !last.starts_with("--") && last.ends_with('n'))
        });
        let is_value = word == "all" || (!word.is_empty() && word.chars().all(|c| c.is_ascii_digit()));
        match out.last_mut() {
            Some(last) if takes && is_value => {
                if last == "--lines" {
                    last.push('=');
                }
                last.push_str(word);
            }
            _ => out.push(word.clone()),
        }
    }
    out
}

fn unable(what: &str) -> Stop {
    Stop::Unable(format!("journalctl: {what} is not modelled; use --host container"))
}

fn knows(arguments: &[Option<&str>]) -> Result<(), String> {
    let said = options::check(OPTIONS, arguments)?;
    match said.last("output") {
        Some(name) if OTHER_FORMATS.contains(&name) => Err(format!("journalctl's format {name}")),
        _ => Ok(()),
    }
}
