//! What is read of the section, what of it nothing in the procedure looks at, and what is refused.

use std::path::Path;

use super::*;
use crate::procedure::{Origin, Releases};
use crate::runbook::Runbook;

fn shipped(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/runbooks");
    std::fs::read_to_string(folder.join(file)).unwrap()
}

fn read_of(runbook: &str, binding: &str, topology: &str) -> Result<Prerequisites, RunbookError> {
    let releases = Releases { good: "0.3.8".parse().unwrap(), bad: "0.4.0".parse().unwrap() };
    let runbook = Runbook::from_texts(("r.md", runbook.as_bytes()), ("b.toml", binding.as_bytes()))?;
    runbook.prerequisites(&runbook.procedure(topology, &releases)?, &releases)
}

fn edit(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?}");
    text.replacen(from, to, 1)
}

fn line_of(text: &str, words: &str) -> u32 {
    text.lines().position(|line| line.contains(words)).unwrap_or_else(|| panic!("{words:?}")) as u32 + 1
}

fn messages(read: &Prerequisites, rule: &str) -> Vec<(u32, String)> {
    let of_rule = read.findings.iter().filter(|finding| finding.rule == rule);
    of_rule.map(|finding| (finding.line, finding.message.clone())).collect()
}

#[test]
fn items_have_their_words_and_what_shows_them_on_each_topology() {
    let text = shipped("rollback.md");
    let (release, window) = (line_of(&text, "- The release to go back to"), line_of(&text, "- Users can bear"));
    let image = "ghcr.io/craton-co/tensor-wasm";
    let installed = "/usr/local/lib/tensor-wasm/v0.3.8/bin/tensor-wasm";
    let (pull, digest) = (
        (format!("docker pull --quiet {image}:v0.3.8"), Class::Fetch, None),
        (
            format!("docker image inspect --format '{{{{index .RepoDigests 0}}}}' {image}:v0.3.8"),
            Class::Check,
            Some(format!("{image}@{{published}}")),
        ),
    );
    let on_systemd = vec![
        ("ls ~/.tensor-wasm/releases/".to_owned(), Class::Look, None),
        (format!("ls {installed}"), Class::Check, None),
        (format!("{installed} --version"), Class::Check, Some("v0.3.8".to_owned())),
    ];
    for (topology, wanted) in
        [("systemd", on_systemd), ("docker", vec![pull.clone(), digest.clone()]), ("compose", vec![pull, digest])]
    {
        let read = read_of(&text, &shipped("rollback.binding.toml"), topology).unwrap();
        let [first, second] = read.items.as_slice() else { panic!("{:?}", read.items) };
        assert_eq!((first.step.as_str(), first.line, second.step.as_str(), second.line), ("R1", release, "R2", window));
        assert!(
            first.quote.starts_with("The release to go back to, vX.Y.Z from here on, can be had"),
            "{}",
            first.quote
        );
        assert!(second.quote.starts_with("Users can bear a maintenance window."), "{}", second.quote);
        assert_eq!(second.kind, PrerequisiteKind::Window);
        let commands = read.commands().map(|command| {
            assert!(matches!(command.origin, Origin::Supplied { .. }) && command.classes.len() == 1, "{command:?}");
            (command.text.clone(), command.classes[0], command.should_print.clone())
        });
        assert_eq!(commands.collect::<Vec<_>>(), wanted, "{topology}");
        assert_eq!(messages(&read, "supplied-command").len(), wanted.len());
    }
}

