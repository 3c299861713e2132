//! A stretch of a bin in which nothing changes: how many requests end, when, and after what wait.

use super::crowding::Crowding;
use super::law;
use super::pace::{Pace, WHOLE};
use super::waits::{Rules, Setting, Steady};
use crate::station::ledger::{Alike, Cohort};
use hookean_kernel::portable::{exp, float, ln, nearest};

/// Where a stretch begins, and what comes in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) arrivals: u64,
    pub(super) work_ns: u64,
    pub(super) backlog_ns: f64,
    pub(super) inside: u64,
    pub(super) busy_ns: f64,
    /// Requests completed before.
    pub(super) first: u64,
    pub(super) dither: f64,
    pub(super) noise: u64,
    pub(super) setting: Setting,
    pub(super) places: u64,
    /// Work per nanosecond.
    pub(super) rate: f64,
    pub(super) mean_work_ns: f64,
    pub(super) fading: Fading,
}

/// How what is in the system by chance fades within a stretch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Fading {
    length: u64,
    /// How long a request is felt.
    memory_ns: f64,
    /// What is left at the end of what there was at the beginning, and of what came in between.
    left: f64,
    lasting: f64,
}

impl Fading {
    /// Works it out, unless it is this already: most stretches are equally long and see the same load as the one before.
    #[expect(clippy::float_cmp, reason = "what differs at all is worked out")]
    pub(super) fn of(self, length: u64, memory_ns: f64) -> Self {
        if self.length == length && self.memory_ns == memory_ns {
            return self;
        }
        let left = exp(-(float(length)) / memory_ns);
        Self {
            length,
            memory_ns,
            left,
            lasting: memory_ns / float(length) * (1.0 - left),
        }
    }
}

/// Requests and work of a stretch, or of a part of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) arrivals: u64,
    pub(super) work_ns: u64,
    pub(super) completed: u64,
    pub(super) rejected: u64,
    pub(super) timed_out: u64,
}

/// How the requests that complete in a stretch have been served.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manner {
    /// Requests completed before it, and in it.
    first: u64,
    count: u64,
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

/// A stretch under way.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    from: u64,
    to: u64,
    flow: Flow,
    booked: Flow,
    backlog_ns: (f64, f64),
    busy_ns: f64,
    pace: Pace,
    /// How much has happened, of [`WHOLE`].
    progress: u64,
}

impl Stretch {
    /// Works out what will happen from `start` on, in a steady state if there is one, and how requests will be served.
    pub(super) fn new(rules: &Rules, start: &Start, steady: Option<Steady>) -> (Self, Manner) {
        let length = float(start.to - start.from);
        let lost = Losses::in_steady_state(start, steady);
        let kept_ratio = lost.kept_ratio(start);
        let before = start.backlog_ns + float(start.work_ns) * kept_ratio;
        let level = settled_level(start, steady);
        let came = float(start.work_ns) * kept_ratio;
        let swing = Swing::new(start, level, came);
        let settled = (level + swing.after).max(0.0);
        let after = (before - start.rate * length).max(settled.min(before));
        let present = start.inside + start.arrivals - lost.count();
        let mut end = End {
            backlog_ns: after,
            inside: part_left(present, after, before, start),
            lost,
        };
        end.limit(rules, start);
        end.time_out(rules, start, level);
        let offered = start.rate * length;
        let busy_ratio = if offered > 0.0 {
            ((before - after) / offered).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let flow = Flow {
            arrivals: start.arrivals,
            work_ns: start.work_ns,
            completed: start.inside + start.arrivals - end.lost.count() - end.inside,
            rejected: end.lost.rejected,
            timed_out: end.lost.timed_out,
        };
        let backlog_ns = (start.backlog_ns, end.backlog_ns);
        let stretch = Self {
            from: start.from,
            to: start.to,
            flow,
            booked: Flow::default(),
            backlog_ns,
            busy_ns: start.busy_ns,
            pace: Pace {
                noise: start.noise,
                scatter: (1.0 + rules.squared_variation) / float(start.arrivals.max(1)),
                busy_ratio,
                finest: start.setting.service_ns / length,
            },
            progress: 0,
        };
        let manner = Manner {
            count: flow.completed,
            busy_ratio,
            ..manner(
                rules,
                start,
                steady,
                level,
                swing.without(backlog_ns, steady),
            )
        };
        (stretch, manner)
    }

    /// What happens from the last call to `until`.
    pub(super) fn go_on(&mut self, until: u64) -> Flow {
        self.progress = self.pace.progress(until - self.from, self.to - self.from);
        let part = |whole: u64| part_of(whole, self.progress);
        let by_now = if self.progress == WHOLE {
            self.flow
        } else {
            Flow {
                arrivals: part(self.flow.arrivals),
                work_ns: part(self.flow.work_ns),
                completed: part(self.flow.completed),
                rejected: part(self.flow.rejected),
                timed_out: part(self.flow.timed_out),
            }
        };
        let before = std::mem::replace(&mut self.booked, by_now);
        Flow {
            arrivals: by_now.arrivals - before.arrivals,
            work_ns: by_now.work_ns - before.work_ns,
            completed: by_now.completed - before.completed,
            rejected: by_now.rejected - before.rejected,
            timed_out: by_now.timed_out - before.timed_out,
        }
    }

    /// Work in the system now.
    pub(super) fn backlog_ns(&self) -> f64 {
        if self.progress == WHOLE {
            return self.backlog_ns.1;
        }
        between(self.backlog_ns, float(self.progress) / float(WHOLE))
    }

    /// Time the crew has been busy by now.
    pub(super) fn busy_ns(&self) -> f64 {
        let whole = self.pace.busy_ratio * float(self.to - self.from);
        self.busy_ns + whole * (float(self.progress) / float(WHOLE))
    }
}

fn between((from, to): (f64, f64), share: f64) -> f64 {
    from + (to - from) * share
}

/// The part of `whole` that has happened; rounded down, so that sums of parts never run ahead.
fn part_of(whole: u64, progress: u64) -> u64 {
    (u128::from(whole) * u128::from(progress) / u128::from(WHOLE)) as u64
}

/// Requests that end without service.
#[derive(Debug, Clone, Copy)]
struct Losses {
    rejected: u64,
    timed_out: u64,
}

impl Losses {
    fn in_steady_state(start: &Start, steady: Option<Steady>) -> Self {
        let Some(steady) = steady else {
            return Self {
                rejected: 0,
                timed_out: 0,
            };
        };
        let share = |ratio: f64| {
            if ratio > 0.0 {
                (float(start.arrivals) * ratio + start.dither) as u64
            } else {
                0
            }
        };
        let rejected = share(steady.rejected_ratio).min(start.arrivals);
        Self {
            rejected,
            timed_out: share(steady.timed_out_ratio).min(start.arrivals - rejected),
        }
    }

