//! Small scripts that nobody wrote, in a fresh folder each, on a real machine and on a simulated one: statuses, output, and
//! the files that they leave.

use proptest::prelude::*;

use super::compare::{Compared, ProbeResult, Record, steps};
use super::hosts::Booted;
use super::look::State;
use super::play::play;
use super::probe::{Act, Output, Step};

// The simulator's own tests compare the same grammar with bash; it is not part of that crate's library.
#[path = "../../simulator/src/shell/tests/grammar.rs"]
#[allow(dead_code, reason = "shared with the simulator's tests, which use the rest")]
mod grammar;

/// How the result of all scripts together is named.
pub const NAME: &str = "generated-scripts";
/// Where their folders are.
const FOLDER: &str = "/tmp/generated";
/// One command; they take milliseconds, unless one of them waits for what never comes.
const WITHIN_S: u64 = 10;
/// Commands of one script.
const COMMANDS_MAX: usize = 4;
/// All that a script left, as root.
const LIST: &str = r#"for f in .[!.]* * */*; do
  if [ -e "$f" ] || [ -L "$f" ]; then
    stat --format '%n: %F %a' -- "$f"
    if [ -L "$f" ]; then readlink -- "$f"; elif [ -f "$f" ]; then cat -- "$f"; echo; fi
  fi
done"#;

/// A file that is there, is not, or is a folder.
fn file() -> BoxedStrategy<String> {
    let names = vec![
        "lines.txt",
        "lines.txt",
        "no-newline",
        "empty",
        "sub/a.conf",
        "sub/b.conf",
        "sub",
        "none",
        "new",
        "link",
        "d/e",
        "'b c'",
        ".hidden",
    ];
    prop::sample::select(names).prop_map(str::to_owned).boxed()
}

/// What reads its stdin to the end, or stops after a line of what comes in one piece.
fn filter() -> BoxedStrategy<String> {
    let filters = vec![
        "cat",
        "sort",
        "sort -r",
        "sort -u",
        "grep o",
        "grep -v o",
        "grep -c o",
        "grep -n w",
        "grep -q one",
        "head -n 2",
        "head -n 1",
        "tail -n 1",
        "tail -n 2",
        "tail -n +2",
        "wc -l",
        "wc -c",
        "sed 's/o/0/g'",
        "sed -n 2p",
        "sed 2d",
        "sed 's/\\(.\\)o/<\\1>/'",
        "tr a-z A-Z",
        "uniq",
        "cut -d ' ' -f 1",
        "sed '$d'",
    ];
    prop::sample::select(filters).prop_map(str::to_owned).boxed()
}

/// What writes all that it has in one piece: a reader that goes early leaves no writer behind in the middle.
fn source() -> BoxedStrategy<String> {
    let of_file = prop::sample::select(vec![
        "cat",
        "sort",
        "grep o",
        "grep -c o",
        "grep -il T",
        "head -n 2",
        "tail -n 2",
        "wc -l",
        "sed 's/w/W/'",
        "head -c 5",
    ]);
    prop_oneof![
        3 => (of_file, file()).prop_map(|(name, file)| format!("{name} {file}")),
        1 => (0..4_u8, 1..6_u8).prop_map(|(first, last)| format!("seq {first} {last}")),
        1 => Just("echo $x one".to_owned()),
    ]
    .boxed()
}

/// What changes files, or asks about them.
fn on_files() -> BoxedStrategy<String> {
    let one = prop::sample::select(vec![
        "rm",
        "rm -f",
        "rm -r",
        "rm -rf",
        "mkdir",
        "mkdir -p",
        "rmdir",
        "chmod 600",
        "chmod +x",
        "chmod u-w",
        "chmod a-r",
        "touch",
        "ls",
        "ls -a",
        "readlink",
        "test -f",
        "test -d",
        "test -s",
        "[ ! -e x ] && test -x",
        "basename",
        "dirname",
        "sed -i s/o/0/",
        "stat -c '%F %s'",
        "cat <",
    ]);
    let two =
        prop::sample::select(vec!["cp", "mv", "ln -s", "ln -sf", "ln -sfn", "ln", "cp -r", "mv -n", "cat", "wc -l"]);
    let asked = prop::sample::select(vec![
        "[ -e %f ]",
        "[[ -L %f ]]",
        "[[ -f %f && ! -d sub ]]",
        "[ -s %f -a -r %f ]",
        "[[ -n $(cat %f) ]]",
        "x=$(wc -l < %f)",
        "printf '%s|' $(cat %f)",
        "for x in $(seq 1 2); do echo $x > %f; done",
        "if grep -q o %f; then echo has; else echo has not; fi",
        "while read -r l; do echo \"[$l]\"; done < %f",
        "n=0; until [ $n -ge 2 ]; do n=$((n+1)); echo $n >> %f; done",
        "set -o pipefail",
        "set -u",
        "sort %f > new 2>&1",
        "echo \"${PIPESTATUS[@]}\"",
    ]);
    prop_oneof![
        3 => (one, file()).prop_map(|(name, file)| format!("{name} {file}")),
        3 => (two, file(), file()).prop_map(|(name, one, other)| format!("{name} {one} {other}")),
        2 => (asked, file()).prop_map(|(text, file)| text.replace("%f", &file)),
    ]
    .boxed()
}

