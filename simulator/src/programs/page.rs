//! page, the operator's pager command (operator-agent's own words).

use operator_agent::pager::{ON_CALL_LEAD, parse_arguments};
use operator_agent::protocol::Happened;

use super::options::refuse;
use super::{Call, Program};
use crate::machine::Machine;
use crate::{Run, Stop};

/// Calls somebody out.
pub const PAGE: Program = Program { name: "page", in_sbin: false, run: page, knows: super::any_arguments };

fn page(machine: &mut Machine, call: &Call<'_>) -> Run<i32> {
    if call.context.environment.contains_key("PAGER_URL") {
        return Err(Stop::Unable("page with PAGER_URL is not modelled; use --host container".into()));
    }
    let page = match parse_arguments(call.arguments()) {
        Ok(page) => page,
        Err(message) => return refuse(machine, call, &format!("{message}\n"), 1),
    };
    let delivery = machine.calibration.programs.page_us;
    let delivery = machine.about(delivery);
    machine.spend(delivery)?;
    machine.report(Happened::Paged { to: ON_CALL_LEAD.to_owned(), page });
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::common::tests::{machine, run};

    #[test]
    fn a_page_is_delivered_or_its_command_line_refused() {
        let mut machine = machine();
        machine.reports.clear();
        let words = ["page", "--severity", "sev-1", "--key", "k", "--reason", "r", "--evidence", "e"];
        assert_eq!(run(&mut machine, &words, b""), (0, String::new()));
        let pages = machine
            .reports
            .iter()
            .filter(|report| matches!(&report.what, Happened::Paged { to, .. } if to == ON_CALL_LEAD))
            .count();
        assert_eq!(pages, 1);
        let (status, said) = run(&mut machine, &["page", "--severity", "sev-1"], b"");
        assert_eq!(status, 1);
        assert!(said.starts_with("page: four options with a value each, got 2 words\nusage: page "), "{said}");
    }
}
