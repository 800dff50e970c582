use super::*;

const TEXT: &str = "# HELP requests All of them.\n# TYPE requests counter\n\
    requests_total{route=\"/a\",status=\"200\"} 3\nrequests_total{status=\"500\",route=\"/a\"} 1 1700000000\n\
    # TYPE in_flight gauge\nin_flight 1\n# TYPE old_total counter\nold_total{note=\"a\\\"b\\\\c\\nd\"} 2.5\n# EOF\n";

#[test]
fn reads_series_labels_and_types() {
    let samples = parse(TEXT).unwrap();
    assert_eq!(samples.sum("requests_total", &[("route", "/a")]), Some(4.0));
    assert_eq!(samples.sum("requests_total", &[("status", "500")]), Some(1.0));
    assert_eq!(samples.sum("requests_total", &[("status", "404")]), None);
    let counters: Vec<&str> = samples.counters().map(|(series, _)| series.name).collect();
    assert_eq!(counters, ["old_total", "requests_total", "requests_total"]);
    let old = samples.iter().find(|(series, _)| series.name == "old_total").unwrap().0;
    assert_eq!(old.labels.get("note"), Some("a\"b\\c\nd"));
    assert_eq!(samples.get(&old), Some(2.5));
}

#[test]
fn after_another_a_text_is_read_as_alone() {
    let texts = [
        TEXT.to_owned(),
        TEXT.replace("} 3", "} 30").replace("in_flight 1", "in_flight 0"),
        TEXT.replace("in_flight 1", "in_flight 1.5"),
        TEXT.replace("in_flight 1", "in_flight1 5"),
        TEXT.replace("in_flight 1", "in_flight{a=\"b\"} 5"),
        TEXT.replace("in_flight 1", "in_flight  5"),
        TEXT.replace("in_flight 1", "in_flight 1\r"),
        TEXT.replace("in_flight 1\n", ""),
        TEXT.replace("in_flight 1\n", "in_flight 1\nmore 2\n"),
        TEXT.replace("counter\nold", "gauge\nold"),
        TEXT.replace("# EOF", "more 1\n# EOF"),
        TEXT.replace(" 2.5\n# EOF\n", " 2.5"),
        TEXT.replace("status=\"500\"", "status=\"200\"").replace("} 1 17", "} 17"),
        TEXT.replace('\n', "\r\n"),
        String::new(),
    ];
    let seen = |samples: Result<Samples<'_>, _>| -> Result<_, ExpositionError> {
        let samples = samples?;
        let rows: Vec<String> = samples.iter().map(|row| format!("{row:?}")).collect();
        let counters: Vec<String> = samples.counters().map(|row| format!("{row:?}")).collect();
        let found: Vec<_> = samples.iter().map(|(series, _)| samples.get(&series)).collect();
        Ok((rows, counters, found))
    };
    let mut alike = 0;
    for one in &texts {
        let Ok(before) = parse(one) else { continue };
        for other in &texts {
            assert_eq!(seen(parse_after(other, &before)), seen(parse(other)), "{other:?} after {one:?}");
            // What came of it is as good to read after.
            if let Ok(again) = parse_after(other, &before) {
                assert_eq!(seen(parse_after(one, &again)), seen(parse(one)), "{one:?} after {other:?}");
                alike += usize::from(values(other, &before).is_some());
            }
        }
    }
    assert!(alike > texts.len(), "{alike}");
}

#[test]
fn any_number_of_whole_first_lines_can_be_read() {
    let lines: Vec<&str> = TEXT.split_inclusive('\n').collect();
    for count in 0..=lines.len() {
        assert!(parse(&lines[..count].concat()).is_ok(), "{count} lines");
    }
}

#[test]
fn what_is_no_exposition_is_refused_with_its_line() {
    let cases = [
        ("a 1\na 2\n", 2, "stands twice"),
        ("b 1\na 1\nc 1\na 2\nb 2\nb 3\n{\n", 4, "`a` with the same labels stands twice"),
        ("a{b=\"c\",d=\"e\"} 1\na{d=\"e\",b=\"c\"} 1\n", 2, "stands twice"),
        ("a 1\n{\na 2\n", 2, "no name"),
        ("1a 1\n", 1, "no name"),
        ("a 1\nb 2", 2, "no end"),
        ("# EOF\na 1\n", 2, "after `# EOF`"),
        ("{\"error\":\"unauthorized\"}\n", 1, "no name"),
        ("a{b=\"c} 1\n", 1, "no closing quote"),
        ("a{b=\"c\\x\"} 1\n", 1, "unknown escape"),
        ("a{b=\"c\",b=\"d\"} 1\n", 1, "stands twice"),
        ("a{b=\"c\"d=\"e\"} 1\n", 1, "neither"),
        ("a{b=c} 1\n", 1, "no quoted value"),
        ("a\n", 1, "without a value"),
        ("a one\n", 1, "no number"),
        ("a 1 2 3\n", 1, "after value"),
        ("# TYPE a\n", 1, "wants a name"),
        ("# TYPE a counter\n# TYPE a gauge\n", 2, "second"),
    ];
    for (text, line, reason) in cases {
        let error = parse(text).unwrap_err();
        assert_eq!(error.line, line, "{text:?}: {error}");
        assert!(error.reason.contains(reason), "{text:?}: {error}");
    }
}

#[test]
fn special_values_and_exemplars_are_read() {
    let samples = parse("a +Inf\nb NaN\nc_bucket{le=\"1\"} 4 # {trace=\"x\"} 0.5 12\n").unwrap();
    assert_eq!(samples.sum("a", &[]), Some(f64::INFINITY));
    assert!(samples.sum("b", &[]).unwrap().is_nan());
    assert_eq!(samples.sum("c_bucket", &[("le", "1")]), Some(4.0));
}
