//! The `LeastAllocated` score of `NodeResourcesFit`.

use super::{NodeResources, Request};

/// Scores a node 0 to 100 by what would be free with the request on it: the mean over CPU and memory of
/// `(allocatable - used) * 100 / allocatable`, in integer division, resources a node does not have left out.
pub fn least_allocated(node: &NodeResources, request: Request) -> u64 {
    let cpu = free_percent(
        node.allocatable_cpu_millicores,
        node.used_cpu_millicores + request.cpu_millicores,
    );
    let memory = free_percent(
        node.allocatable_memory_bytes,
        node.used_memory_bytes + request.memory_bytes,
    );
    let (sum, weight) = [cpu, memory]
        .into_iter()
        .flatten()
        .fold((0_u64, 0), |(s, w), score| (s + score, w + 1));
    sum.checked_div(weight).unwrap_or(0)
}

fn free_percent(capacity: u64, used: u64) -> Option<u64> {
    // u128: 100 x bytes exceeds u64 from 164 PiB on
    (capacity > 0)
        .then(|| (u128::from(capacity.saturating_sub(used)) * 100 / u128::from(capacity)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn node(used_cpu: u64, used_memory: u64) -> NodeResources {
        NodeResources {
            allocatable_cpu_millicores: 4000,
            allocatable_memory_bytes: 16 * GIB,
            max_replicas: 110,
            used_cpu_millicores: used_cpu,
            used_memory_bytes: used_memory,
            replicas: 0,
        }
    }

    #[test]
    fn worked_example_of_the_scheduler_specification() {
        let request = Request {
            cpu_millicores: 500,
            memory_bytes: 2 * GIB,
        };
        assert_eq!(least_allocated(&node(1500, 4 * GIB), request), 56);
    }

    #[test]
    fn a_full_resource_scores_zero() {
        let request = Request {
            cpu_millicores: 8000,
            memory_bytes: 0,
        };
        assert_eq!(least_allocated(&node(0, 0), request), 50);
    }
}
