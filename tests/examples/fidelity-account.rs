//! Writes `docs/fidelity.md` from what the comparison of drills and probes left below `target/fidelity/`:
//! `cargo run -p conformance --example fidelity-account`, the last step of `.ci/fidelity`.

use conformance::agreement::{account, cells, gaps};
use conformance::containers::workspace;

fn main() -> Result<(), String> {
    let workspace = workspace();
    let text = account::render(&cells::all()?, &account::read(&workspace)?, &gaps::known()?)?;
    let place = workspace.join("docs/fidelity.md");
    let wrong = |error: std::io::Error| format!("{}: {error}", place.display());
    std::fs::create_dir_all(workspace.join("docs")).map_err(wrong)?;
    std::fs::write(&place, text).map_err(wrong)?;
    println!("{}: written", place.display());
    Ok(())
}
