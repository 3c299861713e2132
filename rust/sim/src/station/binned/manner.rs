//! How the requests of a stretch are served: after which waits, slowed down by how much, and in which cohorts they are booked.

use super::crowding::Crowding;
use super::law;
use super::stretch::Start;
use super::waits::{Rules, Steady};
use crate::station::ledger::{Alike, Cohort};
use hookean_kernel::portable::{float, ln, nearest};

/// How the requests that complete in a stretch have been served.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manner {
    /// Requests completed before it, and in it.
    first: u64,
    pub(super) count: u64,
    /// Time that the mean request takes alone on a server.
    service_ns: f64,
    /// Wait for the backlog at the beginning and at the end.
    backlog_wait_ns: (f64, f64),
    /// How much longer than alone a request takes, at the beginning and at the end, but for whom it meets by chance.
    stretch: (f64, f64),
    crowding: Crowding,
    /// Share of requests that wait besides, and the mean wait of those.
    delayed_ratio: f64,
    delay_ns: f64,
    longest_wait_ns: u64,
    /// Share of the crew's rate in use.
    pub(super) busy_ratio: f64,
}

/// Latencies from here on, 2^50, and sums of them from here on, 2^62, are not booked by the shorter way.
const LONG_NS: f64 = 1_125_899_906_842_624.0;
const MUCH_NS: f64 = 4_611_686_018_427_387_904.0;

/// What lies between two values when this share of the way is done.
pub(super) fn between((from, to): (f64, f64), share: f64) -> f64 {
    from + (to - from) * share
}

/// How requests are served: what is in the system beyond the settled level waits, or slows down those that share.
pub(super) fn manner(
    rules: &Rules,
    start: &Start,
    steady: Option<Steady>,
    level: f64,
    (before, after): (f64, f64),
) -> Manner {
    let steady = steady.unwrap_or_default();
    let served = if start.rate > 0.0 { start.rate } else { 1.0 };
    let places = float(start.places) * start.mean_work_ns;
    // Mostly there is nothing beyond the settled level, and nothing to divide.
    let part = |beyond: f64, of: f64| if beyond > 0.0 { beyond / of } else { 0.0 };
    let wait = |backlog: f64| part(backlog - level.max(places), served);
    let stretch = |backlog: f64| {
        if rules.sharing && start.rate > 0.0 {
            let beyond = backlog.min(places) - level;
            1.0 + part(beyond, served * start.setting.service_ns)
        } else {
            1.0
        }
    };
    let service_ns = if start.rate > 0.0 {
        start.setting.service_ns
    } else {
        start.mean_work_ns
    };
    Manner {
        first: start.first,
        count: 0,
        service_ns,
        backlog_wait_ns: (wait(before), wait(after)),
        stretch: (stretch(before), stretch(after)),
        crowding: steady.crowding,
        delayed_ratio: steady.delayed_ratio,
        delay_ns: steady.delay_ns,
        longest_wait_ns: rules.timeout_ns.unwrap_or(u64::MAX),
        busy_ratio: 0.0,
    }
}

/// The golden ratio's fraction, in 2^-64: its multiples fill the unit interval evenly.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;
/// Completions of a stretch are told in at least so many cohorts, if there are as many, and at most twice as many and one.
const COHORTS: u64 = 12;

impl Manner {
    /// The requests from number `from` to just before `to`, in cohorts whose members wait and are served alike. Cohorts
    /// are cut at fixed numbers, so it does not matter in which parts they are asked for.
    pub(super) fn cohorts(
        self,
        quantiles: &[f32],
        from: u64,
        to: u64,
    ) -> impl Iterator<Item = Cohort> {
        self.numbered(from, to).map(move |(number, count, shift)| {
            let (wait_ns, latency_ns) = self.times(quantiles, number, shift);
            Cohort {
                count,
                wait_ns,
                latency_ns,
            }
        })
    }

