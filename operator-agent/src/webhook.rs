//! What Alertmanager delivers: its webhook, version 4.

use serde::Deserialize;

use crate::protocol::Happened;

/// Of the delivery, what is told of it (Alertmanager's documentation, `<webhook_config>`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    version: String,
    group_key: String,
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
struct Alert {
    status: Status,
    labels: Labels,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Firing,
    Resolved,
}

#[derive(Deserialize)]
struct Labels {
    alertname: String,
}

/// Reads a delivery: each alert in it is a [`Happened::Notified`].
///
/// # Errors
/// Anything but version 4, no group key, and alerts of unknown status or without a name: nothing of such a delivery is told.
pub fn read(body: &[u8]) -> Result<Vec<Happened>, String> {
    let delivery: Delivery =
        serde_json::from_slice(body).map_err(|error| format!("this is no delivery of Alertmanager: {error}"))?;
    if delivery.version != "4" {
        return Err(format!("a delivery of version {:?}; 4 is known", delivery.version));
    }
    let told = |alert: Alert| Happened::Notified {
        alert: alert.labels.alertname,
        key: delivery.group_key.clone(),
        resolved: matches!(alert.status, Status::Resolved),
    };
    Ok(delivery.alerts.into_iter().map(told).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of Debian's Alertmanager 0.28.1.
    const DELIVERY: &str = r#"{"receiver":"pager","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"Fast","severity":"page"},"annotations":{"summary":"s"},"startsAt":"2026-11-27T21:28:38.321Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://b40643a722cb:9090/graph?g0.expr=x\u0026g0.tab=1","fingerprint":"9465aace1a076e9e"}],"groupLabels":{"alertname":"Fast","severity":"page"},"commonLabels":{"alertname":"Fast","severity":"page"},"commonAnnotations":{"summary":"s"},"externalURL":"http://b40643a722cb:9093","version":"4","groupKey":"{}:{alertname=\"Fast\", severity=\"page\"}","truncatedAlerts":0}"#;

    fn told(alert: &str, key: &str, resolved: bool) -> Happened {
        Happened::Notified { alert: alert.into(), key: key.into(), resolved }
    }

    #[test]
    fn each_alert_of_a_delivery_is_told() {
        let key = r#"{}:{alertname="Fast", severity="page"}"#;
        assert_eq!(read(DELIVERY.as_bytes()), Ok(vec![told("Fast", key, false)]));
        let two = r#"{"version":"4","groupKey":"k","alerts":[{"status":"resolved","labels":{"alertname":"A"}},
            {"status":"firing","labels":{"alertname":"B"}}]}"#;
        assert_eq!(read(two.as_bytes()), Ok(vec![told("A", "k", true), told("B", "k", false)]));
        assert_eq!(read(br#"{"version":"4","groupKey":"k","alerts":[]}"#), Ok(Vec::new()));
    }

    #[test]
    fn anything_else_is_refused_whole() {
        for (from, to, wanted) in [
            (r#""version":"4""#, r#""version":"3""#, "a delivery of version \"3\"; 4 is known"),
            (r#""version":"4""#, r#""version":4"#, "invalid type: integer `4`"),
            (r#"[{"status":"firing""#, r#"[{"status":"suppressed""#, "unknown variant `suppressed`"),
            (
                r#"{"alertname":"Fast","severity":"page"},"ann"#,
                r#"{"severity":"page"},"ann"#,
                "missing field `alertname`",
            ),
            (r#""alerts":"#, r#""others":"#, "missing field `alerts`"),
            (r#""groupKey":"#, r#""group":"#, "missing field `groupKey`"),
        ] {
            let changed = DELIVERY.replacen(from, to, 1);
            assert_ne!(changed, DELIVERY);
            let refused = read(changed.as_bytes()).unwrap_err();
            assert!(refused.contains(wanted), "{refused}");
        }
        for end in 0..DELIVERY.len() {
            assert!(read(&DELIVERY.as_bytes()[..end]).is_err(), "{end} bytes");
        }
    }
}
