//! CPU limits as CFS quotas. Both engines do this arithmetic, and no other.
//!
//! In each period a replica may use a quota of CPU time on all its cores together. When that is used up, everything in it
//! stands still until the next period begins, with a whole quota: nothing is carried over. Periods are whole numbers of
//! nanoseconds after a phase of each replica. CPU time is counted in whole units, of which a core takes a thousand times
//! the number of slots in a nanosecond, so no anchor rounds; a quota lasts to the end of the nanosecond in which it is used
//! up. Time in which nothing runs costs nothing: the period is worked out when it is next needed.

use super::{ReplicaId, ReplicaShape};
use crate::plan::{Discipline, QuotaPlan, ServicePlan};
use hookean_kernel::{StreamKey, counter_draw};

const MILLICORES_PER_CORE: u128 = 1000;
/// Least quota that a resize leaves, as the kernel has it.
const LEAST_NS: u64 = 1_000_000;

/// The limit of all replicas of a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quota {
    plan: QuotaPlan,
    /// The CPU it belongs to; a resized replica keeps the ratio.
    of_millicores: u64,
    /// Whether requests share the cores; else each has a slot.
    shares: bool,
    phases: StreamKey,
}

impl Quota {
    pub(super) fn new(service: &ServicePlan, seed: u64) -> Option<Self> {
        Some(Self {
            plan: service.replica.cpu_quota?,
            of_millicores: service.replica.cpu_millicores.max(1),
            shares: service.queue.discipline == Discipline::ProcessorSharing,
            phases: StreamKey::new(seed, &service.name, "quota phase", 0),
        })
    }

    /// What a replica of this shape can run on while its quota lasts.
    pub(super) const fn usable(&self, shape: &ReplicaShape) -> ReplicaShape {
        ReplicaShape {
            cpu_millicores: self.plan.cores_millicores,
            ..*shape
        }
    }

    /// The meter of a replica that is ready at `now`, with a whole quota.
    pub(super) fn meter(&self, now: u64, replica: ReplicaId, shape: &ReplicaShape) -> Meter {
        let cores = u128::from(self.plan.cores_millicores);
        let slots = shape.concurrency.filter(|_| !self.shares);
        let (each, all, units_per_core_ns) = match slots.map(u128::from) {
            None => (MILLICORES_PER_CORE, cores, MILLICORES_PER_CORE),
            Some(slots) => {
                let full = MILLICORES_PER_CORE * slots;
                (full.min(cores), u128::MAX, full)
            }
        };
        let draw = u128::from(counter_draw(self.phases, u64::from(replica.0)));
        let mut meter = Meter {
            quota: *self,
            phase_ns: ((draw * u128::from(self.plan.period_ns)) >> 64) as u64,
            each,
            all,
            units_per_core_ns,
            whole: 0,
            since: now,
            left: 0,
            draw: 0,
            throttled: None,
            next: u64::MAX,
            periods: 0,
            throttled_ns: 0,
        };
        meter.reshape(shape);
        meter.left = meter.whole;
        meter
    }
}

/// From when to when a replica stands still for want of quota.
#[derive(Debug, Clone, Copy)]
struct Throttled {
    since: u64,
    until: u64,
}

/// The quota of one replica.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    quota: Quota,
    phase_ns: u64,
    /// What each running request, and all together, use in a nanosecond.
    each: u128,
    all: u128,
    units_per_core_ns: u128,
    /// Quota of a period.
    whole: u128,
    /// The anchor, what is left of the quota there, and what is used in a nanosecond from there on.
    since: u64,
    left: u128,
    draw: u128,
    throttled: Option<Throttled>,
    next: u64,
    periods: u64,
    throttled_ns: u64,
}

impl Meter {
    /// Changes the quota from the next period on; [`Meter::note`] what runs at the instant first.
    pub(super) fn reshape(&mut self, shape: &ReplicaShape) {
        let QuotaPlan { quota_ns, .. } = self.quota.plan;
        let scaled = u128::from(quota_ns) * u128::from(shape.cpu_millicores);
        let scaled = scaled / u128::from(self.quota.of_millicores);
        let floor = u128::from(quota_ns.min(LEAST_NS));
        self.whole = scaled.max(floor).saturating_mul(self.units_per_core_ns);
        self.plan();
    }

    /// Time since the present period began.
    const fn offset(&self, at: u64) -> u64 {
        let period = self.quota.plan.period_ns;
        (at % period + period - self.phase_ns) % period
    }

    /// Moves the anchor to `now`.
    fn burn(&mut self, now: u64) {
        let (elapsed, offset) = (now - self.since, self.offset(now));
        self.left = if elapsed > offset {
            let used = self.draw.saturating_mul(u128::from(offset));
            self.whole.saturating_sub(used)
        } else {
            let used = self.draw.saturating_mul(u128::from(elapsed));
            self.left.saturating_sub(used)
        };
        self.since = now;
    }

    /// Finds when the quota is used up, or the next one is there.
    fn plan(&mut self) {
        self.next = match self.throttled {
            Some(throttled) => throttled.until,
            None if self.draw == 0 => u64::MAX,
            None => {
                let lasts = |units: u128| u64::try_from(units.div_ceil(self.draw));
                let lasts = |units| lasts(units).unwrap_or(u64::MAX);
                let period = self.quota.plan.period_ns;
                let rest = period - self.offset(self.since);
                let (left, whole) = (lasts(self.left), lasts(self.whole));
                if left < rest {
                    self.since.saturating_add(left)
                } else if whole < period {
                    self.since.saturating_add(rest).saturating_add(whole)
                } else {
                    u64::MAX
                }
            }
        };
    }

