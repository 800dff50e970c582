//! `scenarios table`: how every scenario is expected to end, on each topology and by each operator.

use std::path::Path;

use serde::Serialize;

use crate::cli::Failure;
use crate::cli::args::DocumentFormat;
use crate::exit::ExitStatus;
use crate::report::{Output, REPORT_SCHEMA};
use crate::scenario::{Expectation, Operator, Scenario, TOPOLOGIES};

const OPERATORS: [Operator; 2] = [Operator::Careful, Operator::Paste];

/// The whole table in JSON. **Contract.**
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    harness: &'a str,
    table: Vec<Cell<'a>>,
}

/// What is expected of one drill: every scenario on every topology by every operator has a cell.
#[derive(Serialize)]
struct Cell<'a> {
    scenario: &'a str,
    topology: &'a str,
    operator: Operator,
    /// `None`: the scenario is not for this pair. `drill` refuses it where it is named, and leaves it out of `all`.
    expected: Option<&'a Expectation>,
}

/// Prints the table of all scenarios that can be used.
pub(super) fn print(format: DocumentFormat, workspace: &Path, output: &mut Output<'_>) -> Result<ExitStatus, Failure> {
    let (scenarios, status) = super::all(workspace, output)?;
    match format {
        DocumentFormat::Text => write!(output.out, "{}", text(&scenarios))?,
        DocumentFormat::Json => {
            let document =
                Document { schema: REPORT_SCHEMA, harness: env!("CARGO_PKG_VERSION"), table: cells(&scenarios) };
            let json = serde_json::to_string_pretty(&document).map_err(std::io::Error::from)?;
            writeln!(output.out, "{json}")?;
        }
    }
    Ok(status)
}

fn cells(scenarios: &[Scenario]) -> Vec<Cell<'_>> {
    let mut cells = Vec::new();
    for scenario in scenarios {
        for topology in TOPOLOGIES {
            for operator in OPERATORS {
                let expected = scenario.expect.get(topology).and_then(|operators| operators.get(&operator));
                cells.push(Cell { scenario: &scenario.name, topology, operator, expected });
            }
        }
    }
    cells
}

/// A row for each scenario and topology, a column for each operator. What fails or breaks stands below the verdict, a
/// line each: five invariants side by side would make the table twice as wide as a terminal.
fn text(scenarios: &[Scenario]) -> String {
    let mut rows = vec![["scenario", "topology", "careful", "paste"].map(str::to_owned)];
    for row in cells(scenarios).chunks(OPERATORS.len()) {
        let Some(first) = row.first() else { continue };
        let columns: Vec<Vec<String>> = row.iter().map(|cell| lines(cell.expected)).collect();
        let height = columns.iter().map(Vec::len).max().unwrap_or_default();
        for at in 0..height {
            let line = |column: usize| columns.get(column).and_then(|lines| lines.get(at)).cloned().unwrap_or_default();
            let begins = |word: &str| if at == 0 { word.to_owned() } else { String::new() };
            rows.push([begins(first.scenario), begins(first.topology), line(0), line(1)]);
        }
    }
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max().unwrap_or_default()
    };
    let (scenario, topology, careful) = (width(0), width(1), width(2));
    let line = |[a, b, c, d]: &[String; 4]| {
        format!("{a:scenario$}  {b:topology$}  {c:careful$}  {d}").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn lines(expected: Option<&Expectation>) -> Vec<String> {
    let Some(expected) = expected else { return vec!["-".to_owned()] };
    let failing = expected.failing.iter().map(|id| format!("  fails {id}"));
    let broken = expected.broken.iter().map(|id| format!("  breaks {id}"));
    std::iter::once(expected.verdict.to_string()).chain(failing).chain(broken).collect()
}
