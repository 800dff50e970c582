//! Writes `docs/found-again.md`: `cargo run -p conformance --example found-again`.

use conformance::again::Search;
use conformance::again::document::{self, DOCUMENT};
use conformance::containers::workspace;

fn main() -> Result<(), String> {
    let workspace = workspace();
    let search = Search::new(&workspace, &workspace.join("scenarios/explore/space.toml"))?;
    let text = document::render(&search.all()?)?;
    let place = workspace.join(DOCUMENT);
    std::fs::write(&place, text).map_err(|error| format!("{}: {error}", place.display()))?;
    println!("{}: written", place.display());
    Ok(())
}
