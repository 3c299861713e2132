//! A winner tree: for each slot a time, and the earliest of them (ties: the lowest slot) in one read.
//!
//! Time and slot share one word, `time << slot_bits | slot`, so an update is one walk of integer minima from leaf to
//! root. Times are relative to an origin that the owner moves on (rebasing); a time that does not fit is refused,
//! never wrapped.

use crate::near::bring_near;
use std::hint::select_unpredictable;
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

/// The greatest key. Keys keep the sign bit free, so that the sign of a difference tells the lesser of two.
const EMPTY: u64 = i64::MAX as u64;

/// Bits for a slot's number: most trees have the first width, which a [race](WinnerTree::race) knows when it is compiled.
const SLOT_BITS: [u32; 2] = [16, 32];

/// The tree. Slots without a time compare later than any time.
#[derive(Debug, Clone)]
pub struct WinnerTree {
    /// A complete binary tree, level by level from place 1: the children of place p are 2p and 2p + 1, the second half of
    /// all places are slots, and each inner place has the lesser key of its children.
    keys: Box<[u64]>,
    winner: u64,
    slot_bits: u32,
}

/// The largest time beside a slot number of so many bits; one more is beyond all, and one more still is empty.
const fn max_time(slot_bits: u32) -> u64 {
    (EMPTY >> slot_bits) - 2
}

impl WinnerTree {
    /// Makes a tree with room for at least `slots` slots, all empty.
    pub fn with_capacity(slots: usize) -> Self {
        let capacity = slots.next_power_of_two().max(4);
        Self {
            keys: vec![EMPTY; 2 * capacity].into_boxed_slice(),
            winner: EMPTY,
            slot_bits: SLOT_BITS[usize::from(capacity >> SLOT_BITS[0] > 1)],
        }
    }

    /// Asks for its memory before it is used (see [`bring_near`]).
    pub fn bring_near(&self) {
        bring_near(&self.keys);
    }

    /// How many slots there are.
    #[inline]
    pub const fn capacity(&self) -> usize {
        self.keys.len() / 2
    }

    /// The largest time that can be stored.
    #[inline]
    pub const fn max_time(&self) -> u64 {
        max_time(self.slot_bits)
    }

    /// The time shown for a slot that was put [beyond](Self::set_beyond).
    #[inline]
    pub const fn beyond(&self) -> u64 {
        max_time(self.slot_bits) + 1
    }

    /// The earliest time; larger than [`WinnerTree::beyond`] when all slots are empty.
    #[inline]
    pub fn min_time(&self) -> u64 {
        self.winner >> self.slot_bits
    }

    /// The lowest slot with the earliest time; meaningless when all slots are empty.
    #[inline]
    pub fn min_slot(&self) -> usize {
        (self.winner & ((1 << self.slot_bits) - 1)) as usize
    }

    /// The time of `slot`, `None` when it is empty.
    #[inline]
    pub fn time(&self, slot: usize) -> Option<u64> {
        let key = self.keys[self.capacity() + slot];
        (key != EMPTY).then_some(key >> self.slot_bits)
    }

