//! What Alertmanager answers to the question which alerts fire: `/api/v2/alerts` (its OpenAPI file, `gettableAlerts`).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::files::NOTIFIER_ADDRESS;
use super::instant;
use crate::clock::of_system_time;
use crate::http::Client;
use crate::protocol::{Firing, Happened, ProbeOutcome};

/// Those that fire and that nobody has silenced; what is resolved it does not list.
const PATH: &str = "/api/v2/alerts?active=true&silenced=false&inhibited=false&unprocessed=true";

/// Of an alert, what is told of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    labels: Labels,
    starts_at: String,
}

#[derive(Deserialize)]
struct Labels {
    alertname: String,
    runbook: Option<String>,
}

/// Asks which alerts fire.
pub fn look(client: &Client) -> Happened {
    let url = format!("http://{NOTIFIER_ADDRESS}{PATH}");
    let answer = client.get(&url);
    let read = match answer.sample.outcome {
        ProbeOutcome::Status(200) => read(&answer.body),
        outcome => Err(outcome.word()),
    };
    match read {
        Ok(firing) => Happened::FiringSeen { firing, failure: None },
        Err(why) => Happened::FiringSeen { firing: BTreeMap::new(), failure: Some(format!("{url}: {why}")) },
    }
}

/// Reads the answer.
///
/// # Errors
/// Another answer, an alert without a name, and one that began at no time.
fn read(body: &[u8]) -> Result<BTreeMap<String, Firing>, String> {
    let alerts: Vec<Given> =
        serde_json::from_slice(body).map_err(|error| format!("the answer is not as Alertmanager gives it: {error}"))?;
    let mut firing: BTreeMap<String, Firing> = BTreeMap::new();
    for Given { labels, starts_at } in alerts {
        let since = instant::read(&starts_at)
            .ok_or_else(|| format!("{} fires since {starts_at:?}, which is no time", labels.alertname))?;
        let since_us = of_system_time(since);
        let seen = firing.entry(labels.alertname).or_insert(Firing { runbook: labels.runbook, since_us });
        seen.since_us = seen.since_us.min(since_us);
    }
    Ok(firing)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Debian's Alertmanager 0.28.1 gives it.
    const TWO: &str = r#"[{"annotations":{"summary":"s"},"endsAt":"2026-11-28T00:44:10.321Z","fingerprint":"9465aace1a076e9e","receivers":[{"name":"pager"}],"startsAt":"2100-03-01T00:00:02.500Z","status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":[],"state":"active"},"updatedAt":"2026-11-28T00:40:10.325Z","generatorURL":"http://b40643a722cb:9090/graph?g0.expr=x","labels":{"alertname":"Fast","runbook":"availability-fast-burn","severity":"page"}},{"annotations":{},"endsAt":"2026-11-28T00:44:10.321Z","fingerprint":"1165aace1a076e9e","receivers":[{"name":"pager"}],"startsAt":"1999-03-01T00:00:00.000Z","status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":[],"state":"active"},"updatedAt":"2026-11-28T00:40:10.325Z","labels":{"alertname":"Slow","severity":"page"}}]"#;

    #[test]
    fn each_alert_is_told_with_where_it_leads_and_since_when() {
        crate::clock::now_us();
        let firing = read(TWO.as_bytes()).unwrap();
        assert_eq!(firing.keys().collect::<Vec<_>>(), ["Fast", "Slow"]);
        assert_eq!(firing["Fast"].runbook.as_deref(), Some("availability-fast-burn"));
        // Before the agent began is 0.
        assert_eq!(firing["Slow"], Firing { runbook: None, since_us: 0 });
        let later = read(TWO.replace("00:00:02.500", "00:00:04.500").as_bytes()).unwrap();
        assert_eq!(later["Fast"].since_us, firing["Fast"].since_us + 2_000_000);
        assert_eq!(read(b"[]\n"), Ok(BTreeMap::new()));
    }

    #[test]
    fn of_two_with_one_name_the_earlier_counts() {
        for (one, other) in [("Fast", "Slow"), ("Slow", "Fast")] {
            let same = read(TWO.replace(one, other).as_bytes()).unwrap();
            assert_eq!(same[other].since_us, 0, "{one} as {other}");
            assert_eq!(same.len(), 1);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (from, to, wanted) in [
            ("\"alertname\":\"Slow\",", "", "missing field `alertname`"),
            ("\"startsAt\":\"1999-03-01T00:00:00.000Z\",", "", "missing field `startsAt`"),
            ("1999-03-01T00:00:00.000Z", "0001-01-01T00:00:00.000Z", "Slow fires since \"0001-01-01T00:00:00.000Z\""),
        ] {
            let changed = TWO.replacen(from, to, 1);
            assert_ne!(changed, TWO);
            let refused = read(changed.as_bytes()).unwrap_err();
            assert!(refused.contains(wanted), "{refused}");
        }
        for end in 0..TWO.len() {
            assert!(read(&TWO.as_bytes()[..end]).is_err(), "{end} bytes");
        }
        assert!(read(br#"{"code":500,"message":"no"}"#).unwrap_err().contains("not as Alertmanager gives it"));
    }
}
