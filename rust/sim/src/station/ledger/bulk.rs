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

/// Cohorts that complete after equal waits.
#[derive(Debug, Clone, Copy)]
pub(in crate::station) struct Alike<'a> {
    pub(in crate::station) wait_ns: u64,
    /// How long a request of mean work is served.
    pub(in crate::station) service_ns: f64,
    /// The work of each cohort, relative to the mean.
    pub(in crate::station) shares: &'a [f32],
    /// The least and the largest that there may be.
    pub(in crate::station) extremes: [f32; 2],
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
    /// all fits in 64 bits. Returns false, and does nothing, if some are too short to be told so.
    pub(in crate::station) fn complete_alike(&mut self, alike: &Alike<'_>) -> bool {
        let Some(latencies) = &mut self.crowds else {
            return true;
        };
        let times = alike.times();
        let [least, largest] = alike.extremes.map(|share| times.latency(share));
        let Some(mut long) = latencies.long(least, largest) else {
            return false;
        };
        let (mut bits, count) = (0_u64, alike.count);
        for share in alike.shares {
            let rounded = times.rounded(*share);
            bits = bits.wrapping_add(rounded.to_bits());
            long.count(times.after_wait(rounded), count);
        }
        // What is beyond 64 bits on the way to the sum cancels out.
        let cohorts = alike.shares.len() as u64;
        let mut services_ns = of_bits(bits, cohorts).wrapping_mul(alike.count);
        for (share, n) in alike.ends() {
            let rounded = times.rounded(share);
            services_ns = services_ns.wrapping_sub(of_bits(rounded.to_bits(), 1).wrapping_mul(n));
            long.take_back(times.after_wait(rounded), n);
        }
        let all = cohorts * alike.count - alike.before - alike.after;
        long.end(all, || {
            alike.shares.iter().map(|share| times.latency(*share))
        });
        let wait_sum_ns = u128::from(alike.wait_ns) * u128::from(all);
        self.started += all;
        self.slo_good += match self.slo_ns.map(|most| most as f64) {
            Some(most) if largest <= most => all,
            Some(most) if least <= most => alike.good(most),
            _ => 0,
        };
        self.wait_sum_ns += wait_sum_ns;
        self.latency_sum_ns += wait_sum_ns + u128::from(services_ns);
        true
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

/// What latencies are made of.
#[derive(Clone, Copy)]
struct Times {
    wait_ns: f64,
    service_ns: f64,
}

impl Times {
    /// Service of a cohort, with what rounds it.
    #[inline]
    fn rounded(self, share: f32) -> f64 {
        self.service_ns * f64::from(share) + ROUNDING
    }

    /// Latency of a cohort with this service.
    #[inline]
    fn after_wait(self, rounded: f64) -> f64 {
        self.wait_ns + (rounded - ROUNDING)
    }

    /// Latency of a cohort; grows with its share.
    #[inline]
    fn latency(self, share: f32) -> f64 {
        self.after_wait(self.rounded(share))
    }
}

impl Alike<'_> {
    fn times(&self) -> Times {
        Times {
            wait_ns: self.wait_ns as f64,
            service_ns: self.service_ns,
        }
    }

    /// The first and the last cohort, with those of their requests that do not complete now.
    fn ends(&self) -> [(f32, u64); 2] {
        let share = |share: Option<&f32>| share.copied().unwrap_or(0.0);
        [
            (share(self.shares.first()), self.before),
            (share(self.shares.last()), self.after),
        ]
    }

    /// Requests whose latency is at most `most`.
    fn good(&self, most: f64) -> u64 {
        let times = self.times();
        let is_good = |share: f32| u64::from(times.latency(share) <= most);
        let cohorts: u64 = self.shares.iter().map(|share| is_good(*share)).sum();
        let [before, after] = self.ends().map(|(share, n)| is_good(share) * n);
        cohorts * self.count - before - after
    }
}

/// Services in nanoseconds, from the sum of the bits of those of so many cohorts, with what rounds them.
const fn of_bits(bits: u64, cohorts: u64) -> u64 {
    bits.wrapping_sub(ROUNDING.to_bits().wrapping_mul(cohorts))
}

const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

pub(super) fn take_window(latencies: &mut CoarseHistogram) -> Option<LatencyWindow> {
    let ([p50, p95, p99], max) = latencies.take_window(QUANTILES)?;
    let [p50, p95, p99, max] = [p50, p95, p99, max].map(SimDuration::from_nanos);
    Some(LatencyWindow { p50, p95, p99, max })
}