    /// Gives `slot` a time.
    ///
    /// # Errors
    /// [`PackingOverflow`] when `time` is larger than [`WinnerTree::max_time`]; the tree is unchanged.
    #[inline]
    pub fn try_set(&mut self, slot: usize, time: u64) -> Result<(), PackingOverflow> {
        if time > self.max_time() {
            return Err(PackingOverflow {
                time,
                time_bits: 63 - self.slot_bits,
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

    #[inline(never)]
    fn write(&mut self, slot: usize, key: u64) {
        debug_assert!(
            slot < self.capacity(),
            "Invariant: slots are below the capacity"
        );
        self.race(Write { slot, key });
    }

    /// Lets `racer` move slots on, with code that is compiled for the size of the tree.
    #[inline]
    pub fn race<R: Racer>(&mut self, racer: R) -> R::Output {
        /// Runs the racer on an array, whose length is known when it is compiled.
        macro_rules! run_on {
            ($($places:literal)*) => {
                match self.keys.len() {
                    $($places => {
                        if let Ok(keys) = <&mut [u64; $places]>::try_from(&mut *self.keys) {
                            let mut race = Race { keys, winner: self.winner };
                            let output = racer.run(&mut race);
                            self.winner = race.winner;
                            return output;
                        }
                    })*
                    _ => {}
                }
            };
        }
        run_on!(8 16 32 64 128 256 512 1024 2048 4096 8192 16384 32768 65536 131_072);
        racer.run(self)
    }
}

/// A tree in the hands of a [`Racer`].
pub trait Moves {
    /// As [`WinnerTree::min_time`].
    fn min_time(&self) -> u64;
    /// As [`WinnerTree::min_slot`].
    fn min_slot(&self) -> usize;
    /// Gives the earliest slot another time; one that cannot be stored is later than all that can.
    fn move_on(&mut self, time: u64);
    /// Gives a slot another key.
    #[doc(hidden)]
    fn put(&mut self, slot: usize, key: u64);
}

/// Something to be done with a tree, compiled anew for each size of trees.
pub trait Racer {
    /// What comes of it.
    type Output;

    /// Does it.
    fn run(self, tree: &mut impl Moves) -> Self::Output;
}

/// Gives one slot a key.
struct Write {
    slot: usize,
    key: u64,
}

impl Racer for Write {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled for each size")]
    fn run(self, tree: &mut impl Moves) {
        tree.put(self.slot, self.key);
    }
}

/// A tree of a size known when this is compiled; its winner stays in a register.
struct Race<'a, const PLACES: usize> {
    keys: &'a mut [u64; PLACES],
    winner: u64,
}

impl<const PLACES: usize> Moves for Race<'_, PLACES> {
    #[inline]
    fn min_time(&self) -> u64 {
        self.winner >> SLOT_BITS[0]
    }

    #[inline]
    fn min_slot(&self) -> usize {
        (self.winner & ((1 << SLOT_BITS[0]) - 1)) as usize
    }

    #[inline]
    fn move_on(&mut self, time: u64) {
        let slot = self.min_slot();
        let time = time.min(max_time(SLOT_BITS[0]) + 1);
        self.put(slot, time << SLOT_BITS[0] | slot as u64);
    }

    #[inline]
    fn put(&mut self, slot: usize, key: u64) {
        // The remainder spares checks: it tells that all places of the walk exist.
        let mut place = PLACES / 2 + slot % (PLACES / 2);
        let mut winner = key;
        for _ in 0..const { PLACES.ilog2() - 1 } {
            self.keys[place] = winner;
            winner = lesser(winner, self.keys[place ^ 1]);
            place /= 2;
        }
        self.winner = winner;
    }
}

impl Moves for WinnerTree {
    fn min_time(&self) -> u64 {
        self.min_time()
    }

    fn min_slot(&self) -> usize {
        self.min_slot()
    }

    fn move_on(&mut self, time: u64) {
        let slot = self.min_slot();
        self.put(
            slot,
            time.min(self.beyond()) << self.slot_bits | slot as u64,
        );
    }

    fn put(&mut self, slot: usize, key: u64) {
        let mut place = self.capacity() + slot;
        let mut winner = key;
        while place > 1 {
            self.keys[place] = winner;
            winner = lesser(winner, self.keys[place ^ 1]);
            place /= 2;
        }
        self.winner = winner;
    }
}

/// The lesser of two keys, without a branch: which it is cannot be predicted. (A plain minimum would become one.)
#[inline]
fn lesser(a: u64, b: u64) -> u64 {
    select_unpredictable((b.wrapping_sub(a) as i64) < 0, b, a)
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
                time_bits: 47
            })
        );
        assert_eq!((tree.min_time(), tree.min_slot()), (5, 7));
    }

    #[test]
    #[should_panic(expected = "does not fit beside the slot number")]
    fn setting_a_time_that_does_not_fit_stops_the_program() {
        let mut tree = WinnerTree::with_capacity(4096);
        tree.set(0, 1 << 47);
    }

    #[test]
    fn trees_of_all_sizes_work_alike() {
        for slots in [4, 10, 700, 65_536, 65_537, 200_000] {
            let mut tree = WinnerTree::with_capacity(slots);
            for slot in 0..slots {
                tree.set(slot, 1000 + (slot as u64 * 7919) % 1009);
            }
            tree.set(slots - 1, 3);
            assert_eq!((tree.min_time(), tree.min_slot()), (3, slots - 1));
            tree.race(MoveOn(tree.max_time() + 9));
            assert_eq!(tree.time(slots - 1), Some(tree.beyond()));
            assert_eq!((tree.min_time(), tree.min_slot()), (1000, 0), "{slots}");
        }
    }

    /// Moves the earliest slot on.
    struct MoveOn(u64);

    impl Racer for MoveOn {
        type Output = ();

        fn run(self, tree: &mut impl Moves) {
            tree.move_on(self.0);
        }
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
