//! Which series there are, and what selectors resolved to.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::expr::Selector;
use crate::labels::{Labels, METRIC_NAME};

/// Of selectors whose series are remembered. With more it is forgotten and found again.
const REMEMBERED_MAX: usize = 1024;

/// The series of a store by number. Copies of a store share it until one of them gets a new series.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    labels: Vec<Labels>,
    bare: Vec<Labels>,
    by_labels: BTreeMap<Labels, usize>,
    by_name: BTreeMap<String, Vec<usize>>,
    /// So patterns are held against a series once and not at each evaluation.
    resolved: RwLock<BTreeMap<Arc<str>, Arc<[usize]>>>,
}

/// A copy is made to add a series; what was resolved without it is not taken along.
impl Clone for Catalog {
    fn clone(&self) -> Catalog {
        Catalog {
            labels: self.labels.clone(),
            bare: self.bare.clone(),
            by_labels: self.by_labels.clone(),
            by_name: self.by_name.clone(),
            resolved: RwLock::default(),
        }
    }
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
        self.resolved.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        id
    }

    pub(super) fn select(&self, selector: &Selector) -> Arc<[usize]> {
        if let Some(known) = self.resolved.read().unwrap_or_else(PoisonError::into_inner).get(&selector.text) {
            return known.clone();
        }
        let named = self.by_name.get(&selector.metric).map_or(&[][..], Vec::as_slice);
        let fits = |id: &&usize| {
            let labels = &self.labels[**id];
            selector.matchers.iter().all(|matcher| matcher.fits(labels.get(&matcher.label)))
        };
        let found: Arc<[usize]> = named.iter().filter(fits).copied().collect();
        let mut resolved = self.resolved.write().unwrap_or_else(PoisonError::into_inner);
        if resolved.len() >= REMEMBERED_MAX {
            resolved.clear();
        }
        resolved.insert(selector.text.clone(), found.clone());
        found
    }
}
