//! Simulated time: integer nanoseconds, saturating at the ends of `u64` (584 years), never floating.

use std::fmt;
use std::ops::{Add, AddAssign};

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// An instant: nanoseconds since the scenario start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[must_use]
pub struct SimTime(u64);

/// A length of simulated time in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[must_use]
pub struct SimDuration(u64);

impl SimTime {
    /// The scenario start.
    pub const ZERO: Self = Self(0);
    /// The end of representable time; used for "never".
    pub const MAX: Self = Self(u64::MAX);

    /// Makes an instant from nanoseconds since the scenario start.
    #[inline]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the scenario start.
    #[inline]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the scenario start, for output.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// The instant `duration` later, `None` beyond the end of time.
    pub const fn checked_add(self, duration: SimDuration) -> Option<Self> {
        match self.0.checked_add(duration.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// The instant `duration` later, at most [`SimTime::MAX`].
    #[inline]
    pub const fn saturating_add(self, duration: SimDuration) -> Self {
        Self(self.0.saturating_add(duration.0))
    }

    /// The instant `duration` earlier, at least [`SimTime::ZERO`].
    pub const fn saturating_sub(self, duration: SimDuration) -> Self {
        Self(self.0.saturating_sub(duration.0))
    }

    /// Time since `earlier`, `None` when that is later than `self`.
    pub const fn checked_since(self, earlier: Self) -> Option<SimDuration> {
        match self.0.checked_sub(earlier.0) {
            Some(nanos) => Some(SimDuration(nanos)),
            None => None,
        }
    }

    /// Time since `earlier`, zero when that is later than `self`.
    pub const fn saturating_since(self, earlier: Self) -> SimDuration {
        SimDuration(self.0.saturating_sub(earlier.0))
    }
}

impl SimDuration {
    /// No time.
    pub const ZERO: Self = Self(0);
    /// The longest length.
    pub const MAX: Self = Self(u64::MAX);

    /// Makes a length from nanoseconds.
    #[inline]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Makes a length from milliseconds, at most [`SimDuration::MAX`].
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(NANOS_PER_SEC / 1_000))
    }

    /// Makes a length from seconds, at most [`SimDuration::MAX`].
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(NANOS_PER_SEC))
    }

    /// Nanoseconds.
    #[inline]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds, for output.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// The sum, `None` when it does not fit.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// The sum, at most [`SimDuration::MAX`].
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, at least zero.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The `factor`-fold, at most [`SimDuration::MAX`].
    pub const fn saturating_mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl Add<SimDuration> for SimTime {
    type Output = Self;

    /// Saturates at [`SimTime::MAX`], which means "never".
    #[inline]
    fn add(self, duration: SimDuration) -> Self {
        self.saturating_add(duration)
    }
}

impl AddAssign<SimDuration> for SimTime {
    #[inline]
    fn add_assign(&mut self, duration: SimDuration) {
        *self = *self + duration;
    }
}

impl Add for SimDuration {
    type Output = Self;

    /// Saturates at [`SimDuration::MAX`].
    #[inline]
    fn add(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

impl AddAssign for SimDuration {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

fn write_seconds(nanos: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (secs, rest) = (nanos / NANOS_PER_SEC, nanos % NANOS_PER_SEC);
    if rest == 0 {
        return write!(f, "{secs}s");
    }
    let digits = format!("{rest:09}");
    write!(f, "{secs}.{}s", digits.trim_end_matches('0'))
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_seconds(self.0, f)
    }
}

impl fmt::Debug for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_seconds(self.0, f)
    }
}

impl fmt::Display for SimDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_seconds(self.0, f)
    }
}

impl fmt::Debug for SimDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_seconds(self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_saturate_at_the_end_of_time() {
        assert_eq!(SimTime::MAX + SimDuration::from_secs(1), SimTime::MAX);
        assert_eq!(SimTime::MAX.checked_add(SimDuration::from_nanos(1)), None);
        assert_eq!(SimDuration::from_secs(u64::MAX), SimDuration::MAX);
    }

    #[test]
    fn differences_know_the_order() {
        let (early, late) = (SimTime::from_nanos(3), SimTime::from_nanos(10));
        assert_eq!(late.checked_since(early), Some(SimDuration::from_nanos(7)));
        assert_eq!(early.checked_since(late), None);
        assert_eq!(early.saturating_since(late), SimDuration::ZERO);
        assert_eq!(
            early.saturating_sub(SimDuration::from_secs(1)),
            SimTime::ZERO
        );
    }

    #[test]
    fn text_shows_seconds_without_rounding() {
        assert_eq!(
            SimTime::from_nanos(1_500_000_001).to_string(),
            "1.500000001s"
        );
        assert_eq!(SimDuration::from_millis(1_250).to_string(), "1.25s");
        assert_eq!(SimDuration::from_secs(60).to_string(), "60s");
    }
}
