//! Slot numbers: the lowest vacant one is taken first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Hands out slot numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct SlotNumbers {
    vacant: BinaryHeap<Reverse<u32>>,
    made: u32,
}

impl SlotNumbers {
    /// Takes the lowest vacant number.
    pub(super) fn take(&mut self) -> u32 {
        if let Some(Reverse(slot)) = self.vacant.pop() {
            return slot;
        }
        self.made += 1;
        self.made - 1
    }

    /// Makes a number vacant.
    pub(super) fn give_back(&mut self, slot: u32) {
        self.vacant.push(Reverse(slot));
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
}
