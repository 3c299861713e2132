//! Arrival instants from counts per bin.

use super::Values;
use hookean_kernel::portable::nearest;
use hookean_kernel::{Mwc192, SimTime, standard_exponential};

/// Bins in time.
#[derive(Debug, Clone)]
pub(super) struct Bins {
    pub(super) counts: Values<f64>,
    pub(super) step_ns: u64,
    /// The present bin and its start.
    at: usize,
    start: u64,
}

/// The present bin while instants are put into it. A copy of its own stays in the registers of a loop.
#[derive(Debug, Clone, Copy)]
struct PresentBin {
    start: u64,
    /// The last nanosecond of the bin, from its start.
    last: f64,
    /// Of one unit, of which exponentials are made.
    unit_ns: f64,
}

impl PresentBin {
    /// The instant after so many units, always inside the bin.
    #[inline]
    fn instant(&self, units: f64) -> SimTime {
        let offset = units * self.unit_ns;
        let inside = if offset < self.last {
            offset
        } else {
            self.last
        };
        SimTime::from_nanos(self.start + nearest(inside))
    }
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

    /// The present bin, through which `units` are spread.
    fn present(&self, units: f64) -> PresentBin {
        let (step, last_ns) = (self.step_ns as f64, self.step_ns - 1);
        let last = last_ns as f64;
        // The nearest number to the last nanosecond of a very long bin may be its end.
        let last = if nearest(last) > last_ns {
            last.next_down()
        } else {
            last
        };
        PresentBin {
            start: self.start,
            last,
            unit_ns: step / units,
        }
    }
}

/// A Poisson process on a unit-rate clock: unit exponentials are used up by the integrated rate, so the draws stay
/// aligned when rates change, and an empty bin costs a comparison.
#[derive(Debug, Clone)]
pub(super) struct PoissonCounts {
    bins: Bins,
    rng: Mwc192,
    /// Expected arrivals of the bin and the part of them already used up.
    count: f64,
    used: f64,
    present: PresentBin,
    /// Counts that make one arrival.
    size: f64,
}

impl PoissonCounts {
    /// Arrivals at the rate of the counts over `size`, the mean number that comes at one instant.
    pub(super) fn new(bins: Bins, size: f64, rng: Mwc192) -> Self {
        let present = bins.present(0.0);
        let mut process = Self {
            bins,
            size,
            rng,
            count: 0.0,
            used: 0.0,
            present,
        };
        process.enter_bin();
        process
    }

    /// Writes the next instants; returns how many there were.
    pub(super) fn stamp<'a>(
        &mut self,
        mut places: impl ExactSizeIterator<Item = &'a mut SimTime>,
    ) -> usize {
        let wanted = places.len();
        // Copies stay in registers.
        let (mut rng, mut used) = (self.rng.clone(), self.used);
        let (mut count, mut bin) = (self.count, self.present);
        let mut missing = 0;
        while let Some(place) = places.next() {
            used += standard_exponential(&mut rng);
            if used >= count {
                self.used = used;
                if !self.find_bin() {
                    missing = places.len() + 1;
                    break;
                }
                (used, count, bin) = (self.used, self.count, self.present);
            }
            *place = bin.instant(used);
        }
        (self.rng, self.used) = (rng, used);
        wanted - missing
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
        self.present = self.bins.present(self.count);
    }
}

/// Exactly the rounded count in each bin, at the order statistics of uniform instants: partial sums of exponentials over
/// the sum of one more than there are arrivals. A cloned generator finds that sum first, so nothing is stored.
#[derive(Debug, Clone)]
pub(super) struct ExactCounts {
    bins: Bins,
    rng: Mwc192,
    /// The generator after the draws of the present bin.
    after: Mwc192,
    left: u64,
    sum: f64,
    present: PresentBin,
}

impl ExactCounts {
    pub(super) fn new(bins: Bins, rng: Mwc192) -> Self {
        let present = bins.present(0.0);
        let mut process = Self {
            bins,
            after: rng.clone(),
            rng,
            left: 0,
            sum: 0.0,
            present,
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
        let bin = self.present;
        for place in places.take(usize::try_from(left).unwrap_or(usize::MAX)) {
            sum += standard_exponential(&mut rng);
            *place = bin.instant(sum);
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
            self.present = self.bins.present(whole);
        }
    }
}

/// The nearest integer, halves upwards.
pub(super) fn rounded(count: f64) -> u64 {
    (count + 0.5) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also where neighbouring numbers are many nanoseconds apart.
    #[test]
    fn every_instant_lies_in_its_bin() {
        for step in [
            1,
            7,
            1_000,
            (1 << 53) + 1,
            (1 << 60) - 1,
            (1 << 60) + 1,
            1 << 61,
        ] {
            let bin = Bins::new(Values::from([1.0]), step, 5).present(1.0);
            let [first, last, beyond] =
                [0.0, 1.0_f64.next_down(), 1.5].map(|units| bin.instant(units).as_nanos());
            assert_eq!(first, 5, "{step}");
            assert!(
                last < 5 + step && beyond < 5 + step,
                "{step}: {last}, {beyond}"
            );
            assert!(5 + step - beyond <= 1 + (step >> 52), "{step}: {beyond}");
        }
    }
}
