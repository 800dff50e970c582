//! Command lines as data: what a release prints, refuses and runs.

use super::*;
use crate::release::tests::documented;

fn run(release: &Release, line: &str, environment: &[(&str, &str)]) -> Parsed {
    let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    parse(release, &arguments, &environment)
}

#[test]
fn version_is_the_releases() {
    let mut release = documented("v0.3.8");
    let said = |release: &Release| match run(release, "--version", &[]) {
        Parsed::Finished(Finished { stdout, stderr, status: 0 }) if stderr.is_empty() => stdout,
        other => panic!("{other:?}"),
    };
    assert_eq!(said(&release), "v0.3.8\n");
    release.version_output = "tensor-wasm {version}".into();
    assert_eq!(said(&release), "tensor-wasm 0.3.8\n");
}

#[test]
fn what_the_release_does_not_know_ends_with_2() {
    let documented = documented("v0.4.0");
    let mut shipped = documented.clone();
    shipped.subcommands.observe.as_mut().unwrap().remove(&ObserveFlag::Once);
    let mut old = shipped.clone();
    old.subcommands.serve = None;
    let unknown_flag = "error: unexpected argument '--once' found\n\nUsage: tensor-wasm observe [OPTIONS]\n\n\
                        For more information, try '--help'.\n";
    let cases = [
        (&shipped, "observe --once", unknown_flag),
        (&old, "serve --addr 0.0.0.0:8080", "error: unrecognized subcommand 'serve'\n\n"),
        (&documented, "admin token revoke", "error: unrecognized subcommand 'admin'\n\n"),
        (&documented, "serve --addr nowhere", "error: invalid value 'nowhere' for '--addr <addr>'"),
        (&documented, "serve --bogus", "error: unexpected argument '--bogus' found"),
        (&documented, "", "TensorWasm node"),
    ];
    for (release, line, words) in cases {
        match run(release, line, &[]) {
            Parsed::Finished(Finished { stdout, stderr, status: 2 }) => {
                assert_eq!(stdout, "", "{line}");
                assert!(stderr.starts_with(words), "{line}: {stderr}");
            }
            other => panic!("{line}: {other:?}"),
        }
    }
    assert!(matches!(run(&documented, "observe --once", &[]), Parsed::Observe(options) if options.once));
    assert!(matches!(
        run(&documented, "observe --interval 0", &[]),
        Parsed::Finished(Finished { status: 1, stderr, .. }) if stderr.starts_with("Error: ")
    ));
}

#[test]
fn serve_reads_flags_and_environment() {
    let release = documented("v0.4.0");
    let serve = |line: &str, environment: &[(&str, &str)]| match run(&release, line, environment) {
        Parsed::Serve(config) => *config,
        other => panic!("{line}: {other:?}"),
    };
    let plain = serve("serve", &[]);
    assert_eq!(plain.addr.to_string(), "0.0.0.0:8080");
    assert!(plain.tokens.tokens.is_empty() && !plain.dev_mode && !plain.allow_plaintext_public && !plain.check_only);
    let full = serve(
        "serve --addr 127.0.0.1:9 --token a --token b --tenant-header-policy required --check-only",
        &[
            ("TENSOR_WASM_API_TOKENS", "c:tenant=1"),
            ("TENSOR_WASM_API_METRICS_TOKEN", "m"),
            ("TENSOR_WASM_API_TRUSTED_HOSTS", "x, y"),
            ("TENSOR_WASM_API_ALLOW_DEV_MODE", "1"),
            ("TENSOR_WASM_ALLOW_PLAINTEXT_PUBLIC", "true"),
        ],
    );
    assert_eq!(full.tokens.tokens.len(), 2, "flags win over the environment");
    assert_eq!(full.trusted_hosts, ["x", "y"]);
    assert!(full.tenant_required && full.check_only && full.dev_mode && full.allow_plaintext_public);
    assert!(full.metrics_token.is_some());
    assert_eq!(serve("serve", &[("TENSOR_WASM_API_TOKENS", "c:tenant=1")]).tokens.tokens.len(), 1);
    assert!(matches!(
        run(&release, "serve", &[("TENSOR_WASM_ALLOW_PLAINTEXT_PUBLIC", "1")]),
        Parsed::Finished(Finished { status: 2, .. })
    ));
}

#[test]
fn preflight_gates() {
    let release = documented("v0.4.0");
    let preflight = |line: &str, tokens: &str| match run(&release, line, &[("TENSOR_WASM_API_TOKENS", tokens)]) {
        Parsed::Serve(config) => config.preflight(0),
        other => panic!("{line}: {other:?}"),
    };
    let refused = preflight("serve", "").unwrap_err();
    assert!(refused.stderr.starts_with("Error: refusing to bind 0.0.0.0:8080: dev-mode"), "{refused}");
    assert_eq!((refused.status, refused.stdout.len()), (1, 2), "two warnings come first");
    assert_eq!(preflight("serve", "a:tenant=*").unwrap(), Vec::<String>::new());
    assert_eq!(preflight("serve", "secretive").unwrap().len(), 1);
    assert!(!preflight("serve", "secretive").unwrap()[0].contains("secretive"));
    assert_eq!(preflight("serve --addr 127.0.0.1:1", "").unwrap().len(), 2);
    assert_eq!(preflight("serve --allow-plaintext-public", "").unwrap().len(), 2);
    assert!(preflight("serve --cors-origin x", "a:tenant=*").unwrap_err().stderr.contains("--cors-origin"));
    assert!(preflight("serve --max-body-bytes 1", "a:tenant=*").is_err());
    assert!(preflight("serve --max-body-bytes 67108864", "a:tenant=*").is_ok());
}
