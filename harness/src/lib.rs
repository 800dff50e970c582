//! rollback-drill's library: from a runbook to a verdict. `ARCHITECTURE.md` is the map.

pub mod bundle;
pub mod calibrate;
pub mod cli;
pub mod criteria;
pub mod drive;
pub mod exit;
pub mod exposition;
pub mod fault;
pub mod findings;
pub mod furnish;
pub mod history;
pub mod host;
pub mod interrupt;
pub mod invariants;
pub mod judge;
pub mod prepare;
pub mod procedure;
pub mod release;
pub mod report;
pub mod run;
pub mod runbook;
pub mod scenario;
pub mod simulate;
pub mod topology;
pub mod verdict;
pub mod workspace;
