//! Requests and their numbers.

use hookean_kernel::SimTime;

/// Bits of a number below those of the attempt. Routing numbers its draws above both.
const ATTEMPT_SHIFT: u32 = 48;
const NUMBER: u64 = (1 << ATTEMPT_SHIFT) - 1;
/// Marks the requests of clients in a closed loop: their numbers have nothing to do with those of open arrivals.
pub(crate) const OF_CLIENT: u64 = 1 << (ATTEMPT_SHIFT - 1);
/// Marks calls from other services: their numbers tell which request set them off, and by which way.
pub(crate) const OF_CALL: u64 = 1 << (ATTEMPT_SHIFT - 2);

/// One attempt of a request: what a station serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Its number in the workload, counting those that thinning drops, and above it the attempt, from 0: no two attempts
    /// have the same.
    pub index: u64,
    /// When it arrives.
    pub time: SimTime,
    /// CPU time it needs on one full core.
    pub work_ns: u64,
}

impl Request {
    /// The attempts before this one.
    #[inline]
    pub const fn attempt(&self) -> u32 {
        attempt_of(self.index)
    }
}

/// The attempts before the one with this index.
#[inline]
pub(crate) const fn attempt_of(index: u64) -> u32 {
    (index >> ATTEMPT_SHIFT) as u32
}

/// The number of the request, the same for all its attempts.
#[inline]
pub(crate) const fn number_of(index: u64) -> u64 {
    index & NUMBER
}

/// The index of the next attempt of the same request.
pub(super) const fn next_attempt(index: u64) -> u64 {
    index + (1 << ATTEMPT_SHIFT)
}

/// Whether it is the first attempt of an open arrival: those come in order of their index.
#[inline]
pub(crate) const fn is_in_sequence(index: u64) -> bool {
    index < OF_CALL
}

/// How an attempt ended. Digests know outcomes by their place here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Served to the end.
    Completed,
    /// Turned away because the queue was full.
    Rejected,
    /// Gave up.
    TimedOut,
    /// Lost with a replica that was killed.
    Lost,
    /// Its work was done, but too many of the calls have failed that it was held for.
    Unanswered,
    /// Its deadline was over.
    Expired,
}
