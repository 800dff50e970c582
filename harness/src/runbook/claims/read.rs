//! Reading the claims out of the prose: exactly one quantity of the wanted kind in the place that the binding names.

use std::ops::RangeInclusive;

use super::{Claim, Claims, Range};
use crate::runbook::binding::{Binding, ClaimPlace};
use crate::runbook::document::{Document, Prose};
use crate::runbook::error::{RunbookError, quote};
use crate::runbook::place;
use crate::runbook::quantity::{Quantity, Unit, quantities};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// What a claim's quantity has to look like.
struct Wanted<'a> {
    /// For messages.
    name: &'a str,
    kind: Kind<'a>,
    range: bool,
    /// Whether `30+` may be written for 30.
    at_least: bool,
    /// In the unit of the claim's field. Beyond them it is a slip of the pen, or a harness that waits for days.
    bounds: RangeInclusive<u64>,
}

enum Kind<'a> {
    Duration,
    Percent,
    StatusClass,
    Count(&'a str),
}

impl Kind<'_> {
    fn fits(&self, unit: &Unit) -> bool {
        match (self, unit) {
            (Kind::Duration, Unit::Duration) | (Kind::Percent, Unit::Percent) => true,
            (Kind::StatusClass, Unit::StatusClass) => true,
            (Kind::Count(of), Unit::Count(words)) => words.iter().any(|word| word == of),
            _ => false,
        }
    }

    fn name(&self, range: bool) -> String {
        match self {
            Kind::Duration if range => "range of durations (`5-15 minutes`)".into(),
            Kind::Duration => "duration (`60 seconds`)".into(),
            Kind::Percent => "percentage (`50%`)".into(),
            Kind::StatusClass => "class of HTTP status (`5xx`)".into(),
            Kind::Count(of) => format!("number of {of} (`two {of}`)"),
        }
    }
}

/// Reads all claims.
pub fn read(document: &Document, binding: &Binding) -> Result<Claims, RunbookError> {
    let places = &binding.claims;
    let one = |place: &ClaimPlace, name, kind, bounds| {
        let wanted = Wanted { name, kind, range: false, at_least: false, bounds };
        single(document, binding, place, &wanted)
    };
    let span = |place: &ClaimPlace, name, bounds| {
        let wanted = Wanted { name, kind: Kind::Duration, range: true, at_least: false, bounds };
        let (quantity, line) = find(document, binding, place, &wanted)?;
        let (from, to) = (quantity.from, quantity.to.unwrap_or(quantity.from));
        Ok(Claim { value: Range { from, to }, line, text: quantity.text })
    };
    let fetches = places.metrics_fetches.of.as_deref().unwrap_or("fetches");
    let slow_burn = Wanted {
        name: "slow_burn_firing",
        kind: Kind::Duration,
        range: false,
        at_least: true,
        bounds: MINUTE..=7 * DAY,
    };
    Ok(Claims {
        ready_within_ms: one(&places.ready_within, "ready_within", Kind::Duration, SECOND..=HOUR)?,
        healthz_under_ms: one(&places.healthz_under, "healthz_under", Kind::Duration, 1..=MINUTE)?,
        metrics_fetches: one(&places.metrics_fetches, "metrics_fetches", Kind::Count(fetches), 2..=10)?,
        alert_clears_within_ms: span(&places.alert_clears_within, "alert_clears_within", SECOND..=DAY)?,
        restart_takes_ms: span(&places.restart_takes, "restart_takes", SECOND..=HOUR)?,
        slow_burn_firing_ms: single(document, binding, &places.slow_burn_firing, &slow_burn)?,
        recent_deploy_ms: one(&places.recent_deploy, "recent_deploy", Kind::Duration, MINUTE..=31 * DAY)?,
        budget_spent_percent: one(&places.budget_spent, "budget_spent", Kind::Percent, 1..=100)?,
        budget_window_ms: one(&places.budget_window, "budget_window", Kind::Duration, MINUTE..=31 * DAY)?,
        journal_since_ms: one(&places.journal_since, "journal_since", Kind::Duration, SECOND..=7 * DAY)?,
        in_flight_status_class: one(&places.in_flight_status, "in_flight_status", Kind::StatusClass, 1..=5)?,
    })
}

fn single(
    document: &Document,
    binding: &Binding,
    place: &ClaimPlace,
    wanted: &Wanted<'_>,
) -> Result<Claim<u64>, RunbookError> {
    let (quantity, line) = find(document, binding, place, wanted)?;
    Ok(Claim { value: quantity.from, line, text: quantity.text })
}

/// The one quantity, and its line.
fn find(
    document: &Document,
    binding: &Binding,
    claim: &ClaimPlace,
    wanted: &Wanted<'_>,
) -> Result<(Quantity, u32), RunbookError> {
    let section = place::shared(document, &binding.sections, claim.section)?;
    let prose: &Prose = match (claim.item, claim.paragraph) {
        (Some(item), None) => &place::item(document, section, item, &claim.says)?.prose,
        (None, Some(paragraph)) => place::paragraph(document, section, paragraph, &claim.says)?,
        _ => {
            let what = format!("the claim {} has no one place", wanted.name);
            let looked_for = "either `item` or `paragraph` in its place in the binding";
            return Err(RunbookError::at(&document.name, section.line, what, looked_for, "mend the binding"));
        }
    };
    let looked_for = format!("one {} for the claim {}", wanted.kind.name(wanted.range), wanted.name);
    let refuse = |line, what: String, advice| Err(RunbookError::at(&document.name, line, what, &looked_for, advice));
    let mut found: Vec<Quantity> =
        quantities(&prose.text).into_iter().filter(|quantity| wanted.kind.fits(&quantity.unit)).collect();
    let shown: Vec<&str> = found.iter().map(|quantity| quantity.text.as_str()).collect();
    let shown = quote(&shown.join(", "));
    let quantity = match (found.pop(), found.is_empty()) {
        (Some(only), true) => only,
        (None, _) => {
            return refuse(
                prose.line,
                format!("no such quantity in {}", quote(&prose.text)),
                "say it there, in figures",
            );
        }
        (Some(_), false) => {
            return refuse(
                prose.line,
                format!("several of them: {shown}"),
                "leave one there: it cannot be known which is meant",
            );
        }
    };
    let line = prose.line_of(quantity.offset);
    let shape = quantity.to.is_some() == wanted.range && (!quantity.at_least || wanted.at_least);
    if !shape {
        return refuse(line, format!("{shown} is not of that shape"), "write it in that shape");
    }
    let to = quantity.to.unwrap_or(quantity.from);
    if quantity.from > to || !wanted.bounds.contains(&quantity.from) || !wanted.bounds.contains(&to) {
        let (low, high) = (wanted.bounds.start(), wanted.bounds.end());
        let what = format!("{shown} is outside of {low} to {high} (durations in milliseconds)");
        return refuse(line, what, "write what is meant");
    }
    Ok((quantity, line))
}
