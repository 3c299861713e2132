//! CPU that the placed replicas of a service request over time, by the pool of their nodes: what its part of the bill is
//! measured by.

use hookean_kernel::{SimTime, TimeWeightedMean};

/// Millicores over time in each pool that has been used.
#[derive(Debug, Default)]
pub(super) struct Requested(Vec<(usize, TimeWeightedMean)>);

impl Requested {
    /// A replica took (`true`) or gave back its share of a node.
    pub(super) fn note(&mut self, pool: usize, taken: bool, cpu_millicores: u64, now: SimTime) {
        let at = self.0.iter().position(|(of, _)| *of == pool);
        let at = at.unwrap_or_else(|| {
            self.0.reserve_exact(1); // there may be many services, and mostly there is one pool
            self.0.push((pool, TimeWeightedMean::new(now, 0)));
            self.0.len() - 1
        });
        let mean = &mut self.0[at].1;
        let before = mean.value();
        mean.set(
            now,
            if taken {
                before + cpu_millicores
            } else {
                before - cpu_millicores
            },
        );
    }

    /// Millicore-nanoseconds up to `end`, by pool.
    pub(super) fn by_pool(&self, end: SimTime) -> impl Iterator<Item = (usize, f64)> {
        let of = self.0.iter();
        of.map(move |(pool, mean)| (*pool, mean.integral(end) as f64))
    }
}
