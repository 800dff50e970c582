use super::*;

/// Texts, and how they are written; read again, each is the same.
const KNOWN: [(&str, &str); 16] = [
    ("up", "up"),
    ("up{job=\"a\",b!~'c|d'}", "up{job=\"a\", b!~\"c|d\"}"),
    ("(((up)))", "up"),
    ("rate(m[5m])", "rate(m[5m])"),
    ("rate((m{a=~\"5..\"}[90m]))", "rate(m{a=~\"5..\"}[1h30m])"),
    ("sum(rate(m[1h]))", "sum(rate(m[1h]))"),
    ("sum by(a,b)(m)", "sum by (a, b) (m)"),
    ("sum(m) by (a)", "sum by (a) (m)"),
    (
        "histogram_quantile(0.95, sum by (le) (rate(m_bucket[5m])))",
        "histogram_quantile(0.95, sum by (le) (rate(m_bucket[5m])))",
    ),
    ("a / b > 14.4 * 0.005", "a / b > 14.4 * 0.005"),
    ("a > 1 and b <= 2 and c != 3", "a > 1 and b <= 2 and c != 3"),
    ("a and (b and c)", "a and (b and c)"),
    ("a / (b / c) * 2", "a / (b / c) * 2"),
    ("a * (b > 1)", "a * (b > 1)"),
    ("0.5 < a", "0.5 < a"),
    ("a == -1", "a == -1"),
];

#[test]
fn what_is_known_is_written_and_read_again() {
    for (text, written) in KNOWN {
        let expr = Expr::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(expr.to_string(), written);
        assert_eq!(Expr::parse(written), Ok(expr), "{written}");
    }
}

/// Texts, and what the refusal says.
const REFUSED: [(&str, &str); 43] = [
    ("avg(m)", "the aggregation `avg` is not evaluated"),
    ("sum without (a) (m)", "`sum without` is not evaluated"),
    ("increase(m[5m])", "the function `increase` is not evaluated"),
    ("irate(m[5m])", "the function `irate` is not evaluated"),
    ("absent(m)", "the function `absent` is not evaluated"),
    ("rate(m[5m:1m])", "a subquery is not evaluated"),
    ("m[5m]", "a range of samples outside `rate` is not evaluated"),
    ("m offset 5m", "`offset` is not evaluated"),
    ("m @ 5", "`@` is not evaluated"),
    ("rate(m[5m] offset 1m)", "`offset` is not evaluated"),
    ("{a=\"b\"}", "a selector without a metric's name in front of its braces is not evaluated"),
    ("{__name__=\"b\"}", "a selector without a metric's name in front of its braces is not evaluated"),
    ("a + b", "the operator `+` is not evaluated"),
    ("a - 1", "the operator `-` is not evaluated"),
    ("a % 2", "the operator `%` is not evaluated"),
    ("a ^ 2", "the operator `^` is not evaluated"),
    ("a or b", "the operator `or` is not evaluated"),
    ("a unless b", "the operator `unless` is not evaluated"),
    ("a > b", "the comparison `>` of two vectors is not evaluated"),
    ("a > bool 1", "a comparison with `bool` is not evaluated"),
    ("1 > bool 2", "a comparison with `bool` is not evaluated"),
    ("a / on (x) b", "`on` or `ignoring` is not evaluated"),
    ("a and ignoring (x) b", "`on` or `ignoring` is not evaluated"),
    ("a / on (x) group_left b", "`on` or `ignoring` is not evaluated"),
    ("-a", "the sign `-` before anything but a number is not evaluated"),
    ("\"text\"", "a text is not evaluated"),
    ("histogram_quantile(scalar(q), m)", "the function `scalar` is not evaluated"),
    ("m{a=~\"\\\\d+\"}", "`\\d` in the pattern \"\\\\d+\" is not evaluated"),
    ("rate(m[1e300])", "the window [1e300]; expected a duration such as 5m"),
    ("rate(m[300])", "the window [300]; expected a duration such as 5m"),
    ("rate(m[5000000000ms])", "the window [5000000000ms]; expected a duration such as 5m"),
    ("rate(m[1h5000000000ms])", "the window [1h5000000000ms]; expected a duration such as 5m"),
    ("rate(m[2y])", "a window that is none or longer than a year"),
    ("rate(m[", "the window []; expected a duration such as 5m"),
    ("m OFFSET 1e300", "`offset` is not evaluated"),
    ("m @ 1e300", "`@` is not evaluated"),
    ("m{a=\"offset @ [x]\"} + 1", "the operator `+` is not evaluated"),
    ("a > ", "no PromQL: "),
    ("", "no PromQL: "),
    ("sum(1)", "no PromQL: "),
    ("1 and a", "no PromQL: "),
    ("rate(m)", "no PromQL: "),
    ("rate(m[0s])", "no PromQL: "),
];

