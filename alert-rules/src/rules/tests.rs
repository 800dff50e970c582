use super::*;

const FILE: &str = r#"# Comment
groups:
  - name: g
    interval: 30s
    rules:
      - alert: Burn
        expr: |
          sum(rate(bad[5m])) / sum(rate(all[5m])) > 0.072
            and
          sum(rate(bad[1h])) / sum(rate(all[1h])) > 0.072
        for: 2m
        labels:
          severity: page
          runbook: fast-burn
        annotations:
          summary: "Burns at {{ $value }}"
      - alert: Plain
        expr: m{a="x\\y"} > 1
  - name: h
    rules: []
"#;

fn read(text: &str) -> Result<RuleFile, RuleError> {
    RuleFile::read(text, "rules.yml")
}

#[test]
fn a_file_is_read() {
    let file = read(FILE).unwrap();
    assert_eq!(
        file.groups.iter().map(|group| (&*group.name, group.interval_ms)).collect::<Vec<_>>(),
        [("g", Some(30_000)), ("h", None)]
    );
    let rule = file.rule("Burn").unwrap();
    assert_eq!((rule.for_ms, rule.line, rule.severity()), (120_000, 6, Some("page")));
    assert_eq!(rule.annotations["summary"], "Burns at {{ $value }}");
    assert_eq!(file.of_runbook("fast-burn"), Some(rule));
    assert_eq!(file.of_runbook("other"), None);
    assert_eq!((file.rule("Plain").unwrap().for_ms, file.rule("Plain").unwrap().line), (0, 17));
    assert_eq!(file.metrics().into_iter().collect::<Vec<_>>(), ["all", "bad", "m"]);
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let strip = |file: RuleFile| {
        let mut file = file;
        file.groups.iter_mut().flat_map(|group| &mut group.rules).for_each(|rule| rule.line = 0);
        file
    };
    let file = read(FILE).unwrap();
    let written = file.to_yaml();
    assert!(written.contains("    for: 2m\n") && written.contains("  interval: 30s\n"), "{written}");
    assert_eq!(strip(read(&written).unwrap()), strip(file));
}

#[test]
fn scaled_divides_all_times() {
    let scaled = read(FILE).unwrap().scaled(60).unwrap();
    let rule = scaled.rule("Burn").unwrap();
    assert_eq!((scaled.groups[0].interval_ms, rule.for_ms), (Some(500), 2_000));
    assert_eq!((rule.expr.shortest_window_ms(), rule.expr.longest_window_ms()), (Some(5_000), Some(60_000)));
    for (divisor, said) in [
        (7, "group g: the interval 30s divided by 7 is not a whole number of milliseconds"),
        (0, "group g: the interval 30s divided by 0 is not a whole number of milliseconds"),
    ] {
        assert_eq!(read(FILE).unwrap().scaled(divisor).unwrap_err().0, said);
    }
    let without = FILE.replace("    interval: 30s\n", "");
    assert_eq!(
        read(&without).unwrap().scaled(7).unwrap_err().0,
        "alert Burn: `for` 2m divided by 7 is not a whole number of milliseconds"
    );
    let without = without.replace("        for: 2m\n", "");
    assert_eq!(
        read(&without).unwrap().scaled(7).unwrap_err().0,
        "alert Burn: the window 5m divided by 7 is not a whole number of milliseconds"
    );
}

/// What is changed in the file, into what, the line of the refusal, and words of it.
const REFUSED: [(&str, &str, u32, &str); 22] = [
    ("for: 2m", "for: 2 minutes", 11, "for: \"2 minutes\"; expected a duration such as 30s or 1h30m"),
    ("for: 2m", "for: -2m", 11, "for: \"-2m\"; expected a duration"),
    ("interval: 30s", "interval: often", 4, "interval: \"often\"; expected a duration"),
    ("interval: 30s", "interval: 0s", 4, "an interval of 0"),
    ("interval: 30s", "limit: 5", 4, "unknown field `limit`"),
    ("interval: 30s", "query_offset: 5s", 4, "unknown field `query_offset`"),
    ("for: 2m", "keep_firing_for: 5m", 11, "unknown field `keep_firing_for`"),
    ("alert: Plain", "record: plain", 17, "unknown field `record`"),
    ("alert: Plain", "alert: Burn", 17, "a second alert \"Burn\""),
    ("alert: Plain", "alert: ''", 17, "the alert's name \"\"; expected a name"),
    ("name: h", "name: g", 19, "a second group \"g\""),
    ("severity: page", "severity: '{{ $value }}'", 13, "the label severity: a template is not evaluated"),
    ("severity: page", "alertname: page", 13, "the label \"alertname\""),
    ("severity: page", "a-b: page", 13, "the label \"a-b\""),
    ("summary: ", "sum-mary: ", 16, "the annotation \"sum-mary\""),
    ("m{a=\"x\\\\y\"} > 1", "avg(m) > 1", 18, "alert Plain: the aggregation `avg` is not evaluated"),
    ("m{a=\"x\\\\y\"} > 1", "14.4 * 2", 18, "alert Plain: a number; expected a vector"),
    ("m{a=\"x\\\\y\"} > 1", "m{a=", 18, "alert Plain: no PromQL: "),
    ("sum(rate(bad[1h]))", "sum(increase(bad[1h]))", 8, "alert Burn: the function `increase` is not evaluated"),
    ("groups:", "group:", 2, "unknown field `group`"),
    ("    rules: []\n", "", 19, "missing field `rules`"),
    ("severity: page", "severity: [page]", 13, "expected"),
];

#[test]
fn refusals_have_file_and_line() {
    for (from, to, line, said) in REFUSED {
        assert!(FILE.contains(from), "{from}");
        let error = read(&FILE.replacen(from, to, 1)).expect_err(to);
        assert!(error.what.contains(said), "{to}: {error}");
        assert_eq!(error.line, line, "{to}: {error}");
        assert!(error.to_string().starts_with(&format!("rules.yml:{line}: ")), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    let twice = FILE.replace("        expr: m{a", "        labels: {runbook: fast-burn}\n        expr: m{a");
    assert_eq!(
        read(&twice).unwrap_err().to_string(),
        "rules.yml:18: a second alert that leads to the runbook \"fast-burn\""
    );
    assert_eq!(read("").unwrap_err().line, 1);
    assert_eq!(read(&"#".repeat(2_000_000)).unwrap_err().what, "2000000 bytes; a rule file of at most 1048576 is read");
}
