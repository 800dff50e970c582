//! What is refused of an input, and how it is said.

use super::*;

const GOOD: &str = r#"schema = 1
now = 2026-03-14T12:00:00Z

[[alerts]]
name = "availability-slow-burn.md"
since = 2026-03-14T11:00:00Z
burn.earlier = { at = 2026-03-14T11:20:00Z, rate = 6 }
burn.later = { at = 2026-03-14T12:50:00+01:00, rate = 6.5 }

[[deploys]]
at = 2026-03-13T18:30:00Z
version = "0.4.0"
crates = ["tensor-wasm-exec"]

[budget]
spent_percent = 12.5
over = "24 hours"
suspect = "other"
"#;

#[test]
fn an_input_is_read() {
    let input = parse("i.toml", GOOD.as_bytes()).unwrap();
    let [alert] = input.alerts.as_slice() else { panic!("{input:?}") };
    let burn = alert.burn.unwrap();
    assert_eq!((alert.name.as_str(), burn.earlier.rate), ("availability-slow-burn", 6.0));
    assert_eq!(burn.later.at.to_string(), "2026-03-14T11:50:00Z");
    let budget = Budget { spent_percent: 12.5, over_ms: 86_400_000, suspect: Suspect::Other };
    assert_eq!(input.budget, Some(budget));
    let bare = parse("i.toml", b"schema = 1\nnow = 2026-03-14T12:00:00Z\nalerts = []\ndeploys = []\n").unwrap();
    assert_eq!((bare.alerts.len(), bare.deploys.len(), bare.budget), (0, 0, None));
}

#[test]
fn what_cannot_be_is_refused_with_its_line() {
    // (text to replace, by, line, what is said)
    #[rustfmt::skip]
    let cases = [
        ("schema = 1", "schema = 2", 1, "schema = 2; looked for schema = 1"),
        ("schema = 1", "schema = 1\nfish = 1", 2, "unknown field `fish`"),
        ("now = 2026-03-14T12:00:00Z\n", "", 1, "missing field `now`"),
        ("now = 2026-03-14T12:00:00Z", "now = \"yesterday\"", 2, "invalid type: string \"yesterday\""),
        ("now = 2026-03-14T12:00:00Z", "now = 2026-03-14T12:00:00", 2, "`2026-03-14T12:00:00`; looked for a time with its offset"),
        ("now = 2026-03-14T12:00:00Z", "now = 2026-03-14", 2, "`2026-03-14`; looked for a time with its offset"),
        ("now = 2026-03-14T12:00:00Z", "now = 2026-03-14T10:00:00Z", 6, "2026-03-14T11:00:00Z is after now, 2026-03-14T10:00:00Z"),
        ("since = 2026-03-14T11:00:00Z", "since = 2026-03-14T12:00:01Z", 6, "2026-03-14T12:00:01Z is after now"),
        ("since = 2026-03-14T11:00:00Z", "since = 2026-03-14T11:30:00Z", 7, "2026-03-14T11:20:00Z is before the alert's `since`"),
        ("11:20:00Z, rate", "11:50:01Z, rate", 7, "2026-03-14T11:50:01Z is after the later reading"),
        ("12:50:00+01:00", "13:50:00+01:00", 8, "2026-03-14T12:50:00Z is after now"),
        ("rate = 6.5", "rate = -0.1", 8, "-0.1; looked for 0 to 100000"),
        ("rate = 6.5", "rate = nan", 8, "NaN; looked for 0 to 100000"),
        ("rate = 6.5", "rate = inf", 8, "inf; looked for 0 to 100000"),
        ("burn.later = { at = 2026-03-14T12:50:00+01:00, rate = 6.5 }\n", "", 7, "missing field `later`"),
        ("\"availability-slow-burn.md\"", "\"\"", 5, "\"\"; looked for a name"),
        ("\"availability-slow-burn.md\"", "\"a\\u001b[2J\"", 5, "\"a\\u{1b}[2J\"; looked for a name"),
        ("[[deploys]]", "[[alerts]]\nname = \"availability-slow-burn\"\nsince = 2026-03-14T11:00:00Z\n[[deploys]]", 11, "the alert `availability-slow-burn` twice"),
        ("at = 2026-03-13T18:30:00Z", "at = 2026-03-15T18:30:00Z", 11, "2026-03-15T18:30:00Z is after now"),
        ("\"0.4.0\"", "\"v0.4.0\"", 12, "\"v0.4.0\": "),
        ("crates = [\"tensor-wasm-exec\"]\n", "", 10, "missing field `crates`"),
        ("[\"tensor-wasm-exec\"]", "[\"a b\"]", 13, "\"a b\"; looked for a name"),
        ("= 12.5", "= -1", 16, "-1; looked for 0 to 100000"),
        ("= 12.5", "= 100000.5", 16, "100000.5; looked for 0 to 100000"),
        ("\"24 hours\"", "\"1.5 days\"", 17, "\"1.5 days\"; looked for a duration in whole figures"),
        ("\"24 hours\"", "\"0 hours\"", 17, "\"0 hours\"; looked for a duration"),
        ("\"24 hours\"", "\"50%\"", 17, "\"50%\"; looked for a duration"),
        ("suspect = \"other\"", "suspect = \"gremlins\"", 18, "unknown variant `gremlins`"),
        ("suspect = \"other\"\n", "", 15, "missing field `suspect`"),
        ("[budget]", "[budget", 15, ""),
    ];
    for (from, to, line, said) in cases {
        assert_eq!(GOOD.matches(from).count(), 1, "{from:?}");
        let error = parse("i.toml", GOOD.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
        let place = format!("i.toml:{line}: ");
        assert!(error.starts_with(&place) && error.contains(said), "{from:?} -> {to:?}: {error}");
        assert!(error.contains("; looked for ") && error.contains("; compare scenarios/decide/"), "{error}");
    }
    let bare = |list: &str| format!("schema = 1\nnow = 2026-03-14T12:00:00Z\n{list}");
    for (list, missing) in [("alerts = []\n", "deploys"), ("deploys = []\n", "alerts")] {
        let error = parse("i.toml", bare(list).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(&format!("missing field `{missing}`")), "{error}");
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let large = format!("{GOOD}{}", "#".repeat(INPUT_BYTES_MAX));
    let error = parse("i.toml", large.as_bytes()).unwrap_err().to_string();
    assert!(error.starts_with("i.toml:1: the file is too large; looked for at most 262144 bytes"), "{error}");
    let deploy = "[[deploys]]\nat = 2026-03-13T18:30:00Z\nversion = \"0.4.0\"\ncrates = []\n";
    let with = |count: usize| format!("schema = 1\nnow = 2026-03-14T12:00:00Z\nalerts = []\n{}", deploy.repeat(count));
    assert_eq!(parse("i.toml", with(ENTRIES_MAX).as_bytes()).map(|input| input.deploys.len()), Ok(ENTRIES_MAX));
    let error = parse("i.toml", with(ENTRIES_MAX + 1).as_bytes()).unwrap_err().to_string();
    let line = 3 + 4 * ENTRIES_MAX + 3;
    assert!(error.starts_with(&format!("i.toml:{line}: 1001 deploys; looked for at most 1000")), "{error}");
    let error = parse("i.toml", b"schema = 1\n\xff").unwrap_err().to_string();
    assert!(error.starts_with("i.toml:2: not UTF-8"), "{error}");
    let error = load(Path::new("/nonexistent/i.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent/i.toml: cannot be read: "), "{error}");
}
