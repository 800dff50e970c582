//! What Prometheus answers: `/api/v1/rules`, `/api/v1/targets` and `/api/v1/query` (its documentation, HTTP API).

use std::time::SystemTime;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::instant;
use crate::protocol::AlertState;

/// Around every answer.
#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Envelope<T> {
    Success { data: T },
    Error { error: String },
}

fn data<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    match serde_json::from_slice(body) {
        Ok(Envelope::Success { data }) => Ok(data),
        Ok(Envelope::Error { error }) => Err(error),
        Err(error) => Err(format!("the answer is not as Prometheus gives it: {error}")),
    }
}

/// A rule of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Of the alert.
    pub name: String,
    /// The highest of its alerts.
    pub state: AlertState,
    /// Whether its expression has been evaluated.
    pub evaluated: bool,
}

#[derive(Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<GivenRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GivenRule {
    name: String,
    state: State,
    health: Health,
    #[serde(default)]
    last_error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// Of newer versions, for what has not been evaluated.
    Unknown,
    Inactive,
    Pending,
    Firing,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    Unknown,
    #[serde(alias = "up")]
    Ok,
    #[serde(alias = "down")]
    Err,
}

/// Reads `/api/v1/rules?type=alert`.
///
/// # Errors
/// Another answer, and a rule whose expression fails: its state says nothing.
pub fn rules(body: &[u8]) -> Result<Vec<Rule>, String> {
    let groups: Groups = data(body)?;
    let told = |rule: GivenRule| {
        if matches!(rule.health, Health::Err) {
            return Err(format!("{} cannot be evaluated: {}", rule.name, rule.last_error));
        }
        let state = match rule.state {
            State::Unknown | State::Inactive => AlertState::Inactive,
            State::Pending => AlertState::Pending,
            State::Firing => AlertState::Firing,
        };
        Ok(Rule { name: rule.name, state, evaluated: matches!(rule.health, Health::Ok) })
    };
    groups.groups.into_iter().flat_map(|group| group.rules).map(told).collect()
}

