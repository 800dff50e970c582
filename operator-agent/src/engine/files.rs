//! The files that make Debian's Prometheus and Alertmanager what a [`Monitoring`] describes, and the past as OpenMetrics.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::pager;
use crate::protocol::{Monitoring, Setup};

/// Configuration of the engine; where Debian's unit looks for it.
pub const CONFIG: &str = "/etc/prometheus/prometheus.yml";
/// The rules, as they came.
pub const RULES: &str = "/etc/prometheus/rules.yml";
/// Where the engine's unit takes its arguments from.
const ENGINE_DEFAULTS: &str = "/etc/default/prometheus";
/// Configuration of the notifier; where Debian's unit looks for it.
const NOTIFIER_CONFIG: &str = "/etc/prometheus/alertmanager.yml";
/// Where the notifier's unit takes its arguments from.
const NOTIFIER_DEFAULTS: &str = "/etc/default/prometheus-alertmanager";
/// Blocks of the engine; Debian's folder, which is all that its unit may write.
pub const DATA: &str = "/var/lib/prometheus/metrics2";
/// The engine's address.
pub const ENGINE_ADDRESS: &str = "127.0.0.1:9090";
/// The notifier's address.
pub const NOTIFIER_ADDRESS: &str = "127.0.0.1:9093";

/// Prometheus's own default; longer than it no scrape takes.
const SCRAPE_TIMEOUT_MAX_MS: u64 = 10_000;
/// The series in which Prometheus keeps since when alerts are active.
const FOR_STATE: &str = "ALERTS_FOR_STATE";
/// Samples of a past in all: 100 series of three days, one a minute. Each is about 150 bytes of text.
const SAMPLES_MAX: usize = 500_000;

