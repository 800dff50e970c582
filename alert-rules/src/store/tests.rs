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
    let lost: Vec<f64> = (0..6).map(|row| store.row(row).of(0).lost).collect();
    assert_eq!(lost, [0.0, 0.0, 7.0, 7.0, 9.0, 9.0]);
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
        assert_eq!(store.newest(0, t_ms, store.rows(t_ms, true)).map(|sample| sample.value), value, "{t_ms}");
    }
}

/// Series that go on at the same times, now and then, at times of their own, or long behind the others.
#[test]
fn what_a_series_has_at_a_time_is_its_own_whatever_others_have_and_whenever_it_was_settled() {
    const SERIES: usize = 40;
    let (mut store, mut model) = (Store::default(), vec![Vec::<(i64, f64)>::new(); SERIES]);
    let all: Vec<Labels> = (0..SERIES).map(|id| labels(&id.to_string())).collect();
    let mut copy = None;
    for step in 0..120i64 {
        for (id, own) in model.iter_mut().enumerate() {
            let number = id as i64;
            let t_ms = match id % 4 {
                0 => step * 10,
                // It begins late and has gaps.
                1 if step > number && step * 7 % (number + 2) > 1 => step * 10,
                2 => step * 10 + number % 7,
                // All of a sudden, between what the others have by now.
                3 if step % 50 == 49 => {
                    for late in step - 49..step {
                        own.push((late * 10 + 5, late as f64));
                        assert!(store.append(&all[id], late * 10 + 5, late as f64));
                    }
                    continue;
                }
                _ => continue,
            };
            let value = (step * 7 % (31 + number)) as f64;
            own.push((t_ms, value));
            assert!(store.append(&all[id], t_ms, value));
        }
        if step % 37 == 0 {
            store.settle();
        }
        if step == 60 {
            copy = Some((store.clone(), model.clone()));
        }
    }
    for (store, model) in [(store, model), copy.unwrap()] {
        assert_eq!(store.samples(), model.iter().map(Vec::len).sum::<usize>());
        for t_ms in -1..1_220 {
            let rows = [store.rows(t_ms, false), store.rows(t_ms, true)];
            for (id, labels) in all.iter().enumerate() {
                let (Some(place), own) = (store.catalog.find(labels), &model[id]) else {
                    assert_eq!(model[id], []);
                    continue;
                };
                let before = |at: bool| own.partition_point(|(t, _)| *t < t_ms || (at && *t == t_ms));
                for (rows, count) in rows.into_iter().zip([before(false), before(true)]) {
                    let has = rows.checked_sub(1).map_or(&Sample::NONE, |row| store.row(row).of(place));
                    assert_eq!(has.count, count, "{labels} at {t_ms}");
                    let sample = count.checked_sub(1).and_then(|last| own.get(last));
                    assert_eq!(sample.map(|_| (has.t_ms, has.value)), sample.copied());
                    let end = store.rows(i64::MAX, true);
                    let next = store.first_behind(place, count, rows..end).map(|next| (next.t_ms, next.value));
                    assert_eq!(next, own.get(count).copied(), "{labels} behind {t_ms}");
                }
            }
        }
    }
}

#[test]
fn places_for_samples_have_a_ceiling() {
    assert!(has_room(PLACES_MAX / 100, 100) && !has_room(PLACES_MAX / 100 + 1, 100));
    assert!(!has_room(usize::MAX, 2));
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
    assert!(copy.has_ended(0) && !store.has_ended(0) && !copy.has_ended(1));
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
