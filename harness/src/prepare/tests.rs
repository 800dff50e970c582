//! What is refused before any host starts, and how a drill is asked for again.

use std::os::unix::fs::symlink;

use super::*;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// A shipped scenario, one place of it changed, as a file of the same name.
fn edited(folder: &Path, name: &str, from: &str, to: &str) -> PathBuf {
    let text = std::fs::read_to_string(cases_folder(&workspace()).join(format!("{name}.toml"))).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{from}");
    let path = folder.join(format!("{name}.toml"));
    std::fs::write(&path, text.replace(from, to)).unwrap();
    path
}

fn selection(scenarios: &[&str], topology: &str, operators: &[Operator]) -> Selection {
    Selection {
        host: HostKind::Container,
        topology: topology.to_owned(),
        scenarios: scenarios.iter().map(|name| (*name).to_owned()).collect(),
        profile: PROFILE.to_owned(),
        operators: operators.to_vec(),
        runbook: None,
        binding: None,
        seed: 1,
        out: PathBuf::new(),
        workspace: workspace(),
    }
}

fn why<T>(result: Result<T, BadInput>) -> String {
    match result {
        Ok(_) => String::new(),
        Err(BadInput(why)) => why,
    }
}

#[test]
fn every_shipped_scenario_can_be_drilled() {
    for path in files(&cases_folder(&workspace())).unwrap() {
        assert_eq!(why(check(&path, &workspace())), "");
    }
}

#[test]
fn a_scenario_that_cannot_be_drilled_is_refused_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    for (name, from, to, wanted) in [
        ("procedure-only", "bad = \"0.4.0\"", "bad = \"9.9.9\"", "v9.9.9.toml: No such file"),
        ("procedure-only", "good = \"0.3.8\"", "good = \"0.0.1\"", "v0.0.1.toml: No such file"),
        (
            "tag-missing",
            "[expect.docker.careful]",
            "[expect.systemd.careful]",
            ": topology `systemd` cannot have fault `tag-missing`: it has no registry",
        ),
        (
            "snapshot-incompatible",
            "format = 3",
            "format = 999",
            ": fault `snapshot-incompatible`: the bad release 0.4.0 could not run either: format is 999, and it reads 1, 2, 3",
        ),
        (
            "registry-down",
            "id = \"registry-down\"\n",
            "id = \"registry-down\"\nat = { before = \"drain\" }\n",
            ": fault `registry-down`: `at`: neither section C nor the verification has a command of class drain; looked for \
             one of swap, fetch, stop, verify",
        ),
        (
            "registry-down",
            "id = \"registry-down\"\n",
            "id = \"registry-down\"\nat = { during = \"fetch\" }\n",
            ": fault `registry-down`: `at`: the file of topology compose says of no fetch how long it takes (`takes_ms`), since it \
             is over too soon; it does of stop",
        ),
        (
            "procedure-only",
            "[[faults]]",
            "[[faults]]\nid = \"scrape-cut\"\nat = { after = \"verify\" }\n[[faults]]",
            ": fault `scrape-cut`: `at`: nothing is watched behind the verification; looked for one of alert, slo among",
        ),
        (
            "procedure-only",
            "release = \"bad\"\n",
            "release = \"bad\"\nat = { before = \"stop\" }\n",
            ": fault `errors`: `at`: it is there from the beginning of a drill on, leave it out; later can begin drained-forever, ",
        ),
        (
            "baseline",
            "trigger = \"availability-fast-burn\"",
            "trigger = \"bad-feeling\"",
            ": trigger: \"bad-feeling\" with [alerts], and no rule of scenarios/alerts/tensor-wasm.yml leads there; looked for \
             availability-fast-burn, availability-slow-burn, ",
        ),
        (
            "baseline",
            "incident_minutes = 20\n",
            "incident_minutes = 20\nscale = 7\n",
            ": alerts.scale: 7: group tensor-wasm-availability: the interval 30s divided by 7 is not a whole number",
        ),
    ] {
        let path = edited(folder.path(), name, from, to);
        let file = path.display().to_string();
        let refused = why(check(&path, &workspace()));
        assert!(refused.starts_with(&format!("{file}: ")) && refused.contains(wanted), "{to}: {refused}");
        // `drill` says the same.
        let topology = if to.contains("systemd") { "systemd" } else { ALL };
        assert_eq!(why(prepare(&selection(&[&file], topology, &[Operator::Careful]))), refused, "{to}");
    }
}

