//! A read-only view of a History: what all rules ask of it, found once. Nothing here judges.

use std::collections::BTreeMap;

use semver::Version;

use super::command::{CommandRun, Ended, Killed};
use super::look::Look;
use crate::history::event::{Block, BlockEnd, Decision, Event, KillReason, ON_CALL_LEAD, Plan, What};
use crate::history::read::History;
use crate::procedure::Class;
use crate::scenario::Moment;

/// Severity of the page that the runbook's failure path asks for.
pub const SEV_1: &str = "sev-1";

/// Something at a place in the History.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct At<T> {
    /// Number of the event.
    pub n: u64,
    /// When, microseconds on the agent's clock.
    pub at_us: u64,
    /// What.
    pub what: T,
}

/// A page, as delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSeen<'a> {
    /// Why.
    pub reason: &'a str,
    /// What shows it.
    pub evidence: &'a str,
}

/// A view of one History.
#[derive(Debug)]
pub struct Facts<'a> {
    /// What was about to be done.
    pub plan: &'a Plan,
    /// All events, in order.
    pub events: &'a [Event],
    /// Why the History is not whole, if it is not.
    pub cut: Option<&'a str>,
    /// Commands in the order in which they began.
    pub commands: Vec<CommandRun<'a>>,
    /// Looks at the machine, in order.
    pub looks: Vec<Look<'a>>,
    /// Administrative state of the node at the balancer: whether it is in rotation from here on.
    pub rotation: Vec<At<bool>>,
    /// Seconds of traffic: second of the agent's clock, count by outcome.
    pub traffic: Vec<At<(u64, &'a BTreeMap<String, u64>)>>,
    blocks: Vec<At<(Block, Option<BlockEnd>)>>,
}

impl<'a> Facts<'a> {
    /// Reads a History; `None` if its first event is no plan, so that nothing says what was drilled.
    pub fn of(history: &'a History) -> Option<Facts<'a>> {
        Facts::of_events(&history.events, history.cut.as_deref())
    }

    /// The same of events, and why they are not whole.
    pub fn of_events(events: &'a [Event], cut: Option<&'a str>) -> Option<Facts<'a>> {
        let Some(What::DrillBegan { plan }) = events.first().map(|first| &first.what) else { return None };
        let mut facts = Facts {
            plan,
            events,
            cut,
            commands: Vec::new(),
            looks: Vec::new(),
            rotation: Vec::new(),
            traffic: Vec::new(),
            blocks: Vec::new(),
        };
        let mut block = None;
        for event in events {
            facts.take(event, &mut block);
        }
        Some(facts)
    }

    fn take(&mut self, event: &'a Event, block: &mut Option<Block>) {
        let at_us = event.at_us;
        match &event.what {
            What::BlockBegan { block: began } => {
                *block = Some(*began);
                self.blocks.push(At { n: event.n, at_us, what: (*began, None) });
            }
            What::BlockEnded { block: over, how } => {
                *block = None;
                self.blocks.push(At { n: event.n, at_us, what: (*over, Some(*how)) });
            }
            What::CommandBegan { command, line, classes, text, origin, should_print, criterion } => {
                self.commands.push(CommandRun {
                    n: event.n,
                    n_over: None,
                    block: *block,
                    command,
                    line: *line,
                    classes,
                    text,
                    origin,
                    should_print: should_print.as_deref(),
                    criterion: criterion.as_deref(),
                    began_us: at_us,
                    over_us: None,
                    ended: None,
                    killed: None,
                    output: "",
                });
            }
            What::CommandEnded { command, exit, pipe, output, began_us, ended_us, shell_ended, .. } => {
                if let Some(run) = self.open(command) {
                    (run.n_over, run.began_us, run.over_us) = (Some(event.n), *began_us, Some(*ended_us));
                    run.output = output;
                    run.ended = Some(Ended { exit: *exit, pipe, shell_ended: *shell_ended });
                }
            }
            What::CommandKilled { command, why, output, began_us, gone } => {
                if let Some(run) = self.open(command) {
                    (run.n_over, run.began_us, run.over_us) = (Some(event.n), *began_us, Some(at_us));
                    run.output = output;
                    run.killed = Some(Killed { why, gone: *gone });
                }
            }
            What::MachineSeen { moment, machine, healthz, build_info } => {
                self.looks.push(Look { n: event.n, at_us, moment, machine, healthz, build_info: build_info.as_deref() })
            }
            What::BalancerChanged { in_rotation, .. } => {
                self.rotation.push(At { n: event.n, at_us, what: *in_rotation });
            }
            What::Traffic { second, outcomes, .. } => {
                self.traffic.push(At { n: event.n, at_us, what: (*second, outcomes) });
            }
            _ => {}
        }
    }

