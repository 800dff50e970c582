//! Whether the simulator and real machines agree on drills: each cell (a case on a topology by an operator) is drilled on
//! containers several times; what is the same each time has to be the same in the simulator, and its times have to lie where
//! the containers' lie. `tests/fidelity.rs` runs it, `docs/fidelity.md` is the account of it.
//!
//! `cells` says which drills, `observe` turns a drill into named facts and times, `canon` takes out of texts what differs
//! from run to run, `compare` holds one host's facts against the other's, `gaps` knows the differences that have a reason,
//! `account` leaves what one run came to, `record` keeps it (`row` is one cell of it), `document` renders the account of it.

pub mod account;
pub mod canon;
pub mod cells;
pub mod compare;
pub mod document;
pub mod gaps;
pub mod observe;
pub mod record;
pub mod row;
