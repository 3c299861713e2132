//! Choice among nodes of equal score.

use std::cmp::Ordering;

/// Which of two positions of a binary heap comes first from the root on: before its children, and the left child with all
/// below it before the right one.
///
/// kube-scheduler 1.36 takes the root of a binary max-heap of the scores in the order of the nodes, where a child wins only
/// if strictly greater: among equals the one that comes first in this order.
pub(super) fn heap_order(a: usize, b: usize) -> Ordering {
    let depth = |position: usize| (position + 1).ilog2();
    let above = depth(a).min(depth(b));
    // Places counted from 1 have their ancestor in their upper bits.
    let ancestor = |position: usize| (position + 1) >> (depth(position) - above);
    let order = ancestor(a).cmp(&ancestor(b));
    order.then_with(|| depth(a).cmp(&depth(b)))
}

/// The positions of a heap of `len` in that order.
pub(super) fn heap_positions(len: usize) -> impl Iterator<Item = usize> {
    let next = move |position: &usize| {
        let left = 2 * position + 1;
        if left < len {
            return Some(left);
        }
        let mut at = *position;
        loop {
            if at == 0 {
                return None;
            }
            // a left child has an odd position, and its sibling follows it
            if at % 2 == 1 && at + 1 < len {
                return Some(at + 1);
            }
            at = (at - 1) / 2;
        }
    };
    std::iter::successors((len > 0).then_some(0), next)
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
    fn positions_come_in_heap_order_each_once() {
        for len in 0..40 {
            let positions: Vec<usize> = heap_positions(len).collect();
            assert!(positions.is_sorted_by(|a, b| heap_order(*a, *b) == Ordering::Less));
            let mut sorted = positions.clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..len), "{positions:?}");
        }
        assert_eq!(heap_positions(6).collect::<Vec<_>>(), [0, 1, 3, 4, 2, 5]);
    }
}
