//! What the space leaves out, by brute force: the rules at the top of `explore/space/mod.rs`, held against every pair of faults
//! that can be written down, and the order of two faults that touch nothing in common, drilled both ways. Needs no engine.

#![expect(clippy::unwrap_used, reason = "a test: what fails here shall end it, also in its helpers")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use conformance::exploring::{own, site};
use rollback_harness::explore::drills::{Came, Drills, Site};
use rollback_harness::explore::space::{Added, Cell, Restricted, Script, Space};
use rollback_harness::fault::{self, Begins, FAILURE_PATH};
use rollback_harness::host::sim::Scripts;
use rollback_harness::prepare;
use rollback_harness::procedure::Class;
use rollback_harness::scenario::{Moment, Operator};

/// Every class that a moment could name.
const CLASSES: [Class; 15] = [
    Class::Record,
    Class::Drain,
    Class::Fetch,
    Class::Stop,
    Class::Swap,
    Class::Check,
    Class::Look,
    Class::Start,
    Class::Wait,
    Class::Undrain,
    Class::Verify,
    Class::Diagnose,
    Class::Page,
    Class::Capture,
    Class::Other,
];

fn space_of(topology: &str, base: Option<&str>, site: &Site) -> Space {
    let bases = base.into_iter().map(str::to_owned).collect();
    let wanted = Restricted { bases, topology: Some(topology.to_owned()), operator: None };
    Space::load(&own().join("space.toml"), &wanted, 2, site).unwrap()
}

fn with(bare: &Cell, faults: &[Added]) -> Cell {
    Cell { faults: faults.to_vec(), ..bare.clone() }
}

/// Every entry at each of its levels, from the beginning on, whether it can be had there or not.
fn at_first(space: &Space) -> Vec<Added> {
    let levels = |(entry, of): (usize, &rollback_harness::explore::space::Entry)| {
        (0..of.levels.len()).map(move |level| Added { entry, level, at: None }).collect::<Vec<_>>()
    };
    space.entries.iter().enumerate().flat_map(levels).collect()
}

/// Every moment that can be written down.
fn moments() -> Vec<Moment> {
    CLASSES.iter().flat_map(|class| [Moment::Before(*class), Moment::During(*class), Moment::After(*class)]).collect()
}

/// A base on a topology by an operator.
struct Block<'a> {
    space: &'a Space,
    site: &'a Site,
    bare: Cell,
}

impl Block<'_> {
    fn is_prepared(&self, faults: &[Added]) -> bool {
        let cell = with(&self.bare, faults);
        let scenario = self.space.scenario(&cell).unwrap();
        self.site.prepare(&scenario, self.space.topology(&cell), cell.operator).is_ok()
    }

    fn number(&self, faults: &[Added]) -> Option<u64> {
        self.space.number(&with(&self.bare, faults))
    }

    fn is_strongest(&self, added: Added) -> bool {
        added.level + 1 == self.space.entries[added.entry].levels.len()
    }

    /// All single faults that the block has a number for.
    fn numbered(&self) -> Vec<Added> {
        let at = || std::iter::once(None).chain(moments().into_iter().map(Some));
        let all = at_first(self.space).into_iter().flat_map(|added| at().map(move |at| Added { at, ..added }));
        all.filter(|added| self.number(&[*added]).is_some()).collect()
    }

    /// Single faults from the beginning on are those that `prepare` takes; a later moment is that of a fault that can begin then,
    /// and each place in the procedure is there once, whatever it is called.
    fn hold_singles(&self, singles: &[Added]) {
        let scenario = self.space.scenario(&self.bare).unwrap();
        let prepared = self.site.prepare(&scenario, self.space.topology(&self.bare), self.bare.operator).unwrap();
        let first = |class: Class| prepared.procedure.commands().position(|command| command.is(class));
        let place = |moment: Moment| match moment {
            Moment::Before(class) if FAILURE_PATH.contains(&class) => Some(format!("before {}", class.as_str())),
            Moment::Before(class) => first(class).map(|at| format!("before {at}")),
            Moment::During(class) if prepared.topology.takes_ms.contains_key(&class) => {
                first(class).map(|at| format!("during {at}"))
            }
            Moment::After(Class::Verify) => prepare::is_watched(&scenario).then(|| "the watch".to_owned()),
            Moment::During(_) | Moment::After(_) => None,
        };
        for added in at_first(self.space) {
            let id = self.space.entries[added.entry].id;
            let is_taken = self.is_prepared(&[added]);
            assert_eq!(singles.contains(&added), is_taken, "{id}: {added:?} in {:?}", self.bare);
            let begins = fault::kind(id).unwrap().begins;
            let can = |moment: &Moment| match moment {
                Moment::After(_) => begins == Begins::InTheWatch,
                Moment::Before(_) | Moment::During(_) => begins == Begins::AtAnyCommand,
            };
            let wanted: BTreeSet<String> =
                moments().into_iter().filter(|moment| is_taken && can(moment)).filter_map(place).collect();
            let later = singles.iter().filter(|single| (single.entry, single.level) == (added.entry, added.level));
            let there: Vec<String> = later
                .filter_map(|single| single.at)
                .map(|moment| place(moment).unwrap_or_else(|| format!("never: {moment:?}")))
                .collect();
            assert_eq!(there.len(), wanted.len(), "{id}: {there:?} in {:?}", self.bare);
            assert_eq!(there.into_iter().collect::<BTreeSet<_>>(), wanted, "{id}: {added:?} in {:?}", self.bare);
        }
    }

    /// Of which pairs `prepare` is asked, which takes a hundred times as long as a number. It does not look at who is at the
    /// keyboard, so one operator is enough. Levels are bounds of one fault, and have been held one by one: of pairs the strongest
    /// are asked for, on one of the bases in turn. So it is with moments: the beginning and the last one are asked for.
    fn is_asked(&self, one: Added, other: Added, singles: &[Added]) -> bool {
        let last = |added: Added| {
            let same = |single: &&Added| (single.entry, single.level) == (added.entry, added.level);
            added.at.is_none() || singles.iter().rfind(same) == Some(&added)
        };
        self.bare.operator == Operator::Careful
            && (one.entry + other.entry) % self.space.bases.len() == self.bare.base
            && self.is_strongest(one)
            && self.is_strongest(other)
            && last(one)
            && last(other)
    }

    /// Both orders of two faults: they are in the space where each of them is, in one order where they touch nothing; and where
    /// `prepare` is asked, it says the same.
    fn hold_pair(&self, one: Added, other: Added, singles: &[Added], numbers: &mut BTreeSet<u64>) -> usize {
        let there = [self.number(&[one, other]), self.number(&[other, one])];
        let both = singles.contains(&one) && singles.contains(&other);
        let is_same = one.entry == other.entry;
        // A cell is a set of faults, each at one of its levels.
        let wanted = [both && !is_same, both && !is_same && self.space.touch(one, other)];
        assert_eq!(there.map(|number| number.is_some()), wanted, "{one:?}, {other:?} in {:?}", self.bare);
        for number in there.into_iter().flatten() {
            assert!(numbers.insert(number), "{one:?}, {other:?} in {:?}: twice", self.bare);
        }
        if is_same || !self.is_asked(one, other, singles) {
            return 0;
        }
        assert_eq!(self.is_prepared(&[one, other]), both, "{one:?}, {other:?} in {:?}", self.bare);
        if self.space.touch(one, other) {
            assert_eq!(self.is_prepared(&[other, one]), both, "{other:?}, {one:?} in {:?}", self.bare);
        }
        1
    }
}

