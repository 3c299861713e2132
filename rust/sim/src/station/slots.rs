//! Slot numbers: the lowest vacant one is taken first.

use std::collections::BTreeSet;

/// Hands out slot numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct SlotNumbers {
    /// Vacant numbers below `bound`; the one just below it is taken.
    vacant: BTreeSet<u32>,
    bound: u32,
}

impl SlotNumbers {
    /// Takes the lowest vacant number.
    pub(super) fn take(&mut self) -> u32 {
        if let Some(slot) = self.vacant.pop_first() {
            return slot;
        }
        self.bound += 1;
        self.bound - 1
    }

    /// Makes a number vacant.
    pub(super) fn give_back(&mut self, slot: u32) {
        self.vacant.insert(slot);
        while self.bound > 0 && self.vacant.remove(&(self.bound - 1)) {
            self.bound -= 1;
        }
    }

    /// All numbers that are taken are below this.
    pub(super) const fn bound(&self) -> usize {
        self.bound as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_vacant_number_is_taken_first() {
        let mut numbers = SlotNumbers::default();
        assert_eq!([0; 4].map(|_| numbers.take()), [0, 1, 2, 3]);
        numbers.give_back(2);
        numbers.give_back(1);
        assert_eq!([0; 3].map(|_| numbers.take()), [1, 2, 4]);
    }

    #[test]
    fn the_bound_falls_with_the_highest_numbers() {
        let mut numbers = SlotNumbers::default();
        let taken: Vec<u32> = (0..6).map(|_| numbers.take()).collect();
        for (slot, bound) in [(3, 6), (4, 6), (5, 3), (0, 3), (2, 2)] {
            numbers.give_back(taken[slot]);
            assert_eq!(numbers.bound(), bound, "without {slot}");
        }
        assert_eq!([0; 3].map(|_| numbers.take()), [0, 2, 3]);
    }
}
