//! The order in which stations advance.

use crate::plan::CallPlan;

/// Who calls whom.
pub(super) fn edges(calls: &[CallPlan]) -> impl Iterator<Item = (usize, usize)> + '_ {
    calls
        .iter()
        .flat_map(|call| call.to.iter().map(|to| (call.service, *to)))
}

/// The level of each service: that of a caller is below those of the services it calls. `None` when calls lead back.
pub(crate) fn levels(calls: &[CallPlan], services: usize) -> Option<Vec<usize>> {
    let mut levels = vec![0; services];
    // The longest chain of calls visits every service once.
    for _ in 0..=services {
        let mut raised = false;
        for (from, to) in edges(calls) {
            if levels[to] <= levels[from] {
                levels[to] = levels[from] + 1;
                raised = true;
            }
        }
        if !raised {
            return Some(levels);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::WaitPlan;
    use hookean_kernel::Distribution;

    fn calls(edges: &[(usize, usize)]) -> Vec<CallPlan> {
        let call = |&(service, to)| CallPlan {
            service,
            to: vec![to],
            probability: 1.0,
            copies: 1,
            hold: false,
            delay: Distribution::Constant { value_ns: 0 },
            wait_for: WaitPlan::All,
            deadline_ns: None,
            retry: None,
        };
        edges.iter().map(call).collect()
    }

    #[test]
    fn callers_come_before_those_they_call() {
        let calls = calls(&[(0, 3), (1, 0), (3, 2), (1, 2)]);
        let levels = levels(&calls, 5).unwrap();
        assert_eq!(levels, [1, 0, 3, 2, 0]);
    }

    #[test]
    fn a_ring_has_no_order() {
        assert_eq!(levels(&calls(&[(0, 1), (1, 2), (2, 0)]), 3), None);
        assert_eq!(levels(&calls(&[(0, 0)]), 1), None);
    }
}
