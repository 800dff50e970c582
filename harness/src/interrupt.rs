//! SIGINT and SIGTERM. Most of the time one ends the process at once; while there is something to clean up it is only
//! noted, and heard at the next look, so that hosts are removed, children ended and bundles kept.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::exit::ExitStatus;

static SEEN: OnceLock<Arc<AtomicUsize>> = OnceLock::new();
/// Whether a signal ends the process at once.
static ENDS: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Begins to listen: from now on a signal ends the process with the status of the contract, 130 or 143.
pub fn listen() -> std::io::Result<()> {
    let seen = SEEN.get_or_init(Arc::default);
    let ends = ENDS.get_or_init(|| Arc::new(AtomicBool::new(true)));
    for (signal, status) in [(SIGINT, ExitStatus::Interrupted), (SIGTERM, ExitStatus::Terminated)] {
        // In this order: what is registered first is done first.
        flag::register_conditional_shutdown(signal, status.code().into(), ends.clone())?;
        let number = usize::try_from(signal).unwrap_or_default();
        flag::register_usize(signal, seen.clone(), number)?;
    }
    Ok(())
}

/// While this lives a signal is only noted. A second one is only noted too: the lease takes the hosts of a killed harness.
#[derive(Debug)]
pub struct Noted(());

/// Whoever works on, looks at [`signal`] at least every 100 ms.
#[must_use]
pub fn note() -> Noted {
    end_at_once(false);
    Noted(())
}

impl Drop for Noted {
    fn drop(&mut self) {
        end_at_once(true);
    }
}

fn end_at_once(whether: bool) {
    if let Some(ends) = ENDS.get() {
        ends.store(whether, Ordering::SeqCst);
    }
}

/// The signal that came, if one did.
pub fn signal() -> Option<i32> {
    let number = SEEN.get()?.load(Ordering::SeqCst);
    if number == 0 { None } else { i32::try_from(number).ok() }
}
