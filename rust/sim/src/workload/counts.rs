//! Arrival instants from counts per bin.

use super::Values;
use hookean_kernel::portable::nearest;
use hookean_kernel::{SimTime, Xoshiro256PlusPlus, standard_exponential};

/// Bins in time.
#[derive(Debug, Clone)]
pub(super) struct Bins {
    pub(super) counts: Values<f64>,
    pub(super) step_ns: u64,
    /// The present bin and its start.
    at: usize,
    start: u64,
}

impl Bins {
    pub(super) fn new(counts: Values<f64>, step_ns: u64, start: u64) -> Self {
        Self {
            counts,
            step_ns,
            at: 0,
            start,
        }
    }

    fn count(&self) -> Option<f64> {
        self.counts.get(self.at).copied()
    }

    fn go_on(&mut self) {
        self.at += 1;
        self.start = self.start.saturating_add(self.step_ns);
    }

    /// The instant at `offset` nanoseconds of the present bin, always inside it.
    #[inline]
    fn instant(&self, offset: f64) -> SimTime {
        SimTime::from_nanos(self.start + nearest(offset).min(self.step_ns - 1))
    }
}

/// A Poisson process on a unit-rate clock: unit exponentials are used up by the integrated rate, so the draws stay
/// aligned when rates change, and an empty bin costs a comparison.
#[derive(Debug, Clone)]
pub(super) struct PoissonCounts {
    bins: Bins,
    rng: Xoshiro256PlusPlus,
    /// Expected arrivals of the bin and the part of them already used up.
    count: f64,
    used: f64,
    ns_per_arrival: f64,
    /// Counts that make one arrival.
    size: f64,
}

impl PoissonCounts {
    /// Arrivals at the rate of the counts over `size`, the mean number that comes at one instant.
    pub(super) fn new(bins: Bins, size: f64, rng: Xoshiro256PlusPlus) -> Self {
        let mut process = Self {
            bins,
            size,
            rng,
            count: 0.0,
            used: 0.0,
            ns_per_arrival: 0.0,
        };
        process.enter_bin();
        process
    }

    /// Writes the next instants; returns how many there were.
    pub(super) fn stamp<'a>(&mut self, places: impl Iterator<Item = &'a mut SimTime>) -> usize {
        // Copies stay in registers.
        let (mut rng, mut used) = (self.rng.clone(), self.used);
        let mut stamped = 0;
        for place in places {
            used += standard_exponential(&mut rng);
            if used >= self.count {
                self.used = used;
                if !self.find_bin() {
                    break;
                }
                used = self.used;
            }
            *place = self.bins.instant(used * self.ns_per_arrival);
            stamped += 1;
        }
        (self.rng, self.used) = (rng, used);
        stamped
    }

    /// Moves on to the bin in which the present exponential ends. Not part of the loop that calls it: what that holds in
    /// registers stays there.
    #[inline(never)]
    fn find_bin(&mut self) -> bool {
        while self.used >= self.count {
            if self.bins.count().is_none() {
                return false;
            }
            self.used -= self.count;
            self.bins.go_on();
            self.enter_bin();
        }
        true
    }

    fn enter_bin(&mut self) {
        self.count = self.bins.count().unwrap_or(0.0) / self.size;
        self.ns_per_arrival = self.bins.step_ns as f64 / self.count;
    }
}

/// Exactly the rounded count in each bin, at the order statistics of uniform instants: partial sums of exponentials over
/// the sum of one more than there are arrivals. A cloned generator finds that sum first, so nothing is stored.
#[derive(Debug, Clone)]
pub(super) struct ExactCounts {
    bins: Bins,
    rng: Xoshiro256PlusPlus,
    /// The generator after the draws of the present bin.
    after: Xoshiro256PlusPlus,
    left: u64,
    sum: f64,
    ns_per_unit: f64,
}

impl ExactCounts {
    pub(super) fn new(bins: Bins, rng: Xoshiro256PlusPlus) -> Self {
        let mut process = Self {
            bins,
            after: rng.clone(),
            rng,
            left: 0,
            sum: 0.0,
            ns_per_unit: 0.0,
        };
        process.enter_bin();
        process
    }

    /// Writes the next instants; returns how many there were.
    pub(super) fn stamp<'a>(&mut self, mut places: impl Iterator<Item = &'a mut SimTime>) -> usize {
        let mut stamped = 0;
        loop {
            let before = self.left;
            self.stamp_bin(&mut places);
            stamped += (before - self.left) as usize;
            if self.left > 0 || self.bins.count().is_none() {
                return stamped;
            }
            self.bins.go_on();
            self.enter_bin();
        }
    }

    /// Writes what is left of the present bin, as far as there are places.
    #[inline]
    fn stamp_bin<'a>(&mut self, places: impl Iterator<Item = &'a mut SimTime>) {
        // Copies stay in registers.
        let (mut rng, mut sum, mut left) = (self.rng.clone(), self.sum, self.left);
        for place in places.take(usize::try_from(left).unwrap_or(usize::MAX)) {
            sum += standard_exponential(&mut rng);
            *place = self.bins.instant(sum * self.ns_per_unit);
            left -= 1;
        }
        (self.rng, self.sum, self.left) = (rng, sum, left);
    }

    fn enter_bin(&mut self) {
        self.rng = self.after.clone();
        self.sum = 0.0;
        self.left = self.bins.count().map_or(0, rounded);
        if self.left > 0 {
            let mut whole = 0.0;
            for _ in 0..=self.left {
                whole += standard_exponential(&mut self.after);
            }
            self.ns_per_unit = self.bins.step_ns as f64 / whole;
        }
    }
}

/// The nearest integer, halves upwards.
pub(super) fn rounded(count: f64) -> u64 {
    (count + 0.5) as u64
}
