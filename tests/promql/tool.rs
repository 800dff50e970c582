//! promtool: whether it is there, which engine it has, and one run of it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use alert_rules::Engine;
use libtest_mimic::{Failed, Trial};

use crate::containers::REQUIRE;

/// The program.
const PROMTOOL: &str = "promtool";

/// Whether tests that need promtool run, and against whose arithmetic. Decided when tests are listed.
#[derive(Clone, Debug)]
pub enum Gate {
    /// It is there.
    Run(Engine),
    /// It is not: they are listed as ignored.
    Ignore,
    /// It is not, and has to be: each of them fails with this.
    Fail(String),
}

/// Asks promtool for its version. Says on stderr why tests are left out; stdout belongs to the list of tests.
pub fn gate() -> Gate {
    let why = match engine() {
        Ok(engine) => return Gate::Run(engine),
        Err(why) => why,
    };
    if std::env::var_os(REQUIRE).is_some_and(|value| value == "1") {
        return Gate::Fail(format!("{REQUIRE}=1, but {why}"));
    }
    eprintln!("tests with promtool are ignored: {why}");
    Gate::Ignore
}

/// A test that needs promtool.
pub fn trial(gate: &Gate, name: &str, body: impl FnOnce(Engine) + Send + 'static) -> Trial {
    match gate.clone() {
        Gate::Run(engine) => Trial::test(name, move || {
            body(engine);
            Ok(())
        }),
        Gate::Ignore => Trial::test(name, || Ok(())).with_ignored_flag(true),
        Gate::Fail(error) => Trial::test(name, move || Err(Failed::from(error))),
    }
}

fn engine() -> Result<Engine, String> {
    let output = Command::new(PROMTOOL).arg("--version").stdin(Stdio::null()).output();
    let output =
        output.map_err(|error| format!("{PROMTOOL} cannot be run ({error}); Debian's package is `prometheus`"))?;
    // Older ones print it on stderr.
    let said = [output.stdout, output.stderr].concat();
    of_version(&String::from_utf8_lossy(&said))
}

/// The engine of what `promtool --version` prints.
pub fn of_version(said: &str) -> Result<Engine, String> {
    let first = said.lines().next().unwrap_or_default();
    let version = first.strip_prefix("promtool, version ").and_then(|rest| rest.split_whitespace().next());
    let mut parts = version.unwrap_or_default().split('.').map_while(|part| part.parse::<u32>().ok());
    match (parts.next(), parts.next()) {
        // Up to 2.41 no test file can have marks of ends in all places; from 2.49 to 2.51 it is half the one and half the
        // other; from 3.0 a window is open at its start.
        (Some(2), Some(42..=48)) => Ok(Engine::V2_42),
        (Some(2), Some(52..=55)) => Ok(Engine::V2_53),
        _ => Err(format!("{PROMTOOL} says {first:?}, and versions 2.42 to 2.48 and 2.52 to 2.55 are what is followed")),
    }
}

/// Runs promtool in a folder, and gives its output when it ends with 0, else all that it said.
pub fn run(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(PROMTOOL).args(arguments).current_dir(folder).stdin(Stdio::null()).output();
    let output: Output = output.map_err(|error| format!("{PROMTOOL} cannot be run: {error}"))?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() { Ok(said) } else { Err(said) }
}
