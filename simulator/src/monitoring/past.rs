//! The past that a rules engine is given, as the samples that it would have.

use alert_rules::{Labels, Store};
use operator_agent::protocol::{Monitoring, PastSeries};

/// All samples of a past, 0 at its end; every series has these labels besides its own.
///
/// # Errors
/// A series that is there twice, one that is none, and more samples than a store takes.
pub fn store(monitoring: &Monitoring, target: &[(&str, &str)]) -> Result<Store, String> {
    let mut store = Store::new(monitoring.lookback_ms);
    let mut points = Vec::new();
    for series in &monitoring.past {
        let PastSeries { name, labels, .. } = series;
        let own = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let labels = Labels::metric(name, own.chain(target.iter().copied()));
        let before = store.len();
        let place = store.series_id(&labels).filter(|_| store.len() > before).ok_or_else(|| too_much(&labels))?;
        points.extend(series.points()?.into_iter().map(|(before_ms, value)| (before_ms, place, value, labels.clone())));
    }
    // A store is quick where times come in their order.
    points.sort_by_key(|(before_ms, ..)| std::cmp::Reverse(*before_ms));
    for (before_ms, place, value, labels) in points {
        if !store.append_to(place, 0i64.saturating_sub_unsigned(before_ms), value) {
            return Err(too_much(&labels));
        }
    }
    store.settle();
    Ok(store)
}

fn too_much(labels: &Labels) -> String {
    format!("the past has {labels} twice, or too much of it")
}
