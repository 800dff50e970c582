//! `observe --once` against nodes that do not behave: every look ends within its time and says exactly what was wrong.
//!
//! Timeouts are small and nothing sleeps to wait: a server that shall be slow answers later than the client's patience,
//! one that shall hang keeps its socket until the client is gone.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use fake_node::auth::Secret;
use fake_node::config::ServeConfig;
use fake_node::http::Request;
use fake_node::node::{Node, Output, RequestId, StateDirectory};
use fake_node::observe::{Limits, Liveness, Observation, observe_once};
use fake_node::release::Release;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The client's patience. Much larger than any answer of a server on the same machine needs.
const PATIENCE: Duration = Duration::from_millis(1500);
/// For servers that shall be too slow: no test needs to wait longer for its end.
const SHORT: Duration = Duration::from_millis(150);

fn limits(timeout: Duration) -> Limits {
    Limits { timeout, ..Limits::default() }
}

/// The metrics of a node that just started.
fn metrics() -> String {
    let text = include_str!("../scenarios/releases/documented/v0.3.8.toml");
    let release = Release::from_toml("v0.3.8.toml", text).unwrap();
    let config = ServeConfig::new("127.0.0.1:1".parse().unwrap(), "t:tenant=*");
    let (mut node, _) = Node::start(release, config, &StateDirectory::Missing, 0, 0).unwrap();
    let outputs = node.handle(0, RequestId(1), &Request::new("GET", "/metrics"));
    let body = outputs.into_iter().find_map(|output| match output {
        Output::Respond { response, .. } => Some(response.body),
        _ => None,
    });
    String::from_utf8(body.unwrap()).unwrap()
}

fn http(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// What a raw server does after its answer.
#[derive(Clone, Copy)]
enum Then {
    Close,
    /// Says nothing more, and waits for the client to go.
    Hang,
    /// Repeats these bytes for as long as the client takes them.
    Repeat(&'static [u8]),
}

/// A server for two connections: `/healthz`, then `/metrics`.
fn raw_server(answers: [(Vec<u8>, Then); 2]) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        for (bytes, then) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            read_head(&mut stream);
            // The client may go at any moment: that is what is tested.
            let _ = stream.write_all(&bytes);
            match then {
                Then::Close => {}
                Then::Hang => drop(stream.read(&mut [0; 16])),
                Then::Repeat(chunk) => while stream.write_all(chunk).is_ok() {},
            }
        }
    });
    (addr, server)
}

/// Reads a request up to its empty line: closing with unread bytes would reset the connection and lose the answer.
fn read_head(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut byte = [0; 1];
    while !seen.ends_with(b"\r\n\r\n") && seen.len() < 64 * 1024 {
        match stream.read(&mut byte) {
            Ok(1) => seen.push(byte[0]),
            _ => return,
        }
    }
}

fn error(seen: &Observation) -> &str {
    seen.fetch_error.as_deref().unwrap_or("none")
}

#[test]
fn hostile_metrics_are_never_ok_and_the_reason_is_exact() {
    let good = metrics();
    let half = good.as_bytes()[..good.len() / 2].to_vec();
    let mut short = http("200 OK", good.as_bytes());
    short.truncate(short.len() - 100);
    let unbounded = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let cut_chunk = [chunked.as_slice(), b"ffff\r\n# HELP a b.\n"].concat();
    // (name, answer to /metrics, what comes after, patience, what the observation says)
    let cases: Vec<(&str, Vec<u8>, Then, Duration, &str)> = vec![
        ("hangs before its answer", vec![], Then::Hang, SHORT, "/metrics: no whole answer within 150 ms"),
        ("hangs in its head", b"HTTP/1.1 200".to_vec(), Then::Hang, SHORT, "no whole answer within 150 ms"),
        (
            "hangs in its body",
            http("200 OK", good.as_bytes())[..300].to_vec(),
            Then::Hang,
            SHORT,
            "no whole answer within 150 ms",
        ),
        ("closes at once", vec![], Then::Close, PATIENCE, "/metrics: "),
        ("closes in its body", short, Then::Close, PATIENCE, "/metrics: "),
        ("closes in a chunk", cut_chunk, Then::Close, PATIENCE, "/metrics: "),
        ("cut, and says it is whole", http("200 OK", &half), Then::Close, PATIENCE, "/metrics: metrics "),
        ("not HTTP", b"\x00\xff\x13garbage\r\n\r\n".to_vec(), Then::Close, PATIENCE, "/metrics: "),
        (
            "not metrics",
            http("200 OK", b"<html></html>"),
            Then::Close,
            PATIENCE,
            "metrics line 1 is neither a comment nor a sample",
        ),
        ("not UTF-8", http("200 OK", b"\xff\xfe"), Then::Close, PATIENCE, "the body is not UTF-8"),
        ("another exporter", http("200 OK", b"a_total 1\n# EOF\n"), Then::Close, PATIENCE, "not a TensorWasm node"),
        ("an error", http("503 Service Unavailable", b""), Then::Close, PATIENCE, "/metrics: answered 503"),
        (
            "elsewhere",
            b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n".to_vec(),
            Then::Close,
            PATIENCE,
            "/metrics: answered 302",
        ),
        (
            "endless body",
            unbounded.clone(),
            Then::Repeat(&[b'\n'; 4096]),
            Duration::from_secs(30),
            "the body is over 1048576 bytes",
        ),
        (
            "endless chunks",
            chunked,
            Then::Repeat(b"4\r\n\n\n\n\n\r\n"),
            Duration::from_secs(30),
            "the body is over 1048576 bytes",
        ),
        (
            "endless head",
            b"HTTP/1.1 200 OK\r\n".to_vec(),
            Then::Repeat(b"x-a: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n"),
            Duration::from_secs(30),
            "/metrics: ",
        ),
    ];
    for (name, answer, then, patience, words) in cases {
        let (addr, server) = raw_server([(http("200 OK", b"{\"status\":\"ok\"}"), Then::Close), (answer, then)]);
        let seen = observe_once(&addr, &limits(patience));
        assert_eq!(seen.liveness, Liveness::Ok, "{name}: {}", error(&seen));
        assert!(!seen.is_ok(), "{name}");
        assert!(error(&seen).contains(words), "{name}: {}", error(&seen));
        assert_eq!((seen.version, seen.endpoints.len()), (None, 0), "{name}");
        server.join().unwrap();
    }
}

