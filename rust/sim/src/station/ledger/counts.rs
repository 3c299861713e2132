//! Counts of requests by what has become of them.

/// Cumulative counts of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Arrived.
    pub arrivals: u64,
    /// Served to the end.
    pub completed: u64,
    /// Turned away because the queue was full.
    pub rejected: u64,
    /// Gave up.
    pub timed_out: u64,
    /// Their deadline was over.
    pub expired: u64,
    /// Lost with a replica that was killed.
    pub lost: u64,
    /// Their work was done, but too many of the calls failed that they were held for.
    pub unanswered: u64,
    /// Arrivals that are not the first attempt of their request.
    pub retries: u64,
    /// Retries that the budget did not allow.
    pub retries_denied: u64,
    /// Requests that failed for good: their last attempt was not completed.
    pub given_up: u64,
}

impl Counts {
    fn zip(self, other: Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            arrivals: with(self.arrivals, other.arrivals),
            completed: with(self.completed, other.completed),
            rejected: with(self.rejected, other.rejected),
            timed_out: with(self.timed_out, other.timed_out),
            expired: with(self.expired, other.expired),
            lost: with(self.lost, other.lost),
            unanswered: with(self.unanswered, other.unanswered),
            retries: with(self.retries, other.retries),
            retries_denied: with(self.retries_denied, other.retries_denied),
            given_up: with(self.given_up, other.given_up),
        }
    }

    /// What was counted after `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        self.zip(before, |now, then| now - then)
    }

    /// The sum of two counts.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    /// Attempts that have ended, in whatever way.
    pub fn ended(self) -> u64 {
        self.completed + self.failed()
    }

    /// Attempts that have ended without being completed.
    pub(super) fn failed(self) -> u64 {
        self.rejected + self.timed_out + self.expired + self.lost + self.unanswered
    }
}
