//! Looks at the machine: processes, listeners and supervisor, the operator's files, what upstream answers; as
//! operator-agent/src/measure.rs and machine.rs.

use operator_agent::protocol::{Happened, MachineState};

use super::root;
use super::{PROBE_WITHIN, SCRAPE_WITHIN, files, outcome, text};
use crate::Run;
use crate::machine::Machine;
use crate::machine::net::{Namespace, Outcome, Reached};
use crate::machine::process::What;
use crate::time::{SECOND, Us};

/// For the supervisor's command.
const SUPERVISOR_WITHIN: Us = 5 * SECOND;

/// The machine now.
pub fn machine(machine: &mut Machine) -> Run<()> {
    let (asks, setup) = (machine.agent.asks.clone(), machine.agent.setup.clone());
    let healthz = machine.fetch(asks.node.pair(), &asks.healthz, Some(PROBE_WITHIN))?;
    let command = setup.as_ref().map_or("", |setup| setup.supervisor.as_str());
    let ran = root::run(machine, command, SUPERVISOR_WITHIN)?;
    let look = machine.calibration.agent.look_us;
    machine.spend(look)?;
    let nodes: Vec<_> = machine.processes.values().filter(|one| matches!(one.what, What::Node(_))).collect();
    let processes = nodes.into_iter().filter_map(|process| machine.seen_as(process.pid)).collect();
    let listeners = machine.listeners_on(asks.node.port);
    let build_info = glance(machine)?.version;
    let seen = MachineState { processes, listeners, supervisor: ran.output, supervisor_exit: ran.exit };
    machine.report(Happened::MachineSeen { machine: seen, healthz: outcome(&healthz), build_info });
    Ok(())
}

/// The operator's files that were changed since a moment.
pub fn records(machine: &mut Machine, since: Us) -> Run<()> {
    let look = machine.calibration.agent.look_us;
    machine.spend(look)?;
    let files = files::of_operator(machine, since);
    let running_version = glance(machine)?.version;
    machine.report(Happened::RecordsSeen { running_version, files });
    Ok(())
}

/// What upstream answers to a client now.
pub fn upstream(machine: &mut Machine) -> Run<()> {
    let asks = machine.agent.asks.clone();
    let finished = machine.fetch(asks.balancer.pair(), &asks.upstream, Some(PROBE_WITHIN))?;
    let retry_after = match &finished.outcome {
        Outcome::Answer(response) => response.header("retry-after").map(str::to_owned),
        _ => None,
    };
    machine.report(Happened::UpstreamSeen { outcome: outcome(&finished), retry_after });
    Ok(())
}

/// Whether the node answers 200 through the balancer.
pub(crate) fn answers_upstream(machine: &mut Machine) -> Run<bool> {
    let asks = machine.agent.asks.clone();
    let finished = machine.fetch(asks.balancer.pair(), &asks.upstream, Some(PROBE_WITHIN))?;
    Ok(outcome(&finished).is_ok())
}

/// What a scrape of the node shows at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glance {
    /// The version label of build_info (node-contract.md section 3, row 12).
    pub version: Option<String>,
    /// Whether the node has an invoke in its hand (row 11).
    pub holds: bool,
}

/// Scrapes the node for these two. Where the page can only be the node's own, it is not written out.
pub(super) fn glance(machine: &mut Machine) -> Run<Glance> {
    let asks = machine.agent.asks.clone();
    if let Reached::Node(pid) = machine.reached(Namespace::Host, asks.node.port) {
        super::settle(machine);
        let now = machine.now;
        let seen = machine.node_model(pid).and_then(|(model, began)| {
            let glance =
                Glance { version: Some(model.release().version.to_string()), holds: model.invokes_in_flight() > 0 };
            model.scrape_unread(now.saturating_sub(began), &asks.metrics).then_some(glance)
        });
        if let Some(glance) = seen {
            let way = machine.calibration.net.direct_us;
            let took = way + machine.random(way / 4 + 1);
            machine.spend(took)?;
            return Ok(glance);
        }
    }
    let page = text(&machine.fetch(asks.node.pair(), &asks.metrics, Some(SCRAPE_WITHIN))?);
    Ok(Glance { version: version_of(&page), holds: in_flight(&page) })
}

/// Whether the gauge of invokes shows any.
fn in_flight(page: &str) -> bool {
    page.lines()
        .filter(|line| line.starts_with("tensor_wasm_http_requests_in_flight{") && line.contains("/invoke\""))
        .any(|line| line.rsplit(' ').next().is_some_and(|value| value != "0"))
}

fn version_of(page: &str) -> Option<String> {
    let line = page.lines().find(|line| line.starts_with("tensor_wasm_build_info{"))?;
    // `rustc_version="` ends alike; the label is the one after `{` or `,`.
    let own = [r#"{version=""#, r#",version=""#].iter().find_map(|key| Some(line.split_once(key)?.1))?;
    Some(own.split_once('"')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::tests::{metrics, serving};
    use crate::agent::{hold, traffic};

    #[test]
    fn the_version_is_the_label_and_not_the_compilers() {
        let line = |labels: &str| format!("# HELP x\ntensor_wasm_build_info{{{labels}}} 1\n");
        for (labels, wanted) in [
            (r#"version="0.3.8",rustc_version="1""#, Some("0.3.8")),
            (r#"rustc_version="1",version="0.3.8""#, Some("0.3.8")),
            (r#"rustc_version="1""#, None),
        ] {
            assert_eq!(version_of(&line(labels)).as_deref(), wanted);
        }
    }

    #[test]
    fn a_glance_shows_what_the_page_shows() {
        let (mut machine, _) = serving(None);
        traffic::start(&mut machine, 24, &[1], &[]).unwrap();
        hold::hold(&mut machine, 500).unwrap();
        for holds in [true, false] {
            let page = metrics(&mut machine);
            let glance = glance(&mut machine).unwrap();
            assert_eq!(glance, Glance { version: version_of(&page), holds: in_flight(&page) });
            assert_eq!((glance.version.as_deref(), glance.holds), (Some("0.4.0"), holds));
            let later = machine.now + SECOND;
            machine.run_until(later).unwrap();
        }
    }
}
