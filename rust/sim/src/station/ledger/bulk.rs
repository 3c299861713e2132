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

    /// Cohorts complete. Their starts are booked with their completions.
    pub(in crate::station) fn complete_all(&mut self, cohorts: impl Iterator<Item = Cohort>) {
        let Some(latencies) = &mut self.crowds else {
            return;
        };
        // What is summed up stays in registers.
        let (mut started, mut good) = (0, 0);
        let (mut wait_sum_ns, mut latency_sum_ns) = (0, 0);
        let most = self.slo_ns.map_or(0, |most| most.saturating_add(1));
        latencies.record_all(cohorts.map(|cohort| {
            let count = u128::from(cohort.count);
            started += cohort.count;
            wait_sum_ns += count * u128::from(cohort.wait_ns);
            latency_sum_ns += count * u128::from(cohort.latency_ns);
            good += if cohort.latency_ns < most {
                cohort.count
            } else {
                0
            };
            (cohort.latency_ns, cohort.count)
        }));
        self.started += started;
        self.slo_good += good;
        self.wait_sum_ns += wait_sum_ns;
        self.latency_sum_ns += latency_sum_ns;
    }

    /// Cohorts complete that have waited equally long, with less to do for each: how long each is served, not rounded yet,
    /// and how many requests it has. Latencies are below 2^51, and the sum of all fits in 64 bits.
    pub(in crate::station) fn complete_alike(
        &mut self,
        wait_ns: u64,
        services_ns: impl Iterator<Item = (f64, u64)>,
    ) {
        /// Adding it rounds to whole numbers, which stand in the lower bits then.
        const ROUNDING: f64 = 4_503_599_627_370_496.0;
        let Some(latencies) = &mut self.crowds else {
            return;
        };
        let (mut all, mut good, mut service_sum_ns) = (0, 0, 0_u64);
        let wait = wait_ns as f64;
        let most = self.slo_ns.map_or(-1.0, |most| most as f64);
        latencies.record_whole(services_ns.map(|(service, count)| {
            let rounded = service + ROUNDING;
            let latency = wait + (rounded - ROUNDING);
            all += count;
            service_sum_ns += (rounded.to_bits() - ROUNDING.to_bits()) * count;
            good += if latency <= most { count } else { 0 };
            (latency, count)
        }));
        let wait_sum_ns = u128::from(wait_ns) * u128::from(all);
        self.started += all;
        self.slo_good += good;
        self.wait_sum_ns += wait_sum_ns;
        self.latency_sum_ns += wait_sum_ns + u128::from(service_sum_ns);
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
