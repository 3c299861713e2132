//! What the books know of latencies: of attempts, and of requests from their first arrival.

use super::{Ledger, bulk};
use hookean_kernel::{Bucket, Histogram, SimDuration};

/// Latencies of the requests completed in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatencyWindow {
    /// Median.
    pub p50: SimDuration,
    /// 95 % quantile.
    pub p95: SimDuration,
    /// 99 % quantile.
    pub p99: SimDuration,
    /// Largest, exactly.
    pub max: SimDuration,
}

impl Ledger {
    /// Latencies of all completed attempts, one by one; empty for a binned station.
    pub const fn latency(&self) -> &Histogram {
        &self.latency
    }

    /// Asks for its memory before it is used.
    pub(in crate::station) fn bring_near(&self) {
        match &self.crowds {
            Some(crowds) => crowds.bring_near(),
            None => self.latency.bring_near(),
        }
    }

    /// Latencies of all completed requests, from their first arrival.
    pub fn request_latency(&self) -> &Histogram {
        let callers = self.callers.as_ref();
        callers.map_or(&self.latency, |of| of.latency())
    }

    /// How many latencies of attempts were recorded.
    pub fn latencies(&self) -> u64 {
        let crowds = self.crowds.as_ref();
        crowds.map_or_else(|| self.latency.count(), |crowds| crowds.count())
    }

    /// Quantiles of the latency of attempts, ascending, in nanoseconds.
    pub fn latency_quantiles<const N: usize>(&self, quantiles: [f64; N]) -> Option<[u64; N]> {
        self.quantiles_of(&self.latency, quantiles)
    }

    /// Quantiles of the latency of requests, from their first arrival.
    pub fn request_latency_quantiles<const N: usize>(
        &self,
        quantiles: [f64; N],
    ) -> Option<[u64; N]> {
        self.quantiles_of(self.request_latency(), quantiles)
    }

    /// Requests in crowds do not come back, so their attempts are all there is.
    fn quantiles_of<const N: usize>(
        &self,
        one_by_one: &Histogram,
        quantiles: [f64; N],
    ) -> Option<[u64; N]> {
        let Some(crowds) = &self.crowds else {
            return one_by_one.quantiles(quantiles);
        };
        let mut found = [0; N];
        for (place, q) in found.iter_mut().zip(quantiles) {
            *place = crowds.quantile(q)?;
        }
        Some(found)
    }

    /// The latencies of requests, from their first arrival, as far as they are told apart: shortest first.
    pub fn request_latency_buckets(&self) -> Box<dyn Iterator<Item = Bucket> + '_> {
        match &self.crowds {
            Some(crowds) => Box::new(crowds.buckets()),
            None => Box::new(self.request_latency().buckets()),
        }
    }

    /// The largest latency of an attempt, in nanoseconds.
    pub fn latency_max(&self) -> Option<u64> {
        self.max_of(&self.latency)
    }

    /// The largest latency of a request, from its first arrival.
    pub fn request_latency_max(&self) -> Option<u64> {
        self.max_of(self.request_latency())
    }

    fn max_of(&self, one_by_one: &Histogram) -> Option<u64> {
        let crowds = self.crowds.as_ref();
        crowds.map_or_else(|| one_by_one.max(), |crowds| crowds.max())
    }

    /// Sum of the latencies of requests, from their first arrival, and their number.
    pub fn request_latency_sum(&self) -> (u128, u64) {
        let count = match &self.crowds {
            Some(crowds) => crowds.count(),
            None => self.request_latency().count(),
        };
        (self.request_latency_sum_ns(), count)
    }

    /// Sum of the latencies of completed requests, from their first arrival.
    pub fn request_latency_sum_ns(&self) -> u128 {
        let callers = self.callers.as_ref();
        callers.map_or(self.latency_sum_ns, |of| of.latency_sum_ns())
    }

    /// Reads and ends the latency window; `None` when nothing was completed in it.
    pub fn take_window(&mut self) -> Option<LatencyWindow> {
        if let Some(crowds) = &mut self.crowds {
            return bulk::take_window(crowds);
        }
        let ([p50, p95, p99], max) = self.latency.take_window([0.5, 0.95, 0.99])?;
        let [p50, p95, p99, max] = [p50, p95, p99, max].map(SimDuration::from_nanos);
        Some(LatencyWindow { p50, p95, p99, max })
    }
}
