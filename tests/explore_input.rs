//! What an exploration refuses: files, ranges and restrictions that cannot be meant, each with its place. Needs no engine.

use std::fs;

use conformance::exploring::{OWN, SMALL, call, exploration, folder, text};
use rollback_harness::exit::ExitStatus;
use rollback_harness::explore::Exploration;
use rollback_harness::fault::{self, Whence};

/// Of [`SMALL`].
const ONLY: &str = "only = [\"healthz-slow\", \"port-held\", \"tag-missing\", \"tag-moved\"]";
/// Of [`OWN`].
const OWN_MUST: &str = "{ findings_not = [\"blind-check\"], at_most = { downtime_ms = 60000 } }";

/// [`OWN`] about other drills.
fn when(keys: &str) -> String {
    OWN.replace("{ verdict = [\"recovered\", \"unverified\"] }", &format!("{{ {keys} }}"))
}

/// [`OWN`] with something else that has to be.
fn must(keys: &str) -> String {
    OWN.replace(OWN_MUST, &format!("{{ {keys} }}"))
}

/// A space that leaves every fault out.
fn nothing_left() -> String {
    let mut space =
        "schema = 1\nbases = [\"procedure-only\"]\ntopologies = [\"docker\"]\noperators = [\"paste\"]\n".to_owned();
    for kind in fault::REGISTRY {
        let releases: Vec<String> = match kind.whence {
            Whence::Outside => vec![String::new()],
            Whence::Inborn { releases } => {
                releases.iter().map(|release| format!("release = \"{release:?}\"\n").to_lowercase()).collect()
            }
        };
        for release in releases {
            space += &format!("[[fault]]\nid = \"{}\"\n{release}levels = []\n", kind.id);
        }
    }
    space
}

/// What is meant is taken: no fault beside none, nothing else that breaks, a rule of the text and one of the binding.
#[test]
fn what_can_be_meant_is_taken() {
    let out = folder();
    for keys in [
        "broken_only = [], failing_only = []",
        "findings_not = [\"never-captured\", \"no-time-limit\"]",
        "at_least = { downtime_ms = 1 }, at_most = { downtime_ms = 1 }",
    ] {
        let when = "when = { faults_only = [], base = [\"procedure-only\"], operator = [\"paste\"] }";
        let text = must(keys).replace("when = { verdict = [\"recovered\", \"unverified\"] }", when);
        assert!(text.contains(when) && text.contains(keys), "{text}");
        let Exploration { space, site, properties, .. } = exploration(SMALL, Some(&text), 1, out.path());
        properties.fit(&space, &site.runbook).unwrap();
    }
}

