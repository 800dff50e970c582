//! The agent's HTTP client and the pager's delivery against servers that do not behave: each request ends within its
//! limits, and says what it came to. (`observe` has its own: `observe_client.rs`.)
//!
//! Limits are small and nothing sleeps to wait: a server that shall hang keeps its socket until the client is gone.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use operator_agent::clock::{now_us, pause};
use operator_agent::http::{Answer, Client, Limits};
use operator_agent::pager;
use operator_agent::protocol::{Page, ProbeOutcome};
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// For servers that shall be too slow.
const SHORT: Limits = Limits { time: Duration::from_millis(200), body_bytes: 64 << 10 };
/// For servers that answer, whatever: long enough for any machine.
const PATIENT: Limits = Limits { time: Duration::from_secs(20), body_bytes: 64 << 10 };
/// What a request with [`SHORT`] may take on a machine that has other work: far from "never".
const SOON_US: u64 = 5_000_000;
/// Between two bytes of a server that trickles: each comes well within the time for all.
const TRICKLE: Duration = Duration::from_millis(20);

/// What a raw server does once it has sent its bytes.
#[derive(Debug, Clone, Copy)]
enum Then {
    Close,
    /// Says nothing more, and waits for the client to go.
    Hang,
    /// Repeats these bytes for as long as the client takes them.
    Repeat(&'static [u8]),
    /// The same, slowly.
    Trickle(&'static [u8]),
}

/// A server for one connection.
fn server(bytes: &[u8], then: Then) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/healthz", listener.local_addr().unwrap());
    let bytes = bytes.to_vec();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream);
        // The client may go at any moment: that is what is tested.
        let _ = stream.write_all(&bytes);
        match then {
            Then::Close => {}
            Then::Hang => drop(stream.read(&mut [0; 16])),
            Then::Repeat(chunk) => while stream.write_all(chunk).is_ok() {},
            Then::Trickle(chunk) => {
                while stream.write_all(chunk).is_ok() {
                    pause(TRICKLE);
                }
            }
        }
    });
    (url, serving)
}

/// Reads head and body: closing with unread bytes would reset the connection and lose the answer.
fn read_request(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut byte = [0; 1];
    while !seen.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => seen.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&seen).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let _ = stream.read_exact(&mut vec![0; length.unwrap_or(0)]);
}

fn http(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").into_bytes()
}

/// Asks, and checks that it ended in time, that the latency is of this request, and that only whole answers have a body.
fn get(limits: Limits, url: &str) -> Answer {
    let began = now_us();
    let answer = Client::new(limits).get(url);
    let took = now_us() - began;
    assert!(took < SOON_US, "it took {took} us");
    assert!(answer.sample.latency_us <= took && answer.began_us >= began && answer.ended_us() <= began + took);
    if !matches!(answer.sample.outcome, ProbeOutcome::Status(_)) {
        assert!(answer.body.is_empty(), "a body of what was no whole answer");
    }
    answer
}

struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    then: Then,
    limits: Limits,
    word: &'static str,
}

/// Everything that can go wrong on one connection, and the word that a History has for it.
fn cases() -> Vec<Case> {
    let case = |name, bytes: &[u8], then, limits, word| Case { name, bytes: bytes.to_vec(), then, limits, word };
    let endless = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let bad_chunk = [chunked.as_slice(), b"zz\r\nab\r\n"].concat();
    let cut_chunk = [chunked.as_slice(), b"ff\r\nab"].concat();
    let whole = http("200 OK", "0123456789");
    let cut = &whole[..whole.len() - 4];
    vec![
        case("hangs before its answer", b"", Then::Hang, SHORT, "timed-out"),
        case("hangs in its head", b"HTTP/1.1 200 O", Then::Hang, SHORT, "timed-out"),
        case("hangs after its head", endless, Then::Hang, SHORT, "timed-out"),
        case("hangs in its body", cut, Then::Hang, SHORT, "timed-out"),
        case("hangs in a chunk", &cut_chunk, Then::Hang, SHORT, "timed-out"),
        case("trickles its head", b"HTTP/1.1 200 OK\r\n", Then::Trickle(b"a: b\r\n"), SHORT, "timed-out"),
        case("trickles its body", endless, Then::Trickle(b"x"), SHORT, "timed-out"),
        case("trickles chunks", chunked, Then::Trickle(b"1\r\nx\r\n"), SHORT, "timed-out"),
        case("closes at once", b"", Then::Close, PATIENT, "reset"),
        case("closes in its status line", b"HTTP/1.1 20", Then::Close, PATIENT, "reset"),
        case("closes in its head", b"HTTP/1.1 200 OK\r\ncontent-le", Then::Close, PATIENT, "reset"),
        case("closes in its body", cut, Then::Close, PATIENT, "reset"),
        case("closes in a chunk", &cut_chunk, Then::Close, PATIENT, "reset"),
        case("is not HTTP", b"\x00\xff\x13garbage\r\n\r\n", Then::Close, PATIENT, "garbage"),
        case("speaks SSH", b"SSH-2.0-OpenSSH_9.2\r\n", Then::Close, PATIENT, "garbage"),
        case("has no status", b"HTTP/1.1 abc OK\r\n\r\n", Then::Close, PATIENT, "garbage"),
        case("has a bad chunk", &bad_chunk, Then::Close, PATIENT, "garbage"),
        case("endless body", endless, Then::Repeat(&[b'x'; 4096]), PATIENT, "garbage"),
        case("endless chunks", chunked, Then::Repeat(b"4\r\nabcd\r\n"), PATIENT, "garbage"),
        case("endless head", b"HTTP/1.1 200 OK\r\n", Then::Repeat(b"a: b\r\n"), PATIENT, "garbage"),
        case("endless line", b"HTTP/1.1 200 OK\r\na: ", Then::Repeat(&[b'b'; 4096]), PATIENT, "garbage"),
        case("whole", &whole, Then::Close, PATIENT, "200"),
        case("whole, and goes on", &whole, Then::Repeat(b"more"), PATIENT, "200"),
        case("an error", &http("503 Service Unavailable", "no"), Then::Close, PATIENT, "503"),
    ]
}

