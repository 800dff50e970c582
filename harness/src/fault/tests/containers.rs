//! What shows the faults that only machines with containers have.

use super::*;
use crate::history::event::{Listener, NodeProcess};
use crate::procedure::Origin;

const GOOD: &str = "sha256:aa";
const BAD: &str = "sha256:bb";

/// The sample whose last look has that word for the good release's tag.
fn with_good_tag(sample: Sample, word: &str) -> Sample {
    let supervisor = format!("Status=running\nRegistryTag=v0.3.8 {word}\nRegistryTag=v0.4.0 {BAD}\n");
    sample.edit("end", move |what| {
        if let What::MachineSeen { machine, .. } = what {
            machine.supervisor.clone_from(&supervisor);
        }
    })
}

/// The sample in which a step's command ended so.
fn ended(sample: Sample, step: &str, status: i32, text: &str) -> Sample {
    sample.edit_command(step, |what| {
        if let What::CommandEnded { exit, pipe, output, .. } = what {
            (*exit, *pipe, *output) = (status, vec![status], text.to_owned());
        }
    })
}

#[test]
fn a_missing_tag_and_a_dead_registry_show_in_the_registry_and_in_a_failed_pull() {
    for (id, word, other, told) in [
        ("tag-missing", "absent", "unreachable", "no tag v0.3.8, and step S2 ended 18"),
        ("registry-down", "unreachable", "absent", "does not answer for tag v0.3.8, and step S2 ended 18"),
    ] {
        let declared = || fault(id, None, &[]);
        seen(with_good_tag(sample::given_up(), word), declared(), Some(told));
        // On plain Docker the start is what pulls.
        let on_docker = ended(with_good_tag(sample::offline(), word), "S6", 125, "manifest unknown");
        seen(on_docker, declared(), Some("step S6 ended 125"));
        seen(with_good_tag(sample::given_up(), other), declared(), None);
        seen(with_good_tag(sample::given_up(), GOOD), declared(), None);
        seen(with_good_tag(sample::recovered(), word), declared(), None);
        seen(sample::given_up(), declared(), None);
        let other_failed = ended(with_good_tag(sample::recovered(), word), "S1", 1, "");
        seen(other_failed, declared(), None);
    }
}

#[test]
fn a_moved_tag_shows_in_equal_digests_or_in_what_was_started() {
    let declared = || fault("tag-moved", None, &[]);
    seen(with_good_tag(sample::recovered(), BAD), declared(), Some("sha256:bb under v0.3.8 and under v0.4.0"));
    seen(with_good_tag(sample::recovered(), GOOD), declared(), None);
    seen(with_good_tag(sample::recovered(), "absent"), declared(), None);
    seen(sample::recovered(), declared(), None);
    // As many digests as releases, but none of them known, are not the same one.
    let unknown = with_good_tag(sample::recovered(), "unreachable").edit("end", |what| {
        if let What::MachineSeen { machine, .. } = what {
            machine.supervisor = machine.supervisor.replace(BAD, "unreachable");
        }
    });
    seen(unknown, declared(), None);
    let started = sample::recovered().edit("node-started", |what| {
        if let What::NodeStarted { process } = what {
            process.version = Some("0.4.0".into());
        }
    });
    seen(started, declared(), Some("0.4.0 was started in the place of 0.3.8"));
}

#[test]
fn a_taken_name_shows_in_the_engines_words() {
    let declared = || fault("name-conflict", None, &[]);
    let words = "docker: Error response from daemon: Conflict. The container name \"/tensor-wasm\" is already in use by \
                 container \"ab\". You have to remove (or rename) that container to be able to reuse that name.\n\
                 See 'docker run --help'.\n";
    seen(ended(sample::offline(), "S6", 125, words), declared(), Some("S6 ended 125: docker: Error response"));
    seen(ended(sample::offline(), "S6", 125, "no such image"), declared(), None);
    seen(ended(sample::offline(), "S6", 0, words), declared(), None);
    seen(ended(sample::offline(), "S1", 125, words), declared(), None);
    seen(sample::recovered(), declared(), None);
}

/// A process of that executable listens on the node's port.
fn listens(executable: &str, version: Option<&str>) -> What {
    let version = version.map(str::to_owned);
    let process = NodeProcess { pid: 77, executable: executable.into(), sha256: "cc".repeat(32), version };
    What::ListenersChanged { listeners: vec![Listener { port: 8080, process: Some(process) }] }
}

