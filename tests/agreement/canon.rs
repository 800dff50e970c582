//! Takes out of a drill's texts what differs from run to run, by kind: a time becomes `[time]`, and an id becomes the number
//! of its first appearance in the drill, so that "the same container as before" and "another one" still differ.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use rollback_harness::history::event::{Plan, PlannedRelease};

use crate::redactions::redacted;

/// Ids: SHA-256 and container ids, also in the 12 digits that docker shortens them to; systemd's invocation ids.
const IDS: &str = r"\b(?:[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{12})\b";
/// A time in the zone UTC, as docker and the node write it.
const RFC3339: &str = r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]+)?Z";
/// What else differs, and is not in the redactions of the snapshots. Order matters.
const PATTERNS: &[(&str, &str)] = &[
    // journalctl, systemctl status and docker ps.
    (r"\b[A-Z][a-z]{2} [ 0-3][0-9] [0-9:]{8}\.[0-9]{6} ", "[time] "),
    (r"\b[A-Z][a-z]{2} [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} UTC", "[time]"),
    (r"\b([0-9]+(h|min|s|ms|us) ?)+ ago\b", "[duration] ago"),
    (r"\b(About a minute|Less than a second|[0-9]+ (second|minute)s?)( ago)?\b", "[duration]$3"),
    (r"(CPU|Duration): [0-9a-z. ]+", "$1: [duration]"),
    (r"(Memory: ).*", "$1[size]"),
    (r"(Tasks: ).*", "$1[count]"),
    (r"(PID: )[0-9]+", "$1[pid]"),
    (r"(Process: )[0-9]+", "$1[pid]"),
    (r"└─[0-9]+", "└─[pid]"),
    (r"\b([a-z_.-]+)\[[0-9]+\]:", "$1[pid]:"),
    (r#"("Pid": ?)[1-9][0-9]*"#, r#"$1"[pid]""#),
    // Columns are as wide as what was in them.
    (r" {2,}", "  "),
    // A sample of the metrics page.
    (r"(?m)^([a-z_]+(?:\{[^}\n]*\})?) [0-9.eE+-]+$", "$1 [sample]"),
    // `observe --once`: counts and quantiles.
    (r#""(requests|errors_5xx|kernel_dispatches|instances|gpu_memory_bytes)":[0-9]+"#, r#""$1":"[count]""#),
    (r#""(p50_seconds|p95_seconds)":[0-9.e-]+"#, r#""$1":"[duration]""#),
    // What a graph showed of a burn: exact to the requests that were under way.
    (r"\b(burn rate went from) [0-9.]+ to [0-9.]+", "$1 [rate] to [rate]"),
    // haproxy's `show servers state`: the seconds since the last change.
    (r"(?m)^([0-9]+ node [0-9]+ tensor-wasm \S+ [0-9]+ [0-9]+ [0-9]+ [0-9]+) [0-9]+", "$1 [duration]"),
];

static ID: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(IDS).ok());
static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(RFC3339).ok());
static COMPILED: LazyLock<Vec<(Regex, &str)>> =
    LazyLock::new(|| PATTERNS.iter().filter_map(|(pattern, by)| Some((Regex::new(pattern).ok()?, *by))).collect());

/// The names that one drill's ids and times have been given.
#[derive(Debug, Clone, Default)]
pub struct Canon {
    ids: BTreeMap<String, String>,
    times: BTreeMap<String, String>,
}

impl Canon {
    /// Knows the executables and images of this drill by their release.
    pub fn of(plan: &Plan) -> Canon {
        let mut canon = Canon::default();
        for (which, release) in [("good", &plan.good), ("bad", &plan.bad)] {
            canon.name(release, which);
        }
        canon
    }

    fn name(&mut self, release: &PlannedRelease, which: &str) {
        self.ids.insert(release.executable_sha256.clone(), format!("[{which} executable]"));
        if let Some(digest) = &release.image_digest {
            let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
            self.ids.insert(hex.to_owned(), format!("[{which} image]"));
        }
    }

    /// The text without what differs.
    pub fn text(&mut self, text: &str) -> String {
        assert_eq!(COMPILED.len(), PATTERNS.len(), "a pattern is no regular expression");
        let text = self.ids(text);
        let text = replace(&TIME, &text, |_| "[time]".to_owned());
        let text = COMPILED.iter().fold(text, |text, (regex, by)| regex.replace_all(&text, *by).into_owned());
        redacted(&text)
    }

    /// A look at the machine: times are numbered too, since "started at the same moment as before" is what it tells.
    pub fn look(&mut self, text: &str) -> String {
        let text = self.ids(text);
        let times = &mut self.times;
        replace(&TIME, &text, |time| {
            let next = format!("[time {}]", times.len() + 1);
            times.entry(time.to_owned()).or_insert(next).clone()
        })
    }

    fn ids(&mut self, text: &str) -> String {
        let ids = &mut self.ids;
        replace(&ID, text, |id| {
            // Twelve decimal digits are a number.
            if id.bytes().all(|byte| byte.is_ascii_digit()) {
                return id.to_owned();
            }
            if let Some((_, name)) = ids.range(id.to_owned()..).next().filter(|(known, _)| known.starts_with(id)) {
                return name.clone();
            }
            let name = format!("[id {}]", ids.len());
            ids.insert(id.to_owned(), name.clone());
            name
        })
    }
}

fn replace(regex: &LazyLock<Option<Regex>>, text: &str, mut by: impl FnMut(&str) -> String) -> String {
    let Some(regex) = regex.as_ref() else { return text.to_owned() };
    regex.replace_all(text, |found: &Captures| by(found.get(0).map_or("", |whole| whole.as_str()))).into_owned()
}
