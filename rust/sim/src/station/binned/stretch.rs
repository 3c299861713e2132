//! A stretch of a bin in which nothing changes: how many requests end, when, and after what wait.

use super::manner::{Manner, between, manner};
use super::pace::{Pace, WHOLE};
use super::waits::{Rules, Setting, Steady};
use hookean_kernel::portable::{exp, float};

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
        let without = swing.without(backlog_ns, steady);
        let mut manner = manner(rules, start, steady, level, without);
        (manner.count, manner.busy_ratio) = (flow.completed, busy_ratio);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_whole_and_end_with_all() {
        assert_eq!(part_of(10, WHOLE / 4 * 3), 7);
        assert_eq!(part_of(10, WHOLE), 10);
        assert_eq!(part_of(u64::MAX, WHOLE / 2), u64::MAX / 2);
    }
}
