//! How much the harness adds to the operator's commands: a section's commands through the harness's shell against the same
//! commands in plain bash, 20 pairs in one operator host, order alternated.
//!
//! `cargo run --release --example overhead -p rollback-harness -- systemd` (or `docker`, `compose`) prints the figures that
//! the README quotes. Waiting is apart: one poll of /healthz decides a whole second of it.
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::time::Instant;

use operator_agent::protocol::{Happened, Request};
use rollback_harness::furnish::{machine, settle};
use rollback_harness::host::Host;
use rollback_harness::host::container::ContainerHost;
use rollback_harness::prepare::{Prepared, Selection, prepare};
use rollback_harness::procedure::Class;
use rollback_harness::run::{Audience, get_ready};
use rollback_harness::scenario::Operator;
use rollback_harness::workspace;

const PAIRS: usize = 20;

type Failure = Box<dyn std::error::Error>;

struct Quiet;

impl Audience for Quiet {
    fn progress(&mut self, line: &str) {
        eprintln!("{line}");
    }
    fn drill_began(&mut self, _: &rollback_harness::history::event::Plan) {}
    fn event(&mut self, _: &rollback_harness::history::Event) {}
    fn drill_ended(&mut self, _: &rollback_harness::bundle::Finished, _: u64, _: &str) {}
}

