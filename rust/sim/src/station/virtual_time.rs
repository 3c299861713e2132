//! Processor sharing in virtual time. Both engines do this arithmetic, and no other.
//!
//! Requests in service share the cores equally, none with more than one core, so all of them progress alike: by the
//! virtual time `V`, in nanoseconds of work. A request that enters at `V` with work `w` is done when the virtual time is
//! `V + w`, its tag. `V` is anchored at changes of state only (a start, a departure, a change of speed or cores, a pause), never where an
//! advance happens to end, so cutting an advance in two gives the same bits. A departure is recorded at the nearest
//! nanosecond and what it was off is carried on in virtual time, so rounding does not add up.

use super::ReplicaShape;
use super::rates::{checked_speed, cores};
use hookean_kernel::portable::nearest;

/// Virtual time beyond which tags are moved back to keep their resolution (2^-16 ns).
const REBASE_ABOVE: f64 = (1_u64 << 36) as f64;

/// The virtual time of one replica.
#[derive(Debug, Clone)]
pub(super) struct VirtualTime {
    cores: f64,
    speed: f64,
    /// Work done per time by all cores.
    capacity: f64,
    /// Elapsed time per work with a core each, and per request that shares all cores.
    alone: f64,
    shared: f64,
    /// The last change of state, and the virtual time then.
    since: u64,
    at: f64,
    cpu_core_ns: f64,
}

/// When the next request is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Due {
    /// To the nearest nanosecond.
    pub(super) end: u64,
    /// `end` minus the true instant.
    pub(super) rounding: f64,
}

impl VirtualTime {
    pub(super) fn new(shape: &ReplicaShape, now: u64) -> Self {
        let mut time = Self {
            cores: 1.0,
            speed: 1.0,
            capacity: 1.0,
            alone: 1.0,
            shared: 1.0,
            since: now,
            at: 0.0,
            cpu_core_ns: 0.0,
        };
        time.reshape(shape);
        time
    }

    /// Changes cores and speed from the last change of state on; move to `now` first.
    pub(super) fn reshape(&mut self, shape: &ReplicaShape) {
        self.cores = cores(shape);
        self.speed = checked_speed(shape.speed_ratio);
        self.alone = 1.0 / self.speed;
        self.capacity = self.cores * self.speed;
        self.shared = 1.0 / self.capacity;
    }

    /// Virtual per elapsed time of `requests` in service.
    #[inline]
    fn rate(&self, requests: usize) -> f64 {
        self.speed.min(self.capacity * share(requests))
    }

    /// CPU that `requests` in service use, in cores.
    #[inline]
    pub(super) fn cpu_cores(&self, requests: usize) -> f64 {
        self.cores.min(requests as f64)
    }

    /// CPU used up to `now`, in core-nanoseconds.
    pub(super) fn cpu_core_ns(&self, now: u64, requests: usize) -> f64 {
        self.cpu_core_ns + self.cpu_cores(requests) * (now - self.since) as f64
    }

    /// Anchors at `now`; `requests` have been in service since the last anchor.
    #[inline]
    pub(super) fn move_to(&mut self, now: u64, requests: usize) {
        if requests == 0 {
            self.at = 0.0;
        } else {
            let elapsed = (now - self.since) as f64;
            self.cpu_core_ns += self.cpu_cores(requests) * elapsed;
            self.at += elapsed * self.rate(requests);
        }
        self.since = now;
    }

    /// Anchors at `now` after a pause, in which nothing has moved since the last anchor.
    pub(super) const fn go_on(&mut self, now: u64) {
        self.since = now;
    }

    /// CPU used up to the last anchor, in core-nanoseconds.
    pub(super) const fn anchored_cpu_core_ns(&self) -> f64 {
        self.cpu_core_ns
    }

    /// The virtual time at the anchor, where an arriving request enters. One that takes the place of another enters at
    /// the tag of that, which is the virtual time of its true departure.
    #[inline]
    pub(super) const fn entry(&self) -> f64 {
        self.at
    }

    /// When the request with the least `tag` of `requests` is done.
    #[inline]
    pub(super) fn due(&self, tag: f64, requests: usize) -> Due {
        let stretch = self.alone.max(self.shared * requests as f64);
        let left = (tag - self.at) * stretch;
        let whole = nearest(left.max(0.0));
        Due {
            end: self.since.saturating_add(whole),
            rounding: whole as f64 - left,
        }
    }

    /// Anchors at the departure of the request with `tag`, one of `before` requests; `after` are in service then.
    #[inline]
    pub(super) fn depart(&mut self, tag: f64, due: Due, before: usize, after: usize) {
        self.cpu_core_ns += self.cpu_cores(before) * (due.end - self.since) as f64;
        self.at = if after == 0 {
            0.0
        } else {
            tag + due.rounding * self.rate(after)
        };
        self.since = due.end;
    }

    /// Moves the virtual time back when it has grown large; tags have to be moved by the same amount.
    #[inline]
    pub(super) fn rebase(&mut self) -> Option<f64> {
        (self.at > REBASE_ABOVE).then(|| std::mem::replace(&mut self.at, 0.0))
    }
}

/// 1/n, from a table where n is small: a division takes longer than all the rest.
#[inline]
fn share(requests: usize) -> f64 {
    SHARES
        .get(requests)
        .map_or_else(|| 1.0 / requests as f64, |share| *share)
}

static SHARES: [f64; 64] = {
    let mut shares = [1.0; 64];
    let mut n = 1;
    while n < 64 {
        shares[n] = 1.0 / n as f64;
        n += 1;
    }
    shares
};

#[cfg(test)]
mod tests {
    use super::*;

    fn time(cpu_millicores: u64, speed_ratio: f64) -> VirtualTime {
        VirtualTime::new(
            &ReplicaShape {
                cpu_millicores,
                concurrency: None,
                speed_ratio,
            },
            0,
        )
    }

    #[test]
    fn nobody_gets_more_than_a_core() {
        let time = time(4000, 1.0);
        assert_eq!(time.due(100.0, 1).end, 100);
        assert_eq!(time.due(100.0, 4).end, 100);
        assert_eq!(time.due(100.0, 8).end, 200);
        assert_eq!(time.cpu_cores(2).to_bits(), 2.0_f64.to_bits());
        assert_eq!(time.cpu_cores(8).to_bits(), 4.0_f64.to_bits());
    }

    #[test]
    fn rounding_is_carried_on() {
        // Three requests of 1 ns each share a core at speed 2: all are done at 1.5 ns, recorded as 2 ns.
        let mut time = time(1000, 2.0);
        let tag = time.entry() + 1.0;
        let due = time.due(tag, 3);
        assert_eq!((due.end, due.rounding.to_bits()), (2, 0.5_f64.to_bits()));
        time.depart(tag, due, 3, 2);
        // Half a nanosecond has passed since, in which two requests got half a nanosecond of work each.
        assert_eq!(time.at.to_bits(), 1.5_f64.to_bits());
        assert_eq!(
            time.due(tag, 2),
            Due {
                end: 2,
                rounding: 0.5
            }
        );
    }

    #[test]
    fn moving_back_keeps_distances() {
        let mut time = time(1000, 1.0);
        assert_eq!(time.rebase(), None);
        time.move_to(1 << 37, 1);
        let tag = time.entry() + 10.0;
        let shift = time.rebase().unwrap();
        assert_eq!(time.due(tag - shift, 1).end, (1 << 37) + 10);
    }
}
