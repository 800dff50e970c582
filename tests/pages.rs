//! What a drill has to show of who was told of what: pages of the failure path, and apart from them what alerts notify.

use rollback_harness::bundle::Finished;
use rollback_harness::history::What;
use rollback_harness::history::event::ON_CALL_LEAD;

use crate::containers::refuse;

/// Each page is the on-call lead's, under the rollback's own incident key; each notice is of an alert, under one of its own.
pub fn kept_apart(finished: &Finished) {
    let own = finished.plan.incident_key();
    for event in &finished.history.events {
        match &event.what {
            What::Paged { to, key, .. } if to != ON_CALL_LEAD || *key != own => {
                refuse(
                    &format!("event {} is a page to {to} for {key}; {ON_CALL_LEAD} and {own} are due", event.n),
                    finished,
                );
            }
            What::Notified { alert, key, .. } if *key == own || !key.contains(alert) => {
                refuse(
                    &format!("event {} notifies of {alert} for {key}, which is no key of its own", event.n),
                    finished,
                );
            }
            _ => {}
        }
    }
}
