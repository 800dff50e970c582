//! Which series there are.

use std::collections::BTreeMap;

use crate::expr::Selector;
use crate::labels::{Labels, METRIC_NAME};

/// The series of a store by number. Copies of a store share it until one of them gets a new series.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalog {
    labels: Vec<Labels>,
    bare: Vec<Labels>,
    by_labels: BTreeMap<Labels, usize>,
    by_name: BTreeMap<String, Vec<usize>>,
}

impl Catalog {
    pub(super) fn find(&self, labels: &Labels) -> Option<usize> {
        self.by_labels.get(labels).copied()
    }

    pub(super) fn labels(&self, id: usize) -> &Labels {
        &self.labels[id]
    }

    pub(super) fn bare(&self, id: usize) -> &Labels {
        &self.bare[id]
    }

    /// A new series, which must not be there yet.
    pub(super) fn add(&mut self, labels: &Labels) -> usize {
        let id = self.labels.len();
        self.labels.push(labels.clone());
        self.bare.push(labels.without(&[METRIC_NAME]));
        self.by_labels.insert(labels.clone(), id);
        self.by_name.entry(labels.name().to_owned()).or_default().push(id);
        id
    }

    pub(super) fn select(&self, selector: &Selector) -> Vec<usize> {
        let named = self.by_name.get(&selector.metric).map_or(&[][..], Vec::as_slice);
        let fits = |id: &&usize| {
            let labels = &self.labels[**id];
            selector.matchers.iter().all(|matcher| matcher.fits(labels.get(&matcher.label)))
        };
        named.iter().filter(fits).copied().collect()
    }
}
