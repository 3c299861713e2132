//! Requests that are booked a block at a time.

#![expect(
    clippy::inline_always,
    reason = "measured: without it the hot loop calls, and is a fifth slower"
)]

use super::{Ledger, fingerprint};
use crate::workload::{BLOCK, Outcome, Request};

/// What a block of requests adds to the books that were started one by one.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::station) struct Served {
    /// Requests that were started.
    pub(in crate::station) started: usize,
    /// Those of them that have completed; the others are in service.
    completed: usize,
    work_ns: u128,
    wait_sum_ns: u128,
    fingerprint: u128,
}

impl Served {
    /// Whether there is no room for another completion.
    pub(in crate::station) const fn is_full(&self) -> bool {
        self.completed == BLOCK
    }

    /// Adds the next request of a block.
    #[inline(always)]
    pub(in crate::station) fn start(&mut self, request: &Request, start: u64) {
        self.started += 1;
        self.work_ns += u128::from(request.work_ns);
        self.wait_sum_ns += u128::from(start - request.time.as_nanos());
    }

    /// Completes a request, and adds its latency to those of the block.
    #[inline(always)]
    pub(in crate::station) fn complete(
        &mut self,
        request: &Request,
        (start, end): (u64, u64),
        latencies: &mut [u64; BLOCK],
    ) {
        // Never more than a block: the remainder only spares a check.
        latencies[self.completed % BLOCK] = end - request.time.as_nanos();
        self.completed += 1;
        let hash = fingerprint(request, start, end, Outcome::Completed);
        self.fingerprint = self.fingerprint.wrapping_add(hash);
    }
}

impl Ledger {
    /// Whether requests may be told in blocks: nobody hears of single ones.
    pub(in crate::station) const fn takes_blocks(&self) -> bool {
        !self.keeps_log() && !self.has_callers()
    }

    /// Requests that were started or completed one by one. The same as telling each to [`Ledger::arrive`],
    /// [`Ledger::start`] and [`Ledger::complete`].
    pub(in crate::station) fn serve(&mut self, served: &Served, latencies: &[u64; BLOCK]) {
        debug_assert!(self.takes_blocks(), "Invariant: a log sees every request");
        self.counts.arrivals += served.started as u64;
        self.started += served.started as u64;
        self.work_ns += served.work_ns;
        self.wait_sum_ns += served.wait_sum_ns;
        self.fingerprint = self.fingerprint.wrapping_add(served.fingerprint);
        let latencies = &latencies[..served.completed];
        self.latency_sum_ns += sum(latencies);
        self.latency.record_all(latencies);
        if let Some(objective) = self.slo_ns {
            let good = latencies.iter().filter(|latency| **latency <= objective);
            self.slo_good += good.count() as u64;
        }
    }
}

/// The sum of a block's latencies, for several of them at a time unless some last for years.
fn sum(latencies: &[u64]) -> u128 {
    const LONG: u64 = u64::MAX / BLOCK as u64;
    if latencies.iter().fold(0, |bits, latency| bits | latency) <= LONG {
        latencies.iter().sum::<u64>().into()
    } else {
        latencies.iter().copied().map(u128::from).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_run_over() {
        assert_eq!(sum(&[]), 0);
        assert_eq!(sum(&[5; BLOCK]), 5 * BLOCK as u128);
        for long in [
            u64::MAX / BLOCK as u64,
            u64::MAX / BLOCK as u64 + 1,
            u64::MAX,
        ] {
            assert_eq!(sum(&[long; BLOCK]), u128::from(long) * BLOCK as u128);
        }
    }
}
