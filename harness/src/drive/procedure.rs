//! The topology's section: its commands in order, as the careful or the pasting operator takes them.

use operator_agent::protocol::{Happened, Request};

use crate::drive::desk::Desk;
use crate::drive::run_command::{Done, Limits};
use crate::drive::{Drill, DriveError, Left, page};
use crate::history::What;
use crate::history::event::{Block, BlockEnd};
use crate::procedure::{Class, Command};
use crate::scenario::Operator;

/// Held across the stop: long enough to still be in flight when the stop command runs.
const HOLD_MS: u64 = 2000;

/// What has begun.
#[derive(Debug, Default)]
struct Begun {
    /// When the block began, on the host's clock.
    at_us: u64,
    stop: bool,
    held: bool,
    recorded: bool,
}

impl Desk<'_> {
    /// Carries the section out and waits for the claim.
    pub(super) fn carry_out(&mut self, drill: &Drill<'_>) -> Result<Left, DriveError> {
        self.begin_block(Block::Procedure, drill.procedure.folder.as_deref())?;
        let mut begun = Begun { at_us: self.host.now_us(), ..Begun::default() };
        let how = self.run_steps(drill, &mut begun)?;
        self.end_block(Block::Procedure, how)?;
        let failed = matches!(how, BlockEnd::Left | BlockEnd::Killed);
        if failed || (how == BlockEnd::ShellEnded && self.start_began_us.is_none()) {
            let left = if begun.stop { Left::Failed } else { Left::GivenUp };
            self.tell_of_the_claim(drill)?;
            return Ok(left);
        }
        if self.wait_for_claim(drill)? { Ok(Left::Ready) } else { Ok(Left::Failed) }
    }

    fn run_steps(&mut self, drill: &Drill<'_>, begun: &mut Begun) -> Result<BlockEnd, DriveError> {
        let ceilings = &drill.topology.ceilings;
        let block_ends = self.host.now_us().saturating_add(ceilings.block_s * 1_000_000);
        let claim_ms = Some(drill.plan.claims.ready_within_ms.value);
        for step in &drill.procedure.steps {
            for command in &step.commands {
                self.begin_faults(drill, command)?;
                self.before(command, begun)?;
                let ceiling = match drill.plan.operator {
                    Operator::Careful => {
                        (self.host.now_us().saturating_add(ceilings.command_s * 1_000_000), ceilings.command_s * 1000)
                    }
                    Operator::Paste => (block_ends, ceilings.block_s * 1000),
                };
                let done = self.run(&step.id, command, &command.text, None, Limits { ceiling, claim_ms })?;
                if let Some(end) = block_end(drill.plan.operator, command, &done) {
                    return Ok(end);
                }
            }
        }
        Ok(BlockEnd::Completed)
    }

    /// What the harness does right before a command: hold an invoke before traffic is taken away, look at the records
    /// before the first stop.
    fn before(&mut self, command: &Command, begun: &mut Begun) -> Result<(), DriveError> {
        let stops = command.is(Class::Stop);
        if stops && !begun.recorded {
            begun.recorded = true;
            let (at_us, (running_version, files)) =
                self.answer(&Request::SeeRecords { since_us: begun.at_us }, |what| match what {
                    Happened::RecordsSeen { running_version, files } => Some((running_version, files)),
                    _ => None,
                })?;
            self.record.event(at_us, What::RecordsSeen { running_version, files })?;
        }
        if (stops || command.is(Class::Drain)) && !begun.held {
            begun.held = true;
            self.holding = true;
            let (at_us, in_flight) = self.answer(&Request::HoldInvoke { hold_ms: HOLD_MS }, |what| match what {
                Happened::InvokeHeld { in_flight, .. } => Some(in_flight),
                _ => None,
            })?;
            // One that is in flight may be over by now, and then nobody has to wait for its end any more.
            self.holding &= in_flight;
            self.record.event(at_us, What::InvokeHeld { in_flight })?;
        }
        begun.stop |= stops;
        Ok(())
    }

    /// Waits for the first 200 within the claim; a procedure without a start-class command has nothing to wait for.
    fn wait_for_claim(&mut self, drill: &Drill<'_>) -> Result<bool, DriveError> {
        let claim_ms = Some(drill.plan.claims.ready_within_ms.value);
        while let Some(ends) = self.claim_ends(claim_ms) {
            if self.host.now_us() >= ends {
                break;
            }
            self.next(ends)?;
        }
        self.tell_of_the_claim(drill)
    }

    /// Writes down whether the claim was met: a 200 came within it, or its time is over without one. A block that was left
    /// before either has neither met nor broken it, and nothing is written.
    fn tell_of_the_claim(&mut self, drill: &Drill<'_>) -> Result<bool, DriveError> {
        let Some(began) = self.start_began_us else { return Ok(false) };
        let ends = began.saturating_add(drill.plan.claims.ready_within_ms.value.saturating_mul(1000));
        let now = self.host.now_us();
        let in_time = self.ready.filter(|ready| ready.at_us <= ends);
        let (met, at_us, seen_by) = match in_time {
            Some(ready) => (true, ready.at_us, ready.seen_by),
            None if now >= ends || self.ready.is_some() => (false, now, "nobody"),
            None => return Ok(false),
        };
        let after_ms = at_us.saturating_sub(began) / 1000;
        self.write(What::ReadyClaim { met, after_ms, seen_by: seen_by.to_owned() })?;
        Ok(met)
    }
}

