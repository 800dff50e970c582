//! Sets of faults, counted: how many there are, the n-th one, and which one a set is.
//!
//! An item is a fault, and it can be taken at one of its levels. Items of one group touch the same thing, so the order in
//! which they are taken is part of a set; for all others it is not. A set of `k` items is built from the first item to the
//! last: at each one it is either taken, at a level and at a place among those of its group that were taken before, or it is
//! not. So the numbers below are those of a mixed radix, and there and back is one walk each.

/// What can be taken once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// At how many levels.
    pub levels: u64,
    /// Of items that touch the same thing; these stand next to each other.
    pub group: Option<usize>,
}

/// An item that is in a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    /// Its index.
    pub item: usize,
    /// From 0.
    pub level: usize,
}

/// Sets of up to so many items.
#[derive(Debug, Clone)]
pub struct Sets {
    items: Vec<Item>,
    most: usize,
    /// By item, items still to take, and items of its group that were taken before: how many sets there are from there on.
    table: Vec<u64>,
}

impl Sets {
    /// `None` where there are more than a 64-bit number can say.
    pub fn new(items: Vec<Item>, most: usize) -> Option<Sets> {
        let mut sets = Sets { table: vec![0; (items.len() + 1) * (most + 1) * (most + 1)], items, most };
        for before in 0..=most {
            let at = sets.at(sets.items.len(), 0, before);
            *sets.table.get_mut(at)? = 1;
        }
        for index in (0..sets.items.len()).rev() {
            for left in 0..=most {
                for before in 0..=most - left {
                    let passed = sets.rest(index + 1, left, sets.after(index, before));
                    let taken = sets.if_taken(index, left, before)?;
                    let at = sets.at(index, left, before);
                    *sets.table.get_mut(at)? = passed.checked_add(taken)?;
                }
            }
        }
        Some(sets)
    }

    /// How many sets have exactly this many items.
    pub fn count(&self, size: usize) -> u64 {
        self.rest(0, size, 0)
    }

    /// The n-th set of this size, from 0, in the order in which its items act.
    pub fn set(&self, size: usize, mut n: u64) -> Option<Vec<Taken>> {
        if n >= self.count(size) {
            return None;
        }
        let (mut set, mut left, mut before, mut group_from) = (Vec::new(), size, 0, 0);
        for (index, item) in self.items.iter().enumerate() {
            if left == 0 {
                break;
            }
            let taken = self.if_taken(index, left, before)?;
            if n < taken {
                let rest = self.rest(index + 1, left - 1, self.after(index, before + 1));
                let (choice, remainder) = (n / rest, n % rest);
                let places = before as u64 + 1;
                let level = usize::try_from(choice / places).ok()?;
                let place = usize::try_from(choice % places).ok()?;
                set.insert(
                    if item.group.is_some() { group_from + place } else { set.len() },
                    Taken { item: index, level },
                );
                (n, left) = (remainder, left - 1);
                before = self.after(index, before + 1);
            } else {
                n -= taken;
                before = self.after(index, before);
            }
            if before == 0 {
                group_from = set.len();
            }
        }
        Some(set)
    }

    /// Which one this is of those of its size. Where it is no set of these items in such an order: `None`.
    pub fn number(&self, set: &[Taken]) -> Option<u64> {
        let (mut n, mut left, mut before) = (0u64, set.len(), 0);
        if left > self.most {
            return None;
        }
        for (index, item) in self.items.iter().enumerate() {
            let Some(found) = set.iter().position(|taken| taken.item == index) else {
                n = n.checked_add(self.if_taken(index, left, before)?)?;
                before = self.after(index, before);
                continue;
            };
            let level = set.get(found)?.level as u64;
            if level >= item.levels || left == 0 {
                return None;
            }
            let earlier = set
                .get(..found)?
                .iter()
                .filter(|taken| taken.item < index && item.group.is_some() && self.group(taken.item) == item.group);
            let (place, places) = (earlier.count() as u64, before as u64 + 1);
            let rest = self.rest(index + 1, left - 1, self.after(index, before + 1));
            n = n.checked_add((level * places + place).checked_mul(rest)?)?;
            left -= 1;
            before = self.after(index, before + 1);
        }
        // What is in it twice, or in another order than its own, comes back as another set.
        (left == 0 && self.set(set.len(), n).as_deref() == Some(set)).then_some(n)
    }