    /// Whether all wait, and are slowed down, to the same extent, and so many of them not for very long.
    #[expect(clippy::float_cmp, reason = "what differs at all is worked out")]
    pub(super) fn is_even(&self, count: u64) -> bool {
        let (waits, stretches) = (self.backlog_wait_ns, self.stretch);
        // The mean of a 512th of a law is at most 512 times the mean of the law.
        let slowest = stretches.0 + f64::from(self.crowding.of(law::LARGEST_EXPONENTIAL));
        let longest = waits.0 + 520.0 * self.service_ns * slowest;
        waits.0 == waits.1
            && stretches.0 == stretches.1
            && self.delayed_ratio == 0.0
            && longest < LONG_NS
            && longest * (float(count)) < MUCH_NS
    }

    /// Where nothing but work, and whom they meet, tells requests apart, the same cohorts as [`Self::cohorts`].
    pub(super) fn alike<'a>(
        &self,
        (quantiles, extremes): (&'a [f32], [f32; 2]),
        (from, to): (u64, u64),
        room: &'a mut [f32; law::ROW],
    ) -> Alike<'a> {
        let shift = self.shift();
        let (first, end) = (from >> shift, ((to - 1) >> shift) + 1);
        let (shares, extremes) = if self.crowding.is_none() {
            (law::row(quantiles, first, end - first), extremes)
        } else {
            self.crowded(quantiles, (first, end - first), room)
        };
        Alike {
            wait_ns: nearest(self.backlog_wait_ns.0).min(self.longest_wait_ns),
            service_ns: self.service_ns * self.stretch.0,
            shares,
            extremes,
            count: 1 << shift,
            before: from - (first << shift),
            after: (end << shift).wrapping_sub(to),
        }
    }

    /// The work of so many cohorts with what crowding adds to it, and bounds of these shares.
    fn crowded<'a>(
        &self,
        quantiles: &[f32],
        (first, count): (u64, u64),
        room: &'a mut [f32; law::ROW],
    ) -> (&'a [f32], [f32; 2]) {
        // The processor does several at a time; some beyond the last do not matter.
        const LANES: u64 = 8;
        let rounded = count.next_multiple_of(LANES);
        let work = law::row(quantiles, first, rounded);
        let exponential = law::exponential(first, rounded);
        let crowding = self.crowding.relative_to(self.stretch.0);
        // Floats that are not negative are ordered like their bits.
        let (mut least, mut largest) = (u32::MAX, 0);
        for ((share, work), exponential) in room.iter_mut().zip(work).zip(exponential) {
            *share = work * (1.0 + crowding.of(*exponential));
            least = least.min(share.to_bits());
            largest = largest.max(share.to_bits());
        }
        (
            &room[..count as usize],
            [least, largest].map(f32::from_bits),
        )
    }

    /// The size of a cohort, as a power of two.
    fn shift(&self) -> u32 {
        (self.count / COHORTS).max(1).ilog2()
    }

    /// Numbers of cohorts with how many there are of each, and the size of a whole one as a power of two.
    fn numbered(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, u64, u32)> + use<> {
        let shift = self.shift();
        let numbers = if from < to {
            from >> shift..((to - 1) >> shift) + 1
        } else {
            0..0
        };
        numbers.map(move |number| {
            let begin = number << shift;
            let end = begin.saturating_add(1 << shift).min(to);
            (number, end - begin.max(from), shift)
        })
    }

    /// Wait and latency of a cohort: service by one evenly filling sequence, the wait by another.
    fn times(&self, quantiles: &[f32], number: u64, shift: u32) -> (u64, u64) {
        let middle = (number << shift) as f64 + (1_u64 << shift) as f64 * 0.5;
        let share = ((middle - self.first as f64) / self.count.max(1) as f64).clamp(0.0, 1.0);
        let place = number.wrapping_mul(GOLDEN) as f64 / TWO_TO_64;
        let beyond = 1.0 - place;
        let mut wait = between(self.backlog_wait_ns, share);
        if beyond < self.delayed_ratio && beyond > 0.0 {
            wait -= ln(beyond / self.delayed_ratio) * self.delay_ns;
        }
        let wait_ns = nearest(wait).min(self.longest_wait_ns);
        let stretch = between(self.stretch, share);
        let crowded = self
            .crowding
            .relative_to(stretch)
            .of(law::exponential(number, 1)[0]);
        let work = law::at(quantiles, number) * (1.0 + crowded);
        let service = self.service_ns * stretch * f64::from(work);
        (wait_ns, wait_ns.saturating_add(nearest(service)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cohorts_do_not_depend_on_the_parts_they_are_asked_for_in() {
        let manner = Manner {
            first: 90,
            count: 1000,
            service_ns: 100.0,
            backlog_wait_ns: (0.0, 50.0),
            stretch: (1.0, 2.0),
            crowding: Crowding::new(0.5, 0.5),
            delayed_ratio: 0.5,
            delay_ns: 30.0,
            longest_wait_ns: u64::MAX,
            busy_ratio: 1.0,
        };
        let quantiles = vec![1.0; 512];
        let sums = |cuts: &[u64]| {
            let parts = cuts.windows(2);
            let all = parts.flat_map(|part| manner.cohorts(&quantiles, part[0], part[1]));
            all.fold((0, 0, 0), |(n, w, l), c| {
                (
                    n + c.count,
                    w + c.count * c.wait_ns,
                    l + c.count * c.latency_ns,
                )
            })
        };
        let whole = sums(&[90, 1090]);
        assert_eq!(whole.0, 1000);
        assert_eq!(whole, sums(&[90, 91, 100, 640, 641, 1089, 1090]));
        let mean_wait = whole.1 as f64 / 1000.0;
        assert!((mean_wait - 40.0).abs() < 4.0, "{mean_wait}");
        assert!(manner.cohorts(&quantiles, 90, 1090).count() <= 25);
    }

    #[test]
    fn cohorts_that_differ_in_work_alone_are_told_alike() {
        let alone = Manner {
            first: 90,
            count: 1000,
            service_ns: 1000.0,
            backlog_wait_ns: (12.0, 12.0),
            stretch: (1.5, 1.5),
            longest_wait_ns: u64::MAX,
            ..Manner::default()
        };
        let crowded = Manner {
            crowding: Crowding::new(2.0, 0.7),
            ..alone
        };
        told_alike(alone);
        told_alike(crowded);
    }

    fn told_alike(manner: Manner) {
        assert!(manner.is_even(1000));
        let mut values: Vec<u64> = (1..=512).collect();
        let quantiles = law::of_values(&mut values);
        for (from, to) in [
            (90, 1090),
            (96, 128),
            (97, 99),
            (100, 161),
            (16_200, 17_191),
        ] {
            let cohorts = manner.cohorts(&quantiles, from, to);
            let cohorts: Vec<_> = cohorts
                .map(|c| (c.count, c.wait_ns, c.latency_ns))
                .collect();
            let mut room = [0.0; law::ROW];
            let laws = (&*quantiles, law::extremes(&quantiles));
            let alike = manner.alike(laws, (from, to), &mut room);
            let last = alike.shares.len() - 1;
            let of = |(place, share): (usize, &f32)| {
                let before = if place == 0 { alike.before } else { 0 };
                let after = if place == last { alike.after } else { 0 };
                let latency_ns = alike.wait_ns + nearest(alike.service_ns * f64::from(*share));
                (alike.count - before - after, alike.wait_ns, latency_ns)
            };
            let found: Vec<_> = alike.shares.iter().enumerate().map(of).collect();
            assert_eq!(cohorts, found, "{from} to {to}");
        }
        let long = Manner {
            service_ns: 1e13,
            ..manner
        };
        let sloping = Manner {
            stretch: (1.0, 1.5),
            ..manner
        };
        assert!(!long.is_even(1) && !sloping.is_even(1) && !manner.is_even(1 << 50));
    }
}