/// Whether the block is over after this command (design.md, decision 4). A careful operator has seen the failure of a
/// command that ends the block, whether the shell went with it (`set -e`, `|| exit 1`) or not.
fn block_end(operator: Operator, command: &Command, done: &Done) -> Option<BlockEnd> {
    if done.killed.is_some() {
        return Some(BlockEnd::Killed);
    }
    let checked = page::printed_otherwise(command, &done.output);
    let failed = !done.succeeded() && command.classes.iter().any(|class| class.ends_block());
    if operator == Operator::Careful && (failed || checked) {
        return Some(BlockEnd::Left);
    }
    done.shell_ended.then_some(BlockEnd::ShellEnded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::scripted::{Comes, Kept, Scene, Scripted};

    /// The claim as it was written: whether met, after how many milliseconds, seen by whom.
    fn claims(kept: &Kept) -> Vec<(bool, u64, String)> {
        kept.find(|what| match what {
            What::ReadyClaim { met, after_ms, seen_by } => Some((*met, *after_ms, seen_by.clone())),
            _ => None,
        })
    }

    fn ends(kept: &Kept) -> Vec<BlockEnd> {
        kept.find(|what| match what {
            What::BlockEnded { how, .. } => Some(*how),
            _ => None,
        })
    }

    fn play(operator: Operator, script: &[(&'static str, Comes)]) -> (Left, Kept, u64) {
        let mut scene = Scene::of(&[
            ("stop", Class::Stop),
            ("start", Class::Start),
            ("wait", Class::Wait),
            ("check", Class::Check),
            ("undrain", Class::Undrain),
        ]);
        scene.operator = operator;
        let mut host = Scripted::new(script);
        let (left, kept) = scene.play(&mut host, |desk, drill| desk.carry_out(drill).unwrap());
        let took_ms = (crate::host::Host::now_us(&host) - 1_000_000) / 1000;
        (left, kept, took_ms)
    }

    #[test]
    fn a_start_that_fails_says_nothing_of_the_claim() {
        let (left, kept, took_ms) = play(Operator::Careful, &[("start", Comes::Ends(125, "no such tag\n"))]);
        assert_eq!((left, claims(&kept), ends(&kept)), (Left::Failed, vec![], vec![BlockEnd::Left]));
        assert!(took_ms < 1000, "{took_ms}");
    }

    #[test]
    fn the_claim_is_met_by_a_200_within_it_whatever_fails_later() {
        let script = [("start", Comes::Ready), ("wait", Comes::Ends(0, "")), ("check", Comes::Ends(1, ""))];
        let (left, kept, _) = play(Operator::Careful, &script);
        assert_eq!((left, ends(&kept)), (Left::Failed, vec![BlockEnd::Left]));
        assert_eq!(claims(&kept), [(true, 20, "wait".to_owned())]);
        let (left, kept, _) = play(Operator::Careful, &[("start", Comes::Ready), ("wait", Comes::Never)]);
        assert_eq!((left, claims(&kept)), (Left::Failed, vec![(true, 2_010, "probe".to_owned())]));
    }

    #[test]
    fn the_claim_is_not_met_once_its_time_is_over() {
        let (left, kept, _) = play(Operator::Careful, &[("wait", Comes::Never)]);
        assert_eq!((left, ends(&kept)), (Left::Failed, vec![BlockEnd::Killed]));
        assert_eq!(claims(&kept), [(false, 60_000, "nobody".to_owned())]);
        let (left, kept, _) = play(Operator::Paste, &[("start", Comes::Ends(125, "")), ("wait", Comes::Ends(1, ""))]);
        assert_eq!((left, ends(&kept)), (Left::Failed, vec![BlockEnd::Completed]));
        assert_eq!(claims(&kept), [(false, 60_000, "nobody".to_owned())]);
    }

    #[test]
    fn where_no_call_could_be_held_nobody_waits_for_its_end() {
        for (in_flight, waits_ms) in [(true, 36_000), (false, 0)] {
            let mut host = Scripted::new(&[("start", Comes::Ends(125, ""))]);
            host.held = Happened::InvokeHeld { in_flight, in_hand: false };
            let scene = Scene::of(&[("stop", Class::Stop), ("start", Class::Start)]);
            let (waited_us, kept) = scene.play(&mut host, |desk, drill| {
                desk.carry_out(drill).unwrap();
                let before_us = desk.host.now_us();
                desk.let_held_invoke_end().unwrap();
                desk.host.now_us() - before_us
            });
            assert_eq!(waited_us / 1000, waits_ms);
            let told = kept.find(|what| match what {
                What::InvokeHeld { in_flight } => Some(*in_flight),
                _ => None,
            });
            assert_eq!(told, [in_flight]);
        }
    }

    #[test]
    fn a_careful_operator_leaves_at_a_failed_start_although_the_shell_ended_with_it() {
        let (left, kept, took_ms) = play(Operator::Careful, &[("start", Comes::EndsShell(125))]);
        assert_eq!((left, ends(&kept), claims(&kept)), (Left::Failed, vec![BlockEnd::Left], vec![]));
        assert!(took_ms < 1000, "{took_ms}");
        let (left, kept, _) = play(Operator::Careful, &[("stop", Comes::EndsShell(1))]);
        assert_eq!((left, ends(&kept)), (Left::Failed, vec![BlockEnd::Left]));
    }

    #[test]
    fn where_nobody_reads_the_status_the_shell_has_ended() {
        let (left, kept, took_ms) = play(Operator::Paste, &[("start", Comes::EndsShell(125))]);
        assert_eq!((left, ends(&kept)), (Left::Failed, vec![BlockEnd::ShellEnded]));
        assert_eq!((claims(&kept), took_ms >= 60_000), (vec![(false, 60_000, "nobody".to_owned())], true));
        let (_, kept, _) = play(Operator::Careful, &[("undrain", Comes::EndsShell(3)), ("wait", Comes::Ready)]);
        assert_eq!(ends(&kept), [BlockEnd::ShellEnded]);
    }
}