    fn group(&self, index: usize) -> Option<usize> {
        self.items.get(index).and_then(|item| item.group)
    }

    /// How many of the next item's group were taken, if `before` of this one's were.
    fn after(&self, index: usize, before: usize) -> usize {
        let same = self.group(index).is_some() && self.group(index) == self.group(index + 1);
        if same { before } else { 0 }
    }

    /// Sets in which this item is taken. `None`: too many to say.
    fn if_taken(&self, index: usize, left: usize, before: usize) -> Option<u64> {
        let Some(fewer) = left.checked_sub(1) else { return Some(0) };
        let levels = self.items.get(index)?.levels;
        let ways = levels.checked_mul(before as u64 + 1)?;
        ways.checked_mul(self.rest(index + 1, fewer, self.after(index, before + 1)))
    }

    fn rest(&self, index: usize, left: usize, before: usize) -> u64 {
        self.table.get(self.at(index, left, before)).copied().unwrap_or_default()
    }

    fn at(&self, index: usize, left: usize, before: usize) -> usize {
        (index * (self.most + 1) + left) * (self.most + 1) + before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every set of this size, made without counting: each item in turn before, between and behind those of its group.
    fn all(items: &[Item], size: usize) -> Vec<Vec<Taken>> {
        let mut sets = vec![Vec::new()];
        for (index, item) in items.iter().enumerate() {
            for set in sets.clone() {
                let of_group = |taken: &Taken| item.group.is_some() && items[taken.item].group == item.group;
                let first = set.iter().position(of_group).unwrap_or(set.len());
                for place in first..=set.len() {
                    for level in 0..item.levels {
                        let mut more: Vec<Taken> = set.clone();
                        more.insert(place, Taken { item: index, level: level as usize });
                        sets.push(more);
                    }
                }
            }
        }
        sets.retain(|set| set.len() == size);
        sets
    }

    #[test]
    fn numbers_and_sets_are_one_to_one_and_none_is_left_out() {
        let item = |levels, group| Item { levels, group };
        let items =
            [item(2, None), item(1, Some(0)), item(3, Some(0)), item(1, Some(0)), item(2, Some(1)), item(1, Some(1))];
        let sets = Sets::new(items.to_vec(), 6).unwrap();
        for size in 0..=6 {
            let mut numbered: Vec<Vec<Taken>> = (0..sets.count(size)).map(|n| sets.set(size, n).unwrap()).collect();
            for (n, set) in numbered.iter().enumerate() {
                assert_eq!(sets.number(set), Some(n as u64), "{set:?}");
            }
            let mut made = all(&items, size);
            made.sort();
            numbered.sort();
            assert_eq!(numbered, made, "sets of {size}");
            assert!(sets.set(size, sets.count(size)).is_none());
        }
    }

    #[test]
    fn what_is_no_set_has_no_number() {
        let sets = Sets::new(vec![Item { levels: 2, group: None }; 3], 2).unwrap();
        let taken = |item, level| Taken { item, level };
        assert_eq!(sets.number(&[taken(0, 1), taken(2, 0)]).and_then(|n| sets.set(2, n)).unwrap()[1], taken(2, 0));
        for wrong in [vec![taken(0, 2)], vec![taken(3, 0)], vec![taken(1, 0); 2], vec![taken(2, 0), taken(0, 1)]] {
            assert_eq!(sets.number(&wrong), None, "{wrong:?}");
        }
        assert!(Sets::new(vec![Item { levels: u64::MAX, group: None }; 2], 2).is_none());
    }
}
