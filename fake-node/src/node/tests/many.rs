//! Many at once are the same as each by itself.

use proptest::prelude::*;

use super::*;

/// Everything of a node that a later request or a scrape can show.
fn shown(node: &mut Node, now: u64, invoke: &Request) -> (String, Vec<u16>) {
    let page = text(&ask(node, now, &Request::new("GET", "/metrics")));
    let next: Vec<u16> = (0..120).map(|more| ask(node, now + more, invoke).status).collect();
    (page, next)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn invokes_and_checks_together_are_the_sum_of_single_ones(
        share in 0u32..=100,
        version in prop_oneof![Just("v0.3.8"), Just("v0.4.0")],
        gaps in prop::collection::vec((0u64..400_000, 1u64..4), 0..90),
        cuts in prop::collection::vec(0usize..90, 0..4),
        checks in 0u64..9,
    ) {
        let mut release = documented(version);
        if share > 0 {
            release.born_with.push(Inborn::Errors { share_percent: share });
        }
        let mut single = node_of(release);
        let id = deploy(&mut single, 0);
        let mut together = single.clone();
        // The clients of tenant 3 call what traps.
        let request = |tenant| invoke(&id, tenant).json(if tenant == 3 { r#"{"export":"trap"}"# } else { "{}" });
        let mut now = 10;
        let arrivals: Vec<(u64, u64)> = gaps.iter().map(|(gap, tenant)| { now += gap; (now, *tenant) }).collect();
        let statuses: Vec<u16> =
            arrivals.iter().map(|(at, tenant)| ask(&mut single, *at, &request(*tenant)).status).collect();
        for _ in 0..checks {
            ask(&mut single, now, &Request::new("GET", "/healthz"));
            ask(&mut single, now, &Request::new("GET", "/metrics"));
        }
        let alike: Vec<Alike> = (0..4).map(|tenant| together.alike(&request(tenant)).unwrap()).collect();
        let mut cuts = cuts;
        cuts.extend([0, arrivals.len()]);
        cuts.iter_mut().for_each(|cut| *cut = (*cut).min(arrivals.len()));
        cuts.sort_unstable();
        let mut told = Vec::new();
        for pair in cuts.windows(2) {
            let part = arrivals[pair[0]..pair[1]].iter().map(|(at, tenant)| (*at, alike[*tenant as usize]));
            prop_assert!(together.invoke_many(part, |status| told.push(status)));
        }
        prop_assert!(together.check_many(&Request::new("GET", "/healthz"), checks));
        for _ in 0..checks {
            prop_assert!(together.scrape_unread(now, &Request::new("GET", "/metrics")));
        }
        // A scrape that is read shows what its text would, and is counted as one.
        let (mut seen, mut read) = (together.clone(), Vec::new());
        let taken = seen.scrape(now, &Request::new("GET", "/metrics"), |page| {
            page.samples(|series, value| read.push((series.name(), page.labels(series).len(), value)));
        });
        let page = text(&ask(&mut single.clone(), now, &Request::new("GET", "/metrics")));
        let lines = crate::exposition::parse(&page).unwrap().into_iter();
        prop_assert!(taken);
        prop_assert_eq!(read, lines.map(|line| (line.name, line.labels.len(), line.value)).collect::<Vec<_>>());
        prop_assert_eq!(seen.metrics.requests("/metrics", "GET", 200), checks + 1);
        prop_assert_eq!(told, statuses);
        prop_assert_eq!(shown(&mut together, now, &request(1)), shown(&mut single, now, &request(1)));
    }
}

#[test]
fn what_is_not_answered_at_once_is_not_taken() {
    let mut node = with_fault(Inborn::HealthzSlow { delay_ms: 20 });
    let id = deploy(&mut node, 0);
    assert!(!node.check_many(&Request::new("GET", "/healthz"), 1));
    assert_eq!(node.alike(&hold(&id, 5)), None);
    assert_eq!(node.alike(&invoke("other", 1)), None);
    assert_eq!(node.alike(&Request::new("POST", &format!("/functions/{id}/invoke"))), None, "no token");
    assert_eq!(node.alike(&Request::new("GET", "/healthz")), None);
    assert!(node.alike(&invoke(&id, 1)).is_some());
    let mut slow = with_fault(Inborn::InvokeSlow { delay_ms: 20 });
    let of_slow = deploy(&mut slow, 0);
    assert_eq!(slow.alike(&invoke(&of_slow, 1)), None);
    assert!(slow.check_many(&Request::new("GET", "/healthz"), 1));
    assert!(!node.scrape_unread(5, &Request::new("GET", "/healthz")));
    assert!(!node.scrape(5, &Request::new("GET", "/healthz"), |_| panic!("read")));
    assert_eq!(node.invokes_in_flight(), 0);
    node.handle(0, RequestId(1), &hold(&id, 5));
    assert_eq!(node.invokes_in_flight(), 1);
    node.wake(5000);
    node.terminate(6000);
    assert!(!node.invoke_many(std::iter::empty(), |_| ()));
}
