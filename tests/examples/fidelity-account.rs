//! Puts what the comparison of drills and probes left below `target/fidelity/` into the record, and writes `docs/fidelity.md`
//! of the record: `cargo run -p conformance --example fidelity-account`, the last step of `.ci/fidelity`. With `-- anew` the
//! record begins empty, so that all has to lie there.

use conformance::agreement::account;
use conformance::agreement::document::{self, DOCUMENT};
use conformance::agreement::record::{Record, Wanted};
use conformance::agreement::{cells, gaps};
use conformance::containers::workspace;
use conformance::probing::probe;

fn main() -> Result<(), String> {
    let workspace = workspace();
    let mut arguments = std::env::args_os().skip(1);
    let mut record = match (arguments.next(), arguments.next()) {
        (None, _) => Record::read(&workspace)?,
        (Some(word), None) if word == "anew" => Record::default(),
        _ => return Err("looked for no argument, or for `anew`".to_owned()),
    };
    let (probes, probe_gaps) = probe::load_all(&workspace.join("scenarios/probes")).map_err(|bad| bad.to_string())?;
    let (cells, gaps) = (cells::all()?, gaps::known()?);
    let wanted = Wanted { cells: &cells, gaps: &gaps, probes: &probes, probe_gaps: &probe_gaps };
    record.merge(wanted, &account::read(&workspace)?)?;
    // Both texts before either file is touched: what is refused changes nothing.
    let (kept, told) = (record.text()?, document::render(wanted, &record)?);
    for (place, text) in [(Record::place(&workspace), kept), (workspace.join(DOCUMENT), told)] {
        std::fs::write(&place, text).map_err(|error| format!("{}: {error}", place.display()))?;
        println!("{}: written", place.display());
    }
    Ok(())
}