    fn open(&mut self, command: &crate::history::event::CommandRef) -> Option<&mut CommandRun<'a>> {
        self.commands.iter_mut().rev().find(|run| run.command == command && run.n_over.is_none())
    }

    /// What `pick` finds in the events, in order.
    pub fn find<T>(&self, pick: impl Fn(&'a What) -> Option<T>) -> Vec<At<T>> {
        found(self.events, pick).collect()
    }

    /// The first command of this class that began.
    pub fn first_of(&self, class: Class) -> Option<&CommandRun<'a>> {
        self.commands.iter().find(|run| run.is(class))
    }

    /// The first stop-class command, if one began.
    pub fn first_stop(&self) -> Option<&CommandRun<'a>> {
        self.first_of(Class::Stop)
    }

    /// The first start-class command, if one began.
    pub fn first_start(&self) -> Option<&CommandRun<'a>> {
        self.first_of(Class::Start)
    }

    /// Whether an event is after the beginning of a command, by order and by time.
    pub fn is_after_began<T>(run: &CommandRun<'_>, event: &At<T>) -> bool {
        event.n > run.n && event.at_us >= run.began_us
    }

    /// The first 200 after the first start-class command has ended: the harness's probe or the operator's own wait that
    /// ended 0, whichever is earlier (design.md, decision 9). The probe tells of changes only, so where it saw 200
    /// throughout, the driver's `ready-claim` says when.
    pub fn first_ok(&self) -> Option<At<()>> {
        let start = self.first_start()?;
        let ended_us = start.over_us.filter(|_| start.ended.is_some())?;
        let n_ended = start.n_over?;
        let probes = found(self.events, |what| match what {
            What::ProbeChanged { outcome, .. } if outcome.is_ok() => Some(()),
            _ => None,
        });
        let claims = found(self.events, |what| match what {
            What::ReadyClaim { met: true, after_ms, .. } => Some(*after_ms),
            _ => None,
        });
        let probes = probes.filter(|at| at.n > n_ended && at.at_us >= ended_us);
        let claims = claims.filter(|at| at.n > n_ended).map(|at| At {
            n: at.n,
            at_us: start.began_us.saturating_add(at.what.saturating_mul(1000)).max(ended_us),
            what: (),
        });
        let waits = self.commands.iter().filter(|run| run.n > n_ended && run.is(Class::Wait) && run.exit() == Some(0));
        let waits = waits.filter_map(|run| Some(At { n: run.n_over?, at_us: run.over_us?, what: () }));
        probes.chain(claims).chain(waits).min_by_key(|at| (at.at_us, at.n))
    }

    /// Where a block began.
    pub fn block_began(&self, block: Block) -> Option<u64> {
        self.blocks.iter().find(|at| at.what == (block, None)).map(|at| at.n)
    }

    /// Where and how a block ended.
    pub fn block_ended(&self, block: Block) -> Option<(u64, BlockEnd)> {
        self.blocks.iter().find_map(|at| match at.what {
            (over, Some(how)) if over == block => Some((at.n, how)),
            _ => None,
        })
    }

    /// Where the runbook's failure path began, if it was taken.
    pub fn failure_path(&self) -> Option<u64> {
        self.block_began(Block::FailurePath)
    }

    /// Why no criterion is asked for, if none is: verification never ran, or the failure path was taken.
    pub fn not_verified(&self) -> Option<&'static str> {
        if self.failure_path().is_some() {
            Some("the failure path was taken")
        } else if self.block_began(Block::Verification).is_none() {
            Some("verification never ran")
        } else {
            None
        }
    }

    /// Where the procedure was left before its first stop-class command began, if it was.
    pub fn left_before_stop(&self) -> Option<u64> {
        let (n, how) = self.block_ended(Block::Procedure)?;
        (how != BlockEnd::Completed && self.first_stop().is_none()).then_some(n)
    }

    /// The last look at this moment.
    pub fn look(&self, moment: &str) -> Option<&Look<'a>> {
        self.looks.iter().rev().find(|look| look.moment == moment)
    }

    /// The last look at the drill's end, or at the end of the hold where no later one was taken.
    pub fn end(&self) -> Option<&Look<'a>> {
        self.look("end").or_else(|| self.look("hold-ended"))
    }

    /// Whether the node was in rotation just before an event and a time. The bad release serves through the balancer
    /// when a drill begins, so it is until the balancer says otherwise.
    pub fn in_rotation(&self, n: u64, at_us: u64) -> bool {
        let before = self.rotation.iter().take_while(|at| at.n < n || at.at_us <= at_us);
        before.last().is_none_or(|at| at.what)
    }

    /// The pages of the failure path, and of giving up, as they were delivered: sev-1, to the on-call lead, with this
    /// rollback's own incident key. What else pages, such as an alert, has another key and is none of them.
    pub fn escalations(&self) -> Vec<At<PageSeen<'a>>> {
        let own = self.plan.incident_key();
        self.find(|what| match what {
            What::Paged { to, key, severity, reason, evidence }
                if severity == SEV_1 && to == ON_CALL_LEAD && *key == own =>
            {
                Some(PageSeen { reason, evidence })
            }
            _ => None,
        })
    }

    /// What the conditions for a rollback came to, where they were asked.
    pub fn decided(&self) -> Option<At<&'a Decision>> {
        let found = self.find(|what| match what {
            What::Decided { decision } => Some(&**decision),
            _ => None,
        });
        found.first().copied()
    }

    /// Where the operator declared the incident over.
    pub fn declared_over(&self) -> Option<u64> {
        self.find(|what| matches!(what, What::DeclaredOver).then_some(())).first().map(|at| at.n)
    }

    /// Who said no before the procedure began, and why.
    pub fn declined(&self) -> Option<At<(&'a str, &'a str)>> {
        let found = self.find(|what| match what {
            What::Declined { by, why } => Some((by.as_str(), why.as_str())),
            _ => None,
        });
        found.first().copied()
    }

    /// The event since which a fault acts that begins at this moment; `None` where the moment never came.
    pub fn began(&self, id: &str, moment: Option<Moment>) -> Option<u64> {
        let found = self.find(|what| match what {
            What::FaultApplied { fault, at, .. } if fault == id && *at == moment => Some(()),
            _ => None,
        });
        found.first().map(|at| at.n)
    }

    /// The limit of the harness that ended the drill, if one did.
    pub fn limit(&self) -> Option<At<&'a str>> {
        let found = self.find(|what| match what {
            What::LimitReached { limit } => Some(limit.as_str()),
            What::CommandKilled { why: KillReason::HarnessLimit { limit }, .. } => Some(limit.as_str()),
            _ => None,
        });
        found.first().copied()
    }

    /// Starts of something newer than the target after the first stop-class command began, by whomever.
    pub fn newer_started(&self) -> Vec<At<&'a str>> {
        let (Some(stop), Ok(good)) = (self.first_stop(), Version::parse(&self.plan.good.version)) else {
            return Vec::new();
        };
        let newer = |version: &&'a str| Version::parse(version).is_ok_and(|version| version > good);
        let started = self.find(|what| match what {
            What::NodeStarted { process } => process.version.as_deref().filter(|version| newer(version)),
            _ => None,
        });
        started.into_iter().filter(|at| Self::is_after_began(stop, at)).collect()
    }

    /// Whether nothing of the node ran, listened or was due to run at both ends of the hold, and nothing appeared in it:
    /// the events that show it, or what stands against it.
    pub fn stopped_through_hold(&self) -> Result<Vec<u64>, (String, Vec<u64>)> {
        let (Some(began), Some(ended)) = (self.look("hold-began"), self.look("hold-ended")) else {
            return Err(("no hold was watched".into(), Vec::new()));
        };
        let after = self.look("end").filter(|look| look.n > ended.n);
        for look in [Some(began), Some(ended), after].into_iter().flatten() {
            if let Some(left) = look.left(self.plan) {
                return Err((format!("at `{}` there is {left}", look.moment), vec![look.n]));
            }
        }
        let appeared = self.find(|what| match what {
            What::NodeStarted { process } => Some(format!("{} appeared in the hold", super::look::name(Some(process)))),
            What::ListenersChanged { listeners } if listeners.iter().any(|on| on.port == self.plan.port) => {
                Some(format!("a listener on {} appeared in the hold", self.plan.port))
            }
            _ => None,
        });
        match appeared.into_iter().find(|at| at.n > began.n && at.n < ended.n) {
            Some(at) => Err((at.what, vec![at.n])),
            None => Ok([Some(began.n), Some(ended.n), after.map(|look| look.n)].into_iter().flatten().collect()),
        }
    }
}

/// What `pick` finds in events, in their order.
fn found<'a, T>(events: &'a [Event], pick: impl Fn(&'a What) -> Option<T>) -> impl Iterator<Item = At<T>> {
    events.iter().filter_map(move |event| pick(&event.what).map(|what| At { n: event.n, at_us: event.at_us, what }))
}
