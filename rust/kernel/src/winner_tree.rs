//! A winner tree: for each slot a time, and the earliest of them (ties: the lowest slot) in one read.
//!
//! Time and slot share one word, `time << slot_bits | slot`, so an update is one walk of integer minima from leaf to
//! root. Times are relative to an origin that the owner moves on (rebasing); a time that does not fit is refused,
//! never wrapped.

use thiserror::Error;

/// A time does not fit beside its slot number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "time {time} ns does not fit into {time_bits} bits beside its slot number; the origin must be moved on"
)]
pub struct PackingOverflow {
    /// The time, relative to the tree's origin.
    pub time: u64,
    /// Bits that are left for a time.
    pub time_bits: u32,
}

const EMPTY: u64 = u64::MAX;

/// The tree. Slots without a time compare later than any time.
///
/// Every node holds the keys of four children, so that the walk is half as long as in a binary tree.
#[derive(Debug, Clone)]
pub struct WinnerTree {
    /// Nodes of a complete quaternary tree: the children of node n are 4n + 1 to 4n + 4. The last level holds slots.
    nodes: Box<[[u64; 4]]>,
    /// First node of the last level.
    last_level: usize,
    winner: u64,
    slot_bits: u32,
    /// Kept beside `slot_bits` so that the hot loop does not make them anew each time.
    slot_mask: u64,
    max_time: u64,
}

impl WinnerTree {
    /// Makes a tree with room for at least `slots` slots, all empty.
    pub fn with_capacity(slots: usize) -> Self {
        let capacity = slots.next_power_of_two().max(4);
        let mut last_level = 0;
        let mut width = 1;
        while 4 * width < capacity {
            last_level += width;
            width *= 4;
        }
        let nodes = vec![[EMPTY; 4]; last_level + capacity / 4].into_boxed_slice();
        Self {
            nodes,
            last_level,
            winner: EMPTY,
            slot_bits: capacity.trailing_zeros(),
            slot_mask: capacity as u64 - 1,
            max_time: (EMPTY >> capacity.trailing_zeros()) - 2,
        }
    }

    /// How many slots there are.
    #[inline]
    pub const fn capacity(&self) -> usize {
        1 << self.slot_bits
    }

    /// The largest time that can be stored.
    #[inline]
    pub const fn max_time(&self) -> u64 {
        self.max_time
    }

    /// The time shown for a slot that was put [beyond](Self::set_beyond).
    #[inline]
    pub const fn beyond(&self) -> u64 {
        (EMPTY >> self.slot_bits) - 1
    }

    /// The earliest time; larger than [`WinnerTree::beyond`] when all slots are empty.
    #[inline]
    pub fn min_time(&self) -> u64 {
        self.winner >> self.slot_bits
    }

    /// The lowest slot with the earliest time; meaningless when all slots are empty.
    #[inline]
    pub fn min_slot(&self) -> usize {
        (self.winner & self.slot_mask) as usize
    }

    /// The time of `slot`, `None` when it is empty.
    #[inline]
    pub fn time(&self, slot: usize) -> Option<u64> {
        let key = self.nodes[self.last_level + slot / 4][slot % 4];
        (key != EMPTY).then_some(key >> self.slot_bits)
    }

    /// Gives `slot` a time.
    ///
    /// # Errors
    /// [`PackingOverflow`] when `time` is larger than [`WinnerTree::max_time`]; the tree is unchanged.
    #[inline]
    pub fn try_set(&mut self, slot: usize, time: u64) -> Result<(), PackingOverflow> {
        if time > self.max_time {
            return Err(PackingOverflow {
                time,
                time_bits: 64 - self.slot_bits,
            });
        }
        self.write(slot, time << self.slot_bits | slot as u64);
        Ok(())
    }

    /// Gives `slot` a time.
    ///
    /// # Panics
    /// When `time` is larger than [`WinnerTree::max_time`].
    #[inline]
    pub fn set(&mut self, slot: usize, time: u64) {
        assert!(
            time <= self.max_time(),
            "winner tree: time {time} ns does not fit beside the slot number"
        );
        self.write(slot, time << self.slot_bits | slot as u64);
    }

    /// Gives `slot` a time later than all that can be stored; its owner knows the true one.
    pub fn set_beyond(&mut self, slot: usize) {
        self.write(slot, self.beyond() << self.slot_bits | slot as u64);
    }

    /// Empties `slot`.
    #[inline]
    pub fn clear(&mut self, slot: usize) {
        self.write(slot, EMPTY);
    }

    #[inline]
    fn write(&mut self, slot: usize, key: u64) {
        debug_assert!(
            slot < self.capacity(),
            "Invariant: slots are below the capacity"
        );
        self.winner = climb(&mut self.nodes, 4 * self.last_level + slot, key);
    }

