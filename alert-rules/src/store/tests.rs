use super::*;
use crate::expr::{Expr, Node};

fn labels(text: &str) -> Labels {
    Labels::metric("m", [("a", text)])
}

fn ids(store: &Store, text: &str) -> Vec<usize> {
    match &*Expr::parse(text).unwrap().0 {
        Node::Instant(of) => store.select(of),
        other => panic!("{other:?}"),
    }
}

#[test]
fn samples_are_taken_in_their_order_only() {
    let mut store = Store::default();
    let x = labels("x");
    assert!(!store.mark_stale(&x, 5), "no such series");
    assert!(store.append(&x, 10, 1.0));
    assert!(!store.append(&x, 10, 2.0));
    assert!(!store.append(&x, 9, 2.0));
    assert!(!store.mark_stale(&x, 10));
    assert!(store.append(&x, 20, f64::from_bits(STALE_NAN_BITS)));
    assert!(!store.append(&x, 20, 2.0));
    assert!(store.append(&x, 21, f64::NAN));
    assert_eq!((store.len(), store.samples()), (1, 2));
}

#[test]
fn what_resets_took_is_summed_up() {
    let mut store = Store::default();
    for (index, value) in [5.0, 7.0, 2.0, 2.0, 1.0, 9.0].into_iter().enumerate() {
        store.append(&labels("x"), index as i64, value);
    }
    let series = store.series(0);
    let lost: Vec<f64> = (0..6).map(|index| series.get(index).unwrap().lost).collect();
    assert_eq!(lost, [0.0, 0.0, 7.0, 7.0, 9.0, 9.0]);
    assert!(series.get(6).is_none());
}

#[test]
fn an_instant_looks_back_so_far_and_not_past_an_end() {
    let mut store = Store::new(100);
    let x = labels("x");
    store.append(&x, 1_000, 1.0);
    store.mark_stale(&x, 1_050);
    store.append(&x, 1_060, 2.0);
    for (t_ms, value) in [
        (999, None),
        (1_000, Some(1.0)),
        (1_049, Some(1.0)),
        (1_050, None),
        (1_059, None),
        (1_060, Some(2.0)),
        (1_160, Some(2.0)),
        (1_161, None),
    ] {
        assert_eq!(store.series(0).instant(t_ms, store.lookback_ms).map(|sample| sample.value), value, "{t_ms}");
    }
}

#[test]
fn settling_changes_nothing_that_can_be_seen() {
    let (mut plain, mut settled) = (Store::default(), Store::default());
    for step in 0..2_000i64 {
        let value = (step * 7 % 31) as f64;
        for store in [&mut plain, &mut settled] {
            store.append(&labels("x"), step * 10, value);
        }
        if step % 37 == 0 {
            settled.settle();
        }
    }
    assert!(settled.past[0].len() < 10, "{} chunks", settled.past[0].len());
    let (plain, settled) = (plain.series(0), settled.series(0));
    assert_eq!(plain.len(), settled.len());
    for index in 0..=plain.len() {
        assert_eq!(plain.get(index), settled.get(index));
    }
    for t_ms in -1..20_002 {
        for at in [false, true] {
            let count = plain.count(t_ms, at);
            assert_eq!(settled.count(t_ms, at), count, "{t_ms} {at}");
            for behind in [2_000 - count, 2_001 - count, 1_999usize.saturating_sub(count), 0, 5_000] {
                let (mut told, before) = (behind, count.checked_sub(1));
                let edge = settled.edge(&mut told, t_ms, at);
                assert_eq!((edge.count, edge.behind), (count, plain.get(count)), "{t_ms} {at} from {behind}");
                assert_eq!(edge.before, before.and_then(|before| plain.get(before)));
                assert!(
                    told == 2_000 - count || count == 0 && told == behind,
                    "{told} told at {t_ms} {at} from {behind}"
                );
            }
        }
    }
}

#[test]
fn a_copy_goes_its_own_way() {
    let mut store = Store::default();
    store.append(&labels("x"), 1, 1.0);
    store.settle();
    assert_eq!(ids(&store, "m"), [0]);
    let mut copy = store.clone();
    copy.append(&labels("x"), 2, 2.0);
    copy.append(&labels("y"), 2, 2.0);
    store.append(&labels("z"), 3, 3.0);
    assert_eq!((store.samples(), copy.samples()), (2, 3));
    assert_eq!(copy.labels(1), &labels("y"));
    assert_eq!(store.labels(1), &labels("z"));
    assert_eq!(ids(&copy, "m{a=\"y\"}"), [1]);
    assert_eq!(ids(&store, "m{a=\"y\"}"), Vec::<usize>::new());
    copy.mark_stale_where(9, |labels| labels.get("a") == "x");
    assert!(copy.series(0).has_ended() && !store.series(0).has_ended() && !copy.series(1).has_ended());
}

#[test]
fn a_selector_takes_new_series_as_they_come() {
    let mut store = Store::default();
    store.append(&labels("x"), 1, 1.0);
    assert_eq!(ids(&store, "m{a=~\"x|y\"}"), [0]);
    store.append(&labels("y"), 1, 1.0);
    store.append(&Labels::metric("n", [("a", "y")]), 1, 1.0);
    assert_eq!(ids(&store, "m{a=~\"x|y\"}"), [0, 1]);
    assert_eq!(ids(&store, "n"), [2]);
    assert_eq!(ids(&store, "o"), Vec::<usize>::new());
}
