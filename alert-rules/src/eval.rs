//! Evaluation of expressions at one moment, as Prometheus' instant query does it.
//!
//! Which series an expression means, how they fall into sums and histograms, and what labels come out rests on what series
//! there are and not on their samples. So it is worked out once (`plan`), and a moment costs its numbers.

mod histogram;
mod plan;
mod rate;

use std::sync::Arc;

use crate::expr::Expr;
use crate::labels::Labels;
use crate::store::Store;
use plan::{Plan, Values};

/// Samples of one moment.
pub type Vector = Vec<(Labels, f64)>;

/// The value of an expression at a time, in no particular order. A number is one sample without labels.
///
/// There is no error to give: what Prometheus can fail at here is two series with the same labels on one side, and a
/// selector that names its metric cannot bring that about.
pub fn instant(expr: &Expr, store: &Store, t_ms: i64) -> Vector {
    let mut alone = Together::new([expr.clone()]);
    let evaluated = alone.evaluate(store, t_ms);
    evaluated.of(0).map(|(labels, value)| (labels.clone(), value)).collect()
}

/// Expressions that are evaluated again and again at the same moments. What several of them have in common is computed
/// once a moment, and which series they mean is found again only where a store has got new ones.
#[derive(Clone, Debug, Default)]
pub struct Together {
    exprs: Arc<[Expr]>,
    plan: Option<Arc<Plan>>,
    /// Of the last moment; kept for its room.
    values: Values,
}

impl Together {
    /// Of these expressions, which go by their places from here on.
    pub fn new(exprs: impl IntoIterator<Item = Expr>) -> Together {
        Together { exprs: exprs.into_iter().collect(), plan: None, values: Values::default() }
    }

    /// Finds the series of this store. Evaluation does so by itself; done before copies are made of store and expressions,
    /// it is done for all of them.
    pub fn settle(&mut self, store: &Store) {
        self.planned(store);
    }

    fn planned(&mut self, store: &Store) -> Arc<Plan> {
        if let Some(plan) = self.plan.as_ref().filter(|plan| plan.is_of(store)) {
            return plan.clone();
        }
        let plan = Arc::new(Plan::new(&self.exprs, store));
        self.plan = Some(plan.clone());
        plan
    }

    /// All of them at a time.
    pub fn evaluate(&mut self, store: &Store, t_ms: i64) -> Evaluated<'_> {
        let plan = self.planned(store);
        plan.evaluate(store, t_ms, &mut self.values);
        Evaluated { plan, values: &self.values.rows }
    }
}

/// What expressions came to at one moment.
#[derive(Debug)]
pub struct Evaluated<'a> {
    plan: Arc<Plan>,
    values: &'a [Option<f64>],
}

impl Evaluated<'_> {
    /// The samples of the expression at this place, as [`instant`] gives them; none where there is no such place.
    pub fn of(&self, place: usize) -> impl Iterator<Item = (&Labels, f64)> {
        let (labels, values) = self.plan.rows(place, self.values);
        labels.iter().zip(values).filter_map(|(labels, value)| value.map(|value| (labels, value)))
    }
}

#[cfg(test)]
mod tests;
