//! The made-up drills themselves.

use super::{
    KEY, Sample, Spec, fault, machine_running, machine_stopped, metrics, node_started, paged, plan, probe, rotation,
    second, seen,
};
use crate::history::event::{
    AlertSeen, Block, BlockEnd, Call, CommandRef, ConditionSeen, Decision, DeploySeen, Firing, Holds, KillReason,
    LiveAlerts, OperatorFile, ProbeOutcome, Sample as Probe, Seen as SeenBefore, What,
};
use crate::judge::facts::SEV_1;
use crate::procedure::{Class, Origin};
use crate::scenario::{Expectation, Role};
use crate::verdict::Verdict;

/// As far as the drain: the incident shows, the state is recorded.
fn incident() -> Sample {
    let mut drill = Sample { events: Vec::new() };
    drill.add(0, What::DrillBegan { plan: Box::new(plan()) });
    drill.add(1000, What::HostUp { name: "sample".into(), create_to_answer_ms: 1000 });
    drill.add(1000, What::FaultApplied { fault: "errors".into(), how: "installed".into(), at: None });
    drill.add(1000, node_started(100, Some("0.4.0")));
    drill.add(1000, What::ListenersChanged { listeners: machine_running("0.4.0").listeners });
    drill.add(1000, rotation(true));
    drill.add(1000, probe(ProbeOutcome::Status(200)));
    drill.add(4000, second(3, &[("200", 14), ("500", 6)]));
    drill.add(4000, What::RedFirst { requests: 20, server_errors: 6, slow: None, wanted_percent: 10, met: true });
    drill.add(4050, seen("before", machine_running("0.4.0"), ProbeOutcome::Status(200), Some("0.4.0")));
    drill.add(4100, What::BlockBegan { block: Block::Procedure });
    drill.run_command(4100, ("S1", 35, &[Class::Record], "record | keep", Origin::Literal), (0, &[0, 0], "v0.4.0\n"));
    drill
}

/// From the drain to the end of the start command: stop at 5.000 s, start at 5.200 s.
fn restart() -> Sample {
    let mut drill = incident();
    drill.run_command(4500, ("S2", 41, &[Class::Drain], "drain", Origin::Literal), (0, &[0], ""));
    drill.add(4600, rotation(false));
    let text = "v0.4.0\n".to_owned();
    let file = OperatorFile {
        path: "/home/o/from.txt".into(),
        file_system: "overlayfs".into(),
        modified_us: 4_105_000,
        text,
        tracked: false,
    };
    drill.add(4900, What::RecordsSeen { running_version: Some("0.4.0".into()), files: vec![file] });
    drill.run_command(5000, ("S3", 44, &[Class::Stop], "stop", Origin::Literal), (0, &[0], ""));
    drill.add(5020, second(4, &[("200", 10), ("500", 4), ("503", 6)]));
    drill.add(5050, What::NodeExited { pid: 100 });
    drill.add(5050, What::ListenersChanged { listeners: vec![] });
    drill.add(5060, probe(ProbeOutcome::Refused));
    drill.add(5070, What::HeldInvoke { outcome: "500".into(), began_us: 4_000_000, ended_us: 5_070_000 });
    drill.run_command(5100, ("S4", 48, &[Class::Swap], "swap", Origin::Literal), (0, &[0], ""));
    drill.run_command(5150, ("S5", 52, &[Class::Check], "check", Origin::Literal), (0, &[0], "v0.3.8\n"));
    drill.run_command(5200, ("S6", 55, &[Class::Start], "start", Origin::Literal), (0, &[0], ""));
    drill.add(5300, node_started(200, Some("0.3.8")));
    drill
}

/// The recovery, its prerequisites confirmed: nothing is where the text says to look, and the release is there all the same.
pub fn confirmed() -> Sample {
    const LOOKS: u32 = 2;
    let supplied = || Origin::Supplied { stands_for: "can be had".into() };
    let mut asked = Sample { events: Vec::new() };
    asked.add(4060, What::BlockBegan { block: Block::Prerequisites });
    asked.run_command(4060, ("R1", 20, &[Class::Look], "look", supplied()), (2, &[2], "not there\n"));
    asked.run_command(4075, ("R1", 20, &[Class::Check], "ask", supplied()), (0, &[0], "there\n"));
    asked.add(4090, What::Prerequisite { line: 20, quote: "The release can be had.".into(), unmet: None });
    asked.add(4090, What::BlockEnded { block: Block::Prerequisites, how: BlockEnd::Completed });
    let mut drill = recovered();
    for (_, what) in &mut drill.events {
        if let What::CommandBegan { command, .. } | What::CommandEnded { command, .. } = what {
            command.run += LOOKS;
        }
    }
    let began = |(_, what): &(u64, What)| *what == What::BlockBegan { block: Block::Procedure };
    let at = drill.events.iter().position(began).unwrap_or_default();
    drill.events.splice(at..at, asked.events);
    drill
}

