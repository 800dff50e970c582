//! `systemctl status`, as it prints where there is no terminal.

use super::{Invocation, unable};
use crate::Run;
use crate::machine::{EPOCH_UNIX_US, Machine};
use crate::systemd::state::{Outcome, Ran, State, Unit, ended_in_status};
use crate::systemd::stop::base;
use crate::systemd::{journalctl, load, span};
use crate::time::{SECOND, Us};

/// Lines of the journal, unless asked for others.
const LINES: usize = 10;

/// Prints all units of a call.
pub fn run(machine: &mut Machine, said: &Invocation<'_, '_>) -> Run<i32> {
    let lines = match said.said.last("lines") {
        Some(text) => match text.parse() {
            Ok(lines) => lines,
            Err(_) => {
                said.complain(machine, &format!("Failed to parse lines '{text}'"))?;
                return Ok(1);
            }
        },
        None => LINES,
    };
    let format = journalctl::Format::named(said.said.last("output").unwrap_or("short"))
        .ok_or_else(|| unable("this --output= of `status`"))?;
    let mut first_bad = 0;
    for (index, name) in said.units.iter().enumerate() {
        if !load::load(machine, name)? {
            said.complain(machine, &format!("Unit {name} could not be found."))?;
            first_bad = if first_bad == 0 { 4 } else { first_bad };
            continue;
        }
        said.warn_if_changed(machine, name)?;
        let Some(unit) = machine.systemd.units.get(name) else { continue };
        let status = if unit.state.is_active() { 0 } else { 3 };
        first_bad = if first_bad == 0 { status } else { first_bad };
        let mut text = if index > 0 { "\n".to_owned() } else { String::new() };
        head(machine, unit, &mut text);
        if lines > 0 && journalctl::may_read(said.call.context.user) {
            let since = unit.left_inactive.unwrap_or(0);
            let shown: Vec<_> =
                machine.journal.of_unit(name).rev().take_while(|line| line.at >= since).take(lines).collect();
            if !shown.is_empty() {
                text.push('\n');
            }
            for line in shown.into_iter().rev() {
                journalctl::format(line, format, &mut text);
            }
        }
        load::forget(machine, name);
        if let Some(status) = said.print(machine, &text)? {
            return Ok(status);
        }
    }
    Ok(first_bad)
}

fn head(machine: &Machine, unit: &Unit, text: &mut String) {
    let file = &unit.file;
    let field = |text: &mut String, key: &str, value: &str| text.push_str(&format!("{key:>11}: {value}\n"));
    let dot = match unit.state {
        State::Failed => "×",
        State::Dead => "○",
        _ => "●",
    };
    text.push_str(&format!("{dot} {}\n", file.title()));
    let state = load::file_state(machine, &file.name).unwrap_or("bad");
    if file.masked {
        field(text, "Loaded", &format!("masked (Reason: Unit {} is masked.)", file.name));
    } else {
        // Static and transient units have no preset.
        let preset = if matches!(state, "static" | "transient") { "" } else { "; preset: enabled" };
        let path = if unit.transient { format!("/run/systemd/transient/{}", file.name) } else { file.path.clone() };
        field(text, "Loaded", &format!("loaded ({path}; {state}{preset})"));
    }
    if unit.transient {
        field(text, "Transient", "yes");
    }
    field(text, "Active", &active(unit, machine.now));
    if !unit.state.is_active()
        && let (Some(from), Some(until)) = (unit.became_active, unit.left_active)
        && unit.state != State::AutoRestart
        && until >= from
    {
        field(text, "Duration", &span::format((until - from).max(1), 1000));
    }
    if unit.invocation != 0 {
        field(text, "Invocation", &format!("{:032x}", unit.invocation));
    }
    if let Some((first, rest)) = file.documentation.split_first() {
        field(text, "Docs", first);
        for other in rest {
            text.push_str(&format!("{:13}{other}\n", ""));
        }
    }
    for ran in &unit.ran {
        if let Some((how, _)) = ran.ended {
            let line = format!("{} {}={} ({})", ran.pid.0, ran.key, ran.words.join(" "), ended_in_status(how));
            field(text, "Process", &line);
        }
    }
    if let Some(ran) = unit.last_main() {
        let rest = match ran.ended {
            Some((how, _)) => ended_in_status(how),
            None => ran.words.first().map_or("", |path| base(path)).to_owned(),
        };
        field(text, "Main PID", &format!("{} ({rest})", ran.pid.0));
        if unit.cpu_known {
            field(text, "CPU", &span::format(cpu_time(ran, machine.now), 1000));
        }
        if ran.ended.is_none() {
            field(text, "CGroup", &format!("/system.slice/{}", file.name));
            text.push_str(&format!("{:13}└─{} {}\n", "", ran.pid.0, ran.words.join(" ")));
        }
    }
}

/// The CPU time of a run. What processes do is not modelled so finely: a node's is taken, as `systemctl status` told it in
/// container drills (37-65 ms 2 s after its start, 290 ms after 16 s, 550 ms after 38 s), and no more than the run was long.
fn cpu_time(ran: &Ran, now: Us) -> Us {
    const TO_START_US: Us = 20_000;
    const IN_A_SECOND_US: Us = 15_000;
    let lived = ran.ended.map_or(now, |(_, at)| at).saturating_sub(ran.began);
    lived.min(TO_START_US + lived / SECOND * IN_A_SECOND_US).max(1)
}

fn active(unit: &Unit, now: Us) -> String {
    let mut text = format!("{} ({})", unit.state.active(), unit.state.sub());
    if unit.state == State::Failed {
        text = format!("failed (Result: {})", unit.result.word());
    } else if unit.result != Outcome::Success {
        text.push_str(&format!(" (Result: {})", unit.result.word()));
    }
    let since = match unit.state {
        State::Running | State::Exited => unit.became_active,
        State::Dead | State::Failed => unit.became_inactive,
        State::Start | State::AutoRestart => unit.left_inactive,
        State::StopSigterm | State::StopSigkill => unit.left_active,
    };
    if let Some(since) = since {
        let ago = span::ago(now.saturating_sub(since));
        text.push_str(&format!(" since {}; {ago}", span::full(EPOCH_UNIX_US.saturating_add_unsigned(since))));
    }
    text
}
