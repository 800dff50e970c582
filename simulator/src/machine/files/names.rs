//! The names in a folder. Paths are walked far more often than names change, so names stand in a row and are found by their
//! first bytes, as one number.

use std::sync::Arc;

use super::Ino;

/// Names and what they lead to, in the order of their bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// The order of these numbers is the order of names, where they differ.
    begin: u64,
    name: Arc<str>,
    ino: Ino,
}

/// The first eight bytes of a name, zeros behind a shorter one.
fn begin(name: &str) -> u64 {
    match name.as_bytes().first_chunk() {
        Some(chunk) => u64::from_be_bytes(*chunk),
        None => {
            let bytes = name.bytes().fold(0, |number: u64, byte| number << 8 | u64::from(byte));
            // A name of no bytes at all is no name, and 0 as well.
            bytes.checked_shl(64 - 8 * name.len() as u32).unwrap_or(0)
        }
    }
}

impl Names {
    /// What a name leads to.
    pub fn get(&self, name: &str) -> Option<Ino> {
        self.place(name).ok().and_then(|place| self.0.get(place)).map(|entry| entry.ino)
    }

    /// Where a name stands, or would.
    fn place(&self, name: &str) -> Result<usize, usize> {
        let wanted = begin(name);
        let mut place = self.0.partition_point(|entry| entry.begin < wanted);
        while let Some(entry) = self.0.get(place).filter(|entry| entry.begin == wanted) {
            match (*entry.name).cmp(name) {
                std::cmp::Ordering::Less => place += 1,
                std::cmp::Ordering::Equal => return Ok(place),
                std::cmp::Ordering::Greater => break,
            }
        }
        Err(place)
    }

    /// Makes a name, or has it lead elsewhere.
    pub fn insert(&mut self, name: &str, ino: Ino) {
        match self.place(name) {
            Ok(place) => {
                if let Some(entry) = self.0.get_mut(place) {
                    entry.ino = ino;
                }
            }
            Err(place) => self.0.insert(place, Entry { begin: begin(name), name: name.into(), ino }),
        }
    }

    /// Takes a name away; what it led to.
    pub fn remove(&mut self, name: &str) -> Option<Ino> {
        self.place(name).ok().map(|place| self.0.remove(place).ino)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names with what they lead to, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, Ino)> {
        self.0.iter().map(|entry| (&*entry.name, entry.ino))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_as_in_an_ordered_map(changes in prop::collection::vec(("[a\0b]{0,2}(abcdefg[hi\0]{0,2})?", any::<bool>()), 0..40)) {
            let (mut names, mut map) = (Names::default(), BTreeMap::new());
            for (number, (name, made)) in changes.into_iter().enumerate() {
                if made {
                    names.insert(&name, Ino(number));
                    map.insert(name.clone(), Ino(number));
                } else {
                    prop_assert_eq!(names.remove(&name), map.remove(&name));
                }
                prop_assert_eq!(names.get(&name), map.get(&name).copied());
                let all: Vec<_> = map.iter().map(|(name, ino)| (name.as_str(), *ino)).collect();
                prop_assert_eq!(names.iter().collect::<Vec<_>>(), all);
                prop_assert_eq!(names.is_empty(), map.is_empty());
            }
        }
    }
}
