//! Each condition at its boundaries, on the project's runbook and on changed ones.

use std::path::Path;

use super::input::{self, Input};
use super::*;
use crate::history::event::Source;
use crate::runbook::Runbook;

fn shipped(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/runbooks");
    std::fs::read_to_string(folder.join(file)).unwrap()
}

fn rules_of(runbook: &str) -> Rules {
    let binding = shipped("rollback.binding.toml");
    Runbook::from_texts(("r.md", runbook.as_bytes()), ("b.toml", binding.as_bytes())).unwrap().decision().unwrap()
}

/// Those of the project's runbook.
pub(crate) fn rules_of_project() -> Rules {
    rules_of(&shipped("rollback.md"))
}

fn edited(from: &str, to: &str) -> Rules {
    let text = shipped("rollback.md");
    assert_eq!(text.matches(from).count(), 1, "{from:?}");
    rules_of(&text.replacen(from, to, 1))
}

/// What was seen at 12:00; a list that is not in the text is empty.
fn seen(text: &str) -> Input {
    let lists = ["alerts", "deploys"].into_iter().filter(|list| !text.contains(&format!("[[{list}]]")));
    let empty: String = lists.map(|list| format!("{list} = []\n")).collect();
    input::parse("i.toml", format!("schema = 1\nnow = 2026-03-14T12:00:00Z\n{empty}{text}").as_bytes()).unwrap()
}

fn asked(rules: &Rules, text: &str) -> Answer {
    let source = || Source { path: "r.md".into(), sha256: String::new() };
    answer(rules, &seen(text), Asked { runbook: source(), binding: source(), from: "i.toml".into() })
}

/// The number that the answer rests on, and what each condition comes to.
fn comes_to(answer: &Answer) -> (Option<u64>, String) {
    let holds: Vec<&str> = answer.conditions.iter().map(|condition| condition.holds.as_str()).collect();
    (answer.because, holds.join(" "))
}

fn alert(name: &str, since: &str) -> String {
    format!("[[alerts]]\nname = \"{name}\"\nsince = {since}\n")
}

fn deploy(at: &str, crates: &str) -> String {
    format!("[[deploys]]\nat = {at}\nversion = \"0.4.0\"\ncrates = [{crates}]\n")
}

fn budget(percent: &str, over: &str, suspect: &str) -> String {
    format!("[budget]\nspent_percent = {percent}\nover = \"{over}\"\nsuspect = \"{suspect}\"\n")
}

/// The slow burn since 11:00, with these readings.
fn burns(earlier: (&str, f64), later: (&str, f64)) -> String {
    slow("2026-03-14T11:00:00Z", earlier, later)
}

fn slow(since: &str, earlier: (&str, f64), later: (&str, f64)) -> String {
    let reading = |(at, rate): (&str, f64)| format!("{{ at = 2026-03-14T{at}Z, rate = {rate} }}");
    let (earlier, later) = (reading(earlier), reading(later));
    format!("{}burn.earlier = {earlier}\nburn.later = {later}\n", alert("availability-slow-burn", since))
}

const FAST: &str = "availability-fast-burn";
const INVOKE: &str = "invoke-latency-spike";
const AT_ELEVEN: &str = "2026-03-14T11:00:00Z";