#[test]
fn the_original_wording_is_read_by_the_same_binding() {
    let text = shipped("rollback.md");
    let (from, to) = (text.find("Make sure of three things").unwrap(), text.find("## Procedure").unwrap());
    let original = "Before invoking this procedure, confirm:\n\n\
        - The last known-good release version (call it `vX.Y.Z`) is available as an installed binary, a downloadable \
        artifact, or a container image. Check `~/.tensor-wasm/releases/` or your release artefact store.\n\
        - A maintenance window is acceptable. Rollback drops all active instances; in-flight `/invoke` calls return 5xx \
        for the duration of the restart (typically 5-15 seconds).\n\
        - The current bad release version (call it `vA.B.C`) is recorded somewhere durable. `tensor-wasm --version` \
        captures it; record it for the postmortem before doing anything else.\n\n";
    let original = format!("{}{original}{}", &text[..from], &text[to..]);
    for topology in ["systemd", "docker", "compose"] {
        let binding = shipped("rollback.binding.toml");
        let (shipped, original) =
            (read_of(&text, &binding, topology).unwrap(), read_of(&original, &binding, topology).unwrap());
        let texts = |read: &Prerequisites| read.commands().map(|command| command.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&shipped), texts(&original));
        assert_eq!(original.items.len(), 2);
    }
}

#[test]
fn what_the_procedure_does_not_look_at_before_its_first_stop_is_a_finding() {
    let (text, binding) = (shipped("rollback.md"), shipped("rollback.binding.toml"));
    let (release, window) = (line_of(&text, "- The release to go back to"), line_of(&text, "- Users can bear"));
    let unchecked =
        |text: &str, topology: &str| messages(&read_of(text, &binding, topology).unwrap(), "unchecked-prerequisite");
    let (installed, fetched, startable, agreed) = (
        "whether the release to go back to is installed",
        "whether the release to go back to can be fetched",
        "whether it is the release that is meant, and can be started",
        "whether the maintenance window is agreed",
    );
    let check = line_of(&text, "/usr/local/bin/tensor-wasm --version");
    let late = format!("; `/usr/local/bin/tensor-wasm --version` (line {check}) does, too late");
    let on = |topology: &str, stop: &str, asked: &[(u32, &str, &str)]| -> Vec<(u32, String)> {
        let before = format!("nothing before `{stop}` (line {}) in {topology}'s section asks", line_of(&text, stop));
        asked.iter().map(|(line, asked, later)| (*line, format!("{before} {asked}{later}"))).collect()
    };
    let wanted = [(release, installed, late.as_str()), (release, startable, late.as_str()), (window, agreed, "")];
    assert_eq!(unchecked(&text, "systemd"), on("systemd", "sudo systemctl stop tensor-wasm", &wanted));
    let wanted = [(release, fetched, ""), (release, startable, ""), (window, agreed, "")];
    assert_eq!(unchecked(&text, "docker"), on("docker", "docker stop tensor-wasm", &wanted));
    // Section C fetches first.
    let wanted = [(release, startable, ""), (window, agreed, "")];
    assert_eq!(unchecked(&text, "compose"), on("compose", "docker compose up -d --no-deps tensor-wasm", &wanted));

    // The check moved before the stop.
    let ask = "/usr/local/bin/tensor-wasm --version  # should print vX.Y.Z\n";
    let moved = edit(&text, ask, "true\n");
    let moved = edit(&moved, "sudo systemctl stop tensor-wasm\n", &format!("{ask}sudo systemctl stop tensor-wasm\n"));
    let found = unchecked(&moved, "systemd");
    assert!(matches!(found.as_slice(), [(_, only)] if only.ends_with(agreed)), "{found:?}");
    // Nothing is stopped, so nothing is too late.
    let still = edit(&text, "sudo systemctl stop tensor-wasm\n", "true\n");
    assert_eq!(unchecked(&still, "systemd"), []);
}

