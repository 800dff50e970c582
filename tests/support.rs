//! What the conformance tests share.

pub mod again;
pub mod agreement;
pub mod causes;
pub mod containers;
pub mod exploring;
pub mod left_alone;
pub mod outline;
pub mod pages;
pub mod probing;
pub mod promql;
pub mod redactions;
