//! `serving-or-offline`: at the end the target serves, or nothing is left and nothing came back in the hold.

use super::{Criteria, Invariant, broken, holds};
use crate::judge::InvariantResult;
use crate::judge::facts::Facts;
use crate::judge::look::Serving;

pub(super) struct ServingOrOffline;

impl Invariant for ServingOrOffline {
    fn id(&self) -> &'static str {
        "serving-or-offline"
    }

    fn judge(&self, facts: &Facts<'_>, _: &Criteria) -> InvariantResult {
        if facts.first_stop().is_none() {
            return holds("no stop-class command began", []);
        }
        let Some(end) = facts.end() else {
            return broken("nobody looked at the machine at the end", []);
        };
        let instead = match end.serving(facts.plan) {
            Serving::Good => return holds(format!("{} serves 200 at the end", facts.plan.good.version), [end.n]),
            Serving::Bad => format!("{} serves at the end", facts.plan.bad.version),
            Serving::Other(who) => format!("{who} serves at the end"),
            Serving::Nothing => match facts.stopped_through_hold() {
                Ok(events) => return holds("nothing is left, and nothing appeared in the hold", events),
                Err((why, mut events)) => {
                    events.push(end.n);
                    events.sort_unstable();
                    events.dedup();
                    return broken(format!("nothing serves at the end, but {why}"), events);
                }
            },
        };
        broken(instead, [end.n])
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;
    use crate::history::What;
    use crate::history::event::ProbeOutcome;
    use crate::judge::Outcome::{Fail, Pass};
    use crate::judge::sample::{self, Sample};

    fn at(moment: &'static str, edit: impl Fn(&mut What)) -> Sample {
        sample::offline().edit(moment, edit)
    }

    #[test]
    fn the_target_serves_or_everything_is_stopped() {
        check(&ServingOrOffline, sample::recovered(), Pass, "serves 200");
        check(&ServingOrOffline, sample::offline(), Pass, "nothing is left");
        check(&ServingOrOffline, sample::given_up(), Pass, "no stop-class");
        let down = sample::recovered().edit("end", |what| {
            if let What::MachineSeen { healthz, .. } = what {
                *healthz = ProbeOutcome::Status(503);
            }
        });
        check(&ServingOrOffline, down, Fail, "no hold was watched");
        let another = sample::recovered().edit("end", |what| {
            if let What::MachineSeen { machine, .. } = what {
                *machine = sample::machine_running("0.4.0");
            }
        });
        check(&ServingOrOffline, another, Fail, "0.4.0 serves");
        let unseen = sample::recovered().without(|what| matches!(what, What::MachineSeen { .. }));
        check(&ServingOrOffline, unseen, Fail, "nobody looked");
    }

    #[test]
    fn what_is_left_or_comes_back_in_the_hold_breaks_it() {
        for moment in ["hold-began", "hold-ended", "end"] {
            let process = at(moment, |what| {
                if let What::MachineSeen { machine, .. } = what {
                    machine.processes = sample::machine_running("0.3.8").processes;
                }
            });
            check(&ServingOrOffline, process, Fail, "a process of release 0.3.8");
            let listener = at(moment, |what| {
                if let What::MachineSeen { machine, .. } = what {
                    machine.listeners = sample::machine_running("0.3.8").listeners;
                }
            });
            check(&ServingOrOffline, listener, Fail, "a listener on");
            let due = at(moment, |what| {
                if let What::MachineSeen { machine, .. } = what {
                    machine.supervisor = "  State=restarting \nOther=1\n".into();
                }
            });
            check(&ServingOrOffline, due, Fail, "State=restarting");
            let similar = at(moment, |what| {
                if let What::MachineSeen { machine, .. } = what {
                    machine.supervisor = "OldState=restarting\nState=restarting-not\n".into();
                }
            });
            check(&ServingOrOffline, similar, Pass, "nothing is left");
            let unread = at(moment, |what| {
                if let What::MachineSeen { machine, .. } = what {
                    machine.supervisor_exit = 1;
                }
            });
            check(&ServingOrOffline, unread, Fail, "the supervisor cannot be read (exit 1)");
            let renamed = at(moment, |what| {
                if let What::MachineSeen { machine, .. } = what {
                    machine.supervisor = "Status=absent\nOther=ab_node running\n".into();
                }
            });
            check(&ServingOrOffline, renamed, Fail, "another container of a release, ab_node, is running");
        }
        let appeared = sample::offline().after("hold-began", sample::node_started(301, Some("0.3.8")));
        check(&ServingOrOffline, appeared, Fail, "appeared in the hold");
        let listened = sample::offline()
            .after("hold-began", What::ListenersChanged { listeners: sample::machine_running("0.3.8").listeners });
        check(&ServingOrOffline, listened, Fail, "a listener on 8080 appeared");
        let unwatched = sample::offline()
            .without(|what| matches!(what, What::MachineSeen { moment, .. } if moment == "hold-began"));
        check(&ServingOrOffline, unwatched, Fail, "no hold was watched");
    }
}
