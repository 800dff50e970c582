//! What observations say, from fetched answers as data.

use super::*;
use crate::metrics::Metrics;
use crate::release::tests::documented;

fn answer(status: u16, body: &str) -> Result<Fetched, FetchFailure> {
    Ok(Fetched { status, body: body.as_bytes().to_vec() })
}

fn page(metrics: &Metrics) -> String {
    metrics.render(&documented("v0.4.0"), false)
}

fn busy() -> Metrics {
    let mut metrics = Metrics::default();
    for number in 0..100 {
        let (status, us) = if number < 10 { (500, 400) } else { (200, 20_000) };
        metrics.request_begun("/functions/:id/invoke", "POST");
        metrics.request_ended("/functions/:id/invoke", "POST", status, us);
    }
    metrics
}

#[test]
fn a_good_node() {
    let seen = Observation::from_fetches("http://x", answer(200, "{}"), answer(200, &page(&busy())));
    assert!(seen.is_ok(), "{seen:?}");
    assert_eq!((seen.version.as_deref(), seen.jobs_active, seen.instances), (Some("0.4.0"), Some(0), Some(0)));
    let [endpoint] = seen.endpoints.as_slice() else { panic!("{seen:?}") };
    assert_eq!((endpoint.requests, endpoint.errors_5xx), (100, 10));
    // Ten up to 1 ms, ninety up to 25 ms: the median lies 40/90 into the bucket from 10 to 25 ms.
    let p50 = endpoint.p50_seconds.unwrap();
    assert!((p50 - (0.010 + 0.015 * 40.0 / 90.0)).abs() < 1e-9, "{p50}");
    let document: serde_json::Value = serde_json::from_str(&seen.to_json()).unwrap();
    assert_eq!(document["liveness"], "ok");
    assert_eq!(document["endpoints"][0]["req_per_s"], serde_json::Value::Null);
    assert!(board::render(&seen).contains("liveness:   /healthz ok\n"));
}

#[test]
fn anything_less_is_not_ok_and_says_why() {
    let good = page(&Metrics::default());
    let down = || Err(FetchFailure("connection refused".to_owned()));
    let cases = [
        (down(), down(), Liveness::Unreachable, "/healthz: connection refused; /metrics: connection refused"),
        (answer(503, ""), answer(200, &good), Liveness::Bad, "/healthz answered 503"),
        (answer(200, ""), answer(401, ""), Liveness::Ok, "/metrics: answered 401"),
        (answer(200, ""), answer(200, &good[..500]), Liveness::Ok, "without `# EOF`"),
        (answer(200, ""), answer(200, "a 1\n# EOF\n"), Liveness::Ok, "not a TensorWasm node"),
        (answer(200, ""), Ok(Fetched { status: 200, body: vec![0xff] }), Liveness::Ok, "not UTF-8"),
    ];
    for (health, metrics, liveness, words) in cases {
        let seen = Observation::from_fetches("http://x", health, metrics);
        assert!(!seen.is_ok());
        assert_eq!(seen.liveness, liveness);
        assert!(seen.fetch_error.as_deref().unwrap().contains(words), "{seen:?}");
        assert!(board::render(&seen).contains("liveness:"), "{words}");
    }
}

#[test]
fn rates_come_from_two_ticks_and_a_restart_shows() {
    let mut metrics = busy();
    let first = Observation::from_fetches("http://x", answer(200, ""), answer(200, &page(&metrics)));
    for _ in 0..20 {
        metrics.request_begun("/functions/:id/invoke", "POST");
        metrics.request_ended("/functions/:id/invoke", "POST", 200, 1);
    }
    let mut second = Observation::from_fetches("http://x", answer(200, ""), answer(200, &page(&metrics)));
    second.compare(&first, 2.0);
    assert_eq!((second.endpoints[0].req_per_s, second.endpoints[0].reset), (Some(10.0), false));
    let mut third = first.clone();
    third.endpoints[0].requests = 4;
    third.compare(&second, 2.0);
    assert_eq!((third.endpoints[0].req_per_s, third.endpoints[0].reset), (Some(2.0), true));
}