/// A workspace whose data are the shipped ones but for one folder, which is empty.
fn workspace_without(data: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = folder.path().join("scenarios");
    std::fs::create_dir_all(scenarios.join(data)).unwrap();
    for entry in std::fs::read_dir(workspace().join("scenarios")).unwrap().flatten() {
        if entry.file_name() != data {
            symlink(entry.path(), scenarios.join(entry.file_name())).unwrap();
        }
    }
    folder
}

#[test]
fn a_runbook_without_a_section_that_a_scenario_needs_refuses_it() {
    let other = workspace_without("runbooks");
    let from = workspace().join("scenarios/runbooks");
    let to = other.path().join("scenarios/runbooks");
    std::fs::copy(from.join("rollback.binding.toml"), to.join("rollback.binding.toml")).unwrap();
    let text = std::fs::read_to_string(from.join("rollback.md")).unwrap();
    let (before, rest) = text.split_once("### B. ").unwrap();
    let (_, after) = rest.split_once("### C. ").unwrap();
    std::fs::write(to.join("rollback.md"), format!("{before}### C. {after}")).unwrap();
    let case = |name: &str| cases_folder(&workspace()).join(format!("{name}.toml"));
    let refused = why(check(&case("procedure-only"), other.path()));
    assert!(refused.starts_with(&format!("{}: ", case("procedure-only").display())), "{refused}");
    assert!(refused.contains("a heading that begins `B. Docker`"), "{refused}");
    assert_eq!(why(check(&case("compose-not-edited"), other.path())), "");
}

#[test]
fn the_binding_is_asked_for_prerequisites_by_who_confirms_them() {
    let other = workspace_without("runbooks");
    let from = workspace().join("scenarios/runbooks");
    let to = other.path().join("scenarios/runbooks");
    std::fs::copy(from.join("rollback.md"), to.join("rollback.md")).unwrap();
    let text = std::fs::read_to_string(from.join("rollback.binding.toml")).unwrap();
    let bind = |text: &str| std::fs::write(to.join("rollback.binding.toml"), text).unwrap();
    let case = |name: &str| cases_folder(&workspace()).join(format!("{name}.toml"));
    let refused = |name: &str| why(check(&case(name), other.path()));
    let (before, rest) = text.split_once("[[prerequisites.items]]").unwrap();
    let (_, after) = rest.split_once("# ---- What the text leaves open.").unwrap();
    bind(&format!("{before}{after}"));
    let confirmed = refused("confirmed");
    assert!(confirmed.starts_with(&format!("{}: prerequisites: ", case("confirmed").display())), "{confirmed}");
    let wanted =
        "rollback.binding.toml: the binding does not say how prerequisites are confirmed; looked for the table";
    assert!(confirmed.contains(wanted), "{confirmed}");
    // Nobody asks: assumed, or the decision has said no before.
    assert_eq!((refused("procedure-only"), refused("quiet")), (String::new(), String::new()));

    let version = "asks = \"startable\"\nstands_for = [\"release to go back to\", \"last known-good release\"]\n\
        command = \"/usr/local/lib/tensor-wasm/vX.Y.Z/bin/tensor-wasm --version\"\nshould_print = \"vX.Y.Z\"";
    assert_eq!(text.matches(version).count(), 1);
    bind(&text.replace(version, &version.replace("= \"vX.Y.Z\"", "= \"{published}\"")));
    let unpublished = refused("confirmed");
    assert!(
        unpublished.contains("should print {published}, and topology `systemd` publishes no images"),
        "{unpublished}"
    );
    assert_eq!(refused("tag-moved-confirmed"), "");
}

