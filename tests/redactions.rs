//! What may differ from one run of the same drill to the next, by kind: a time, an id, a duration, a size, a count. Each
//! pattern takes only that, never a whole line: a changed version, status, file name or verdict still fails a snapshot.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// What is replaced, and by what. Order matters: the first ones are parts of what the later ones would take.
const PATTERNS: &[(&str, &str)] = &[
    // Ids.
    (r"\b[0-9a-f]{64}\b", "[sha256]"),
    (r"-(container|sim)-[0-9a-f]{8}(-[0-9]+)?\b", "-$1-[id]"),
    (r"\bid [0-9a-f]{8}\b", "id [id]"),
    (r"-[0-9a-f]{8}\.toml\b", "-[id].toml"),
    (r"\bspace [0-9a-f]{12}\b", "space [hash]"),
    (r"\bnode process [0-9]+\b", "node process [pid]"),
    (r"\(pid [0-9]+", "(pid [pid]"),
    (r"\btensor-wasm\[[0-9]+\]", "tensor-wasm[pid]"),
    (r"\boperator host \S+ is up\b", "operator host [host] is up"),
    (r"\bevents? [0-9]+(, [0-9]+)*(, …)?", "[events]"),
    (r#"("events": ?)\[[0-9,\s]*[0-9][0-9,\s]*\]"#, r#"$1"[events]""#),
    // Times: of the timeline in text and Markdown, in seconds; of a file name, in seconds since 1970.
    (r"(?m)^ {0,8}[0-9]+\.[0-9]{3}(  )", "[time]$1"),
    (r"(?m)^\| [0-9]+\.[0-9]{3} \| [0-9]+ \|", "| [time] | [event] |"),
    (r"-1[0-9]{9}\.", "-[epoch]."),
    (r"\b[A-Z][a-z]{2} [ 0-3][0-9] [0-9:]{8} ", "[time] "),
    (r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]+Z", "[time]"),
    // Durations; in columns with the blanks before them, because these change with their width.
    (r" *\b[0-9]+(\.[0-9]+)? (ms|s|µs)\b", " [duration]"),
    (r#"("[a-z_]+_ms": ?)[0-9]+"#, r#"$1"[duration]""#),
    // What follows from durations: shares of the budget have four places, no share that anybody chose has.
    (r"\b[0-9]+\.[0-9]{4} %", "[share]"),
    (r#"("budget_spent_percent": ?)[0-9.e-]+"#, r#"$1"[share]""#),
    // Sizes and counts.
    (r"\b[0-9]+ bytes\b", "[size] bytes"),
    (r#"("bytes": ?)[0-9]+"#, r#"$1"[size]""#),
    (r"\b[0-9]+ of [0-9]+ requests\b", "[count] of [count] requests"),
    (r"(requests failed +(?:\| )?)[0-9]+", "$1[count]"),
    (r#"("requests_failed": ?)[0-9]+"#, r#"$1"[count]""#),
];

/// The same of what commands of a probe print, and only of that.
const OF_OUTPUTS: &[(&str, &str)] = &[
    // Ids: of containers in short, of processes in a log and in a unit's status.
    (r"\b[0-9a-f]{12}\b", "[container]"),
    (r"\b(tensor-wasm|systemd|sudo|haproxy)\[[0-9]+\]", "$1[pid]"),
    (r"\b(MainPID=|ExecMainPID=|Main PID: |PID )[1-9][0-9]*", "$1[pid]"),
    // Times.
    (r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}( UTC)?", "[time]"),
    (r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:]{8}(\.[0-9]+)?( ?(Z|UTC|[+-][0-9:]+))*", "[time]"),
    // How long ago, in the words of docker and of systemctl.
    (r"\b(Less than a second|About a minute|[0-9]+ (seconds?|minutes?))\b", "[duration]"),
    (r"; [0-9]+(ms|s|min)( [0-9]+(ms|s))? ago", "; [duration] ago"),
];

static COMPILED_OF_OUTPUTS: LazyLock<Vec<(Regex, &str)>> =
    LazyLock::new(|| OF_OUTPUTS.iter().filter_map(|(pattern, by)| Some((Regex::new(pattern).ok()?, *by))).collect());

static COMPILED: LazyLock<Vec<(Regex, &str)>> =
    LazyLock::new(|| PATTERNS.iter().filter_map(|(pattern, by)| Some((Regex::new(pattern).ok()?, *by))).collect());

/// The text without what may differ.
pub fn redacted(text: &str) -> String {
    assert_eq!(COMPILED.len(), PATTERNS.len(), "a pattern is no regular expression");
    replaced(text, &COMPILED)
}

/// What a command of a probe printed, without what may differ between two machines.
pub fn redacted_output(text: &str) -> String {
    assert_eq!(COMPILED_OF_OUTPUTS.len(), OF_OUTPUTS.len(), "a pattern is no regular expression");
    redacted(&replaced(text, &COMPILED_OF_OUTPUTS))
}

fn replaced(text: &str, patterns: &[(Regex, &str)]) -> String {
    patterns.iter().fold(text.to_owned(), |text, (pattern, by)| match pattern.replace_all(&text, *by) {
        Cow::Borrowed(_) => text,
        Cow::Owned(changed) => changed,
    })
}

/// How all snapshots of this project are kept: under `snapshots/` at the workspace's root, by the name that they are
/// given (unnamed ones of two processes would collide).
pub fn assert_snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
