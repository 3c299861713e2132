//! Choice among scored nodes.

/// Position of the node that kube-scheduler 1.36 takes: the root of a binary max-heap filled in the given order, where
/// among equals the earlier heap position wins. `None` when there is no node.
///
/// `win(i)` starts with `i` and is replaced by the winner of the left, then of the right child, if strictly greater.
pub fn choose(scores: &[u64]) -> Option<usize> {
    if scores.is_empty() {
        return None;
    }
    let mut winners: Vec<usize> = (0..scores.len()).collect();
    for i in (0..scores.len()).rev() {
        for child in [2 * i + 1, 2 * i + 2] {
            if child < scores.len() && scores[winners[child]] > scores[winners[i]] {
                winners[i] = winners[child];
            }
        }
    }
    Some(winners[0])
}

#[cfg(test)]
mod tests {
    use super::choose;

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
}
