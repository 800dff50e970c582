//! Alertmanager's `/api/v2/alerts` (its OpenAPI file): what it answers to the question which alerts fire (`gettableAlerts`), and
//! how it is told of those that the engine had sent it before the drill (`postableAlerts`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::files::NOTIFIER_ADDRESS;
use super::instant;
use crate::clock::of_wall_time;
use crate::http::Client;
use crate::protocol::{Firing, PastAlert, ProbeOutcome};

/// Where alerts are told and asked for.
const PATH: &str = "/api/v2/alerts";
/// Those that fire and that nobody has silenced; what is resolved it does not list.
const QUERY: &str = "?active=true&silenced=false&inhibited=false&unprocessed=true";
/// For how long the notifier takes an alert of the past to fire when the engine never tells it of it: the engine has sent it
/// again by then, if it fires, since it has found the notifier 5 s after its start and sends every 2 s.
pub const HOLDS_MS: u64 = 20_000;

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

/// An alert as the engine sends it.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent<'a> {
    labels: &'a BTreeMap<String, String>,
    starts_at: String,
    ends_at: String,
}

/// Tells the notifier of the alerts that had fired before the past was written at `now_ms`; the past ends at `end_ms`, both
/// since 1970. When the engine sends them again the notifier keeps the earlier beginning (`Alert.Merge` in its
/// types/types.go), as it does when the engine was started again.
///
/// # Errors
/// That it does not take them, and what it came to.
pub fn tell(client: &Client, active: &[PastAlert], now_ms: u64, end_ms: u64) -> Result<(), String> {
    let sent = sent(active, now_ms, end_ms);
    if sent.is_empty() {
        return Ok(());
    }
    let url = format!("http://{NOTIFIER_ADDRESS}{PATH}");
    let body = serde_json::to_vec(&sent).map_err(|error| format!("{url}: {error}"))?;
    match client.post_json(&url, &[], &body).sample.outcome {
        ProbeOutcome::Status(200) => Ok(()),
        outcome => Err(format!("{url}: {}", outcome.word())),
    }
}

fn sent(active: &[PastAlert], now_ms: u64, end_ms: u64) -> Vec<Sent<'_>> {
    let ends_at = instant::written(now_ms.saturating_add(HOLDS_MS));
    let mut sent = Vec::new();
    for PastAlert { labels, firing_ms, .. } in active {
        let since_ms = firing_ms.map(|firing_ms| end_ms.saturating_sub(firing_ms));
        if let Some(since_ms) = since_ms.filter(|since_ms| *since_ms <= now_ms) {
            sent.push(Sent { labels, starts_at: instant::written(since_ms), ends_at: ends_at.clone() });
        }
    }
    sent
}

/// Asks which alerts fire.
///
/// # Errors
/// That it does not answer, or otherwise than Alertmanager does.
pub fn look(client: &Client) -> Result<BTreeMap<String, Firing>, String> {
    let url = format!("http://{NOTIFIER_ADDRESS}{PATH}{QUERY}");
    let answer = client.get(&url);
    let read = match answer.sample.outcome {
        ProbeOutcome::Status(200) => read(&answer.body),
        outcome => Err(outcome.word()),
    };
    read.map_err(|why| format!("{url}: {why}"))
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
        let since_us = of_wall_time(since);
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
        assert_eq!(firing["Slow"].runbook, None);
        // 101 years apart, 25 of them leap years, but for two and a half seconds; one began before the agent did.
        let apart_us = (101 * 365 + 25) * 86_400_000_000 + 2_500_000;
        // Each is in whole microseconds of a clock that began between two.
        let apart = firing["Fast"].since_us - firing["Slow"].since_us;
        assert!((apart_us - 1..=apart_us + 1).contains(&apart) && firing["Slow"].since_us < 0, "{apart}");
        let later = read(TWO.replace("00:00:02.500", "00:00:04.500").as_bytes()).unwrap();
        assert_eq!(later["Fast"].since_us, firing["Fast"].since_us + 2_000_000);
        assert_eq!(read(b"[]\n"), Ok(BTreeMap::new()));
    }

    /// The notifier is told what the engine would have: of what fired by then, and until when it holds by itself.
    #[test]
    fn what_had_fired_is_told_with_its_beginning() {
        let alert = |name: &str, firing_ms| PastAlert {
            labels: BTreeMap::from([("alertname".to_owned(), name.to_owned())]),
            active_ms: 90_000,
            firing_ms,
        };
        let active = [alert("Fires", Some(60_250)), alert("Pends", None), alert("Later", Some(5_999))];
        let (now_ms, end_ms) = (1_795_813_266_000, 1_795_813_272_000);
        let told = serde_json::to_string(&sent(&active, now_ms, end_ms)).unwrap();
        assert_eq!(
            told,
            "[{\"labels\":{\"alertname\":\"Fires\"},\"startsAt\":\"2026-11-27T21:00:11.750Z\",\
             \"endsAt\":\"2026-11-27T21:01:26.000Z\"}]"
        );
    }

    #[test]
    fn of_two_with_one_name_the_earlier_counts() {
        for (one, other) in [("Fast", "Slow"), ("Slow", "Fast")] {
            let same = read(TWO.replace(one, other).as_bytes()).unwrap();
            assert!(same[other].since_us < 0, "{one} as {other}");
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