    /// Begins a series of moves of the earliest slot.
    #[inline]
    pub fn race(&mut self) -> Race<'_> {
        Race {
            leaves: 4 * self.last_level,
            winner: self.winner,
            slot_bits: self.slot_bits,
            slot_mask: self.slot_mask,
            max_time: self.max_time,
            beyond: self.beyond(),
            nodes: &mut self.nodes,
            result: &mut self.winner,
        }
    }
}

/// Writes a key at a place of the nodes, counted in keys, and returns the least key of all.
#[inline]
fn climb(nodes: &mut [[u64; 4]], mut place: usize, key: u64) -> u64 {
    let mut winner = key;
    loop {
        let (keys, at) = (&mut nodes[place / 4], place % 4);
        // The others do not wait for the winner of the level below.
        let others = keys[at ^ 1].min(keys[at ^ 2]).min(keys[at ^ 3]);
        keys[at] = winner;
        winner = winner.min(others);
        if place < 4 {
            return winner;
        }
        // Node n is child n - 1 of all, counted through.
        place = place / 4 - 1;
    }
}

/// A tree whose earliest slot is moved on again and again; it counts once the series is [finished](Race::finish). What a
/// loop needs of the tree is at hand here and stays in registers.
#[derive(Debug)]
#[must_use = "the moves count once the series is finished"]
pub struct Race<'a> {
    nodes: &'a mut [[u64; 4]],
    result: &'a mut u64,
    leaves: usize,
    winner: u64,
    slot_bits: u32,
    slot_mask: u64,
    max_time: u64,
    beyond: u64,
}

impl Race<'_> {
    /// As [`WinnerTree::min_time`].
    #[inline]
    pub const fn min_time(&self) -> u64 {
        self.winner >> self.slot_bits
    }

    /// As [`WinnerTree::min_slot`].
    #[inline]
    pub const fn min_slot(&self) -> usize {
        (self.winner & self.slot_mask) as usize
    }

    /// Gives the earliest slot another time; one that cannot be stored is later than all that can.
    #[inline]
    pub fn move_on(&mut self, time: u64) {
        let slot = self.winner & self.slot_mask;
        let time = if time > self.max_time {
            self.beyond
        } else {
            time
        };
        let key = time << self.slot_bits | slot;
        self.winner = climb(self.nodes, self.leaves + slot as usize, key);
    }

    /// Ends the series.
    #[inline]
    pub fn finish(self) {
        *self.result = self.winner;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ties_go_to_the_lowest_slot() {
        let mut tree = WinnerTree::with_capacity(5);
        assert_eq!(tree.capacity(), 8);
        tree.set(4, 10);
        tree.set(2, 10);
        assert_eq!((tree.min_time(), tree.min_slot()), (10, 2));
        tree.clear(2);
        assert_eq!((tree.min_time(), tree.min_slot()), (10, 4));
    }

    #[test]
    fn an_empty_tree_is_later_than_every_time() {
        let mut tree = WinnerTree::with_capacity(2);
        assert!(tree.min_time() > tree.beyond());
        tree.set_beyond(1);
        assert_eq!(tree.min_time(), tree.beyond());
        tree.set(0, tree.max_time());
        assert_eq!((tree.min_time(), tree.min_slot()), (tree.max_time(), 0));
    }

    #[test]
    fn a_time_that_does_not_fit_is_refused_and_changes_nothing() {
        let mut tree = WinnerTree::with_capacity(4096);
        tree.set(7, 5);
        let too_late = tree.max_time() + 1;
        assert_eq!(
            tree.try_set(7, too_late),
            Err(PackingOverflow {
                time: too_late,
                time_bits: 52
            })
        );
        assert_eq!((tree.min_time(), tree.min_slot()), (5, 7));
    }

    #[test]
    #[should_panic(expected = "does not fit beside the slot number")]
    fn setting_a_time_that_does_not_fit_stops_the_program() {
        let mut tree = WinnerTree::with_capacity(4096);
        tree.set(0, 1 << 52);
    }

    proptest! {
        #[test]
        fn prop_minimum_is_that_of_a_plain_scan(ops in prop::collection::vec((0_usize..13, prop::option::of(0_u64..50)), 1..200)) {
            let mut tree = WinnerTree::with_capacity(13);
            let mut plain = [None; 13];
            for (slot, time) in ops {
                plain[slot] = time;
                match time {
                    Some(time) => tree.set(slot, time),
                    None => tree.clear(slot),
                }
                let expected = plain.iter().enumerate().filter_map(|(s, t)| t.map(|t| (t, s))).min();
                let got = (tree.min_time() <= tree.max_time()).then(|| (tree.min_time(), tree.min_slot()));
                prop_assert_eq!(got, expected);
                prop_assert_eq!(tree.time(slot), time);
            }
        }
    }
}
