//! Releases: the files that ship, refusals that name the field, the trailer.

use proptest::prelude::*;

use super::*;

const GOOD: &str = include_str!("../../../scenarios/releases/documented/v0.3.8.toml");
const BAD: &str = include_str!("../../../scenarios/releases/documented/v0.4.0.toml");

/// A release of the profile `documented`.
pub(crate) fn documented(version: &str) -> Release {
    let text = if version == "v0.3.8" { GOOD } else { BAD };
    Release::from_toml(version, text).unwrap()
}

#[test]
fn the_release_files_load() {
    let (good, bad) = (documented("v0.3.8"), documented("v0.4.0"));
    assert_eq!(good.version_line(), "v0.3.8");
    assert_eq!((good.snapshot.writes, good.snapshot.reads.as_slice()), (2, [1, 2].as_slice()));
    assert_eq!((bad.snapshot.writes, bad.snapshot.reads.as_slice()), (2, [1, 2, 3].as_slice()));
    assert!(bad.request_id_header && !good.request_id_header);
    assert_eq!((good.commits.len(), bad.commits.len()), (3, 4));
    assert!(good.born_with.is_empty() && bad.born_with.is_empty());
}

#[test]
fn wrong_values_are_refused_by_field_and_bound() {
    // (what to replace, with what, what the message says)
    let cases = [
        ("schema = 1", "schema = 2", "field `schema` is 2; it must be 1"),
        ("\"v{version}\"", "\"v1\"", "field `version_output` is \"v1\"; it must be one line"),
        ("version = \"0.4.0\"", "version = \"0.4\"", "unexpected end of input"),
        (
            "born_with = []",
            "born_with = [{ errors = { share_percent = 0 } }]",
            "`born_with[0].errors.share_percent` is 0; it must be from 1 to 100 percent",
        ),
        (
            "born_with = []",
            "born_with = [{ errors = { share_percent = 101 } }]",
            "`born_with[0].errors.share_percent` is 101",
        ),
        (
            "born_with = []",
            "born_with = [{ errors = { share_percent = 1, more = 2 } }]",
            "unexpected keys in table: more",
        ),
        (
            "born_with = []",
            "born_with = [{ metrics-die = { after_s = 3601 } }]",
            "`born_with[0].metrics-die.after_s` is 3601; it must be from 0 to 3600 seconds",
        ),
        (
            "born_with = []",
            "born_with = [{ healthz-slow = { delay_ms = 60001 } }]",
            "`born_with[0].healthz-slow.delay_ms` is 60001; it must be from 1 to 60000 milliseconds",
        ),
        (
            "born_with = []",
            "born_with = [{ invoke-slow = { delay_ms = 0 } }]",
            "`born_with[0].invoke-slow.delay_ms` is 0; it must be from 1 to 60000 milliseconds",
        ),
        (
            "born_with = []",
            "born_with = [{ metrics-stalled = {} }, { metrics-stalled = {} }]",
            "`born_with[1]` is a second `metrics-stalled`",
        ),
        ("born_with = []", "born_with = [{ gremlins = {} }]", "unknown variant `gremlins`"),
        ("writes = 2", "writes = 4", "`snapshot.writes` is 4; it must be one of `snapshot.reads`"),
        ("reads = [1, 2, 3]", "reads = []", "`snapshot.reads` is []"),
        ("\"/var/lib/tensor-wasm\"", "\"/var/../etc\"", "`state.directory` is \"/var/../etc\""),
        ("\"/var/lib/tensor-wasm\"", "\"state\"", "`state.directory` is \"state\""),
        ("observe = [\"addr\"", "observe = [\"adr\"", "unknown variant `adr`"),
        ("[subcommands]", "[subcommands]\nkernel = []", "unknown field `kernel`"),
        ("crates = [\"tensor-wasm-api\"]", "crates = [\"../api\"]", "`commits[0].crates[0]` is \"../api\""),
        (
            "artifact = \"fake\"",
            "artifact = { binary = { path = \"x\", sha256 = \"12\" } }",
            "`artifact.binary.sha256` is \"12\"",
        ),
        ("artifact = \"fake\"", "artifact = \"real\"", "unknown variant `real`"),
        ("profile = \"release\"", "profile = \"\"", "`build_info.profile` is \"\""),
    ];
    for (old, new, said) in cases {
        assert!(BAD.contains(old), "{old}");
        let text = BAD.replacen(old, new, 1);
        let error = Release::from_toml("x.toml", &text).unwrap_err().to_string();
        assert!(error.contains(said), "{new}\n{error}");
        assert!(error.contains("x.toml"), "{error}");
    }
}