#[test]
fn each_condition_holds_from_its_number_on_and_not_before() {
    let fast = |at: &str| alert(FAST, AT_ELEVEN) + &deploy(at, "");
    let crates = |at: &str, crates: &str| alert(INVOKE, AT_ELEVEN) + &deploy(at, crates);
    let exec = "\"tensor-wasm-cli\", \"tensor-wasm-exec\"";
    let half_past = |rate| burns(("11:30:00", 10.0), ("12:00:00", rate));
    #[rustfmt::skip]
    let cases: Vec<(&str, String, Option<u64>, &str)> = vec![
        ("nothing is seen", String::new(), None, "no no no unknown"),
        // 1: a deploy up to 65 minutes before the alert.
        ("65 min before", fast("2026-03-14T09:55:00Z"), Some(1), "yes no no unknown"),
        ("a second more", fast("2026-03-14T09:54:59Z"), None, "no no no unknown"),
        ("at that moment", fast(AT_ELEVEN), Some(1), "yes no no unknown"),
        ("a second after", fast("2026-03-14T11:00:01Z"), None, "no no no unknown"),
        ("no deploy", alert(FAST, AT_ELEVEN), None, "no no no unknown"),
        ("as runbooks name it", alert("availability-fast-burn.md", AT_ELEVEN) + &deploy(AT_ELEVEN, ""), Some(1), "yes no no unknown"),
        ("the last one before counts", fast("2026-03-14T08:00:00Z") + &deploy("2026-03-14T10:50:00Z", "") + &deploy("2026-03-14T11:30:00Z", ""), Some(1), "yes no no unknown"),
        ("another alert", alert(INVOKE, AT_ELEVEN) + &deploy(AT_ELEVEN, ""), None, "no no no unknown"),
        // 2: 30 minutes, and a burn rate that does not fall by a tenth.
        ("30 min exactly", slow("2026-03-14T11:30:00Z", ("11:30:00", 6.0), ("12:00:00", 6.0)), Some(2), "no yes no unknown"),
        ("a second less", slow("2026-03-14T11:30:01Z", ("11:30:01", 6.0), ("12:00:00", 6.0)), None, "no no no unknown"),
        ("it grows", half_past(12.0), Some(2), "no yes no unknown"),
        ("just not a tenth less", half_past(9.01), Some(2), "no yes no unknown"),
        ("a tenth less", half_past(9.0), None, "no no no unknown"),
        ("nobody looked", alert("availability-slow-burn", AT_ELEVEN), None, "no unknown no unknown"),
        ("too short, and nobody looked", alert("availability-slow-burn", "2026-03-14T11:59:00Z"), None, "no no no unknown"),
        ("15 min apart", burns(("11:45:00", 6.0), ("12:00:00", 6.0)), Some(2), "no yes no unknown"),
        ("a second less apart", burns(("11:45:01", 6.0), ("12:00:00", 6.0)), None, "no unknown no unknown"),
        ("15 min old", burns(("11:00:00", 6.0), ("11:45:00", 6.0)), Some(2), "no yes no unknown"),
        ("a second older", burns(("11:00:00", 6.0), ("11:44:59", 6.0)), None, "no unknown no unknown"),
        // 3: 24 hours, and one of three crates.
        ("24 h exactly", crates("2026-03-13T12:00:00Z", exec), Some(3), "no no yes unknown"),
        ("a second more", crates("2026-03-13T11:59:59Z", exec), None, "no no no unknown"),
        ("another crate", crates("2026-03-14T10:00:00Z", "\"tensor-wasm-cli\""), None, "no no no unknown"),
        ("no crate", crates("2026-03-14T10:00:00Z", ""), None, "no no no unknown"),
        ("the crate was changed long ago", crates("2026-03-01T10:00:00Z", exec) + &deploy("2026-03-14T10:00:00Z", "\"tensor-wasm-cli\""), None, "no no no unknown"),
        ("the other alert", alert("dispatch-latency-spike", AT_ELEVEN) + &deploy(AT_ELEVEN, "\"tensor-wasm-wasi-gpu\""), Some(3), "no no yes unknown"),
        ("no alert", deploy(AT_ELEVEN, exec), None, "no no no unknown"),
        // 4: over 50 % in 24 hours, and a release is suspected.
        ("50 %", budget("50.0", "24 hours", "release"), None, "no no no no"),
        ("50.1 %", budget("50.1", "24 hours", "release"), Some(4), "no no no yes"),
        ("a day", budget("51", "1 day", "release"), Some(4), "no no no yes"),
        ("something else", budget("90", "24 hours", "other"), None, "no no no no"),
        ("nothing yet", budget("90", "24 hours", "nothing"), None, "no no no no"),
        ("for another window", budget("90", "12 hours", "release"), None, "no no no unknown"),
        ("for another window, and something else", budget("90", "12 hours", "other"), None, "no no no no"),
        // The first that holds, in the runbook's order.
        ("2 and 4", budget("90", "24 hours", "release") + &half_past(12.0), Some(2), "no yes no yes"),
        ("3 and 4", budget("90", "24 hours", "release") + &crates(AT_ELEVEN, exec), Some(3), "no no yes yes"),
        ("1, 2 and 3", fast(AT_ELEVEN) + &half_past(12.0) + &alert(INVOKE, AT_ELEVEN) + &deploy(AT_ELEVEN, exec), Some(1), "yes yes yes unknown"),
        ("2 is not known", alert("availability-slow-burn", AT_ELEVEN) + &crates(AT_ELEVEN, exec), Some(3), "no unknown yes unknown"),
    ];
    let rules = rules_of(&shipped("rollback.md"));
    for (name, text, because, holds) in cases {
        let answer = asked(&rules, &text);
        assert_eq!(comes_to(&answer), (because, holds.to_owned()), "{name}: {:#?}", answer.conditions);
        assert_eq!(answer.call == Call::RollBack, because.is_some(), "{name}");
        let quote = answer.conditions.iter().find(|condition| Some(condition.number) == because);
        let quote = quote.map_or("Otherwise look for the cause first.", |condition| &condition.text);
        assert_eq!(answer.quote.text, quote, "{name}");
        // What does not hold says what was missing.
        for condition in answer.conditions.iter().filter(|condition| condition.holds != Holds::Yes) {
            let missing = condition.checks.iter().filter(|check| check.holds != Holds::Yes);
            assert!(missing.clone().count() > 0 && missing.clone().all(|check| !check.said.is_empty()), "{name}");
        }
    }
}

