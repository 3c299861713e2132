//! Weighted round robin: turns come to each replica as often as its weight demands.
//!
//! Each replica has a next turn on a common clock, one stride after the last; the earliest turn is taken (ties: the lowest
//! slot). Strides are inverse to weights. This is the earliest-deadline-first scheme of Envoy's `ROUND_ROBIN` with weights
//! (nginx's smooth weighted round robin has the same shares, at a cost that grows with the replicas). A load balancer
//! is told its weights; here they follow the speed that replicas truly have, times their CPU.

use crate::station::ReplicaShape;
use hookean_kernel::WinnerTree;
use hookean_kernel::portable::nearest;

/// Stride of a replica of one millicore. A power of two as large as the keys of sixteen million replicas allow.
const STRIDE_OF_ONE: u64 = 1 << 38;

/// The distance between two turns of a replica: shares are right to 1 part in a million for up to 256 cores.
pub(in crate::station) fn stride(shape: &ReplicaShape) -> u64 {
    let weight = nearest(shape.cpu_millicores as f64 * shape.speed_ratio).max(1);
    (STRIDE_OF_ONE / weight).max(1)
}

/// What is left until a turn when the stride changes.
pub(in crate::station) fn rescaled(left: u64, before: u64, after: u64) -> u64 {
    // At most the new stride: what is left is never more than the old one.
    (u128::from(left) * u128::from(after) / u128::from(before)) as u64
}

#[derive(Debug)]
pub(super) struct Weighted {
    /// Next turns.
    turns: WinnerTree,
    /// The clock: the last turn taken. No turn is earlier.
    now: u64,
    shapes: Vec<Option<ReplicaShape>>,
}

impl Weighted {
    pub(super) fn new() -> Self {
        Self {
            turns: WinnerTree::with_capacity(2),
            now: 0,
            shapes: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, slot: usize, shape: ReplicaShape) {
        if slot >= self.shapes.len() {
            self.shapes.resize(slot + 1, None);
        }
        self.shapes[slot] = Some(shape);
        if slot >= self.turns.capacity() {
            self.rebuild(slot + 1);
        }
        self.turns.set(slot, self.now + stride(&shape));
    }

    pub(super) fn remove(&mut self, slot: usize) {
        self.shapes[slot] = None;
        self.turns.clear(slot);
    }

    pub(super) fn reshape(&mut self, slot: usize, shape: &ReplicaShape) {
        let Some(of) = self.shapes.get_mut(slot).and_then(Option::as_mut) else {
            return;
        };
        let before = stride(of);
        *of = *shape;
        let turn = self.turns.time(slot).unwrap_or(self.now);
        let left = rescaled(turn - self.now, before, stride(shape));
        self.turns.set(slot, self.now + left);
    }

    #[inline]
    pub(super) fn choose(&mut self) -> usize {
        let slot = self.turns.min_slot();
        self.now = self.turns.min_time();
        if self.now > self.turns.max_time() / 2 {
            self.rebuild(self.turns.capacity());
        }
        if let Some(shape) = &self.shapes[slot] {
            self.turns.set(slot, self.now + stride(shape));
        }
        slot
    }

    /// Builds the tree anew with room for `slots` replicas; the clock counts from now on.
    fn rebuild(&mut self, slots: usize) {
        let mut turns = WinnerTree::with_capacity(slots);
        for slot in 0..self.turns.capacity() {
            if let Some(turn) = self.turns.time(slot) {
                turns.set(slot, turn - self.now);
            }
        }
        self.turns = turns;
        self.now = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(cpu_millicores: u64, speed_ratio: f64) -> ReplicaShape {
        ReplicaShape {
            cpu_millicores,
            concurrency: Some(1),
            speed_ratio,
        }
    }

    fn counts(weighted: &mut Weighted, turns: usize) -> [usize; 3] {
        let mut found = [0; 3];
        for _ in 0..turns {
            found[weighted.choose()] += 1;
        }
        found
    }

    #[test]
    fn turns_are_as_the_weights() {
        let mut weighted = Weighted::new();
        for (slot, cpu) in [1000, 2000, 500].into_iter().enumerate() {
            weighted.add(slot, shape(cpu, 1.0));
        }
        let first: Vec<usize> = (0..7).map(|_| weighted.choose()).collect();
        assert_eq!(first, [1, 0, 1, 1, 0, 1, 2]);
        assert_eq!(counts(&mut weighted, 7_000), [2_000, 4_000, 1_000]);
    }

    #[test]
    fn a_change_of_speed_acts_at_once() {
        let mut weighted = Weighted::new();
        weighted.add(0, shape(1000, 1.0));
        weighted.add(1, shape(1000, 0.001));
        assert_eq!(counts(&mut weighted, 500), [500, 0, 0]);
        weighted.reshape(1, &shape(1000, 1.0));
        assert_eq!(counts(&mut weighted, 500), [250, 250, 0]);
        weighted.remove(0);
        assert_eq!(counts(&mut weighted, 5), [0, 5, 0]);
        weighted.add(0, shape(3000, 1.0));
        assert_eq!(counts(&mut weighted, 400), [300, 100, 0]);
    }

    #[test]
    fn the_clock_runs_on_beyond_the_keys() {
        let mut weighted = Weighted::new();
        for slot in 0..2 {
            weighted.add(slot, shape(1, 1.0));
        }
        let before = weighted.turns.max_time();
        assert!(before / STRIDE_OF_ONE < 100_000_000);
        // Jump near the end of the keys rather than walk there.
        weighted.now = before - 4 * STRIDE_OF_ONE;
        weighted.turns.set(0, weighted.now + 1);
        weighted.turns.set(1, weighted.now + 2);
        assert_eq!(counts(&mut weighted, 1_000), [500, 500, 0]);
        assert!(weighted.now < before / 2);
    }
}