#[test]
fn what_is_not_as_it_is_bound_is_refused() {
    let (text, binding) = (shipped("rollback.md"), shipped("rollback.binding.toml"));
    let line = line_of(&text, "- The release to go back to");
    let refused = |text: &str, binding: &str| read_of(text, binding, "systemd").unwrap_err().to_string();
    let at = |line: u32, what: &str| format!("r.md:{line}: {what}");
    #[rustfmt::skip]
    let of_text = [
        ("- The release to go back to, `vX.Y.Z` from", "- The release, `vX.Y.Z` from", at(line, "0 wordings of `/usr/local/lib/tensor-wasm/vX.Y.Z/bin/")),
        ("can be had: installed", "can be had and is available: installed", at(line, "2 wordings of `ls /usr/local/lib/tensor-wasm/vX.Y.Z/bin/")),
        ("can be had: installed", "can be had, or can be had: installed", at(line, "these words stand 2 times in prerequisite 1")),
        ("`~/.tensor-wasm/releases/` or", "`/srv/releases/` or", at(line + 1, "code span 2 of prerequisite 1 is `/srv/releases/`")),
        ("the postmortem asks for it.", "the postmortem asks for it.\n- Nobody else rolls back.", at(line + 6, "list item 4 is not bound")),
        ("Make sure of three things:", "Make sure with `uptime` of these:", at(line - 2, "an unbound code span: `uptime`")),
    ];
    for (from, to, wanted) in of_text {
        let error = refused(&edit(&text, from, to), &binding);
        assert!(error.starts_with(&wanted), "{from} -> {to}: {error}");
    }
    let whole = &binding[binding.find("[[prerequisites.items]]").unwrap()..];
    let whole = &whole[..whole.find("# ---- What the text leaves open").unwrap()];
    let error = refused(&text, &binding.replace(whole, ""));
    assert!(error.starts_with("b.toml: the binding does not say how prerequisites are confirmed; "), "{error}");
    assert!(error.contains("looked for the table `[prerequisites]`, or a scenario with"), "{error}");
    let third = "item = 3\nsays = \"vA.B.C\"\nmet_by = \"recorded-first\"\n";
    let told = "on = [\"systemd\"]\nasks = \"told-place\"";
    #[rustfmt::skip]
    let of_binding = [
        (third, "item = 2\nsays = \"window\"\nmet_by = \"recorded-first\"\n".to_owned(), at(line + 4, "list item 3 is not bound")),
        (third, format!("{third}looks = []\n[[prerequisites.items]]\n{third}"), "b.toml: prerequisites: list item 3 is bound more than once".to_owned()),
        ("says = \"maintenance window\"\nmet_by = \"window\"", "says = \"holiday\"\nmet_by = \"window\"".to_owned(), at(line + 2, "list item 2 is not the one that is bound")),
        ("met_by = \"looks\"", "met_by = \"window\"".to_owned(), "b.toml: prerequisites: list item 1 has looks that nobody asks for".to_owned()),
        ("asks = \"installed\"", "asks = \"told-place\"".to_owned(), String::new()),
        (told, "on = [\"podman\"]\nasks = \"told-place\"".to_owned(), "b.toml: topology `podman`".to_owned()),
        ("says = \"vX.Y.Z\"\nmet_by = \"looks\"\nspans = [{ begins = \"vX.Y.Z\" }", "says = \"vX.Y.Z\"\nmet_by = \"looks\"\nspans = [{ begins = \"vX.Y.Z\", role = \"verify\" }".to_owned(), "b.toml: prerequisites: list item 1: a code span with role Verify".to_owned()),
        ("command = \"ls ~/.tensor-wasm/releases/\"", "command = \"ls; ls\"".to_owned(), "b.toml: a supplied command: 2 commands in `ls; ls`".to_owned()),
        ("asks = \"fetched\"", "asks = \"bought\"".to_owned(), "b.toml:".to_owned()),
    ];
    for (from, to, wanted) in of_binding {
        let edited = edit(&binding, from, &to);
        let error = read_of(&text, &edited, "systemd").err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.starts_with(&wanted) && error.is_empty() == wanted.is_empty(), "{from} -> {to}: {error}");
    }
    let nothing_decides = edit(&binding, "asks = \"installed\"", "asks = \"told-place\"");
    let nothing_decides =
        nothing_decides.replace("on = [\"systemd\"]\nasks = \"startable\"", "on = [\"docker\"]\nasks = \"startable\"");
    let error = refused(&text, &nothing_decides);
    assert!(
        error.starts_with("b.toml: prerequisites: no look of list item 1 decides on systemd; looked for"),
        "{error}"
    );
}
