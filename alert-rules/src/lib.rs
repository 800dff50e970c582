//! Prometheus alert rules: read strictly, scaled to another time, written for Prometheus, and evaluated as Prometheus
//! evaluates them, without one.
//!
//! Pure: no clock, no environment, no file. The same samples give the same values. What rules say beyond what is evaluated
//! here is refused when they are read, so that nothing is ever evaluated otherwise than it reads.

pub mod alerts;
pub mod duration;
pub mod eval;
pub mod expr;
pub mod labels;
pub mod rules;
pub mod slis;
pub mod store;

pub use alerts::{AlertState, Alerting};
pub use eval::{Vector, instant};
pub use expr::{Comparison, Condition, Expr, Refused};
pub use labels::Labels;
pub use rules::{AlertRule, Group, RuleError, RuleFile};
pub use slis::Sli;
pub use store::{Engine, Store};
