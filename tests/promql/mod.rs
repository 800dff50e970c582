//! Expressions and alert rules that nobody wrote, over series that nobody wrote, evaluated by `alert-rules` and by Prometheus'
//! own engine through `promtool test rules`.
//!
//! `random` is chance with a seed, `series` makes samples, `expressions` makes PromQL, `values` and `alerts` write test files
//! that expect what `alert-rules` says, and `tool` runs promtool.

pub mod alerts;
pub mod expressions;
pub mod random;
pub mod series;
pub mod tool;
pub mod values;
