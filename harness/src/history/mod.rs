//! The History of a drill: written once, in order, and read by everything that judges or reports.

mod alerts;
mod decision;
pub mod event;
pub mod read;
pub mod words;

pub use event::{Event, What};
