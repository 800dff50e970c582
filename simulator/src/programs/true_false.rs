//! true, false (coreutils).

use super::{Program, any_arguments};

/// Status 0.
pub const TRUE: Program = Program { name: "true", in_sbin: false, run: |_, _| Ok(0), knows: any_arguments };
/// Status 1.
pub const FALSE: Program = Program { name: "false", in_sbin: false, run: |_, _| Ok(1), knows: any_arguments };