    const fn count(self) -> u64 {
        self.rejected + self.timed_out
    }

    /// Share of arrivals that is not lost.
    fn kept_ratio(self, start: &Start) -> f64 {
        match self.count() {
            0 => 1.0,
            lost => 1.0 - float(lost) / float(start.arrivals.max(1)),
        }
    }
}

/// Work in the system once it has settled: that of the steady state, or what all servers have in hand.
fn settled_level(start: &Start, steady: Option<Steady>) -> f64 {
    let setting = &start.setting;
    let in_system = match steady {
        Some(steady) => steady.load + steady.excess,
        None if start.rate > 0.0 => (setting.rate * setting.service_ns).min(float(setting.servers)),
        None => 0.0,
    };
    in_system * start.mean_work_ns
}

/// How far work in the system is from its mean by chance: what came beyond expectation lasts for a while.
#[derive(Debug, Clone, Copy)]
struct Swing {
    before: f64,
    after: f64,
}

impl Swing {
    fn new(start: &Start, level: f64, came: f64) -> Self {
        if start.rate <= 0.0 {
            return Self {
                before: 0.0,
                after: 0.0,
            };
        }
        let length = float(start.to - start.from);
        let due = start.setting.rate * start.mean_work_ns * length;
        // What is further away is no chance, but the backlog of an overload, or a station that fills.
        let before = (start.backlog_ns - level).clamp(-level, level);
        Self {
            before,
            after: before * start.fading.left + (came - due) * start.fading.lasting,
        }
    }

    /// The work in the system but for what a formula takes account of.
    fn without(&self, (before, after): (f64, f64), steady: Option<Steady>) -> (f64, f64) {
        match steady {
            Some(_) => (before - self.before, after - self.after),
            None => (before, after),
        }
    }
}

/// Requests that are still there when `after` of the work `before` is left; rounded at random, so that the mean is right.
fn part_left(present: u64, after: f64, before: f64, start: &Start) -> u64 {
    if start.rate <= 0.0 {
        return present;
    }
    if before <= 0.0 {
        return 0;
    }
    let left = float(present) * (after / before);
    ((left + start.dither) as u64).min(present)
}

/// Where a stretch ends.
struct End {
    backlog_ns: f64,
    inside: u64,
    lost: Losses,
}

impl End {
    /// Leaves `inside` requests and their part of the work; returns how many go.
    fn leave(&mut self, inside: u64) -> u64 {
        let gone = self.inside.saturating_sub(inside);
        self.backlog_ns *= (self.inside - gone) as f64 / self.inside.max(1) as f64;
        self.inside -= gone;
        gone
    }

    /// Rejects what finds no room: more than are served and may wait.
    fn limit(&mut self, rules: &Rules, start: &Start) {
        let Some(limit) = rules.limit else {
            return;
        };
        let queues = if rules.central {
            1
        } else {
            start.setting.replicas.max(1)
        };
        let room = start.places.saturating_add(limit.saturating_mul(queues));
        self.lost.rejected += self.leave(room);
    }

    /// Lets go who would wait for longer than they are willing to: what is beyond the work done in that time, or, with
    /// nobody to do it, the work that comes in that time.
    fn time_out(&mut self, rules: &Rules, start: &Start, level: f64) {
        let Some(timeout_ns) = rules.timeout_ns else {
            return;
        };
        let in_hand = level.max(float(start.places) * start.mean_work_ns);
        let coming = start.setting.rate * start.mean_work_ns;
        let rate = if start.rate > 0.0 { start.rate } else { coming };
        let most = in_hand + rate * timeout_ns as f64;
        if self.backlog_ns > most {
            let stay = self.inside as f64 * (most / self.backlog_ns) + start.dither;
            let gone = self.leave((stay as u64).min(self.inside));
            self.lost.timed_out += gone;
        }
    }
}

/// How requests are served: what is in the system beyond the settled level waits, or slows down those that share.
fn manner(
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
    fn parts_are_whole_and_end_with_all() {
        assert_eq!(part_of(10, WHOLE / 4 * 3), 7);
        assert_eq!(part_of(10, WHOLE), 10);
        assert_eq!(part_of(u64::MAX, WHOLE / 2), u64::MAX / 2);
    }

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
