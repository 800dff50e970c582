//! What shows that the good release is not where the machine would start it from, or is another build.

use super::*;

#[test]
fn a_missing_release_shows_in_the_systems_words() {
    let declared = || fault("release-missing", None, &[]);
    let ended = |sample: Sample, step: &str, status: i32, text: &'static str| {
        sample.edit_command(step, move |what| {
            if let What::CommandEnded { exit, output, .. } = what {
                (*exit, *output) = (status, text.to_owned());
            }
        })
    };
    let words = "sh: 1: /opt/v0.3.8: No such file or directory\n";
    seen(
        ended(sample::recovered(), "S5", 127, words),
        declared(),
        Some("step S5 ended 127: sh: 1: /opt/v0.3.8: No such"),
    );
    seen(ended(sample::recovered(), "S5", 126, "sh: 1: /opt/v0.3.8: Permission denied\n"), declared(), None);
    seen(ended(sample::recovered(), "S5", 0, words), declared(), None);
    seen(ended(sample::recovered(), "S1", 127, words), declared(), None);
    seen(sample::recovered(), declared(), None);
    // Where it went behind the check, the supervisor or the verification's own check says so.
    let seen_at_end = |word: &'static str| {
        sample::recovered().edit("end", move |what| {
            if let What::MachineSeen { machine, .. } = what {
                machine.supervisor = format!("ExecMainCode=1\n{word}\n");
            }
        })
    };
    seen(seen_at_end("ExecMainStatus=203"), declared(), Some("could not run it: ExecMainStatus=203"));
    seen(seen_at_end("ExecMainStatus=20"), declared(), None);
    seen(ended(sample::recovered(), "V1", 127, words), declared(), Some("step V1 ended 127: sh: 1: "));
    // What was only looked at has not shown it.
    seen(ended(sample::confirmed(), "R1", 0, words), declared(), None);
    // Nobody checked, and there was nothing to start.
    let supervisor = |sample: Sample, moment: &'static str, line: &'static str| {
        sample.edit(moment, move |what| {
            if let What::MachineSeen { machine, .. } = what {
                machine.supervisor = format!("ExecMainCode=1\n{line}\n");
            }
        })
    };
    let not_executed = "ExecMainStatus=203";
    let told = Some("the supervisor could not run it: ExecMainStatus=203");
    seen(supervisor(sample::offline(), "hold-began", not_executed), declared(), told);
    seen(supervisor(sample::offline(), "hold-began", "ExecMainStatus=20"), declared(), None);
    seen(supervisor(sample::given_up(), "end", not_executed), declared(), None);
}

#[test]
fn a_wrong_build_shows_in_what_it_prints_or_in_what_was_started() {
    let declared = || fault("wrong-build", None, &[]);
    let printed = |step: &str, wanted: Option<&'static str>, text: &'static str| {
        sample::recovered().edit_command(step, move |what| match what {
            What::CommandBegan { should_print, .. } => *should_print = wanted.map(str::to_owned),
            What::CommandEnded { output, .. } => *output = text.to_owned(),
            _ => {}
        })
    };
    let wanted = Some("v0.3.8");
    seen(printed("S5", wanted, "v0.4.0\n"), declared(), Some("step S5 was to print v0.3.8 and printed 0.4.0"));
    seen(printed("S5", wanted, "v0.3.8\n"), declared(), None);
    seen(printed("S5", wanted, "sh: 1: not found\n"), declared(), None);
    seen(printed("S5", None, "v0.4.0\n"), declared(), None);
    seen(printed("S1", wanted, "v0.4.0\n"), declared(), None);
    let started = sample::recovered().edit("node-started", |what| {
        if let What::NodeStarted { process } = what {
            process.version = Some("0.4.0".into());
        }
    });
    seen(started, declared(), Some("0.4.0 was started in the place of 0.3.8"));
    seen(sample::recovered(), declared(), None);
}