/// (words of the runbook, what replaces them, what was seen, before, after).
type Change<'a> = (&'a str, &'a str, String, Option<u64>, Option<u64>);

#[test]
fn a_changed_text_is_another_condition() {
    let fires = |minute: &str| {
        let since = format!("2026-03-14T11:{minute}:00Z");
        slow(&since, ("11:35:00", 6.0), ("12:00:00", 6.0))
    };
    let day = |hour: &str, crates: &str| alert(INVOKE, AT_ELEVEN) + &deploy(&format!("2026-03-{hour}:00:00Z"), crates);
    let cases: Vec<Change<'_>> = vec![
        ("30+ minutes", "45+ minutes", fires("30"), Some(2), None),
        ("30+ minutes", "45+ minutes", fires("15"), Some(2), Some(2)),
        ("30+ minutes", "20 minutes", fires("35"), None, Some(2)),
        ("last 24 hours", "last 12 hours", day("13T23", "\"tensor-wasm-api\""), Some(3), None),
        ("last 24 hours", "last 2 days", day("12T13", "\"tensor-wasm-api\""), None, Some(3)),
        ("`tensor-wasm-exec`", "`tensor-wasm-core`", day("14T10", "\"tensor-wasm-core\""), None, Some(3)),
        ("`tensor-wasm-exec`", "`tensor-wasm-core`", day("14T10", "\"tensor-wasm-exec\""), Some(3), None),
        ("Over 50%", "Over 25%", budget("25.5", "24 hours", "release"), None, Some(4)),
        ("one 24-hour window", "one 12-hour window", budget("60", "24 hours", "release"), Some(4), None),
        ("one 24-hour window", "one 12-hour window", budget("60", "12 hours", "release"), None, Some(4)),
        ("`invoke-latency-spike.md` or ", "", day("14T10", "\"tensor-wasm-api\""), Some(3), None),
        (
            "1. `availability-fast-burn.md`",
            "1. `healthz-slow.md`",
            alert("healthz-slow", AT_ELEVEN) + &deploy(AT_ELEVEN, ""),
            None,
            Some(1),
        ),
    ];
    let rules = rules_of(&shipped("rollback.md"));
    for (from, to, text, before, after) in cases {
        assert_eq!(asked(&rules, &text).because, before, "before {from:?} -> {to:?}");
        assert_eq!(asked(&edited(from, to), &text).because, after, "after {from:?} -> {to:?}");
    }
}

