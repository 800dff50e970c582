//! Faults that begin in the middle of a drill: brought about by the host as root between two commands, and written down.

use operator_agent::protocol::{Happened, Request};

use crate::drive::desk::Desk;
use crate::drive::{Drill, DriveError};
use crate::history::What;
use crate::history::words::printable;
use crate::procedure::Command;
use crate::scenario::Moment;

/// One command that brings a fault about, milliseconds: as before a drill.
const COMMAND_MS: u64 = 20_000;

/// A fault that is not there from the beginning on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// Its id.
    pub fault: String,
    /// How it is brought about, for a person.
    pub how: String,
    /// When.
    pub at: Moment,
    /// What is run as root then, in order.
    pub commands: Vec<String>,
}

impl Desk<'_> {
    /// Brings about what begins before this command, in the order in which the scenario declares it. A fault whose moment never
    /// comes is never brought about, and the History says nothing of it.
    pub(super) fn begin_faults(&mut self, drill: &Drill<'_>, command: &Command) -> Result<(), DriveError> {
        for (index, later) in drill.later.iter().enumerate() {
            let Moment::Before(class) = later.at;
            if !command.is(class) || !self.begun.insert(index) {
                continue;
            }
            // What it does can be seen before the last of its commands is over, and has to come behind this.
            let (fault, how, at) = (later.fault.clone(), later.how.clone(), Some(later.at));
            self.write(What::FaultApplied { fault, how, at })?;
            for text in &later.commands {
                let request = Request::RunAsRoot { text: text.clone(), timeout_ms: COMMAND_MS };
                let (_, (exit, output)) = self.answer(&request, |what| match what {
                    Happened::RootRan { exit, output, .. } => Some((exit, output)),
                    _ => None,
                })?;
                if exit != 0 {
                    let (fault, when) = (&later.fault, later.at.words());
                    let said = output.lines().map(printable).collect::<Vec<_>>().join(" / ");
                    let again = "look whether the topology's file says how, under the fault's id";
                    return Err(
                        self.silent(&format!("fault `{fault}` {when}: `{text}` came to {exit}: {said}; {again}"))
                    );
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::scripted::{Comes, Kept, Scene, Scripted};
    use crate::procedure::Class;

    fn later(fault: &str, class: Class, commands: &[&str]) -> Later {
        Later {
            fault: fault.into(),
            how: "by hand".into(),
            at: Moment::Before(class),
            commands: commands.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    fn ran(exit: i32) -> Happened {
        Happened::RootRan { exit, output: "no\nsuch unit".into(), output_bytes: 7 }
    }

    /// What was brought about and run, in order.
    fn course(kept: &Kept) -> Vec<String> {
        kept.find(|what| match what {
            What::FaultApplied { fault, at: Some(at), .. } => Some(format!("{fault} {}", at.words())),
            What::CommandBegan { text, .. } => Some(text.clone()),
            _ => None,
        })
    }

    fn play(faults: Vec<Later>, script: &[(&'static str, Comes)], exit: i32) -> (Result<(), DriveError>, Kept) {
        let mut scene = Scene::of(&[
            ("note", Class::Record),
            ("stop", Class::Stop),
            ("halt", Class::Stop),
            ("start", Class::Start),
        ]);
        scene.later = faults;
        let mut host = Scripted::new(script);
        host.answers = vec![("break", ran(exit))];
        scene.play(&mut host, |desk, drill| desk.carry_out(drill).map(drop))
    }

    #[test]
    fn a_fault_begins_once_right_before_the_first_command_of_its_class() {
        let faults = vec![
            later("one", Class::Stop, &["break one", "break more"]),
            later("two", Class::Stop, &["break two"]),
            later("first", Class::Record, &["break first"]),
            later("never", Class::Undrain, &["break never"]),
        ];
        let (came, kept) = play(faults, &[("start", Comes::Ready)], 0);
        came.unwrap();
        let wanted = [
            "first before the first record",
            "note",
            "one before the first stop",
            "two before the first stop",
            "stop",
            "halt",
            "start",
        ];
        assert_eq!(course(&kept), wanted);
    }

    #[test]
    fn where_the_procedure_is_left_before_its_moment_it_never_begins() {
        let faults = vec![later("late", Class::Start, &["break late"])];
        let (came, kept) = play(faults, &[("stop", Comes::Ends(1, ""))], 0);
        came.unwrap();
        assert_eq!(course(&kept), ["note", "stop"]);
    }

    #[test]
    fn what_cannot_be_brought_about_ends_the_drill_with_the_words_of_the_machine() {
        let (came, _) = play(vec![later("one", Class::Stop, &["break one"])], &[], 5);
        let why = came.unwrap_err().to_string();
        assert!(
            why.contains("fault `one` before the first stop: `break one` came to 5: no / such unit; look"),
            "{why}"
        );
    }
}