/// Name, answer to `/healthz`, what comes after, patience, liveness, what the observation says.
type HealthCase = (&'static str, Vec<u8>, Then, Duration, Liveness, &'static str);

#[test]
fn hostile_healthz_is_never_ok() {
    let good = http("200 OK", metrics().as_bytes());
    let cases: Vec<HealthCase> = vec![
        ("hangs", vec![], Then::Hang, SHORT, Liveness::Unreachable, "/healthz: no whole answer within 150 ms"),
        ("closes", vec![], Then::Close, PATIENCE, Liveness::Unreachable, "/healthz: "),
        ("refuses", http("400 Bad Request", b"{}"), Then::Close, PATIENCE, Liveness::Bad, "/healthz answered 400"),
        (
            "cut",
            http("200 OK", b"{\"status\":\"ok\"}")[..50].to_vec(),
            Then::Close,
            PATIENCE,
            Liveness::Unreachable,
            "/healthz: ",
        ),
        ("garbage", b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(), Then::Close, PATIENCE, Liveness::Unreachable, "/healthz: "),
    ];
    for (name, answer, then, patience, liveness, words) in cases {
        let (addr, server) = raw_server([(answer, then), (good.clone(), Then::Close)]);
        let seen = observe_once(&addr, &limits(patience));
        assert_eq!(seen.liveness, liveness, "{name}: {}", error(&seen));
        assert!(!seen.is_ok() && error(&seen).contains(words), "{name}: {}", error(&seen));
        server.join().unwrap();
    }
}

#[test]
fn nothing_listens_and_bad_addresses() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for addr in [
        format!("http://{free}"),
        "localhost:8080".to_owned(),
        "http://".to_owned(),
        String::new(),
        "ftp://x".to_owned(),
    ] {
        let seen = observe_once(&addr, &limits(PATIENCE));
        assert_eq!(seen.liveness, Liveness::Unreachable, "{addr}");
        assert!(!seen.is_ok() && error(&seen).contains("/healthz: ") && error(&seen).contains("/metrics: "), "{addr}");
    }
}

#[tokio::test]
async fn a_good_node_is_ok_and_a_late_one_is_not() {
    let server = MockServer::start().await;
    let get = |at: &str| Mock::given(method("GET")).and(path(at.to_owned()));
    get("/healthz").respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let late = ResponseTemplate::new(200).set_body_string(metrics()).set_delay(Duration::from_secs(60));
    get("/metrics").and(header("x-tensorwasm-tenant", "9")).respond_with(late).mount(&server).await;
    let bearer = header("authorization", "Bearer secret");
    let page = ResponseTemplate::new(200).set_body_string(metrics());
    get("/metrics").and(bearer).respond_with(page).mount(&server).await;

    let look = |limits: Limits| {
        let addr = server.uri();
        async move { tokio::task::spawn_blocking(move || observe_once(&addr, &limits)).await.unwrap() }
    };
    let good = look(Limits { token: Some(Secret::new("secret")), ..limits(PATIENCE) }).await;
    assert!(good.is_ok(), "{}", error(&good));
    assert_eq!(good.version.as_deref(), Some("0.3.8"));
    assert!(!good.to_json().contains("secret"));

    let anonymous = look(limits(PATIENCE)).await;
    assert_eq!(error(&anonymous), "/metrics: answered 404");

    let late = look(Limits { tenant: 9, ..limits(SHORT) }).await;
    assert_eq!(error(&late), "/metrics: no whole answer within 150 ms");
}