fn postmortem(drill: &mut Sample, at_ms: u64) {
    drill.add(at_ms, What::Captured { item: "observe-capture".into(), file: "captures/a.json".into(), bytes: 12 });
    drill.add(at_ms, What::Missing { item: "hypothesis".into(), why: "people write it".into(), never_made: false });
    drill.add(at_ms, What::SecretsScanned { files: 9, hits: vec![] });
    drill.add(at_ms, What::DrillEnded { events: 0 });
}

/// A whole recovery: first 200 at 5.900 s.
pub fn recovered() -> Sample {
    let mut drill = restart();
    drill.add(5310, What::ListenersChanged { listeners: machine_running("0.3.8").listeners });
    drill.add(5900, probe(ProbeOutcome::Status(200)));
    drill.run_command(5950, ("S7", 58, &[Class::Wait], "wait", Origin::Literal), (0, &[0], ""));
    drill.add(5960, What::ReadyClaim { met: true, after_ms: 700, seen_by: "probe".into() });
    drill.add(6000, second(5, &[("503", 20)]));
    drill.run_command(6100, ("S8", 63, &[Class::Undrain], "undrain", Origin::Literal), (0, &[0], ""));
    drill.add(6150, rotation(true));
    drill.add(6160, What::BlockEnded { block: Block::Procedure, how: BlockEnd::Completed });
    drill.add(6200, What::BlockBegan { block: Block::Verification });
    let ok = || ProbeOutcome::Status(200);
    drill.add(6210, seen("verification", machine_running("0.3.8"), ok(), Some("0.3.8")));
    drill.run_command(6300, ("V1", 106, &[Class::Verify], "verify version", Origin::Literal), (0, &[0], "v0.3.8\n"));
    drill.run_command(6400, ("V2", 107, &[Class::Verify], "verify health", Origin::Literal), (0, &[0], ""));
    let fetch: Spec<'_> = ("V3", 108, &[Class::Verify], "fetch | head -20", Origin::Literal);
    drill.run_command(6500, fetch.clone(), (0, &[23, 0], "# TYPE work counter\nwork_total 5\n"));
    drill.add(7000, second(6, &[("200", 10), ("503", 10)]));
    drill.run_command(7500, fetch, (0, &[0, 0], "# TYPE work counter\nwork_total 25\n"));
    let samples = |latency_us| vec![Probe { outcome: ProbeOutcome::Status(200), latency_us }; 100];
    drill.add(8000, What::HealthWindow { probes: samples(800), control: samples(300) });
    drill.add(8600, What::HealthWindow { probes: samples(800), control: samples(300) });
    drill.add(9000, second(8, &[("200", 20)]));
    drill.add(
        9100,
        What::MetricsPair {
            first: metrics(40, 3),
            second: metrics(60, 4),
            failure: None,
            invokes_least: 18,
            invokes_most: 22,
            requests_least: 18,
        },
    );
    drill.add(9200, What::BlockEnded { block: Block::Verification, how: BlockEnd::Completed });
    drill.add(9300, What::DeclaredOver);
    drill.add(9400, seen("end", machine_running("0.3.8"), ok(), Some("0.3.8")));
    postmortem(&mut drill, 9500);
    drill
}

/// The recovery with a /healthz that takes 50 ms, which the text's own check does not see.
pub fn slow() -> Sample {
    let slow = recovered().edit("health-window", |what| {
        if let What::HealthWindow { probes, .. } = what {
            probes.iter_mut().for_each(|sample| sample.latency_us = 50_800);
        }
    });
    slow.edit_plan(|plan| {
        plan.faults.push(fault("healthz-slow", Some(Role::Good), &[("delay_ms", 50)]));
        let (failing, broken) = (vec!["health".to_owned()], vec!["not-declared-early".to_owned()]);
        plan.expected = Some(Expectation { verdict: Verdict::Unverified, failing, broken });
    })
}

/// The good release ends at its start; the failure path stops it and pages.
pub fn offline() -> Sample {
    let mut drill = restart().edit_plan(|plan| {
        plan.faults.push(fault("snapshot-incompatible", None, &[("format", 3)]));
        plan.expected = Some(Expectation { verdict: Verdict::Offline, failing: vec![], broken: vec![] });
    });
    drill.add(5400, What::NodeExited { pid: 200 });
    drill.add(6000, second(5, &[("503", 20)]));
    let command = CommandRef { step: "S7".into(), run: 6 };
    drill.add(
        6000,
        What::CommandBegan {
            command: command.clone(),
            line: 58,
            classes: vec![Class::Wait],
            text: "wait".into(),
            origin: Origin::Literal,
            should_print: None,
            criterion: None,
        },
    );
    let why = KillReason::ClaimNotMet { ms: 60_000 };
    drill.add(65_200, What::ReadyClaim { met: false, after_ms: 60_000, seen_by: "probe".into() });
    drill.add(65_210, What::CommandKilled { command, why, output: String::new(), began_us: 6_000_000, gone: true });
    drill.add(65_210, What::BlockEnded { block: Block::Procedure, how: BlockEnd::Killed });
    drill.add(65_300, What::BlockBegan { block: Block::FailurePath });
    let diagnose: Spec<'_> = ("F1", 116, &[Class::Diagnose], "diagnose", Origin::Literal);
    drill.run_command(65_300, diagnose, (0, &[0], "snapshot format 3\n"));
    drill.add(65_320, What::Diagnosed { incompatible_state: Some("snapshot".into()) });
    drill.run_command(65_400, ("F2", 117, &[Class::Stop], "halt", Origin::Literal), (4, &[4], "denied\n"));
    let supplied = || Origin::Supplied { stands_for: "halt".into() };
    drill.run_command(65_500, ("F2", 117, &[Class::Stop], "root halt", supplied()), (0, &[0], ""));
    drill.run_command(65_600, ("F3", 118, &[Class::Page], "page", supplied()), (0, &[0], ""));
    drill.add(65_605, paged(KEY, SEV_1));
    drill.add(65_700, What::BlockEnded { block: Block::FailurePath, how: BlockEnd::Completed });
    drill.add(65_800, seen("hold-began", machine_stopped(), ProbeOutcome::Refused, None));
    drill.add(66_000, What::MaintenanceSeen { outcome: "503".into(), retry_after: Some("30".into()) });
    drill.add(80_800, seen("hold-ended", machine_stopped(), ProbeOutcome::Refused, None));
    drill.add(80_900, seen("end", machine_stopped(), ProbeOutcome::Refused, None));
    postmortem(&mut drill, 81_000);
    drill
}

