//! How much the harness adds to the operator's commands: a section's commands through the harness's shell against the same
//! commands in plain bash, 20 pairs in one operator host, order alternated.
//!
//! `cargo run --release --example overhead -p rollback-harness -- systemd` (or `docker`, `compose`) prints the figures that
//! the README quotes. Waiting is apart: one poll of /healthz decides a whole second of it.
//!
//! Two figures, because each leaves something out. The shell's own times say how long the commands take in it, and nothing of
//! how they get there. Wall time counts from the first hand-over to the last end, on the clock of whoever hands over, without
//! the waits: between two commands it has the way into the host and back, and what the agent looks at in between.
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::time::Instant;

use operator_agent::protocol::{Happened, Request};
use rollback_harness::furnish::{Executables, furnish, settle};
use rollback_harness::host::container::{ContainerHost, binaries};
use rollback_harness::host::{AsRoot, Host, HostKind};
use rollback_harness::prepare::{Prepared, Selection, prepare};
use rollback_harness::procedure::Class;
use rollback_harness::workspace;

const PAIRS: usize = 20;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let workspace = workspace::locate(&std::env::current_dir()?);
    let topology = std::env::args().nth(1).unwrap_or_else(|| "systemd".into());
    let back = back_to_the_bad_release(&topology)?;
    let selection = Selection::usual(HostKind::Container, &topology, &workspace);
    let mut prepared = prepare(&selection)?.pop().ok_or("no drill")?;
    let binaries = binaries::build(&selection.workspace)?;
    let executables = Executables::real(&prepared, &binaries.node)?;
    let furnished = furnish(&mut prepared, &executables)?;
    let machine = furnished.for_container(&prepared.topology, &binaries.agent, &executables)?;
    let mut host = ContainerHost::start(machine, &mut |line| eprintln!("{line}"))?;
    settle(&mut host, &prepared)?;
    let back = back.replace("@BAD@", &prepared.plan.bad.version).replace("@GOOD@", &prepared.plan.good.version);
    let (mut harness, mut plain): (Vec<Took>, Vec<Took>) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        for turn in 0..2 {
            go_back(&mut host, &back, &prepared.plan.bad.version)?;
            if (pair + turn) % 2 == 0 {
                harness.push(through_the_harness(&mut host, &prepared)?);
            } else {
                plain.push(in_plain_bash(&mut host, &prepared)?);
            }
        }
    }
    let commands =
        prepared.procedure.steps.iter().flat_map(|step| &step.commands).filter(|one| !one.is(Class::Wait)).count();
    println!("{PAIRS} pairs of {topology}'s section, {commands} commands besides the wait");
    compare("the shell's own times", &harness, &plain, commands, |took| took.commands);
    compare("wall time, hand-over included", &harness, &plain, commands, |took| took.wall);
    let wait = |took: &[Took]| median(took.iter().map(|took| took.wait).collect());
    println!("wait, apart: {:.1} ms and {:.1} ms", wait(&harness), wait(&plain));
    Ok(())
}

/// A section once, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Took {
    /// Sum of all commands but the wait, by the shell's clock.
    commands: f64,
    /// The wait, by the shell's clock.
    wait: f64,
    /// From the first hand-over to the last end, without the wait.
    wall: f64,
}

fn compare(what: &str, harness: &[Took], plain: &[Took], commands: usize, of: impl Fn(&Took) -> f64) {
    let all = |took: &[Took]| median(took.iter().map(&of).collect());
    let pairs = || harness.iter().zip(plain).map(|(one, other)| (of(one), of(other)));
    println!("{what}");
    println!("  through the harness  {:7.1} ms (median of the sections)", all(harness));
    println!("  in plain bash        {:7.1} ms", all(plain));
    println!("  ratio                {:7.3}    (median of the pairs)", median(pairs().map(|(a, b)| a / b).collect()));
    let each = pairs().map(|(a, b)| (a - b) / commands as f64).collect();
    println!("  more per command     {:7.2} ms (median of the pairs)", median(each));
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

fn through_the_harness(host: &mut ContainerHost, prepared: &Prepared) -> Result<Took, Failure> {
    answer(host, &Request::OpenShell { folder: prepared.procedure.folder.clone() }, |what| {
        matches!(what, Happened::ShellOpened).then_some(())
    })?;
    let ms = |from: Instant, to: Instant| (to - from).as_secs_f64() * 1000.0;
    let (mut took, first) = (Took::default(), Instant::now());
    let mut last = first;
    for command in prepared.procedure.steps.iter().flat_map(|step| &step.commands) {
        let handed_over = last;
        let report = answer(host, &Request::Run { text: command.text.clone() }, |what| match what {
            Happened::CommandEnded { report } => Some(report),
            _ => None,
        })?;
        last = Instant::now();
        if report.exit != 0 {
            return Err(format!("`{}` came to {}: {}", command.text, report.exit, report.output).into());
        }
        let alone = (report.ended_us - report.began_us) as f64 / 1000.0;
        if command.is(Class::Wait) {
            took.wait += alone;
            took.wall -= ms(handed_over, last);
        } else {
            took.commands += alone;
        }
    }
    took.wall += ms(first, last);
    answer(host, &Request::KillShell, |what| matches!(what, Happened::ShellKilled { .. }).then_some(()))?;
    Ok(took)
}

/// The same, each command between two reads of bash's own clock.
fn in_plain_bash(host: &mut ContainerHost, prepared: &Prepared) -> Result<Took, Failure> {
    let mut script = String::from("exec 9>&1 >/dev/null 2>&1 </dev/null\n");
    for command in prepared.procedure.steps.iter().flat_map(|step| &step.commands) {
        let word = if command.is(Class::Wait) { "wait" } else { "command" };
        script.push_str(&format!("a=$EPOCHREALTIME\n{}\nb=$EPOCHREALTIME\necho {word} $a $b >&9\n", command.text));
    }
    let quoted = shlex::try_quote(&script)?;
    let folder = prepared.procedure.folder.as_deref().unwrap_or("/home/oncall");
    let text = format!("cd {folder} && runuser -u oncall -- bash -c {quoted}");
    let (exit, output) = host.run_as_root(&text, 60_000)?;
    let (mut took, mut first, mut last, mut lines) = (Took::default(), None, 0.0, 0);
    for line in output.lines() {
        if let [word, begin, end] = line.split(' ').collect::<Vec<_>>()[..] {
            let (begin, end) = (begin.parse::<f64>()? * 1000.0, end.parse::<f64>()? * 1000.0);
            if word == "wait" {
                took.wait += end - begin;
                took.wall -= end - begin;
            } else {
                took.commands += end - begin;
            }
            (first, last) = (first.or(Some(begin)), end);
            lines += 1;
        }
    }
    took.wall += last - first.unwrap_or(last);
    let wanted = prepared.procedure.steps.iter().map(|step| step.commands.len()).sum::<usize>();
    if exit != 0 || lines != wanted {
        return Err(format!("plain bash came to {exit} after {lines} of {wanted} commands: {output}").into());
    }
    Ok(took)
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