#[test]
fn a_held_port_shows_in_who_listens_after_the_stop() {
    let declared = || fault("port-held", None, &[]);
    let after = |listener| sample::offline().after("held-invoke", listener);
    seen(
        after(listens("/usr/local/bin/hold-port", None)),
        declared(),
        Some("hold-port (pid 77, no release) listens on 8080"),
    );
    seen(after(listens("/usr/bin/docker-proxy", None)), declared(), None);
    seen(after(listens("/usr/sbin/dockerd", None)), declared(), None);
    seen(after(listens("/usr/local/bin/tensor-wasm", Some("0.3.8"))), declared(), None);
    let nobody = What::ListenersChanged { listeners: vec![Listener { port: 8080, process: None }] };
    seen(after(nobody), declared(), None);
    let other_port = What::ListenersChanged {
        listeners: match listens("/bin/x", None) {
            What::ListenersChanged { listeners } => {
                listeners.into_iter().map(|on| Listener { port: 80, ..on }).collect()
            }
            _ => vec![],
        },
    };
    seen(after(other_port), declared(), None);
    let before = sample::offline().after("records-seen", listens("/usr/local/bin/hold-port", None));
    seen(before, declared(), None);
    let looked_at = sample::offline().edit("hold-ended", |what| {
        if let (What::MachineSeen { machine, .. }, What::ListenersChanged { listeners }) =
            (what, listens("/bin/x", None))
        {
            machine.listeners = listeners;
        }
    });
    seen(looked_at, declared(), Some("/bin/x (pid 77, no release) listens on 8080"));
}

#[test]
fn an_edit_that_finds_nothing_shows_in_its_status() {
    let declared = || fault("compose-not-edited", None, &[]);
    let supplied = |sample: Sample| {
        sample.edit_command("S4", |what| {
            if let What::CommandBegan { origin, .. } = what {
                *origin = Origin::Supplied { stands_for: "edit the tag".into() };
            }
        })
    };
    seen(ended(supplied(sample::recovered()), "S4", 1, ""), declared(), Some("edit of step S4 ended 1"));
    seen(supplied(sample::recovered()), declared(), None);
    seen(ended(sample::recovered(), "S4", 1, ""), declared(), None);
    seen(ended(supplied(sample::recovered()), "S5", 1, ""), declared(), None);
}

#[test]
fn an_ignored_sigterm_shows_in_a_process_that_outlives_the_grace() {
    let declared = || fault("sigterm-ignored", Some(Role::Bad), &[]);
    // The stop begins at 5 s, `ready-claim` is at 65.2 s.
    let stopped = |sample: Sample, after_s: u64| {
        sample.edit_command("S3", move |what| {
            if let What::CommandEnded { began_us, ended_us, .. } = what {
                *ended_us = *began_us + after_s * 1_000_000;
            }
        })
    };
    let gone_late = || {
        let until = |what: &What| matches!(what, What::NodeExited { pid: 100 });
        sample::offline().without(until).after("ready-claim", What::NodeExited { pid: 100 })
    };
    seen(stopped(gone_late(), 10), declared(), Some("took 10000.000 ms, and 0.4.0 was gone after 60200.000 ms"));
    seen(stopped(gone_late(), 9), declared(), Some("took 9000.000 ms"));
    seen(stopped(gone_late(), 8), declared(), None);
    // The command took long, but the node had gone at once.
    seen(stopped(sample::offline(), 10), declared(), None);
    seen(stopped(gone_late().without(|what| matches!(what, What::NodeExited { pid: 100 })), 10), declared(), None);
    // Another process that lasts is not the bad release's.
    let other = gone_late().edit("node-started", |what| {
        if let What::NodeStarted { process } = what {
            process.version = Some("0.3.8".into());
        }
    });
    seen(stopped(other, 10), declared(), None);
    seen(sample::recovered(), declared(), None);
}

/// Nothing that came before it began is evidence of a fault, and one whose moment never came has left none.
#[test]
fn a_fault_that_begins_later_shows_in_what_comes_after() {
    let at = Some(Moment::Before(Class::Start));
    let applied = |at| What::FaultApplied { fault: "port-held".into(), how: "by hand".into(), at };
    let declared = || FaultUse { at, ..fault("port-held", None, &[]) };
    let held = || sample::offline().after("held-invoke", listens("/usr/local/bin/hold-port", None));
    seen(held(), declared(), None);
    seen(held().after("host-up", applied(None)), declared(), None);
    let told = "begun before the first start: /usr/local/bin/hold-port (pid 77";
    seen(held().after("host-up", applied(at)), declared(), Some(told));
    // Here it begins behind the only thing that would show it.
    let behind = sample::offline().after("held-invoke", applied(at));
    seen(behind.after("held-invoke", listens("/usr/local/bin/hold-port", None)), declared(), None);
}
