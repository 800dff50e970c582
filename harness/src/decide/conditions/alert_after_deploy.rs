//! `alert-after-deploy`: an alert fires, and a deploy before it makes a likely cause.
//!
//! Terms: `alerts`; `deploy_before`, how long before the alert began a deploy still counts; `cause`, the words that
//! make it a likely one. A deploy after the alert began is none: a cause goes before its effect.

use super::{DAY, Holds, Judged, Kind, MINUTE, Rule, check, of_alerts, version};
use crate::decide::input::{Alert, Deploy, Input};
use crate::decide::moment::length;
use crate::decide::terms::{Amount, Names, TermError, Terms};

pub(super) const KIND: Kind = Kind { id: "alert-after-deploy", read };

#[derive(Debug)]
struct AlertAfterDeploy {
    alerts: Names,
    deploy_before: Amount,
}

fn read(terms: &mut Terms) -> Result<Box<dyn Rule>, TermError> {
    let alerts = terms.names("alerts")?;
    let deploy_before =
        terms.duration("deploy_before", MINUTE..=31 * DAY, "how long before an alert a deploy still counts")?;
    terms.question("cause", "a deploy that was done when the alert began to fire, or before that within this time")?;
    Ok(Box::new(AlertAfterDeploy { alerts, deploy_before }))
}

impl Rule for AlertAfterDeploy {
    fn alerts(&self) -> &[String] {
        &self.alerts.names
    }

    fn judge(&self, input: &Input) -> Judged {
        of_alerts(&self.alerts, input, |alert| self.with(alert, &input.deploys))
    }
}

impl AlertAfterDeploy {
    fn with(&self, alert: &Alert, deploys: &[Deploy]) -> Judged {
        let window = i64::try_from(self.deploy_before.value).unwrap_or(i64::MAX);
        let before = |deploy: &&Deploy| deploy.at <= alert.since;
        let wanted = format!("wanted is at most {}", self.deploy_before.shown());
        let last = deploys.iter().filter(before).max_by_key(|deploy| deploy.at);
        let after = deploys.iter().filter(|deploy| !before(deploy)).min_by_key(|deploy| deploy.at);
        let (holds, said) = match (last, after) {
            (Some(deploy), _) => {
                let ago = alert.since.since(deploy.at);
                let (which, ago_words) = (version(deploy), length(ago));
                let said = format!("{which} was deployed at {}, {ago_words} before it began: {wanted}", deploy.at);
                (super::yes_if(ago <= window), said)
            }
            (None, Some(deploy)) => {
                let late = length(deploy.at.since(alert.since));
                (Holds::No, format!("{} was deployed only {late} after it began: {wanted}", version(deploy)))
            }
            (None, None) => (Holds::No, format!("no deploy is given: {wanted}")),
        };
        Judged { checks: vec![check(holds, self.deploy_before.line, said)], warnings: Vec::new() }
    }
}
