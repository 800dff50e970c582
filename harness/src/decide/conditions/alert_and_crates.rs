//! `alert-and-crates`: an alert fires, and a deploy of late changed one of these crates.
//!
//! Terms: `alerts`; `deploy_within`, up to how long ago the deploy may have been; `crates`. Nothing is said of whether
//! the deploy was before the alert, so one after it counts as well, with a warning.

use super::{DAY, Holds, Judged, Kind, MINUTE, Rule, check, of_alerts, quoted, version};
use crate::decide::input::{Alert, Deploy, Input};
use crate::decide::moment::{Moment, length};
use crate::decide::terms::{Amount, Names, TermError, Terms};

pub(super) const KIND: Kind = Kind { id: "alert-and-crates", read };

#[derive(Debug)]
struct AlertAndCrates {
    alerts: Names,
    deploy_within: Amount,
    crates: Names,
}

fn read(terms: &mut Terms) -> Result<Box<dyn Rule>, TermError> {
    Ok(Box::new(AlertAndCrates {
        alerts: terms.names("alerts")?,
        deploy_within: terms.duration(
            "deploy_within",
            MINUTE..=31 * DAY,
            "up to how long ago a deploy still counts",
        )?,
        crates: terms.names("crates")?,
    }))
}

impl Rule for AlertAndCrates {
    fn alerts(&self) -> &[String] {
        &self.alerts.names
    }

    fn judge(&self, input: &Input) -> Judged {
        of_alerts(&self.alerts, input, |alert| self.with(alert, input))
    }
}

impl AlertAndCrates {
    fn with(&self, alert: &Alert, input: &Input) -> Judged {
        let window = i64::try_from(self.deploy_within.value).unwrap_or(i64::MAX);
        let wanted = format!("wanted is at most {}", self.deploy_within.shown());
        let recent = |deploy: &&Deploy| input.now.since(deploy.at) <= window;
        let touches = |deploy: &&Deploy| deploy.crates.iter().any(|name| self.crates.names.contains(name));
        // One that can be the cause goes before one that cannot; of these the last.
        let rank = |deploy: &&Deploy| (deploy.at <= alert.since, deploy.at);
        let fits = input.deploys.iter().filter(recent).filter(touches).max_by_key(rank);
        let last = input.deploys.iter().max_by_key(|deploy| (deploy.at, touches(deploy)));
        let mut warnings = Vec::new();
        let (when, what) = match fits.or(last) {
            None => {
                let missing = format!("no deploy is given: {wanted}");
                return Judged { checks: vec![check(Holds::No, self.deploy_within.line, missing)], warnings };
            }
            Some(deploy) => (
                check(super::yes_if(recent(&deploy)), self.deploy_within.line, ago(deploy, input.now, &wanted)),
                check(super::yes_if(touches(&deploy)), self.crates.line, self.changed(deploy)),
            ),
        };
        if let Some(deploy) = fits.filter(|deploy| deploy.at > alert.since) {
            warnings.push(format!(
                "{} was deployed {} after `{}` began to fire and cannot have caused it; line {} counts it all the same",
                version(deploy),
                length(deploy.at.since(alert.since)),
                alert.name,
                self.deploy_within.line
            ));
        }
        Judged { checks: vec![when, what], warnings }
    }

    fn changed(&self, deploy: &Deploy) -> String {
        let named = |name: &&String| self.crates.names.contains(name);
        let hit: Vec<String> = deploy.crates.iter().filter(named).cloned().collect();
        let wanted = quoted(&self.crates.names, "or");
        match (hit.is_empty(), deploy.crates.is_empty()) {
            (false, _) => format!("it changed {}: wanted is {wanted}", quoted(&hit, "and")),
            (true, false) => format!("it changed {} only: wanted is {wanted}", quoted(&deploy.crates, "and")),
            (true, true) => format!("no crate that it changed is given: wanted is {wanted}"),
        }
    }
}

fn ago(deploy: &Deploy, now: Moment, wanted: &str) -> String {
    format!("{} was deployed at {}, {} ago: {wanted}", version(deploy), deploy.at, length(now.since(deploy.at)))
}