#[test]
fn a_probe_has_a_word_for_everything_and_ends() {
    let mut wrong = Vec::new();
    for case in cases() {
        let (url, serving) = server(&case.bytes, case.then);
        let answer = get(case.limits, &url);
        serving.join().unwrap();
        let word = answer.sample.outcome.word();
        if word != case.word {
            wrong.push(format!("{}: {:?}, not {}", case.name, answer.sample.outcome, case.word));
        }
        if word == "200" {
            assert_eq!(answer.body, b"0123456789");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_page_that_is_not_taken_has_not_arrived() {
    for case in cases() {
        let (url, serving) = server(&case.bytes, case.then);
        let began = now_us();
        let why = pager::deliver(&url, &page(), case.limits).unwrap_err();
        assert!(now_us() - began < SOON_US, "{}: it took too long", case.name);
        serving.join().unwrap();
        assert!(why.contains(&format!("({} after", case.word)), "{}: {why}", case.name);
    }
}

#[test]
fn nobody_listens() {
    // Bound and let go: the port was free a moment ago.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/page", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(get(SHORT, &url).sample.outcome, ProbeOutcome::Refused);
    let why = pager::deliver(&url, &page(), SHORT).unwrap_err();
    assert!(why.contains("(refused after"), "{why}");
}

#[test]
fn an_answer_of_exactly_the_ceiling_is_whole_and_one_byte_more_is_garbage() {
    let limits = Limits { body_bytes: 10, ..PATIENT };
    for (body, word) in [("0123456789", "200"), ("0123456789a", "garbage")] {
        let (url, serving) = server(&http("200 OK", body), Then::Close);
        assert_eq!(get(limits, &url).sample.outcome.word(), word, "{} bytes", body.len());
        serving.join().unwrap();
    }
}

fn page() -> Page {
    Page {
        severity: "sev-1".to_owned(),
        key: "rollback-0.4.0-0.3.8".to_owned(),
        reason: "a \"reason\" with\nlines".to_owned(),
        evidence: "Grüße".to_owned(),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn a_redirect_is_told_and_not_followed() {
    let runtime = runtime();
    let server = runtime.block_on(MockServer::start());
    let elsewhere = format!("{}/elsewhere", server.uri());
    let redirect = ResponseTemplate::new(302).insert_header("location", elsewhere.as_str());
    runtime.block_on(Mock::given(path("/healthz")).respond_with(redirect).expect(2).mount(&server));
    runtime.block_on(Mock::given(path("/elsewhere")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&server));
    let url = format!("{}/healthz", server.uri());
    assert_eq!(get(PATIENT, &url).sample.outcome, ProbeOutcome::Status(302));
    let why = pager::deliver(&url, &page(), PATIENT).unwrap_err();
    assert!(why.contains("(302 after"), "{why}");
    runtime.block_on(server.verify());
}

#[test]
fn a_slow_answer_is_taken_in_time_and_not_after() {
    let runtime = runtime();
    let server = runtime.block_on(MockServer::start());
    let slow = |status| ResponseTemplate::new(status).set_delay(Duration::from_millis(300));
    runtime.block_on(Mock::given(method("GET")).respond_with(slow(200)).mount(&server));
    runtime.block_on(Mock::given(method("POST")).respond_with(slow(202)).mount(&server));
    let url = format!("{}/healthz", server.uri());
    let quick = Limits { time: Duration::from_millis(100), ..PATIENT };
    assert_eq!(get(quick, &url).sample.outcome, ProbeOutcome::TimedOut);
    let answer = get(PATIENT, &url);
    assert_eq!(answer.sample.outcome, ProbeOutcome::Status(200));
    assert!(answer.sample.latency_us >= 300_000, "{} us", answer.sample.latency_us);
    assert!(pager::deliver(&url, &page(), quick).unwrap_err().contains("(timed-out after"));
    pager::deliver(&url, &page(), PATIENT).unwrap();
}

#[test]
fn only_a_202_is_a_page_that_arrived_and_it_arrives_whole() {
    let runtime = runtime();
    for status in [200, 201, 202, 204, 400, 404, 500, 503] {
        let server = runtime.block_on(MockServer::start());
        let expected = serde_json::to_value(page()).unwrap();
        let mock = Mock::given(method("POST"))
            .and(path("/page"))
            .and(header("content-type", "application/json"))
            .and(body_json(expected))
            .respond_with(ResponseTemplate::new(status))
            .expect(1);
        runtime.block_on(mock.mount(&server));
        let delivered = pager::deliver(&format!("{}/page", server.uri()), &page(), PATIENT);
        match (status, delivered) {
            (202, delivered) => delivered.unwrap(),
            (_, delivered) => assert!(delivered.unwrap_err().contains(&format!("({status} after"))),
        }
        runtime.block_on(server.verify());
    }
}

#[test]
fn retry_after_is_told() {
    let answer = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n";
    let (url, serving) = server(answer, Then::Close);
    assert_eq!(get(PATIENT, &url).retry_after.as_deref(), Some("120"));
    serving.join().unwrap();
}
