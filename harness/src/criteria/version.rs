//! Verification 1: the good release is what serves.

use super::{Criterion, Told, literal_status};
use crate::history::event::PlannedRelease;
use crate::judge::facts::Facts;
use crate::judge::look::{Look, name};

const ID: &str = "version";

/// The serving process's executable is the good release's; where nodes run in containers, so is the image that the
/// container was created from; and build_info agrees. The executable decides, so a node whose metrics are dead can be told
/// all the same.
pub(super) struct Version;

impl Criterion for Version {
    fn id(&self) -> &'static str {
        ID
    }

    fn oracle(&self, facts: &Facts<'_>) -> Told {
        let plan = facts.plan;
        let Some(look) = facts.look("verification") else {
            return Told::fail("nobody looked at the machine during verification", []);
        };
        let (events, holders) = ([look.n], look.holders(plan));
        if holders.is_empty() {
            return Told::fail(format!("nothing listens on port {}", plan.port), events);
        }
        let other_image = other_image(look, &plan.good);
        for holder in holders {
            let sha256 = holder.map_or("", |process| process.sha256.as_str());
            if sha256 != plan.good.executable_sha256 {
                let told = format!("{} serves port {}, not {}", name(holder), plan.port, plan.good.version);
                return Told::fail(other_image.map_or(told.clone(), |why| format!("{told}; {why}")), events);
            }
        }
        let executable = format!("the serving executable is release {}'s by SHA-256", plan.good.version);
        if let Some(why) = other_image {
            return Told::fail(format!("{executable}, but its image is another: {why}"), events);
        }
        let image = if plan.good.image_digest.is_some() { " and its image by digest" } else { "" };
        match look.build_info {
            Some(version) if version == plan.good.version => {
                Told::pass(format!("{executable}{image}, and build_info says {version}"), events)
            }
            Some(version) => Told::fail(format!("{executable}{image}, but build_info says {version}"), events),
            None => {
                Told::pass(format!("{executable}{image}; build_info is absent: /metrics says nothing about it"), events)
            }
        }
    }

    fn literal(&self, facts: &Facts<'_>) -> Told {
        literal_status(facts, ID)
    }
}

