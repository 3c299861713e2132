//! Time as the policies see it: integer nanoseconds from an origin the caller chooses.
//!
//! Both types are signed, because a controller asks about moments before the origin (a pod that started before the run did).
//! Arithmetic saturates at the ends of `i64` (292 years), so that the "zero time" of a recorded case cannot overflow.

use serde::{Deserialize, Serialize};

const NANOS_PER_SEC: i64 = 1_000_000_000;

/// A moment.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// A length of time.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span(i64);

impl Timestamp {
    /// The origin.
    pub const ZERO: Self = Self(0);

    /// The moment `nanos` after the origin.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The moment `secs` after the origin.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(NANOS_PER_SEC))
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The moment `span` later.
    #[must_use]
    pub const fn saturating_add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The moment `span` earlier.
    #[must_use]
    pub const fn saturating_sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// How long after `earlier` this moment is.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// A span of `secs` seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(NANOS_PER_SEC))
    }

    /// The span in nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let end = Timestamp::from_nanos(i64::MAX);
        let start = Timestamp::from_nanos(i64::MIN);
        assert_eq!(end.saturating_add(Span::from_secs(1)), end);
        assert_eq!(start.saturating_sub(Span::from_secs(1)), start);
        assert_eq!(end.since(start), Span::from_nanos(i64::MAX));
        assert_eq!(Timestamp::from_secs(i64::MAX), end);
    }

    #[test]
    fn seconds_are_a_thousand_million_nanoseconds() {
        assert_eq!(Timestamp::from_secs(-3).as_nanos(), -3_000_000_000);
        assert_eq!(
            Timestamp::from_secs(10).since(Timestamp::from_secs(4)),
            Span::from_secs(6)
        );
    }
}
