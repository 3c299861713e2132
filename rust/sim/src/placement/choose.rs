//! Choice among nodes of equal score.

/// Bits that tell how deep a position is.
const DEPTH_BITS: u32 = 6;
/// Most levels of a heap.
const LEVELS: u32 = 32;

/// A key that orders the positions of a binary heap from the root on: a position before its children, and the left child with
/// all below it before the right one.
///
/// kube-scheduler 1.36 takes the root of a binary max-heap of the scores in the order of the nodes, where a child wins only
/// if strictly greater: among equals the one with the least key.
pub(super) fn heap_key(position: u32) -> u64 {
    // Counted from 1, a place is a one and then its turns from the root on: 0 left, 1 right.
    let place = u64::from(position) + 1;
    let depth = place.ilog2();
    let turns = (place ^ (1 << depth)) << (LEVELS - depth);
    turns << DEPTH_BITS | u64::from(depth)
}

/// The position of a key.
pub(super) fn heap_position(key: u64) -> u32 {
    let depth = (key & ((1 << DEPTH_BITS) - 1)) as u32;
    let turns = (key >> DEPTH_BITS) >> (LEVELS - depth);
    ((turns | 1 << depth) - 1) as u32
}

/// The choice as the scheduler makes it, for tests: `win(i)` starts with `i` and is replaced by the winner of the left, then of
/// the right child, if strictly greater. `None` when there is no node.
#[cfg(test)]
pub(super) fn choose(scores: &[u64]) -> Option<usize> {
    let mut winners: Vec<usize> = (0..scores.len()).collect();
    for i in (0..scores.len()).rev() {
        for child in [2 * i + 1, 2 * i + 2] {
            if child < scores.len() && scores[winners[child]] > scores[winners[i]] {
                winners[i] = winners[child];
            }
        }
    }
    winners.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_are_won_by_heap_position() {
        assert_eq!(choose(&[]), None);
        assert_eq!(choose(&[5, 5, 5]), Some(0));
        assert_eq!(
            choose(&[1, 1, 2, 2]),
            Some(3),
            "the left subtree is compared first"
        );
        assert_eq!(choose(&[1, 3, 2]), Some(1));
    }

    #[test]
    fn keys_order_positions_from_the_root_on() {
        let mut positions: Vec<u32> = (0..6).collect();
        positions.sort_by_key(|position| heap_key(*position));
        assert_eq!(positions, [0, 1, 3, 4, 2, 5]);
        for position in [0, 1, 2, 1000, u32::MAX - 1, u32::MAX] {
            assert_eq!(heap_position(heap_key(position)), position);
        }
    }
}
