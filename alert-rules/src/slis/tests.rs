use super::*;
use crate::labels::Labels;

const FILE: &str = r#"# Comment
schema = 1
[[sli]]
name = "availability"
about = "Good ones"
value = '''
sum(rate(all{status!~"5.."}[5m])) / sum(rate(all[5m]))
'''
unit = "ratio"
direction = "at-least"
target = 0.995
over = "30d"
traffic = "sum(rate(all[5m]))"
[sli.burn]
over = "5m"
below = 0.005
source = "somewhere"
[[sli]]
name = "p95"
about = "Slow ones"
value = "histogram_quantile(0.95, sum by (le) (rate(slow_bucket[5m])))"
unit = "seconds"
direction = "at-most"
target = 0.1
over = "5m"
traffic = "sum(rate(slow_count[5m]))"
without_samples = 0.0
"#;

fn of(text: &str) -> Result<Vec<Sli>, RuleError> {
    read(text, "slis.toml")
}

#[test]
fn a_file_is_read() {
    let slis = of(FILE).unwrap();
    assert_eq!(slis.iter().map(|sli| (&*sli.name, sli.line)).collect::<Vec<_>>(), [("availability", 3), ("p95", 18)]);
    let burn = Burn { over_ms: 300_000, below: 0.005, alerts: Vec::new(), source: "somewhere".to_owned() };
    assert_eq!((slis[0].burn.as_ref(), slis[0].over_ms), (Some(&burn), 30 * 24 * 3_600_000));
    assert_eq!(slis[1].without_samples, Some(0.0));
    let watched = of(&FILE.replace("source =", "alerts = [\"burns\"]\nsource =")).unwrap();
    assert_eq!(watched[0].burn.as_ref().map(|burn| &*burn.alerts), Some(&["burns".to_owned()][..]));
}

#[test]
fn an_indicator_is_met_on_its_side_of_the_target() {
    let slis = of(FILE).unwrap();
    assert!((slis[0].budget() - 0.005).abs() < 1e-12, "{}", slis[0].budget());
    // By the burn, and not by the 30-day target; NaN is no value.
    for (value, met) in [(1.0, true), (0.996, true), (0.995, false), (0.9, false), (f64::NAN, false)] {
        assert_eq!(slis[0].met(value), met, "{value}");
    }
    for (value, met) in [(0.0, true), (0.1, true), (0.11, false), (f64::NAN, false)] {
        assert_eq!(slis[1].met(value), met, "{value}");
    }
    let mut other = slis[0].clone();
    other.burn = None;
    assert!(other.met(0.995) && !other.met(0.9949));
    other.direction = Direction::AtMost;
    other.burn = slis[0].burn.clone();
    assert!(other.met(0.0049) && !other.met(0.005));
}

#[test]
fn a_reading_has_value_and_traffic() {
    let mut store = Store::default();
    let sli = &of(FILE).unwrap()[1];
    assert_eq!(sli.read_at(&store, 60_000), Reading { value: None, traffic: None });
    for (t_ms, count) in [(0, 100.0), (60_000, 160.0)] {
        store.append(&Labels::metric("slow_count", [("a", "b")]), t_ms, count);
    }
    // Samples from the window's first minute on: far from its start, so half an interval is added.
    let traffic = sli.read_at(&store, 60_000).traffic.unwrap();
    assert!((traffic - 60.0 * 1.5 / 300.0).abs() < 1e-9, "{traffic}");
    assert_eq!(sli.read_at(&store, 60_000).value, Some(0.0));
    assert_eq!(sli.settled(None, Some(0.0)), None);
    assert_eq!(sli.settled(Some(2.0), None), Some(2.0));
}

#[test]
fn scaled_divides_windows_and_keeps_objectives() {
    let scaled = of(FILE).unwrap()[0].scaled(60).unwrap();
    assert_eq!((scaled.value.longest_window_ms(), scaled.over_ms), (Some(5_000), 30 * 24 * 3_600_000));
    assert_eq!(scaled.burn.unwrap().over_ms, 5_000);
    assert_eq!(scaled.traffic.to_string(), "sum(rate(all[5s]))");
    assert_eq!(
        of(FILE).unwrap()[1].scaled(7).unwrap_err().0,
        "indicator p95: the window 5m divided by 7 is not a whole number of milliseconds"
    );
}

/// What is changed in the file, into what, the line of the refusal, and words of it.
const REFUSED: [(&str, &str, u32, &str); 18] = [
    ("schema = 1", "schema = 2", 2, "schema 2; expected 1"),
    ("schema = 1\n", "", 1, "missing field `schema`"),
    ("about = \"Good ones\"", "about = \"Good ones\"\nmore = 1", 6, "unknown field `more`"),
    ("below = 0.005", "below = 0.005\nmore = 1", 17, "unknown field `more`"),
    ("name = \"p95\"", "name = \"availability\"", 19, "a second indicator \"availability\""),
    ("name = \"p95\"", "name = \"P 95\"", 19, "the name \"P 95\"; expected lower-case letters"),
    ("unit = \"ratio\"", "unit = \"percent\"", 9, "unknown variant `percent`, expected `ratio` or `seconds`"),
    ("direction = \"at-most\"", "direction = \"below\"", 23, "unknown variant `below`"),
    ("target = 0.995", "target = 99.5", 11, "99.5; expected a share between 0 and 1"),
    ("target = 0.1", "target = -1.0", 24, "-1; expected more than 0"),
    ("target = 0.1", "target = nan", 24, "NaN; expected a finite number"),
    ("without_samples = 0.0", "without_samples = inf", 27, "inf; expected a finite number"),
    ("over = \"30d\"", "over = \"a month\"", 12, "\"a month\"; expected a duration"),
    ("over = \"5m\"", "over = \"10m\"", 15, "a burn over another time than the windows of `value`"),
    ("below = 0.005", "below = 5.0", 16, "5; expected a share between 0 and 1"),
    ("sum(rate(slow_count[5m]))", "rate(slow_count[5m])", 26, "traffic: samples with labels or a bare number"),
    ("sum(rate(slow_count[5m]))", "avg(slow_count)", 26, "traffic: the aggregation `avg` is not evaluated"),
    ("unit = \"ratio\"", "unit = \"seconds\"", 16, "a burn of something that is no ratio"),
];

#[test]
fn refusals_have_file_and_line() {
    for (from, to, line, said) in REFUSED {
        assert!(FILE.contains(from), "{from}");
        let error = of(&FILE.replacen(from, to, 1)).expect_err(to);
        assert!(error.what.contains(said), "{to}: {error}");
        assert_eq!(error.line, line, "{to}: {error}");
        assert!(error.to_string().starts_with(&format!("slis.toml:{line}: ")), "{error}");
    }
}
