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
            if left == Left::Failed && self.start_began_us.is_some() {
                self.write_claim(false)?;
            }
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
        let met = self.ready.is_some();
        self.write_claim(met)?;
        Ok(met)
    }

    fn write_claim(&mut self, met: bool) -> Result<(), DriveError> {
        let began = self.start_began_us.unwrap_or_else(|| self.host.now_us());
        let (at_us, seen_by) = match self.ready {
            Some(ready) if met => (ready.at_us, ready.seen_by),
            _ => (self.host.now_us(), "nobody"),
        };
        let after_ms = at_us.saturating_sub(began) / 1000;
        self.write(What::ReadyClaim { met, after_ms, seen_by: seen_by.to_owned() })?;
        Ok(())
    }
}

/// Whether the block is over after this command (design.md, decision 4).
fn block_end(operator: Operator, command: &Command, done: &Done) -> Option<BlockEnd> {
    if done.killed.is_some() {
        return Some(BlockEnd::Killed);
    }
    if done.shell_ended {
        return Some(BlockEnd::ShellEnded);
    }
    let checked = page::printed_otherwise(command, &done.output);
    let failed = !done.succeeded() && command.classes.iter().any(|class| class.ends_block());
    (operator == Operator::Careful && (failed || checked)).then_some(BlockEnd::Left)
}
