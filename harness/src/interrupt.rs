//! SIGINT and SIGTERM: noted, and heard by the container host at its next look, so that hosts are removed and bundles kept.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};

static SEEN: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Begins to listen. A second signal of the same kind is only noted too: the lease takes the hosts of a killed harness.
pub fn listen() -> std::io::Result<()> {
    let seen = SEEN.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM] {
        let number = usize::try_from(signal).unwrap_or_default();
        signal_hook::flag::register_usize(signal, seen.clone(), number)?;
    }
    Ok(())
}

/// The signal that came, if one did.
pub fn signal() -> Option<i32> {
    let number = SEEN.get()?.load(Ordering::SeqCst);
    if number == 0 { None } else { i32::try_from(number).ok() }
}