#[test]
fn other_artifacts_parse() {
    let sha = "0123456789abcdef".repeat(4);
    for (toml, artifact) in [
        (
            format!("{{ binary = {{ path = \"bin/tensor-wasm\", sha256 = \"{sha}\" }} }}"),
            Artifact::Binary { path: "bin/tensor-wasm".into(), sha256: sha.clone() },
        ),
        (
            "{ image = { reference = \"ghcr.io/craton-co/tensor-wasm:0.4.0\" } }".to_owned(),
            Artifact::Image { reference: "ghcr.io/craton-co/tensor-wasm:0.4.0".into() },
        ),
    ] {
        let text = BAD.replacen("\"fake\"", &toml, 1);
        assert_eq!(Release::from_toml("x", &text).unwrap().artifact, artifact);
    }
}

#[test]
fn faults_parse_and_answer() {
    let text = BAD.replacen(
        "born_with = []",
        "born_with = [{ errors = { share_percent = 50 } }, { healthz-slow = { delay_ms = 200 } }, { metrics-stalled = {} }, \
         { sigterm-ignored = {} }, { functions-lost = {} }, { metrics-die = { after_s = 3 } }, \
         { invoke-slow = { delay_ms = 700 } }]",
        1,
    );
    let release = Release::from_toml("x", &text).unwrap();
    assert_eq!((release.error_share_percent(), release.healthz_delay_ms(), release.metrics_stalled()), (50, 200, true));
    assert!(release.sigterm_ignored() && release.functions_lost());
    assert_eq!((release.metrics_die_after_s(), release.invoke_delay_ms()), (Some(3), 700));
    let plain = documented("v0.4.0");
    assert_eq!((plain.error_share_percent(), plain.healthz_delay_ms(), plain.metrics_stalled()), (0, 0, false));
    assert!(!plain.sigterm_ignored() && !plain.functions_lost());
    assert_eq!(plain.metrics_die_after_s(), None);
}

#[test]
fn a_trailer_goes_in_and_out() {
    let (good, bad) = (documented("v0.3.8"), documented("v0.4.0"));
    let bare = b"\x7fELF and so on".to_vec();
    assert_eq!(extract(&bare), Err(TrailerError::Absent));
    let once = embed(&bare, &bad).unwrap();
    assert!(once.starts_with(&bare));
    assert_eq!(extract(&once).unwrap(), bad);
    let again = embed(&once, &good).unwrap();
    assert_eq!(again, embed(&bare, &good).unwrap(), "the old trailer is replaced");
    assert_eq!(extract(&again[4..]).unwrap(), good, "the tail is enough");
    assert_eq!(extract(&embed(&[], &good).unwrap()).unwrap(), good);
}

#[test]
fn damaged_trailers_say_so() {
    let whole = embed(b"elf", &documented("v0.3.8")).unwrap();
    let mut changed = whole.clone();
    changed[10] ^= 1;
    assert!(matches!(extract(&changed), Err(TrailerError::Damaged(_))));
    assert!(matches!(extract(&whole[whole.len() - 100..]), Err(TrailerError::Damaged(_))));
    assert!(matches!(extract(b"rollback-drill/1"), Err(TrailerError::Damaged(_))));
    let mut endless = vec![0; 40];
    endless[32..].copy_from_slice(&u64::MAX.to_le_bytes());
    endless.extend_from_slice(b"rollback-drill/1");
    assert!(matches!(extract(&endless), Err(TrailerError::Damaged(_))));
}

#[test]
fn a_release_too_long_for_a_trailer_is_refused() {
    let mut release = documented("v0.3.8");
    release.version_output = "v".repeat(TRAILER_MAX);
    assert!(matches!(embed(b"elf", &release), Err(TrailerError::TooLong(_))));
}

proptest! {
    #[test]
    fn garbage_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), marked in any::<bool>()) {
        if marked {
            bytes.extend_from_slice(b"rollback-drill/1");
        }
        prop_assert!(extract(&bytes).is_err());
    }

    #[test]
    fn garbage_files_never_panic(text in "\\PC{0,200}") {
        prop_assert!(Release::from_toml("x", &text).is_err());
    }
}
