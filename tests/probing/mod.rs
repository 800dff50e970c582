//! Probes: short things that operators do at a machine and that are no runbook, done on a real machine and on the simulated
//! one, and compared. What is right is what the container does; a probe's file says no more than what is compared.
//!
//! `probe` reads the files, `hosts` boots the two machines, `play` carries a probe out on any host, `look` says what it left,
//! `compare` holds two records against each other, `scripts` makes small scripts that nobody wrote.

pub mod compare;
pub mod hosts;
pub mod look;
pub mod play;
pub mod probe;
pub mod scripts;