#[test]
fn what_is_not_evaluated_is_refused_by_name() {
    for (text, said) in REFUSED {
        let Err(Refused(why)) = Expr::parse(text) else { panic!("{text} is read") };
        assert!(if said.ends_with(": ") { why.starts_with(said) } else { why == said }, "{text}: {why}");
    }
    let deep = format!("{}m{}", "(".repeat(65), ")".repeat(65));
    assert_eq!(Expr::parse(&deep), Err(Refused("parentheses nested over 64 deep".to_owned())));
    let long = format!("m{{a=\"{}\"}}", "x".repeat(20_000));
    assert!(Expr::parse(&long).unwrap_err().0.starts_with("an expression of "));
    let chain = format!("m{}", " and m".repeat(100));
    assert_eq!(Expr::parse(&chain), Err(Refused("parts nested more than 64 deep".to_owned())));
}

#[test]
fn conditions_are_the_parts_with_a_bound() {
    let expr = Expr::parse("a / b > 14.4 * 0.005 and c and 2 >= rate(d[5m])").unwrap();
    let told: Vec<String> =
        expr.conditions().iter().map(|part| format!("{} {} {}", part.value, part.op, part.bound)).collect();
    assert_eq!(told, ["a / b > 0.07200000000000001", "rate(d[5m]) <= 2"]);
    assert!(Expr::parse("a").unwrap().conditions().is_empty());
}

#[test]
fn windows_are_found_and_divided() {
    let expr = Expr::parse("rate(a[5m]) > 1 and rate(b[1h]) > 1").unwrap();
    assert_eq!((expr.shortest_window_ms(), expr.longest_window_ms()), (Some(300_000), Some(3_600_000)));
    assert_eq!(expr.scaled(60).unwrap().to_string(), "rate(a[5s]) > 1 and rate(b[1m]) > 1");
    assert_eq!(expr.scaled(7).unwrap_err().0, "the window 5m divided by 7 is not a whole number of milliseconds");
    assert_eq!(expr.scaled(0).unwrap_err().0, "a divisor of 0");
    assert_eq!(expr.metrics().into_iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(Expr::parse("a").unwrap().longest_window_ms(), None);
}

#[test]
fn matchers_fit_whole_values_and_absent_labels_are_empty() {
    let matcher = |text: &str| match &*Expr::parse(text).unwrap().0 {
        Node::Instant(of) => of.matchers[0].clone(),
        other => panic!("{other:?}"),
    };
    for (text, value, fits) in [
        ("m{a=\"x\"}", "x", true),
        ("m{a=\"x\"}", "xy", false),
        ("m{a=\"\"}", "", true),
        ("m{a!=\"x\"}", "", true),
        ("m{a=~\"5..\"}", "500", true),
        ("m{a=~\"5..\"}", "5000", false),
        ("m{a=~\"5..\"}", "1500", false),
        ("m{a=~\"a|b\"}", "b", true),
        ("m{a=~\"a|b\"}", "ab", false),
        ("m{a=~\".*\"}", "", true),
        ("m{a!~\"5..\"}", "500", false),
        ("m{a!~\"5..\"}", "", true),
    ] {
        assert_eq!(matcher(text).fits(value), fits, "{text} {value:?}");
    }
}

#[test]
fn one_number_is_what_has_no_labels() {
    for (text, one) in [
        ("sum(a)", true),
        ("sum(a) / sum(b) > 1", true),
        ("histogram_quantile(0.5, sum by (le) (a))", true),
        ("histogram_quantile(0.5, sum by (le, b) (a))", false),
        ("histogram_quantile(0.5, a)", false),
        ("sum by (le) (a)", false),
        ("a", false),
        ("rate(a[5m])", false),
        ("sum(a) / b", false),
        ("2 * 3", false),
    ] {
        assert_eq!(Expr::parse(text).unwrap().gives_one_number(), one, "{text}");
    }
}

/// Pieces of PromQL, some of which fit together.
const PIECES: [&str; 40] = [
    "m",
    "sum",
    "rate",
    "by",
    "(",
    ")",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "[5m]",
    "[1e999]",
    "a",
    "=",
    "=~",
    "!=",
    "\"x\"",
    "\"[\"",
    "'",
    "`",
    ",",
    "/",
    "*",
    "and",
    ">",
    "<=",
    "==",
    "0.5",
    "1e999",
    "-",
    "+",
    "offset",
    "@",
    "5m",
    "le",
    "histogram_quantile",
    "#",
    "\\",
];

#[test]
fn no_text_panics_and_what_is_read_is_written_as_the_same() {
    let (mut state, mut read) = (1u64, 0);
    for _ in 0..60_000 {
        let mut text = String::new();
        for _ in 0..=state % 11 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(PIECES[(state >> 33) as usize % PIECES.len()]);
            text.push(' ');
        }
        if let Ok(expr) = Expr::parse(&text) {
            read += 1;
            assert_eq!(Expr::parse(&expr.to_string()), Ok(expr), "{text}");
        }
    }
    assert!(read > 500, "{read}");
}