    /// From `now` on `running` requests run.
    pub(super) fn note(&mut self, now: u64, running: u64) {
        self.burn(now);
        self.draw = if self.is_throttled() {
            0
        } else {
            u128::from(running).saturating_mul(self.each).min(self.all)
        };
        self.plan();
    }

    /// When the replica stops for want of quota, or may go on; `u64::MAX` when neither will happen as things stand.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Stops or goes on at `now`, the next such instant; note what runs after it.
    pub(super) fn turn(&mut self, now: u64) {
        self.burn(now);
        if let Some(throttled) = self.throttled.take() {
            self.throttled_ns += now - throttled.since;
        } else {
            let until = now.saturating_add(self.quota.plan.period_ns - self.offset(now));
            self.throttled = Some(Throttled { since: now, until });
            self.periods += 1;
        }
    }

    /// Whether the replica stands still for want of quota.
    pub(super) const fn is_throttled(&self) -> bool {
        self.throttled.is_some()
    }

    /// In how many periods it has stood still up to `now`, and how long.
    pub(super) fn throttling(&self, now: u64) -> (u64, u64) {
        let still = self.throttled.map_or(0, |throttled| now - throttled.since);
        (self.periods, self.throttled_ns + still)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(
        quota_ns: u64,
        period_ns: u64,
        cores_millicores: u64,
        slots: Option<u32>,
    ) -> (Meter, ReplicaShape) {
        let quota = Quota {
            plan: QuotaPlan {
                quota_ns,
                period_ns,
                cores_millicores,
            },
            of_millicores: 1000,
            shares: slots.is_none(),
            phases: StreamKey::new(7, "web", "quota phase", 0),
        };
        let shape = ReplicaShape {
            cpu_millicores: 1000,
            concurrency: slots,
            speed_ratio: 1.0,
        };
        (quota.meter(0, ReplicaId(3), &shape), shape)
    }

    /// What a meter says, nanosecond by nanosecond: the instants at which it turns while `running(t)` requests want to run.
    fn by_nanoseconds(of: &Meter, until: u64, running: impl Fn(u64) -> u64) -> Vec<u64> {
        let period = of.quota.plan.period_ns;
        let (mut left, mut stopped, mut turns) = (of.whole, false, vec![]);
        for at in 0..until {
            let begins = at % period == of.phase_ns;
            let draw = (u128::from(running(at)) * of.each).min(of.all);
            if begins {
                left = of.whole;
                if std::mem::take(&mut stopped) {
                    turns.push(at);
                }
            }
            if !stopped && left == 0 && draw > 0 {
                stopped = true;
                turns.push(at);
            }
            if !stopped {
                left = left.saturating_sub(draw);
            }
        }
        turns
    }

    #[test]
    fn periods_worked_out_are_those_counted() {
        for (quota, period, cores, slots) in [
            (7, 20, 2000, None),
            (5, 13, 1500, None),
            (9, 10, 3000, Some(4)),
            (1, 17, 500, Some(3)),
            (40, 20, 4000, None),
            (40, 20, 2000, None),
        ] {
            let (mut meter, _) = meter(quota, period, cores, slots);
            let running = |at: u64| [0, 1, 3, 2, 0, 0, 0, 3][(at / 11) as usize % 8];
            let expected = by_nanoseconds(&meter, 2000, running);
            let mut turns = vec![];
            for at in 0..2000 {
                if at % 11 == 0 || at % 7 == 0 {
                    if meter.next() == at && meter.is_throttled() {
                        meter.turn(at);
                        turns.push(at);
                    }
                    meter.note(at, running(at));
                }
                while meter.next() == at {
                    meter.turn(at);
                    turns.push(at);
                    meter.note(at, running(at));
                }
            }
            assert_eq!(turns, expected, "{quota} in {period} on {cores}");
        }
    }

    #[test]
    fn a_resize_holds_from_the_next_period_and_has_a_floor() {
        let (mut meter, shape) = meter(10, 100, 1000, None);
        let begins = meter.phase_ns;
        meter.note(begins, 1);
        assert_eq!(meter.next(), begins + 10);
        let larger = ReplicaShape {
            cpu_millicores: 3000,
            ..shape
        };
        meter.reshape(&larger);
        assert_eq!(meter.next(), begins + 10);
        meter.turn(begins + 10);
        meter.note(begins + 10, 1);
        assert_eq!(meter.next(), begins + 100);
        assert_eq!(meter.throttling(begins + 15), (1, 5));
        meter.turn(begins + 100);
        meter.note(begins + 100, 1);
        assert_eq!(meter.next(), begins + 130);
        meter.reshape(&ReplicaShape {
            cpu_millicores: 1,
            ..shape
        });
        assert_eq!(meter.whole, 10 * meter.units_per_core_ns);
    }

    #[test]
    fn phases_differ_and_lie_inside_the_period() {
        let (first, shape) = meter(10, 1000, 1000, None);
        let phase = |id| first.quota.meter(0, ReplicaId(id), &shape).phase_ns;
        assert!((0..100).all(|id| phase(id) < 1000));
        assert!((0..100).any(|id| phase(id) != phase(0)));
    }
}