#[test]
fn a_topology_that_no_machine_could_be_is_refused() {
    let other = workspace_without("topologies");
    let folder = other.path().join("scenarios/topologies/documented");
    std::fs::create_dir_all(&folder).unwrap();
    let shipped = workspace().join("scenarios/topologies/documented");
    for entry in std::fs::read_dir(&shipped).unwrap().flatten().filter(|entry| entry.file_name() != "systemd.toml") {
        symlink(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let text = std::fs::read_to_string(shipped.join("systemd.toml")).unwrap();
    std::fs::write(folder.join("systemd.toml"), text.replacen("owner = \"root\"", "owner = \"wheel\"", 1)).unwrap();
    let asked = Selection {
        workspace: other.path().to_owned(),
        ..selection(&["procedure-only"], "systemd", &[Operator::Careful])
    };
    let refused = why(prepare(&asked));
    assert!(refused.starts_with(&format!("{}/systemd.toml: file ", folder.display())), "{refused}");
    assert!(refused.contains("no user `wheel`"), "{refused}");
}

#[test]
fn what_a_scenario_does_not_expect_is_not_drilled() {
    let folder = tempfile::tempdir().unwrap();
    let path = edited(folder.path(), "compose-not-edited", "[expect.compose.paste]", "[expect.docker.paste]");
    let file = path.display().to_string();
    // The fault is the topology's; this is about the pairs alone.
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("id = \"compose-not-edited\"", "id = \"port-held\"")).unwrap();
    use Operator::{Careful, Paste};
    let of = |topology, operators: &[Operator]| match prepare(&selection(&[&file], topology, operators)) {
        Ok(drills) => Ok(drills.iter().map(|one| (one.plan.topology.clone(), one.plan.operator)).collect::<Vec<_>>()),
        Err(BadInput(why)) => Err(why),
    };
    let drills = |pairs: &[(&str, Operator)]| Ok(pairs.iter().map(|(id, who)| ((*id).to_owned(), *who)).collect());
    assert_eq!(of(ALL, &[Careful, Paste]), drills(&[("compose", Careful), ("docker", Paste)]));
    assert_eq!(of(ALL, &[Paste]), drills(&[("docker", Paste)]));
    assert_eq!(of("docker", &[Careful, Paste]), drills(&[("docker", Paste)]));
    let refused = "scenario `compose-not-edited` on topology `docker` is not for operator `careful`; it is for paste";
    assert_eq!(of("docker", &[Careful]), Err(refused.to_owned()));
    let refused = "scenario `compose-not-edited` is not for topology `systemd`; it is for compose, docker";
    assert_eq!(of("systemd", &[Careful]), Err(refused.to_owned()));
}

#[test]
fn each_drill_is_asked_for_again_as_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |name: &str| edited(folder.path(), name, "schema = 1", "schema = 1 ").display().to_string();
    let (one, other) = (copy("procedure-only"), copy("healthz-slow"));
    let drills = prepare(&selection(&[&one, "procedure-only", &other], "systemd", &[Operator::Careful])).unwrap();
    for (drill, named) in drills.iter().zip([one.as_str(), "procedure-only", &other]) {
        let words = shlex::split(&drill.rerun).unwrap();
        assert_eq!(words[..4], ["rollback-drill", "drill", "--scenario", named]);
    }
    assert_eq!(drills.len(), 3);
    let all = prepare(&selection(&[ALL], "systemd", &[Operator::Careful])).unwrap();
    assert!(all[0].rerun.starts_with("rollback-drill drill --scenario alert-decides "), "{}", all[0].rerun);
}

#[test]
fn alerts_come_from_the_rule_files_with_their_windows_scaled() {
    let prepared = prepare(&selection(&["baseline"], "systemd", &[Operator::Careful])).unwrap().remove(0);
    let (alerts, monitoring) = (prepared.plan.alerts.unwrap(), prepared.monitoring.unwrap());
    assert_eq!((alerts.scale, alerts.originating.as_str()), (60, "TensorWasmAvailabilityFastBurn"));
    // 2 m, 5 to 15 minutes, 15 s and 30 s.
    assert_eq!((alerts.hold_ms, alerts.clears_within_ms.from, alerts.clears_within_ms.to), (2_000, 5_000, 15_000));
    assert_eq!((alerts.scrape_ms, alerts.evaluate_ms, alerts.refills_after_ms), (250, 500, 5_000));
    let conditions: Vec<(f64, u64)> = alerts.conditions.iter().map(|one| (one.above, one.window_ms)).collect();
    assert_eq!(conditions, [(0.072, 5_000), (0.072, 60_000)]);
    let slis: Vec<(&str, bool, f64)> =
        alerts.slis.iter().map(|sli| (sli.id.as_str(), sli.at_least, sli.target)).collect();
    assert_eq!(
        slis,
        [
            ("availability_http", true, 0.995),
            ("error_rate_invoke", false, 0.01),
            ("invoke_p95", false, 0.1),
            ("healthz_p95", false, 0.01),
            ("dispatch_p95", false, 0.00005),
        ]
    );
    // All that is looked at is asked for, and the rules are the file's, all of them.
    let wanted = alerts.conditions.iter().map(|one| &one.reading).chain([&alerts.invokes]);
    let wanted = wanted.chain(alerts.slis.iter().flat_map(|sli| [&sli.reading, &sli.backing]));
    assert_eq!(wanted.collect::<std::collections::BTreeSet<_>>(), monitoring.readings.keys().collect());
    let rules = alert_rules::RuleFile::read(&monitoring.rules, "scaled").unwrap();
    assert_eq!(rules.rules().count(), 6);
    assert!(monitoring.readings.values().all(|text| alert_rules::Expr::parse(text).is_ok()));
    assert_eq!(prepare(&selection(&["procedure-only"], "systemd", &[Operator::Careful])).unwrap()[0].plan.alerts, None);
}
