//! Hosts that begin on one settled machine.

use std::sync::Arc;

use operator_agent::protocol::Request;

use super::*;
use crate::host::tests::up;
use crate::host::{Settled, SimulatedHost};

fn read(host: &mut SimulatedHost, until: Us) -> Vec<Report> {
    std::iter::from_fn(|| host.next(until).unwrap()).collect()
}

/// A drill on a copy: traffic, the engine, and some seconds of both, read at these moments.
fn drill(settled: &Settled, seed: u64, moments: &[Us]) -> (SimulatedHost, Vec<Report>) {
    let mut host = settled.begin(seed);
    host.ask(&Request::StartTraffic { per_second: 24, tenants: vec![1, 2, 3], trapping: Vec::new() });
    let began = host.now_us();
    let mut told = read(&mut host, began + 700 * MS);
    let readings = [("rate", "sum(rate(tensor_wasm_http_requests_total[2s]))")];
    host.ask(&Request::StartMonitoring { monitoring: Arc::new(monitoring(RULES, &readings)) });
    told.extend(moments.iter().flat_map(|ms| read(&mut host, began + ms * MS)));
    (host, told)
}

#[test]
fn the_same_seed_tells_the_same_and_the_past_is_shared() {
    let settled = up().settled().unwrap();
    let (one, told) = drill(&settled, 5, &[15_000]);
    let (other, again) = drill(&settled, 5, &[15_000]);
    assert_eq!(told, again);
    assert!(told.iter().any(|report| report.what == Happened::MonitoringStarted));
    assert!(looks(&told, "Burns").len() >= 7);
    let (different, others) = drill(&settled, 6, &[15_000]);
    assert_ne!(told, others);
    let prepared = |host: &SimulatedHost| engine(&host.machine).prepared.clone();
    assert!(Arc::ptr_eq(&prepared(&one), &prepared(&other)));
    assert!(Arc::ptr_eq(&prepared(&one), &prepared(&different)));
}

/// A strand that was cut off, also while the engine starts, goes on as if it had never been.
#[test]
fn who_waits_again_gets_the_same() {
    let settled = up().settled().unwrap();
    let (_, whole) = drill(&settled, 5, &[15_000]);
    let (_, cut) = drill(&settled, 5, &[701, 900, 1_200, 1_201, 4_000, 6_500, 15_000]);
    assert_eq!(cut, whole);
}
