//! Measures the simulator's durations again, on real operator hosts: `rollback_harness::calibrate`.
//!
//! `cargo run --release --example calibrate -p rollback-harness -- [--boots N] [--turns N] [--write [KEY…]]` prints each
//! figure as it stands in `simulator/calibration.toml`, as it was measured, and the spread of what was seen. `--write` writes
//! the file, with all figures or with these alone.

use std::path::Path;

use rollback_harness::calibrate::{self, Extent, FILE, METHODS};
use rollback_harness::{interrupt, workspace};

type Failure = Box<dyn std::error::Error>;

/// What was asked for.
struct Asked {
    extent: Extent,
    /// Figures that are written; `None` is no file.
    write: Option<Vec<String>>,
}

fn asked() -> Result<Asked, Failure> {
    let mut asked = Asked { extent: Extent { boots: 5, turns: 30 }, write: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number =
            || words.next().and_then(|text| text.parse().ok()).filter(|number| (1..=1000).contains(number));
        match word.as_str() {
            "--boots" => asked.extent.boots = number().ok_or("--boots takes a number, 1 to 1000")?,
            "--turns" => asked.extent.turns = number().ok_or("--turns takes a number, 1 to 1000")?,
            "--write" => asked.write = Some(words.by_ref().collect()),
            other => return Err(format!("`{other}`: there are --boots N, --turns N and, last, --write [KEY…]").into()),
        }
    }
    let unknown = |key: &&String| !METHODS.iter().any(|method| method.key == key.as_str());
    match asked.write.iter().flatten().find(unknown) {
        Some(key) => Err(format!("`{key}`: no such figure in {FILE}").into()),
        None => Ok(asked),
    }
}

fn main() -> Result<(), Failure> {
    let Asked { extent, write } = asked()?;
    let workspace = workspace::locate(Path::new("."));
    let mut figures = calibrate::read(&calibrate::text(&workspace)?)?;
    let _noted = interrupt::note();
    let seen = calibrate::observe(&workspace, extent, &mut |line| eprintln!("{line}"))?;
    println!(
        "{:<24} {:>9} {:>9} {:>6}  lowest, quartiles and highest of what was seen",
        "microseconds", "old", "new", "seen"
    );
    for one in calibrate::solve(&seen)? {
        let new = calibrate::rounded(one.us);
        let old = figures.get(one.key).copied().unwrap_or_default();
        let [least, lower, median, upper, most] = one.spread;
        println!("{:<24} {old:>9} {new:>9} {:>6}  {least} {lower} {median} {upper} {most}", one.key, one.count);
        if write.as_ref().is_some_and(|keys| keys.is_empty() || keys.iter().any(|key| key == one.key)) {
            figures.insert(one.key.to_owned(), new);
        }
    }
    if write.is_some() {
        std::fs::write(workspace.join(FILE), calibrate::render(&figures)?)?;
        println!("{FILE}: written");
    }
    Ok(())
}
