//! Books of requests that are told in numbers, not one by one: those of a binned station.

use super::{LatencyWindow, Ledger};
use hookean_kernel::{CoarseHistogram, SimDuration};

const LANES: usize = CoarseHistogram::LANES;

/// Requests that complete alike.
#[derive(Debug, Clone, Copy)]
pub(in crate::station) struct Cohort {
    pub(in crate::station) count: u64,
    pub(in crate::station) wait_ns: u64,
    pub(in crate::station) latency_ns: u64,
}

/// Cohorts that complete after equal waits.
#[derive(Debug, Clone, Copy)]
pub(in crate::station) struct Alike<'a> {
    pub(in crate::station) wait_ns: u64,
    /// How long a request of mean work is served.
    pub(in crate::station) service_ns: f64,
    /// The work of each cohort, relative to the mean.
    pub(in crate::station) shares: &'a [f32],
    /// Requests of each, but for those of the first that have completed before, and those of the last that will after.
    pub(in crate::station) count: u64,
    pub(in crate::station) before: u64,
    pub(in crate::station) after: u64,
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

    /// Cohorts complete that have waited equally long, with less to do for each. Latencies are below 2^51, and the sum of
    /// all fits in 64 bits.
    pub(in crate::station) fn complete_alike(&mut self, alike: &Alike<'_>) {
        let Some(latencies) = &mut self.crowds else {
            return;
        };
        let most = self.slo_ns.map_or(-1.0, |most| most as f64);
        let mut found = Found::new(alike, most);
        let mut whole = latencies.whole();
        let (rows, rest) = alike.shares.as_chunks::<LANES>();
        for row in rows {
            let each = found.take_row(row);
            whole.record(&each, alike.count);
        }
        for share in rest {
            whole.record_one(found.take(0, *share), alike.count);
        }
        let (mut services_ns, mut good) = found.sums(alike.shares.len());
        services_ns = services_ns.wrapping_mul(alike.count);
        good *= alike.count;
        if let ([first, ..], [.., last]) = (alike.shares, alike.shares) {
            for (share, n) in [(first, alike.before), (last, alike.after)] {
                let mut less = Found::new(alike, most);
                whole.take_back(less.take(0, *share), n);
                let (one_ns, is_good) = less.sums(1);
                // What is beyond 64 bits on the way to the sum cancels out.
                services_ns = services_ns.wrapping_sub(one_ns.wrapping_mul(n));
                good -= is_good * n;
            }
        }
        let all = whole.end();
        let wait_sum_ns = u128::from(alike.wait_ns) * u128::from(all);
        self.started += all;
        self.slo_good += good;
        self.wait_sum_ns += wait_sum_ns;
        self.latency_sum_ns += wait_sum_ns + u128::from(services_ns);
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

/// Adding it rounds to whole numbers, which stand in the lower bits then.
const ROUNDING: f64 = 4_503_599_627_370_496.0;

/// Sums over cohorts, in lanes side by side.
struct Found {
    wait_ns: f64,
    service_ns: f64,
    /// The longest latency that is good.
    most: f64,
    /// Services with what rounds them.
    rounded: [u64; LANES],
    good: [u64; LANES],
}

impl Found {
    fn new(alike: &Alike<'_>, most: f64) -> Self {
        Self {
            wait_ns: alike.wait_ns as f64,
            service_ns: alike.service_ns,
            most,
            rounded: [0; LANES],
            good: [0; LANES],
        }
    }

    /// Adds a cohort; returns its latency.
    #[inline]
    fn take(&mut self, lane: usize, share: f32) -> f64 {
        let rounded = self.service_ns * f64::from(share) + ROUNDING;
        let latency = self.wait_ns + (rounded - ROUNDING);
        self.rounded[lane] = self.rounded[lane].wrapping_add(rounded.to_bits());
        self.good[lane] += u64::from(latency <= self.most);
        latency
    }

    #[inline]
    fn take_row(&mut self, shares: &[f32; LANES]) -> [f64; LANES] {
        let mut latencies = [0.0; LANES];
        for (lane, latency) in latencies.iter_mut().enumerate() {
            *latency = self.take(lane, shares[lane]);
        }
        latencies
    }

    /// Services of all, in nanoseconds, and how many cohorts are good.
    #[inline]
    fn sums(&self, cohorts: usize) -> (u64, u64) {
        let rounded = self
            .rounded
            .iter()
            .fold(0_u64, |sum, n| sum.wrapping_add(*n));
        let rounding = ROUNDING.to_bits().wrapping_mul(cohorts as u64);
        (rounded.wrapping_sub(rounding), self.good.iter().sum())
    }
}

const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

pub(super) fn take_window(latencies: &mut CoarseHistogram) -> Option<LatencyWindow> {
    let ([p50, p95, p99], max) = latencies.take_window(QUANTILES)?;
    let [p50, p95, p99, max] = [p50, p95, p99, max].map(SimDuration::from_nanos);
    Some(LatencyWindow { p50, p95, p99, max })
}