/// A fetch fails before anything was stopped; the operator pages.
pub fn given_up() -> Sample {
    let mut drill = incident().edit_plan(|plan| {
        plan.expected = Some(Expectation { verdict: Verdict::GivenUp, failing: vec![], broken: vec![] });
    });
    drill.run_command(4500, ("S2", 41, &[Class::Fetch], "fetch", Origin::Literal), (18, &[18], "no such tag\n"));
    drill.add(4600, What::BlockEnded { block: Block::Procedure, how: BlockEnd::Left });
    drill.add(4700, paged(KEY, SEV_1));
    drill.add(4800, seen("end", machine_running("0.4.0"), ProbeOutcome::Status(200), Some("0.4.0")));
    postmortem(&mut drill, 4900);
    drill
}

/// The rules engine is up, nothing fires although the operator was told so, and the runbook says to look for the cause first.
pub fn left_alone() -> Sample {
    let mut drill = super::alerted().edit_plan(|plan| {
        plan.expected = Some(Expectation { verdict: Verdict::NotStarted, failing: vec![], broken: vec![] });
    });
    // What comes before anybody looked at alerts, and nothing of the rest.
    drill.events.retain(|(at_us, what)| *at_us <= 1_000_000 && !matches!(what, What::FaultApplied { .. }));
    let decision = not_yet();
    drill.add(2_000, second(1, &[("200", 24)]));
    drill.add(3_000, What::Decided { decision: Box::new(decision.clone()) });
    drill.add(3_000, What::Declined { by: "decision".into(), why: decision.words() });
    drill.add(3_050, seen("before", machine_running("0.4.0"), ProbeOutcome::Status(200), Some("0.4.0")));
    drill.add(4_000, second(3, &[("200", 24)]));
    drill.add(8_100, seen("end", machine_running("0.4.0"), ProbeOutcome::Status(200), Some("0.4.0")));
    for item in ["observe-capture", "hypothesis"] {
        drill.add(8_100, What::Missing { item: item.into(), why: "nothing was done".into(), never_made: false });
    }
    drill.add(8_100, What::SecretsScanned { files: 2, hits: vec![] });
    drill.add(8_100, What::DrillEnded { events: 0 });
    drill.edit_plan(|plan| plan.faults.clear())
}

/// What the conditions come to in it.
fn not_yet() -> Decision {
    let text = |text: &str| text.to_owned();
    let condition = |number, line, said: &str, holds| ConditionSeen { number, line, holds, said: vec![text(said)] };
    let otherwise =
        "`sample-alert` does not fire; by scenarios/decide/x.toml it does, since 2026-03-14T11:50:00Z, 10 min";
    Decision {
        from: text("scenarios/decide/x.toml"),
        call: Call::DoNotRollBack,
        because: None,
        line: 14,
        quote: text("Look for the cause first."),
        conditions: vec![
            condition(1, 9, "`sample-alert` does not fire", Holds::No),
            condition(2, 12, "what went of the budget is not given", Holds::Unknown),
        ],
        warnings: vec![text("no condition names the alert `sample-other`; they name sample-alert")],
        seen: Some(SeenBefore {
            now: text("2026-03-14T12:00:00Z"),
            alerts: vec![AlertSeen { name: text("sample-other"), since: text("2026-03-14T11:58:30Z"), for_ms: 90_000 }],
            deploys: vec![DeploySeen {
                at: text("2026-03-14T11:00:00Z"),
                ago_ms: 3_600_000,
                version: text("0.4.0"),
                crates: vec![text("sample-api"), text("sample-exec")],
            }],
            budget: None,
        }),
        live: Some(LiveAlerts {
            at_us: 3_000_000,
            scale: 60,
            firing: [(text("SampleOther"), Firing { runbook: Some(text("sample-other")), since_us: 1_500_000 })].into(),
            graphs: [].into(),
            differs: vec![text(otherwise)],
        }),
    }
}
