//! Writes `docs/fidelity.md` from what the comparison of drills and probes left below `target/fidelity/`:
//! `cargo run -p conformance --example fidelity-account`, the last step of `.ci/fidelity`.

use conformance::agreement::account::{self, Wanted};
use conformance::agreement::{cells, gaps};
use conformance::containers::workspace;
use conformance::probing::probe;

fn main() -> Result<(), String> {
    let workspace = workspace();
    let (probes, probe_gaps) = probe::load_all(&workspace.join("scenarios/probes")).map_err(|bad| bad.to_string())?;
    let (cells, gaps) = (cells::all()?, gaps::known()?);
    let wanted = Wanted { cells: &cells, gaps: &gaps, probes: &probes, probe_gaps: &probe_gaps };
    let text = account::render(wanted, &account::read(&workspace)?)?;
    let place = workspace.join("docs/fidelity.md");
    let wrong = |error: std::io::Error| format!("{}: {error}", place.display());
    std::fs::create_dir_all(workspace.join("docs")).map_err(wrong)?;
    std::fs::write(&place, text).map_err(wrong)?;
    println!("{}: written", place.display());
    Ok(())
}