/// Every pair of faults, at every level and moment, those included that cannot be had: it is a cell if `prepare` takes it, and
/// otherwise none. What then has a number is all that there is.
fn pairs(topology: &str) {
    let site = site();
    let space = space_of(topology, None, &site);
    let (mut asked, mut counted, mut known) = (0, 0, BTreeMap::new());
    for (bare, counts) in space.rows() {
        let block = Block { space: &space, site: &site, bare };
        let singles = block.numbered();
        assert_eq!(singles.len() as u64, counts[1], "{:?}", block.bare);
        match known.get(&block.bare.base) {
            Some(others) => assert_eq!(&singles, others, "{:?}: another operator", block.bare),
            None => block.hold_singles(&singles),
        }
        let later = singles.iter().copied().filter(|single| single.at.is_some());
        let mut all: Vec<Added> = at_first(&space).into_iter().chain(later).collect();
        all.sort();
        let mut numbers = BTreeSet::new();
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                asked += block.hold_pair(*one, *other, &singles, &mut numbers);
            }
        }
        assert_eq!(numbers.len() as u64, counts[2], "{:?}", block.bare);
        counted += numbers.len();
        known.insert(block.bare.base, singles);
    }
    println!("{topology}: {counted} pairs, and prepare was asked for {asked} of all that can be written");
    assert!(counted > 1000 && asked > 200, "{counted} pairs, {asked} asked");
}

#[test]
fn pairs_on_systemd_are_those_that_can_be_had() {
    pairs("systemd");
}

#[test]
fn pairs_on_docker_are_those_that_can_be_had() {
    pairs("docker");
}

#[test]
fn pairs_on_compose_are_those_that_can_be_had() {
    pairs("compose");
}

/// All pairs of faults at their strongest, from the beginning on, by both operators: two that touch nothing in common end alike in
/// either order. The space has only one of the two, so this is drilled besides, also where nothing but the order of the
/// declarations could differ.
fn orders(topology: &str) {
    let site = site();
    let space = Arc::new(space_of(topology, Some("procedure-only"), &site));
    let mut drills = Drills::new(&space, &site, Scripts::default());
    let faults = space.can_have("procedure-only", topology);
    let (mut compared, mut differ) = (0, Vec::new());
    for operator in [Operator::Careful, Operator::Paste] {
        for (at, one) in faults.iter().enumerate() {
            for other in &faults[at + 1..] {
                let script = Script {
                    base: "procedure-only".to_owned(),
                    topology: topology.to_owned(),
                    operator,
                    faults: vec![one.clone(), other.clone()],
                };
                let (_, cell) = space.place(&script).unwrap();
                if space.touch(cell.faults[0], cell.faults[1]) {
                    continue;
                }
                let mut swapped = cell.clone();
                swapped.faults.reverse();
                let mut ended = |cell: &Cell| match &*drills.came(cell) {
                    Came::Drilled(drilled) => Ok(drilled.plainly().clone()),
                    Came::Refused(why) => Err(why.clone()),
                };
                let (first, second) = (ended(&cell).unwrap(), ended(&swapped).unwrap());
                if first != second {
                    differ.push(format!("{script:?}:\n  {first:?}\n  {second:?}"));
                }
                compared += 1;
            }
        }
    }
    println!("{topology}: {compared} pairs in both orders, of {} faults", faults.len());
    assert!(differ.is_empty(), "{} pairs end otherwise in the other order:\n{}", differ.len(), differ.join("\n"));
    assert!(compared > 2 * 50, "{compared} pairs of {} faults", faults.len());
}

#[test]
fn the_order_of_others_does_not_matter_on_systemd() {
    orders("systemd");
}

#[test]
fn the_order_of_others_does_not_matter_on_docker() {
    orders("docker");
}

#[test]
fn the_order_of_others_does_not_matter_on_compose() {
    orders("compose");
}
