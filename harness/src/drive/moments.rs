//! Faults that begin in the middle of a drill: brought about by the host as root between two commands, while one runs, or while
//! alerts are watched, and written down.

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

/// A fault that begins while the command runs that is handed over next.
#[derive(Debug, Clone)]
pub(super) struct Due {
    /// How long after the command was handed over, microseconds.
    pub(super) after_us: u64,
    pub(super) fault: Later,
}

impl Desk<'_> {
    /// Brings about what begins before this command, in the order in which the scenario declares it, and keeps in mind what is to
    /// begin while it runs. A fault whose moment never comes is never brought about, and the History says nothing of it.
    pub(super) fn begin_faults(&mut self, drill: &Drill<'_>, command: &Command) -> Result<(), DriveError> {
        for (index, later) in drill.later.iter().enumerate() {
            match later.at {
                Moment::Before(class) if command.is(class) && self.begun.insert(index) => {
                    self.bring_about(later)?;
                }
                Moment::During(class) if command.is(class) && self.begun.insert(index) => {
                    let due = drill.topology.half_us(class).map(|after_us| Due { after_us, fault: later.clone() });
                    self.due.extend(due);
                }
                _ => {}
            }
        }
        self.due.sort_by_key(|due| due.after_us);
        Ok(())
    }

    /// Brings about what begins in the watch, before the first look of it.
    pub(super) fn begin_in_watch(&mut self, drill: &Drill<'_>) -> Result<(), DriveError> {
        for (index, later) in drill.later.iter().enumerate() {
            if matches!(later.at, Moment::After(_)) && self.begun.insert(index) {
                self.bring_about(later)?;
            }
        }
        Ok(())
    }

    /// Brings a fault about. Gives back how the operator's command was over, if it was meanwhile.
    pub(super) fn bring_about(&mut self, later: &Later) -> Result<Option<Happened>, DriveError> {
        // What it does can be seen before the last of its commands is over, and has to come behind this.
        let (fault, how, at) = (later.fault.clone(), later.how.clone(), Some(later.at));
        self.write(What::FaultApplied { fault, how, at })?;
        let mut over = None;
        for text in &later.commands {
            let request = Request::RunAsRoot { text: text.clone(), timeout_ms: COMMAND_MS };
            let (_, (exit, output)) = self.answer(&request, |what| match what {
                Happened::RootRan { exit, output, .. } => Some((exit, output)),
                Happened::CommandEnded { .. } | Happened::ShellEnded { .. } | Happened::OutputLimit { .. } => {
                    over = Some(what);
                    None
                }
                _ => None,
            })?;
            if exit != 0 {
                let (fault, when) = (&later.fault, later.at.words());
                let said = output.lines().map(printable).collect::<Vec<_>>().join(" / ");
                let again = "look whether the topology's file says how, under the fault's id";
                return Err(self.silent(&format!("fault `{fault}` {when}: `{text}` came to {exit}: {said}; {again}")));
            }
        }
        Ok(over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::scripted::{Comes, Kept, Scene, Scripted};
    use crate::procedure::Class;

    fn later(fault: &str, class: Class, commands: &[&str]) -> Later {
        at(fault, Moment::Before(class), commands)
    }

    fn at(fault: &str, at: Moment, commands: &[&str]) -> Later {
        Later {
            fault: fault.into(),
            how: "by hand".into(),
            at,
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
    fn a_fault_begins_in_the_middle_of_a_command_that_lasts_long_enough() {
        // The stop of a systemd topology is said to take 1900 ms. Here it never ends by itself, or is over after 10 ms.
        let faults = || vec![at("one", Moment::During(Class::Stop), &["break one"])];
        let (came, kept) = play(faults(), &[("stop", Comes::Never)], 0);
        came.unwrap();
        assert_eq!(course(&kept), ["note", "stop", "one during the first stop"]);
        let began = |kept: &Kept| -> Vec<u64> {
            let of = |event: &&crate::history::Event| match &event.what {
                What::CommandBegan { text, .. } => text == "stop",
                What::FaultApplied { at, .. } => at.is_some(),
                _ => false,
            };
            kept.events.iter().filter(of).map(|event| event.at_us).collect()
        };
        let [stop, fault] = began(&kept)[..] else { panic!("{:?}", kept.events) };
        assert_eq!(fault - stop, 950_000);
        let (came, kept) = play(faults(), &[("start", Comes::Ready)], 0);
        came.unwrap();
        assert_eq!(
            course(&kept),
            ["note", "stop", "halt", "start"],
            "it was over before, and there is no second moment"
        );
    }

    #[test]
    fn a_command_that_is_over_while_a_fault_is_brought_about_is_over() {
        let mut scene = Scene::of(&[("stop", Class::Stop), ("start", Class::Start)]);
        // Half of it is 8 ms, and the answer comes after the command's end at 10 ms.
        scene.topology.takes_ms.insert(Class::Stop, 16);
        scene.later = vec![at("one", Moment::During(Class::Stop), &["break one"])];
        let mut host = Scripted::new(&[("start", Comes::Ready)]);
        host.answers = vec![("break", ran(0))];
        host.answers_after_us = 5_000;
        let (came, kept) = scene.play(&mut host, |desk, drill| desk.carry_out(drill).map(drop));
        came.unwrap();
        assert_eq!(course(&kept), ["stop", "one during the first stop", "start"]);
        let ended = kept.find(|what| match what {
            What::CommandEnded { exit, ended_us, began_us, .. } => Some((*exit, ended_us - began_us)),
            _ => None,
        });
        assert_eq!(ended, [(0, 10_000), (0, 10_000)]);
    }

    #[test]
    fn what_begins_in_the_watch_begins_once() {
        let mut scene = Scene::of(&[]);
        scene.later = vec![at("one", Moment::After(Class::Verify), &["break one"]), later("two", Class::Stop, &[])];
        let mut host = Scripted::new(&[]);
        host.answers = vec![("break", ran(0))];
        let (came, kept) = scene.play(&mut host, |desk, drill| {
            desk.begin_in_watch(drill)?;
            desk.begin_in_watch(drill)
        });
        came.unwrap();
        assert_eq!(course(&kept), ["one after the last verify"]);
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
