//! Time-weighted means of integer quantities, integrated over integer time.

use crate::SimTime;

/// Integrates a piecewise-constant quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeWeightedMean {
    start: SimTime,
    since: SimTime,
    value: u64,
    integral: u128,
}

impl TimeWeightedMean {
    /// Starts at `start` with `value`.
    pub const fn new(start: SimTime, value: u64) -> Self {
        Self {
            start,
            since: start,
            value,
            integral: 0,
        }
    }

    /// Changes the value at `now`, which must not be before the last change.
    #[inline]
    pub fn set(&mut self, now: SimTime, value: u64) {
        debug_assert!(now >= self.since, "Invariant: time does not go back");
        self.integral += self.span(now);
        self.since = now;
        self.value = value;
    }

    /// The present value.
    pub const fn value(&self) -> u64 {
        self.value
    }

    /// Integral up to `now`, in value x nanoseconds.
    pub fn integral(&self, now: SimTime) -> u128 {
        self.integral + self.span(now)
    }

    /// Mean from the start to `now`; `None` when no time has passed.
    pub fn mean(&self, now: SimTime) -> Option<f64> {
        let elapsed = now.saturating_since(self.start).as_nanos();
        (elapsed > 0).then(|| self.integral(now) as f64 / elapsed as f64)
    }

    fn span(&self, now: SimTime) -> u128 {
        u128::from(self.value) * u128::from(now.saturating_since(self.since).as_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_values_by_time() {
        let mut mean = TimeWeightedMean::new(SimTime::from_nanos(10), 2);
        mean.set(SimTime::from_nanos(20), 5);
        assert_eq!(mean.integral(SimTime::from_nanos(30)), 70);
        assert_eq!(mean.mean(SimTime::from_nanos(30)), Some(3.5));
        assert_eq!(mean.mean(SimTime::from_nanos(10)), None);
    }

    #[test]
    fn a_year_of_the_largest_value_does_not_overflow() {
        let mean = TimeWeightedMean::new(SimTime::ZERO, u64::MAX);
        assert_eq!(
            mean.integral(SimTime::MAX),
            u128::from(u64::MAX) * u128::from(u64::MAX)
        );
    }
}