/// All files: path and text.
pub fn texts(setup: &Setup, monitoring: &Monitoring) -> [(&'static str, String); 5] {
    [
        (CONFIG, config(setup, monitoring)),
        (RULES, monitoring.rules.clone()),
        (ENGINE_DEFAULTS, engine_defaults(monitoring)),
        (NOTIFIER_CONFIG, notifier_config(setup)),
        (NOTIFIER_DEFAULTS, notifier_defaults()),
    ]
}

fn instance(setup: &Setup) -> String {
    format!("127.0.0.1:{}", setup.node_port)
}

/// The node's /metrics wants no token, so none is given.
fn config(setup: &Setup, monitoring: &Monitoring) -> String {
    let Monitoring { scrape_ms, evaluate_ms, .. } = monitoring;
    let timeout_ms = scrape_ms.min(&SCRAPE_TIMEOUT_MAX_MS);
    let (job, instance) = (quoted(&monitoring.job), instance(setup));
    format!(
        "global:
  scrape_interval: {scrape_ms}ms
  scrape_timeout: {timeout_ms}ms
  evaluation_interval: {evaluate_ms}ms
rule_files:
  - {RULES}
alerting:
  alertmanagers:
    - static_configs:
        - targets: [\"{NOTIFIER_ADDRESS}\"]
scrape_configs:
  - job_name: {job}
    static_configs:
      - targets: [\"{instance}\"]
"
    )
}

/// - A pending alert is as old as the past says, whatever its `for`: with a grace period Prometheus would have it wait for that
///   long at least, and not restore rules whose `for` is shorter (`RestoreForState` in its rules/group.go).
/// - Alerts are told again every 2 s, which is for the one that fires before the engine has found the notifier (it looks every
///   5 s, and that cannot be set); the default is a minute. The notifier takes an alert as resolved when it has not been told
///   of it for four times as long.
/// - Targets are taken on as soon as they are found, and not 5 s later.
fn engine_defaults(monitoring: &Monitoring) -> String {
    format!(
        "ARGS=\"--config.file={CONFIG} --storage.tsdb.path={DATA} --web.listen-address={ENGINE_ADDRESS} \
         --query.lookback-delta={}ms --rules.alert.for-grace-period=0s --rules.alert.resend-delay=2s \
         --scrape.discovery-reload-interval=100ms\"\n",
        monitoring.lookback_ms
    )
}

/// Each alert is a group of its own, told at once, and once: that it still fires is seen by looking.
fn notifier_config(setup: &Setup) -> String {
    format!(
        "route:
  receiver: pager
  group_by: [\"...\"]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 24h
receivers:
  - name: pager
    webhook_configs:
      - url: \"http://{}{}\"
        send_resolved: true
",
        setup.pager_listen,
        pager::NOTICES
    )
}

/// It has no peers, and would wait for them before it tells of anything.
fn notifier_defaults() -> String {
    format!(
        "ARGS=\"--config.file={NOTIFIER_CONFIG} --storage.path=/var/lib/prometheus/alertmanager \
         --web.listen-address={NOTIFIER_ADDRESS} --cluster.listen-address=\"\n"
    )
}

/// The past that ends at `end_ms` (since 1970), as OpenMetrics; its series have the labels of the live ones. Of alerts that were
/// active it has what Prometheus writes down of them, at each evaluation since they were: when that was, in whole seconds.
///
/// # Errors
/// As [`crate::protocol::PastSeries::points`]; a past that begins before 1970, is too much or grows beyond all numbers.
pub fn past(setup: &Setup, monitoring: &Monitoring, end_ms: u64) -> Result<String, String> {
    let instance = instance(setup);
    let (mut text, mut samples) = (String::new(), 0);
    for series in &monitoring.past {
        let mut labels = series.labels.clone();
        labels.insert("job".into(), monitoring.job.clone());
        labels.insert("instance".into(), instance.clone());
        let named = format!("{}{{{}}}", series.name, labelled(&labels));
        let points = series.points()?;
        samples += points.len();
        if samples > SAMPLES_MAX {
            return Err(format!("the past has more than {SAMPLES_MAX} samples"));
        }
        for (before_ms, value) in points {
            let at_ms = end_ms
                .checked_sub(before_ms)
                .ok_or_else(|| format!("the past of {} begins {before_ms} ms ago, before 1970", series.name))?;
            if !value.is_finite() {
                return Err(format!("the past of {} grows beyond all numbers", series.name));
            }
            // Writing into a String does not fail.
            let _ = writeln!(text, "{named} {value} {}.{:03}", at_ms / 1000, at_ms % 1000);
        }
    }
    for alert in &monitoring.active {
        let named = format!("{FOR_STATE}{{{}}}", labelled(&alert.labels));
        let since_s = end_ms.saturating_sub(alert.active_ms) / 1000;
        let evaluations = alert.active_ms / monitoring.evaluate_ms.max(1) + 1;
        samples = samples.saturating_add(usize::try_from(evaluations).unwrap_or(usize::MAX));
        if samples > SAMPLES_MAX {
            return Err(format!("the past has more than {SAMPLES_MAX} samples"));
        }
        for evaluation in (0..evaluations).rev() {
            let at_ms = end_ms.saturating_sub(evaluation * monitoring.evaluate_ms);
            let _ = writeln!(text, "{named} {since_s} {}.{:03}", at_ms / 1000, at_ms % 1000);
        }
    }
    text.push_str("# EOF\n");
    Ok(text)
}

fn labelled(labels: &BTreeMap<String, String>) -> String {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    labels.join(",")
}

/// A YAML scalar, or a string of PromQL, in double quotes: JSON's escapes are a part of theirs.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A label's value as OpenMetrics has it: `\`, `"` and the end of a line are escaped, and nothing else.
fn escaped(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{PastAlert, PastSeries, Stretch};

    fn setup() -> Setup {
        Setup {
            operator: "oncall".into(),
            node_port: 8080,
            node_url: "http://127.0.0.1:8080".into(),
            balancer_url: String::new(),
            control_url: String::new(),
            balancer_socket: String::new(),
            balancer_server: String::new(),
            pager_listen: "127.0.0.1:9099".into(),
            token: None,
            releases: BTreeMap::new(),
            supervisor: String::new(),
            probe_pause_ms: 25,
        }
    }

    fn series(name: &str, labels: &[(&str, &str)], for_ms: u64) -> PastSeries {
        PastSeries {
            name: name.into(),
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            stretches: vec![Stretch { for_ms, every_ms: 500, per_second: 3.0 }],
        }
    }

    fn monitoring() -> Monitoring {
        Monitoring {
            rules: "groups: []\n".into(),
            job: "a \"job\"".into(),
            scrape_ms: 250,
            evaluate_ms: 500,
            lookback_ms: 5_000,
            past: vec![series("x_total", &[("status", "500"), ("route", "a\"\\\n")], 1_000)],
            active: Vec::new(),
            readings: BTreeMap::new(),
        }
    }

    #[test]
    fn the_files_are_written_for_debian() {
        let [config, rules, engine, notifier_config, notifier] = texts(&setup(), &monitoring());
        assert_eq!(config.0, "/etc/prometheus/prometheus.yml");
        assert_eq!(
            config.1,
            "global:
  scrape_interval: 250ms
  scrape_timeout: 250ms
  evaluation_interval: 500ms
rule_files:
  - /etc/prometheus/rules.yml
alerting:
  alertmanagers:
    - static_configs:
        - targets: [\"127.0.0.1:9093\"]
scrape_configs:
  - job_name: \"a \\\"job\\\"\"
    static_configs:
      - targets: [\"127.0.0.1:8080\"]
"
        );
        assert_eq!(rules, ("/etc/prometheus/rules.yml", "groups: []\n".to_owned()));
        assert_eq!(engine.0, "/etc/default/prometheus");
        assert_eq!(
            engine.1,
            "ARGS=\"--config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/var/lib/prometheus/metrics2 \
             --web.listen-address=127.0.0.1:9090 --query.lookback-delta=5000ms --rules.alert.for-grace-period=0s \
             --rules.alert.resend-delay=2s --scrape.discovery-reload-interval=100ms\"\n"
        );
        assert_eq!(notifier_config.0, "/etc/prometheus/alertmanager.yml");
        assert_eq!(
            notifier_config.1,
            "route:
  receiver: pager
  group_by: [\"...\"]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 24h
receivers:
  - name: pager
    webhook_configs:
      - url: \"http://127.0.0.1:9099/alertmanager\"
        send_resolved: true
"
        );
        assert_eq!(notifier.0, "/etc/default/prometheus-alertmanager");
        assert_eq!(
            notifier.1,
            "ARGS=\"--config.file=/etc/prometheus/alertmanager.yml --storage.path=/var/lib/prometheus/alertmanager \
             --web.listen-address=127.0.0.1:9093 --cluster.listen-address=\"\n"
        );
    }

    #[test]
    fn a_scrape_takes_no_longer_than_prometheus_gives_it() {
        let slow = Monitoring { scrape_ms: 15_000, ..monitoring() };
        assert!(config(&setup(), &slow).contains("  scrape_interval: 15000ms\n  scrape_timeout: 10000ms\n"));
    }

    #[test]
    fn the_past_ends_when_it_is_to_with_the_labels_of_the_live_series() {
        let named = r#"x_total{instance="127.0.0.1:8080",job="a \"job\"",route="a\"\\\n",status="500"}"#;
        assert_eq!(
            past(&setup(), &monitoring(), 1_795_813_266_045),
            Ok(format!("{named} 0 1795813265.045\n{named} 1.5 1795813265.545\n{named} 3 1795813266.045\n# EOF\n"))
        );
    }

    #[test]
    fn the_past_of_an_alert_is_since_when_it_was_active_at_each_evaluation() {
        let labels =
            BTreeMap::from([("alertname".to_owned(), "A".to_owned()), ("severity".to_owned(), "page".to_owned())]);
        let active = vec![PastAlert { labels, active_ms: 1_200, firing_ms: Some(700) }];
        let monitoring = Monitoring { past: Vec::new(), active, ..monitoring() };
        let named = r#"ALERTS_FOR_STATE{alertname="A",severity="page"} 1795813264"#;
        assert_eq!(
            past(&setup(), &monitoring, 1_795_813_266_045),
            Ok(format!("{named} 1795813265.045\n{named} 1795813265.545\n{named} 1795813266.045\n# EOF\n"))
        );
    }

    #[test]
    fn a_past_that_is_none_is_refused() {
        let written = |end_ms, per_second| {
            let mut monitoring = monitoring();
            monitoring.past[0].stretches[0].per_second = per_second;
            past(&setup(), &monitoring, end_ms)
        };
        assert_eq!(written(999, 1.0), Err("the past of x_total begins 1000 ms ago, before 1970".into()));
        assert_eq!(written(1_000, 1e300).map(|_| ()), Ok(()));
        assert_eq!(written(1_000, f64::INFINITY), Err("the past of x_total grows beyond all numbers".into()));
        let mut long = monitoring();
        long.past = (0..30).map(|_| series("x_total", &[], 9_000_000)).collect();
        assert_eq!(past(&setup(), &long, u64::MAX), Err("the past has more than 500000 samples".into()));
    }
}