#[test]
fn bad_input_is_refused_with_file_and_line() {
    let out = folder();
    let (space, more) = (out.path().join("space.toml"), out.path().join("more.toml"));
    let with = |from: &str, to: &str| SMALL.replacen(from, to, 1);
    let spaces = [
        (with("schema = 1", "schema = 2"), ":2: schema is 2; looked for 1"),
        (with("operators", "operatoren"), ":5: unknown field `operatoren`"),
        (
            with("[\"docker\"]", "[\"podman\"]"),
            ":4: base `procedure-only` is not for topology `podman`; it is for compose",
        ),
        (with("[\"procedure-only\"]", "[\"base\"]"), ":3: no scenario `base`"),
        (
            with("[\"procedure-only\"]", "[\"compose-not-edited\"]"),
            ":4: base `compose-not-edited` is not for topology `docker`",
        ),
        (with("[\"docker\"]", "[\"docker\", \"docker\"]"), ":4: topologies: the same one twice"),
        (with("[\"docker\"]", "[]"), ":4: topologies: none; looked for at least one"),
        (with(ONLY, "only = []"), ":6: only: none; looked for at least one fault"),
        (with(ONLY, "only = [\"port-held\", \"tag-moved\"]"), ":10: `tag-missing` is not among `only`; take it out"),
        (with("faults = [\"tag-missing\", ", "faults = ["), ":9: touching \"the tag\": fewer than two faults"),
        (with("\"tag-missing\", \"tag-moved\"]\n\n[[fault]]", "]\n\n[[fault]]"), ":9: touching \"the tag\": fewer"),
        (
            with("\"tag-moved\"]", "\"tag-moved\",\n\"wrong-build\"]"),
            ":7: only: `wrong-build` can be had with no base on any topology; take it out",
        ),
        (
            with("\"tag-moved\"]", "\"tag-moved\", \"registry-down\"]") + "[[fault]]\nid = \"registry-down\"\nlevels = []\n",
            ":6: only: `registry-down` is left out by `levels = []`; take it out",
        ),
        (
            "schema = 1\nbases = [\"port-held\"]\ntopologies = [\"docker\"]\noperators = [\"paste\"]\nonly = [\"port-held\"]\n"
                .to_owned(),
            ":5: only: `port-held` is what each base has already; take it out",
        ),
        (nothing_left(), ":2: no fault is left that could be added to any base; looked for at least one"),
        (
            with("id = \"port-held\"\n", "id = \"port-held\"\nlevels = []\n"),
            ":23: `port-held`: `levels = []` leaves it out, so it has no moments",
        ),
        (with("\"port-held\"", "\"port-hold\""), ":6: no fault `port-hold`; there are "),
        (with("faults = [\"tag-missing\"", "faults = [\"tag-gone\""), ":10: no fault `tag-gone`"),
        (with("delay_ms = 8", "delay_ms = 801"), ":13: fault `healthz-slow`: `delay_ms` is 801"),
        (with("delay_ms = 8", "delay_s = 8"), ":13: fault `healthz-slow` has no parameter `delay_s`"),
        (with("delay_ms = 8", "delay_ms = 2"), ":13: `healthz-slow` has the same level twice"),
        (with("release = \"good\"\n", ""), ":13: fault `healthz-slow`: a release is born with it"),
        (with("release = \"bad\"", "release = \"good\""), ":18: `healthz-slow` again"),
        (
            with("\"tag-moved\"]", "\"tag-moved\", \"snapshot-incompatible\"]")
                + "[[fault]]\nid = \"snapshot-incompatible\"\nlevels = [{ format = 9 }]\n",
            ":26: `snapshot-incompatible`: level 1 can be had with no base on any topology",
        ),
        (
            with("moments = [{ before = \"start\" }]", "moments = [{ before = \"fetch\" }]"),
            ":23: `port-held`: before the first fetch comes on no topology that can have it",
        ),
        (
            with("moments = [{ before = \"start\" }]", "moments = [{ before = \"capture\" }]"),
            ":23: fault `port-held`: `at`: no command",
        ),
        (with("moments = [{", "moments = [{ before = \"start\" }, {"), ":23: `port-held` has the same moment twice"),
        (with("moments = [{ before = \"start\" }]", "moments = [\"noon\"]"), ":24: unknown variant `noon`"),
        (
            with("levels = []", "moments = [{ before = \"start\" }]"),
            ":18: fault `healthz-slow`: `at`: it is there from the beginning of a drill on",
        ),
    ];
    let properties = [
        (OWN.replace("downtime_ms", "downtime"), ":5: property `checks-see`: at_most, at_least: no `downtime`"),
        (OWN.replace("at_most", "most"), ":8: unknown field `most`"),
        (OWN.replace("checks-see", "Never!"), ":5: id \"Never!\""),
        (OWN.replace("checks-see", "never-unsafe"), ":5: property `never-unsafe` again"),
        (OWN.replace("must =", "relation = \"careful-no-worse\"\nmust ="), "looked for either `must` or `relation`"),
        (OWN.replace(OWN_MUST, "{}"), ":5: property `checks-see`: `must` asks for"),
        (
            OWN.replace("blind-check", "blind-cheque"),
            "more.toml:5: property `checks-see`: findings_not: no `blind-cheque` among the rules; there are alert-cannot",
        ),
        (
            when("base = [\"nope\"]"),
            "more.toml:5: property `checks-see`: base: no `nope` in the space; there are procedure-only",
        ),
        (when("topology = []"), ":5: property `checks-see`: topology: none; looked for at least one"),
        (when("operator = []"), ": operator: none; looked for"),
        (when("base = []"), ": base: none; looked for"),
        (when("fault = []"), ": fault: none; looked for"),
        (when("verdict = []"), ": verdict: none; looked for"),
        (must("verdict_not = []"), ": verdict_not: none; looked for"),
        (must("findings_not = []"), ": findings_not: none; looked for"),
        (
            must("broken_only = [\"page-once\", \"page-once\"]"),
            ": broken_only: `page-once` twice; looked for each once",
        ),
        (when("operator = [\"paste\", \"paste\"]"), ": operator: `paste` twice; looked for each once"),
        (
            must("verdict = [\"recovered\", \"offline\"], verdict_not = [\"offline\"]"),
            ": verdict and verdict_not: `offline` in both; looked for it in one of them",
        ),
        (
            when("faults_most = 0, fault = [\"port-held\"]"),
            ": faults_most is 0, so no drill has one of `fault`; looked for",
        ),
        (
            when("fault = [\"port-held\", \"tag-moved\"], faults_only = [\"tag-missing\"]"),
            ": fault: none of port-held, tag-moved is among `faults_only`",
        ),
        (
            must("at_most = { downtime_ms = 5 }, at_least = { downtime_ms = 6 }"),
            ": at_most, at_least: `downtime_ms` at most 5 and",
        ),
        (must("at_most = { downtime_ms = inf }"), ": at_most: `downtime_ms` is inf; looked for a finite number"),
        (when("at_least = { downtime_ms = nan }"), ": at_least: `downtime_ms` is NaN; looked for a finite number"),
        (must("topology = [\"docker\"]"), ":5: property `checks-see`: `must`: `topology` is set before a drill begins"),
        (must("operator = [\"paste\"]"), ": `must`: `operator` is set before"),
        (must("base = [\"procedure-only\"]"), ": `must`: `base` is set before"),
        (
            must("faults_most = 0"),
            ": `must`: `faults_most` is set before a drill begins, and does not come of it; it belongs in `when`",
        ),
        (must("fault = [\"port-held\"]"), ": `must`: `fault` is set before"),
        (must("verdict = [\"recovered\"], faults_only = []"), ": `must`: `faults_only` is set before"),
        (OWN.replace("\"recovered\"", "\"healed\""), ":7: unknown variant `healed`"),
    ];
    let calls = spaces.iter().map(|(text, said)| (text.as_str(), OWN, *said));
    let mut otherwise = Vec::new();
    for (of_space, of_properties, said) in
        calls.chain(properties.iter().map(|(text, said)| (SMALL, text.as_str(), *said)))
    {
        fs::write(&space, of_space).unwrap();
        fs::write(&more, of_properties).unwrap();
        let files = ["--space", text(&space), "--properties", text(&more), "--out", text(out.path())];
        let ran = call(&[&["explore", "--exhaustive"], files.as_slice()].concat());
        let refused = (ran.status, ran.out.as_str()) == (ExitStatus::Usage, "");
        if !refused || !ran.log.contains(said) || !ran.log.contains(".toml") {
            otherwise.push(format!("looked for {said:?}: {:?} {}{}", ran.status, ran.log, ran.out));
        }
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
    fs::write(&space, SMALL).unwrap();
    for (args, said) in [
        (["--range", "3..3"], "it is empty"),
        (["--range", "4..3"], "it is reversed"),
        (["--range", "3"], "looked for A..B"),
        (["--exhaustive", "--range=0..1000"], "--range 0..1000: the space ends at "),
        (["--range", "0..1500"], "--range 0..1500: samples come in blocks of 1000"),
        (["--faults", "7"], "--faults 7: the greatest number is 6"),
        (["--threads", "0"], "0 is not in 1..=256"),
        (["--base", "confirmed"], "--base confirmed: no base of this space; there are procedure-only"),
        (["--topology", "systemd"], "nothing is left of the space"),
        (["--resume", "--exhaustive"], "results.jsonl: cannot be read"),
    ] {
        let none = out.path().join("none");
        let ran = call(&[["explore", "--space", text(&space), "--out", text(&none)].as_slice(), &args].concat());
        assert_eq!((ran.status, ran.out.as_str()), (ExitStatus::Usage, ""), "{said}: {}", ran.log);
        assert!(ran.log.contains(said), "looked for {said:?}: {}", ran.log);
    }
}
