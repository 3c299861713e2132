//! Books of requests that are told in numbers, not one by one: those of a binned station.

use super::{LatencyWindow, Ledger};
use hookean_kernel::{CoarseHistogram, SimDuration};

/// Requests that complete alike.
#[derive(Debug, Clone, Copy)]
pub(in crate::station) struct Cohort {
    pub(in crate::station) count: u64,
    pub(in crate::station) wait_ns: u64,
    pub(in crate::station) latency_ns: u64,
}

impl Ledger {
    /// Makes the books those of crowds: latencies go to a small histogram, and no single request is kept.
    pub(in crate::station) fn of_crowds(mut self) -> Self {
        self.crowds = Some(Box::default());
        self.log = None;
        self
    }

    pub(in crate::station) fn arrive_all(&mut self, count: u64, work_ns: u64) {
        self.counts.arrivals += count;
        self.work_ns += u128::from(work_ns);
    }

    /// A cohort completes. Its starts are booked with its completions.
    pub(in crate::station) fn complete_all(&mut self, cohort: Cohort) {
        let count = u128::from(cohort.count);
        self.started += cohort.count;
        self.wait_sum_ns += count * u128::from(cohort.wait_ns);
        self.latency_sum_ns += count * u128::from(cohort.latency_ns);
        if self.slo_ns.is_some_and(|most| cohort.latency_ns <= most) {
            self.slo_good += cohort.count;
        }
        if let Some(latencies) = &mut self.crowds {
            latencies.record(cohort.latency_ns, cohort.count);
        }
    }

    pub(in crate::station) fn reject_all(&mut self, count: u64) {
        self.counts.rejected += count;
    }

    pub(in crate::station) fn time_out_all(&mut self, count: u64) {
        self.counts.timed_out += count;
    }

    pub(in crate::station) fn lose_all(&mut self, count: u64) {
        self.counts.lost += count;
    }
}

const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

pub(super) fn take_window(latencies: &mut CoarseHistogram) -> Option<LatencyWindow> {
    let ([p50, p95, p99], max) = latencies.take_window(QUANTILES)?;
    let [p50, p95, p99, max] = [p50, p95, p99, max].map(SimDuration::from_nanos);
    Some(LatencyWindow { p50, p95, p99, max })
}
