//! The table of methods, the solving of sums, and the file; all without an engine.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

fn shipped() -> String {
    text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}

#[test]
fn every_figure_of_the_file_has_one_method_and_every_method_a_figure() {
    let figures = read(&shipped()).unwrap();
    let mut keys: Vec<&str> = METHODS.iter().map(|method| method.key).collect();
    keys.sort_unstable();
    assert_eq!(keys, figures.keys().map(String::as_str).collect::<Vec<_>>());
    assert!(figures.len() > 40, "the figures have gone");
}

#[test]
fn the_file_is_as_the_methods_write_it() {
    assert_eq!(render(&read(&shipped()).unwrap()).unwrap(), shipped());
}

#[test]
fn what_a_figure_rests_on_stands_before_it() {
    let mut before = BTreeSet::new();
    for method in METHODS {
        assert!(method.less.iter().all(|key| before.contains(key)), "{}", method.key);
        assert!(method.share > 0 && before.insert(method.key), "{}", method.key);
        assert!(SECTIONS.iter().any(|(section, _)| method.key.starts_with(&format!("{section}."))), "{}", method.key);
    }
}

#[test]
fn a_figure_is_what_was_seen_less_what_else_is_in_it() {
    let mut seen: Observations = METHODS.iter().map(|method| (method.seen.to_owned(), vec![1_000_000])).collect();
    seen.insert("supervisor".to_owned(), vec![9_000, 8_000, 400_000]);
    seen.insert("look".to_owned(), vec![15_000, 14_000, 700_000]);
    seen.insert("direct".to_owned(), vec![300]);
    seen.insert("builtins".to_owned(), vec![60_000]);
    // The median of eleven is the sixth.
    seen.insert("true".to_owned(), vec![900, 5_000, 1_000, 1_100, 1_200, 1_300, 1_400, 1_500, 1_600, 1_700, 1_800]);
    seen.insert("docker-ps".to_owned(), vec![90_000, 21_000, 22_000]);
    seen.insert("docker-create".to_owned(), vec![500]);
    let solved = solve(&seen).unwrap();
    let of = |key: &str| solved.iter().find(|one| one.key == key).unwrap();
    assert_eq!(of("shell.builtin_us").us, 3);
    assert_eq!(of("programs.spawn_us").us, 1_400);
    assert_eq!(of("programs.spawn_us").spread, [900, 1_200, 1_400, 1_700, 5_000]);
    assert_eq!(
        (of("docker.call_us").us, of("docker.call_us").seen_us, of("docker.call_us").count),
        (20_600, 22_000, 3)
    );
    assert_eq!(of("docker.create_us").us, 0, "less than the rest is nothing, and wraps not round");
    assert_eq!(of("docker.exec_us").us, 1_000_000 - 1_400 - 20_600 - 1_000);
    assert_eq!((of("agent.look_us").us, of("agent.look_us").seen_us), (15_000 - 9_000 - 600, 6_000));
    seen.remove("docker-exec");
    let refused = solve(&seen).unwrap_err().to_string();
    assert_eq!(refused, "docker.exec_us: nothing was seen of `docker-exec`");
}

#[test]
fn figures_add_up_to_what_was_seen() {
    let seen: Observations = METHODS
        .iter()
        .enumerate()
        .map(|(at, method)| (method.seen.to_owned(), vec![(at as u64 + 1) * 1_000_000]))
        .chain([("supervisor".to_owned(), vec![1])])
        .collect();
    let solved = solve(&seen).unwrap();
    let figures: Figures = solved.iter().map(|one| (one.key.to_owned(), one.us)).collect();
    for (method, one) in METHODS.iter().zip(&solved).filter(|(_, one)| one.us > 0) {
        assert!(one.seen_us.abs_diff(composed(method, &figures)) < method.share, "{}", method.key);
    }
}

#[test]
fn two_digits_are_kept() {
    let cases =
        [(0, 0), (7, 7), (99, 99), (104, 100), (105, 110), (12_449, 12_000), (995, 1_000), (1_250_000, 1_300_000)];
    for (us, wanted) in cases {
        assert_eq!(rounded(us), wanted, "{us}");
    }
}
