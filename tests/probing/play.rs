//! Carries a probe's steps out on any host.

use operator_agent::protocol::{CommandReport, Happened, Request};
use rollback_harness::host::HostError;

use super::hosts::Booted;
use super::probe::{Act, Step};

/// Status of a command that was killed at its ceiling; as coreutils' timeout says it.
const TIMED_OUT: i32 = 124;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// As commands do.
    Ended,
    /// The shell ended with it; the next step gets a new one.
    ShellEnded,
    /// It reached its ceiling and was killed with its shell.
    Killed,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepSeen {
    /// How.
    pub over: Over,
    /// `$?`; 124 where it was killed.
    pub exit: i32,
    /// `PIPESTATUS`; empty for what is no command of the operator's shell.
    pub pipe: Vec<i32>,
    /// stdout and stderr.
    pub output: String,
}

/// What the steps came to; the host's refusal where it could not go on with the step after the last one.
#[derive(Debug)]
pub struct Played {
    /// In order.
    pub steps: Vec<StepSeen>,
    /// What the host said of the step that it could not carry out.
    pub refused: Option<String>,
}

/// Plays all steps in one shell of the operator.
pub fn play(host: &mut Booted, folder: Option<&str>, steps: &[Step]) -> Played {
    let mut played = Played { steps: Vec::new(), refused: None };
    let mut open = false;
    for step in steps {
        match one(host, folder, &mut open, step) {
            Ok(seen) => played.steps.push(seen),
            Err(error) => {
                played.refused = Some(error.to_string());
                return played;
            }
        }
    }
    if open && let Err(error) = kill(host) {
        played.refused = Some(error.to_string());
    }
    played
}

fn one(host: &mut Booted, folder: Option<&str>, open: &mut bool, step: &Step) -> Result<StepSeen, HostError> {
    let within_ms = step.within_s * 1000;
    match &step.act {
        Act::Run(text) => {
            host.takes(text)?;
            if !*open {
                let request = Request::OpenShell { folder: folder.map(str::to_owned) };
                host.answer(&request, |what| (*what == Happened::ShellOpened).then_some(()))?;
                *open = true;
            }
            let ended = host.ask(&Request::Run { text: text.clone() }, within_ms, |what| match what {
                Happened::CommandEnded { report } => Some((Over::Ended, report.clone())),
                Happened::ShellEnded { report } => Some((Over::ShellEnded, report.clone())),
                Happened::OutputLimit { .. } => Some((Over::Killed, cut_off())),
                _ => None,
            })?;
            let (over, report) = ended.unwrap_or((Over::Killed, cut_off()));
            *open = over == Over::Ended;
            let output = if over == Over::Killed { kill(host)? } else { report.output };
            Ok(StepSeen { over, exit: report.exit, pipe: report.pipe, output })
        }
        Act::AsRoot(text) => {
            let (exit, output) = host.as_root(text, within_ms)?;
            Ok(StepSeen { over: Over::Ended, exit, pipe: Vec::new(), output })
        }
        Act::WaitUntil(text) => {
            let waiting = format!("until {{ {text}\n}} > /dev/null 2>&1; do sleep 0.05; done");
            let (exit, _) = host.as_root(&waiting, within_ms)?;
            Ok(StepSeen { over: Over::Ended, exit, pipe: Vec::new(), output: String::new() })
        }
    }
}

fn cut_off() -> CommandReport {
    CommandReport {
        exit: TIMED_OUT,
        pipe: Vec::new(),
        output: String::new(),
        output_bytes: 0,
        own_words: false,
        began_us: 0,
        ended_us: 0,
    }
}

/// Kills the shell; what the command in hand had written.
fn kill(host: &mut Booted) -> Result<String, HostError> {
    host.answer(&Request::KillShell, |what| match what {
        Happened::ShellKilled { output, .. } => Some(output.clone()),
        _ => None,
    })
}