fn pipeline() -> BoxedStrategy<String> {
    let filters = prop::collection::vec(filter(), 1..4);
    // One tee at the most: two that write one file at the same time would race.
    let tee = prop::sample::select(vec!["", "", "", " | tee teed", " | tee -a teed"]);
    (source(), filters, tee)
        .prop_map(|(source, filters, tee)| format!("{source} | {}{tee}", filters.join(" | ")))
        .boxed()
}

/// Scripts: some commands one after the other, in one shell.
pub fn scripts() -> BoxedStrategy<Vec<String>> {
    let simple = prop_oneof![2 => grammar::simple(), 3 => on_files(), 2 => pipeline(), 1 => source()].boxed();
    let command = grammar::command(simple).prop_filter("one heredoc", |text| grammar::heredoc_is_last(text));
    prop::collection::vec(command, 1..COMMANDS_MAX).boxed()
}

/// Runs the script of this number in a folder of its own, and says what it left there.
fn run(host: &mut Booted, number: u32, commands: &[Step]) -> Record {
    let folder = format!("{FOLDER}/{number}");
    let files: String = grammar::FILES.iter().map(|(name, text)| format!("printf '%s' '{text}' > {name}\n")).collect();
    let made = format!("mkdir -p {folder}/sub && cd {folder} || exit\n{files}chown -R oncall:oncall {folder}");
    let made = Step { act: Act::AsRoot(made), output: Output::Same, within_s: WITHIN_S };
    let mut all = vec![made];
    all.extend_from_slice(commands);
    let mut played = play(host, Some(&folder), &all);
    for step in &mut played.steps {
        step.output = grammar::without_rows(&step.output);
    }
    let mut state = State::new();
    if played.refused.is_none() {
        match host.as_root(&format!("cd {folder} && {LIST}"), WITHIN_S * 1000) {
            Ok((_, files)) => drop(state.insert("files".into(), grammar::without_rows(&files))),
            Err(error) => played.refused = Some(error.to_string()),
        }
    }
    host.seen.clear();
    Record { played, state, names: Vec::new() }
}

/// Whether the simulator has refused the script for what is a known gap and has a probe of its own
/// (`folder-as-input` in gaps.toml): scripts that come to it are passed over.
pub fn is_known_refusal(result: &ProbeResult) -> bool {
    let refused = result.differences.iter().find(|difference| difference.cell.ends_with("refused"));
    refused.is_some_and(|difference| difference.simulator.contains("as a command's input"))
}

/// Runs a script on both hosts.
pub fn both(container: &mut Booted, simulator: &mut Booted, number: u32, script: &[String]) -> ProbeResult {
    let step = |text: &String| Step { act: Act::Run(text.clone()), output: Output::Same, within_s: WITHIN_S };
    let commands: Vec<Step> = script.iter().map(step).collect();
    let (real, simulated) = (run(container, number, &commands), run(simulator, number, &commands));
    let mut result = ProbeResult {
        probe: NAME.into(),
        topology: "systemd".into(),
        compared: Compared::default(),
        differences: Vec::new(),
    };
    let made = Step { act: Act::AsRoot(String::new()), output: Output::Same, within_s: WITHIN_S };
    let all: Vec<Step> = std::iter::once(made).chain(commands).collect();
    steps(&all, [&real, &simulated], &mut result);
    super::compare::state([&real, &simulated], &mut result);
    result
}