/// Why the container that was looked at is not of the release's image; `None` if it is, or if there are no images.
fn other_image(look: &Look<'_>, release: &PlannedRelease) -> Option<String> {
    release.image_digest.as_ref()?;
    match look.container() {
        Some(container) => container.other_image(release),
        None => Some("the supervisor says nothing of a container".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::*;
    use crate::history::What;
    use crate::judge::Outcome::{self, Fail, NotRun, Pass};
    use crate::judge::sample::{self, Sample};

    fn check(sample: Sample, outcome: Outcome, literal: Outcome, detail: &str) {
        let history = sample.history();
        let result = judge(&Version, &Facts::of(&history).unwrap());
        assert_eq!((result.outcome, result.literal), (outcome, literal), "{}", result.detail);
        assert!(result.detail.contains(detail), "{}", result.detail);
    }

    fn seen(edit: impl Fn(&mut What)) -> Sample {
        sample::recovered().edit("verification", edit)
    }

    #[test]
    fn the_executable_decides_and_build_info_agrees() {
        check(sample::recovered(), Pass, Pass, "build_info says 0.3.8");
        let machine = |edit: fn(&mut crate::history::event::NodeProcess)| {
            seen(move |what| {
                if let What::MachineSeen { machine, .. } = what {
                    machine.listeners.iter_mut().filter_map(|on| on.process.as_mut()).for_each(edit);
                }
            })
        };
        check(machine(|process| process.sha256 = "ff".into()), Fail, Pass, "serves port");
        let told = |version: Option<&'static str>| {
            seen(move |what| {
                if let What::MachineSeen { build_info, .. } = what {
                    *build_info = version.map(str::to_owned);
                }
            })
        };
        check(told(None), Pass, Pass, "build_info is absent");
        check(told(Some("0.4.0")), Fail, Pass, "build_info says 0.4.0");
    }

    /// A drill with containers: what serves, what the container was created from, what the registry serves for the tag.
    fn contained(version: &'static str, created: &'static str, serves: &'static str) -> Sample {
        let drill = seen(move |what| {
            if let What::MachineSeen { machine, .. } = what {
                *machine = sample::machine_running(version);
                machine.supervisor = format!(
                    "Status=running\nImage=r/node:v0.3.8\nImageDigest={created}\nRegistryTag=v0.3.8 {serves}\n"
                );
            }
        });
        drill.edit_plan(|plan| plan.good.image_digest = Some("sha256:aa".into()))
    }

    #[test]
    fn where_nodes_run_in_containers_the_image_is_the_releases_too() {
        let check = |sample, outcome, detail| check(sample, outcome, Pass, detail);
        let (right, other) = ("sha256:aa", "sha256:bb");
        check(
            contained("0.3.8", right, right),
            Pass,
            "is release 0.3.8's by SHA-256 and its image by digest, and build",
        );
        // Whatever the tag has become since: what serves is the release.
        check(contained("0.3.8", right, other), Pass, "its image by digest");
        check(contained("0.3.8", other, other), Fail, "by SHA-256, but its image is another: moved tag: ");
        check(contained("0.3.8", other, right), Fail, "by SHA-256, but its image is another: stale local image: ");
        check(contained("0.3.8", "", right), Fail, "never pulled");
        // The executable decides first; the image then says how it came about.
        check(contained("0.4.0", other, other), Fail, "(pid 200) serves port 8080, not 0.3.8; moved tag: ");
        check(contained("0.4.0", other, right), Fail, "(pid 200) serves port 8080, not 0.3.8; stale local image: ");
        check(contained("0.4.0", right, right), Fail, "(pid 200) serves port 8080, not 0.3.8; literal");
        let no_container = sample::recovered().edit_plan(|plan| plan.good.image_digest = Some(right.into()));
        check(no_container, Fail, "the supervisor says nothing of a container");
        let stale_metrics = contained("0.3.8", right, right).edit("verification", |what| {
            if let What::MachineSeen { build_info, .. } = what {
                *build_info = Some("0.4.0".into());
            }
        });
        check(stale_metrics, Fail, "its image by digest, but build_info says 0.4.0");
    }

    #[test]
    fn no_listener_no_process_and_no_look_are_failures() {
        let listeners = |keep: bool| {
            seen(move |what| {
                if let What::MachineSeen { machine, .. } = what {
                    machine.listeners.retain(|_| keep);
                    machine.listeners.iter_mut().for_each(|on| on.process = None);
                }
            })
        };
        check(listeners(false), Fail, Pass, "nothing listens");
        check(listeners(true), Fail, Pass, "an unknown process serves");
        let blind = sample::recovered()
            .without(|what| matches!(what, What::MachineSeen { moment, .. } if moment == "verification"));
        check(blind, Fail, Pass, "nobody looked");
    }

    #[test]
    fn the_literal_check_is_the_whole_trimmed_output_and_the_status() {
        let ends = |status: i32, text: &'static str| {
            sample::recovered().edit_command("V1", move |what| {
                if let What::CommandEnded { exit, pipe, output, .. } = what {
                    (*exit, *pipe, *output) = (status, vec![status], text.to_owned());
                }
            })
        };
        check(ends(0, "v0.3.8\n"), Pass, Pass, "ended 0");
        check(ends(1, "v0.3.8\n"), Pass, Fail, "ended 1");
        check(ends(0, "v0.3.80\n"), Pass, Fail, "printed `v0.3.80`");
        check(ends(0, "node 0.3.8\n"), Pass, Fail, "printed `node 0.3.8`");
        check(sample::recovered().without_command("V1"), Pass, NotRun, "not run");
    }

    #[test]
    fn nothing_is_asked_after_the_failure_path() {
        check(sample::offline(), NotRun, NotRun, "failure path");
        check(sample::given_up(), NotRun, NotRun, "never ran");
    }
}
