//! What a drill has to show in which nobody rolls back: the node is as it was.
//! Where prerequisites were confirmed, only those looks were run.

use rollback_harness::bundle::Finished;
use rollback_harness::history::What;
use rollback_harness::history::event::Block;

use crate::containers::refuse;

/// Nothing was run but to confirm prerequisites, nobody paged, and the same node serves at the end.
pub fn left_alone(finished: &Finished) {
    let mut looks = Vec::new();
    let (mut answered, mut confirming) = (0, false);
    for event in &finished.history.events {
        match &event.what {
            What::MachineSeen { moment, machine, healthz, build_info } => {
                looks.push((moment.as_str(), (&machine.processes, healthz, build_info)));
            }
            What::Traffic { outcomes, .. } => answered += outcomes.get("200").copied().unwrap_or_default(),
            What::BlockBegan { block } => confirming = *block == Block::Prerequisites,
            What::BlockEnded { .. } => confirming = false,
            What::CommandBegan { text, .. } if !confirming => refuse(&format!("`{text}` was run"), finished),
            What::Paged { severity, .. } => refuse(&format!("a {severity} page came"), finished),
            _ => {}
        }
    }
    match looks.as_slice() {
        [("before", before), ("end", end)] if before == end && before.1.is_ok() && !before.0.is_empty() => {}
        other => refuse(&format!("two looks at the same serving node are due, these were: {other:?}"), finished),
    }
    if answered == 0 {
        refuse("no invoke was answered", finished);
    }
}