/// How a target is scraped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The last scrape brought a page.
    pub up: bool,
    /// When the last one was begun; `None`: there was none.
    pub last: Option<SystemTime>,
    /// Why it brought none.
    pub error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Targets {
    active_targets: Vec<GivenTarget>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GivenTarget {
    scrape_pool: String,
    health: Health,
    last_scrape: String,
    last_error: String,
}

/// Reads `/api/v1/targets?state=active`: the one target of this job.
///
/// # Errors
/// Another answer, and none or several targets.
pub fn target(body: &[u8], job: &str) -> Result<Target, String> {
    let targets: Targets = data(body)?;
    let mut of_job = targets.active_targets.into_iter().filter(|target| target.scrape_pool == job);
    match (of_job.next(), of_job.next()) {
        (Some(target), None) => Ok(Target {
            up: matches!(target.health, Health::Ok),
            last: instant::read(&target.last_scrape),
            error: target.last_error,
        }),
        (None, _) => Err(format!("no target of the job {job:?}")),
        (Some(_), Some(_)) => Err(format!("several targets of the job {job:?}")),
    }
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Found {
    Scalar((Value, String)),
    Vector(Vec<Sample>),
}

#[derive(Deserialize)]
struct Sample {
    value: (Value, String),
}

/// Reads `/api/v1/query`: the value of the first sample; `None` where there is none or it is no finite number.
///
/// # Errors
/// Another answer, and results that are neither numbers nor vectors of them.
pub fn value(body: &[u8]) -> Result<Option<f64>, String> {
    let text = match data(body)? {
        Found::Scalar((_, text)) => Some(text),
        Found::Vector(samples) => samples.into_iter().next().map(|sample| sample.value.1),
    };
    let Some(text) = text else { return Ok(None) };
    let number: f64 = text.parse().map_err(|_| format!("{text:?} is no value of a sample"))?;
    Ok(number.is_finite().then_some(number))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Of Debian's Prometheus 2.53.3, with its spaces.
    const FIRING: &str = r#"{"status":"success","data":{"groups":[{"name":"g","file":"/tmp/rules.yml","rules":[{"state":"firing","name":"Fast","query":"sum(rate(x_total{status=~\"5..\"}[5s])) / sum(rate(x_total[5s])) \u003e 0.072","duration":1,"keepFiringFor":0,"labels":{"severity":"page"},"annotations":{"summary":"s"},"alerts":[{"labels":{"alertname":"Fast","severity":"page"},"annotations":{"summary":"s"},"state":"firing","activeAt":"2026-11-27T21:30:00.821389056Z","value":"4e-01"}],"health":"ok","evaluationTime":0.000921317,"lastEvaluation":"2026-11-27T21:30:06.322734029Z","type":"alerting"},{"state":"inactive","name":"Never","query":"x_total \u003c 0","duration":0,"keepFiringFor":0,"labels":{},"annotations":{},"alerts":[],"health":"unknown","evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z","type":"alerting"}],"interval":0.25,"limit":0,"evaluationTime":0.001064303,"lastEvaluation":"2026-11-27T21:30:06.322714944Z"}]}}"#;
    const TARGETS: &str = r#"{"status":"success","data":{"activeTargets":[{"discoveredLabels":{"__address__":"127.0.0.1:1","__metrics_path__":"/metrics","__scheme__":"http","__scrape_interval__":"250ms","__scrape_timeout__":"250ms","job":"other"},"labels":{"instance":"127.0.0.1:1","job":"other"},"scrapePool":"other","scrapeUrl":"http://127.0.0.1:1/metrics","globalUrl":"http://abd6b4717cd7:1/metrics","lastError":"Get \"http://127.0.0.1:1/metrics\": dial tcp 127.0.0.1:1: connect: connection refused","lastScrape":"2026-11-27T21:30:06.403342134Z","lastScrapeDuration":0.00034289,"health":"down","scrapeInterval":"250ms","scrapeTimeout":"250ms"},{"discoveredLabels":{"__address__":"127.0.0.1:9090","__metrics_path__":"/metrics","__scheme__":"http","__scrape_interval__":"250ms","__scrape_timeout__":"250ms","job":"tensor-wasm"},"labels":{"instance":"127.0.0.1:9090","job":"tensor-wasm"},"scrapePool":"tensor-wasm","scrapeUrl":"http://127.0.0.1:9090/metrics","globalUrl":"http://abd6b4717cd7:9090/metrics","lastError":"","lastScrape":"2026-11-27T21:30:06.35129343Z","lastScrapeDuration":0.076336925,"health":"up","scrapeInterval":"250ms","scrapeTimeout":"250ms"}],"droppedTargets":[],"droppedTargetCounts":null}}"#;
    const REFUSED: &str = r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:4: parse error: unexpected end of input"}"#;

    fn at(nanos: u32) -> Option<SystemTime> {
        Some(SystemTime::UNIX_EPOCH + Duration::new(1_795_815_006, nanos))
    }

    #[test]
    fn rules_are_read() {
        let rule = |name: &str, state, evaluated| Rule { name: name.into(), state, evaluated };
        assert_eq!(
            rules(FIRING.as_bytes()),
            Ok(vec![rule("Fast", AlertState::Firing, true), rule("Never", AlertState::Inactive, false)])
        );
        let pending = FIRING.replace("\"firing\",\"name\"", "\"pending\",\"name\"");
        assert_eq!(rules(pending.as_bytes()).unwrap()[0].state, AlertState::Pending);
        assert_eq!(rules(br#"{"status":"success","data":{"groups":[]}}"#), Ok(Vec::new()));
    }

    #[test]
    fn a_rule_that_fails_says_nothing() {
        let failed = FIRING.replace("\"health\":\"ok\"", "\"health\":\"err\",\"lastError\":\"many-to-many\"");
        assert_eq!(rules(failed.as_bytes()), Err("Fast cannot be evaluated: many-to-many".into()));
    }

    #[test]
    fn the_target_of_the_job_is_read() {
        let up = Target { up: true, last: at(351_293_430), error: String::new() };
        assert_eq!(target(TARGETS.as_bytes(), "tensor-wasm"), Ok(up));
        let error = "Get \"http://127.0.0.1:1/metrics\": dial tcp 127.0.0.1:1: connect: connection refused";
        let down = Target { up: false, last: at(403_342_134), error: error.into() };
        assert_eq!(target(TARGETS.as_bytes(), "other"), Ok(down));
        assert_eq!(target(TARGETS.as_bytes(), "third"), Err("no target of the job \"third\"".into()));
        let twice = TARGETS.replace("\"scrapePool\":\"other\"", "\"scrapePool\":\"tensor-wasm\"");
        let several = Err("several targets of the job \"tensor-wasm\"".into());
        assert_eq!(target(twice.as_bytes(), "tensor-wasm"), several);
        let never =
            TARGETS.replace("\"up\"", "\"unknown\"").replace("2026-11-27T21:30:06.35129343Z", "0001-01-01T00:00:00Z");
        let none = Target { up: false, last: None, error: String::new() };
        assert_eq!(target(never.as_bytes(), "tensor-wasm"), Ok(none));
    }

    #[test]
    fn the_first_sample_of_an_answer_is_its_value() {
        for (result, wanted) in [
            (r#""vector","result":[{"metric":{},"value":[1795815006.691,"11.472"]}]"#, Some(11.472)),
            (r#""vector","result":[{"metric":{},"value":[1,"4e-01"]},{"metric":{},"value":[1,"7"]}]"#, Some(0.4)),
            (r#""vector","result":[]"#, None),
            (r#""vector","result":[{"metric":{},"value":[1795814845.216,"NaN"]}]"#, None),
            (r#""vector","result":[{"metric":{},"value":[1795814845.216,"+Inf"]}]"#, None),
            (r#""scalar","result":[1795814845.116,"NaN"]"#, None),
            (r#""scalar","result":[1795814845.116,"-1"]"#, Some(-1.0)),
        ] {
            let body = format!(r#"{{"status":"success","data":{{"resultType":{result}}}}}"#);
            assert_eq!(value(body.as_bytes()), Ok(wanted), "{result}");
        }
    }

    #[test]
    fn other_answers_are_refused() {
        let words = "invalid parameter \"query\": 1:4: parse error: unexpected end of input";
        assert_eq!(value(REFUSED.as_bytes()), Err(words.into()));
        for result in [
            r#""string","result":[1795814845.778,"text"]"#,
            r#""matrix","result":[{"metric":{},"values":[[1795814817,"0"]]}]"#,
            r#""vector","result":[{"metric":{},"value":[1]}]"#,
            r#""vector","result":[{"metric":{},"value":[1,2]}]"#,
            r#""vector""#,
        ] {
            let body = format!(r#"{{"status":"success","data":{{"resultType":{result}}}}}"#);
            let refused = value(body.as_bytes()).unwrap_err();
            assert!(refused.starts_with("the answer is not as Prometheus gives it: "), "{result}: {refused}");
        }
        let word = br#"{"status":"success","data":{"resultType":"scalar","result":[1,"many"]}}"#;
        assert_eq!(value(word), Err("\"many\" is no value of a sample".into()));
        // Cut anywhere, an answer is none.
        for whole in [FIRING, TARGETS] {
            for end in 0..whole.len() {
                let cut = &whole.as_bytes()[..end];
                assert!(rules(cut).is_err() && target(cut, "tensor-wasm").is_err(), "{end} bytes");
            }
        }
        let strange = FIRING.replace("\"state\":\"firing\",\"name\"", "\"state\":\"burning\",\"name\"");
        assert!(rules(strange.as_bytes()).unwrap_err().contains("unknown variant `burning`"));
    }
}