fn main() -> Result<(), Failure> {
    let workspace = workspace::locate(&std::env::current_dir()?);
    let topology = std::env::args().nth(1).unwrap_or_else(|| "systemd".into());
    let back = back_to_the_bad_release(&topology)?;
    let selection = Selection {
        topology: topology.clone(),
        scenarios: vec!["baseline".into()],
        profile: "documented".into(),
        operators: vec![Operator::Careful],
        runbook: None,
        binding: None,
        seed: 1,
        out: "target/drills".into(),
        workspace,
    };
    let mut prepared = prepare(&selection)?.pop().ok_or("no drill")?;
    let binaries = get_ready(&selection, &mut Quiet)?;
    let machine = machine(&mut prepared, &binaries)?;
    let mut host = ContainerHost::start(machine, &mut |line| eprintln!("{line}"))?;
    settle(&mut host, &prepared)?;
    let back = back.replace("@BAD@", &prepared.plan.bad.version).replace("@GOOD@", &prepared.plan.good.version);
    let (mut harness, mut plain, mut waits) = (Vec::new(), Vec::new(), (Vec::new(), Vec::new()));
    for pair in 0..PAIRS {
        for turn in 0..2 {
            go_back(&mut host, &back, &prepared.plan.bad.version)?;
            if (pair + turn) % 2 == 0 {
                let (commands, wait) = through_the_harness(&mut host, &prepared)?;
                harness.push(commands);
                waits.0.push(wait);
            } else {
                let (commands, wait) = in_plain_bash(&mut host, &prepared)?;
                plain.push(commands);
                waits.1.push(wait);
            }
        }
    }
    let commands =
        prepared.procedure.steps.iter().flat_map(|step| &step.commands).filter(|one| !one.is(Class::Wait)).count();
    let ratios: Vec<f64> = harness.iter().zip(&plain).map(|(one, other)| one / other).collect();
    let each: Vec<f64> = harness.iter().zip(&plain).map(|(one, other)| (one - other) / commands as f64).collect();
    println!("{PAIRS} pairs of {topology}'s section, {commands} commands besides the wait");
    println!("through the harness  {:7.1} ms (median of the sums)", median(harness));
    println!("in plain bash        {:7.1} ms", median(plain));
    println!("ratio                {:7.3}    (median of the pairs)", median(ratios));
    println!("more per command     {:7.2} ms (median of the pairs)", median(each));
    println!("wait, apart          {:7.1} ms and {:.1} ms", median(waits.0), median(waits.1));
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What makes the machine as it was before the rollback; images of the good release go, so that they are pulled again.
fn back_to_the_bad_release(topology: &str) -> Result<String, Failure> {
    let back = match topology {
        "systemd" => {
            "ln -sfn /usr/local/lib/tensor-wasm/v@BAD@/bin/tensor-wasm /usr/local/bin/tensor-wasm; \
             systemctl reset-failed tensor-wasm; systemctl restart tensor-wasm"
        }
        "docker" => {
            "docker rm --force tensor-wasm; docker rmi ghcr.io/craton-co/tensor-wasm:v@GOOD@; \
             systemctl reset-failed tensor-wasm-deploy; systemctl restart tensor-wasm-deploy"
        }
        "compose" => {
            "runuser -u oncall -- git -C /srv/tensor-wasm checkout --quiet docker-compose.yml; \
             systemctl reset-failed tensor-wasm-deploy; systemctl restart tensor-wasm-deploy && docker rmi ghcr.io/craton-co/tensor-wasm:v@GOOD@; true"
        }
        other => return Err(format!("no topology `{other}`; there are systemd, docker, compose").into()),
    };
    Ok(back.to_owned())
}

fn go_back(host: &mut ContainerHost, back: &str, bad: &str) -> Result<(), Failure> {
    let text = format!(
        "{{ {back}; }} && rm -f /tmp/tensor-wasm-* && /usr/local/sbin/tensor-wasm-undrain && \
         for n in $(seq 100); do \
           curl -sf --max-time 1 http://localhost:8080/metrics | grep -q 'version=\"{bad}\"' && exit 0; sleep 0.05; \
         done; exit 1"
    );
    match host.run_as_root(&text, 30_000)? {
        (0, _) => Ok(()),
        (exit, output) => Err(format!("going back to the bad release came to {exit}: {output}").into()),
    }
}

/// Milliseconds of all commands but the wait, and of the wait.
fn through_the_harness(host: &mut ContainerHost, prepared: &Prepared) -> Result<(f64, f64), Failure> {
    answer(host, &Request::OpenShell { folder: prepared.procedure.folder.clone() }, |what| {
        matches!(what, Happened::ShellOpened).then_some(())
    })?;
    let (mut commands, mut wait) = (0.0, 0.0);
    for command in prepared.procedure.steps.iter().flat_map(|step| &step.commands) {
        let report = answer(host, &Request::Run { text: command.text.clone() }, |what| match what {
            Happened::CommandEnded { report } => Some(report),
            _ => None,
        })?;
        if report.exit != 0 {
            return Err(format!("`{}` came to {}: {}", command.text, report.exit, report.output).into());
        }
        let took = (report.ended_us - report.began_us) as f64 / 1000.0;
        if command.is(Class::Wait) { wait += took } else { commands += took }
    }
    answer(host, &Request::KillShell, |what| matches!(what, Happened::ShellKilled { .. }).then_some(()))?;
    Ok((commands, wait))
}

/// The same, each command between two reads of bash's own clock.
fn in_plain_bash(host: &mut ContainerHost, prepared: &Prepared) -> Result<(f64, f64), Failure> {
    let mut script = String::from("exec 9>&1 >/dev/null 2>&1 </dev/null\n");
    for command in prepared.procedure.steps.iter().flat_map(|step| &step.commands) {
        let word = if command.is(Class::Wait) { "wait" } else { "command" };
        script.push_str(&format!("a=$EPOCHREALTIME\n{}\nb=$EPOCHREALTIME\necho {word} $a $b >&9\n", command.text));
    }
    let quoted = shlex::try_quote(&script)?;
    let folder = prepared.procedure.folder.as_deref().unwrap_or("/home/oncall");
    let text = format!("cd {folder} && runuser -u oncall -- bash -c {quoted}");
    let (exit, output) = host.run_as_root(&text, 60_000)?;
    let (mut commands, mut wait, mut lines) = (0.0, 0.0, 0);
    for line in output.lines() {
        if let [word, begin, end] = line.split(' ').collect::<Vec<_>>()[..] {
            let took = (end.parse::<f64>()? - begin.parse::<f64>()?) * 1000.0;
            if word == "wait" {
                wait += took
            } else {
                commands += took
            }
            lines += 1;
        }
    }
    let wanted = prepared.procedure.steps.iter().map(|step| step.commands.len()).sum::<usize>();
    if exit != 0 || lines != wanted {
        return Err(format!("plain bash came to {exit} after {lines} of {wanted} commands: {output}").into());
    }
    Ok((commands, wait))
}

fn answer<T>(host: &mut ContainerHost, request: &Request, pick: impl Fn(Happened) -> Option<T>) -> Result<T, Failure> {
    host.ask(request)?;
    let deadline = Instant::now() + std::time::Duration::from_secs(60);
    while Instant::now() < deadline {
        let soon = host.now_us() + 1_000_000;
        if let Some(report) = host.next(soon)?
            && let Some(answer) = pick(report.what)
        {
            return Ok(answer);
        }
    }
    Err(format!("no answer to {request:?}").into())
}