#[test]
fn the_original_wording_is_read_by_the_same_binding() {
    let text = shipped("rollback.md");
    let (from, to) = (text.find("The first of these").unwrap(), text.find("## Prerequisites").unwrap());
    // As the original runbook has it, each item on one line.
    let original = "Roll back when any of the following is true, in this order of preference:\n\n\
        1. The `availability-fast-burn.md` alert is firing and a recent deploy plausibly correlates.\n\
        2. The `availability-slow-burn.md` alert has been firing for 30+ minutes and is not abating.\n\
        3. The `invoke-latency-spike.md` or `dispatch-latency-spike.md` alerts are firing and a deploy in the last 24 \
        hours touched `tensor-wasm-api`, `tensor-wasm-exec`, or `tensor-wasm-wasi-gpu`.\n\
        4. A monthly error budget (per `SLO.md` §4.5) has been consumed at more than 50% in a 24-hour window and the \
        cause is suspected to be a release.\n\n\
        If none of these are true, do not roll back — investigate first. Rollback is destructive.\n\n";
    let rules = rules_of(&format!("{}{original}{}", &text[..from], &text[to..]));
    let answer = asked(&rules, "");
    assert_eq!(answer.quote.text, "If none of these are true, do not roll back — investigate first.");
    let words: Vec<&str> = rules.findings.iter().map(|finding| finding.message.as_str()).collect();
    let said =
        "the text gives no number for `recent` (how long before an alert a deploy still counts); supplied: 65 minutes";
    assert!(words[0].starts_with(said), "{words:#?}");
    assert_eq!(asked(&rules, &budget("50.1", "24 hours", "release")).because, Some(4));
    // Both wordings have the same terms.
    let terms = |rules: &Rules| -> Vec<_> {
        rules.conditions.iter().flat_map(|condition| &condition.terms).map(|term| term.value.clone()).collect()
    };
    assert_eq!(terms(&rules), terms(&rules_of(&text)));
}

/// The decision and the claims that a drill's record holds are read from the same words.
#[test]
fn the_numbers_are_those_of_the_claims() {
    let (text, binding) = (shipped("rollback.md"), shipped("rollback.binding.toml"));
    let runbook = Runbook::from_texts(("r.md", text.as_bytes()), ("b.toml", binding.as_bytes())).unwrap();
    let releases = crate::procedure::Releases { good: "0.3.8".parse().unwrap(), bad: "0.4.0".parse().unwrap() };
    let claims = runbook.procedure("systemd", &releases).unwrap().claims;
    let rules = runbook.decision().unwrap();
    let terms: Vec<&terms::Term> = rules.conditions.iter().flat_map(|condition| &condition.terms).collect();
    let value = |name: &str| terms.iter().find(|term| term.term == name).map(|term| (term.value.clone(), term.line));
    let duration = terms::Value::DurationMs;
    for (name, claim, wanted) in [
        ("firing_for", &claims.slow_burn_firing_ms, duration(claims.slow_burn_firing_ms.value)),
        ("deploy_within", &claims.recent_deploy_ms, duration(claims.recent_deploy_ms.value)),
        ("spent_over", &claims.budget_spent_percent, terms::Value::Percent(claims.budget_spent_percent.value)),
        ("spent_in", &claims.budget_window_ms, duration(claims.budget_window_ms.value)),
    ] {
        assert_eq!(value(name), Some((wanted, claim.line)), "{name}");
    }
}

#[test]
fn an_unknown_alert_and_a_deploy_that_cannot_be_the_cause_are_warned_of() {
    let rules = rules_of(&shipped("rollback.md"));
    let answer = asked(&rules, &alert("availability-fastburn", AT_ELEVEN));
    let [warning] = answer.warnings.as_slice() else { panic!("{:?}", answer.warnings) };
    assert!(
        warning.starts_with("no condition names the alert `availability-fastburn`; they name availability-fast-burn, ")
    );
    let late = alert(INVOKE, AT_ELEVEN) + &deploy("2026-03-14T11:30:00Z", "\"tensor-wasm-api\"");
    let answer = asked(&rules, &late);
    assert_eq!(answer.because, Some(3), "the text does not say that the deploy has to come first");
    let said = "v0.4.0 was deployed 30 min after `invoke-latency-spike` began to fire and cannot have caused it";
    assert!(answer.warnings[0].starts_with(said), "{:?}", answer.warnings);
    // One before it counts first.
    let early = late + &deploy("2026-03-14T10:30:00Z", "\"tensor-wasm-api\"");
    assert_eq!(asked(&rules, &early).warnings, Vec::<String>::new());
}

#[test]
fn kinds_have_ids_of_their_own_in_order_and_each_is_used() {
    let ids: Vec<&str> = conditions::REGISTRY.iter().map(|kind| kind.id).collect();
    assert!(ids.is_sorted_by(|one, other| one < other), "{ids:?}");
    let rules = rules_of(&shipped("rollback.md"));
    let used: Vec<&str> = rules.conditions.iter().map(|condition| condition.kind).collect();
    assert!(ids.iter().all(|id| used.contains(id)), "{used:?}");
}
