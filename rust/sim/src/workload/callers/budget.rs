//! The retry budget: a token bucket whose deposits and withdrawals expire.
//!
//! Follows Finagle's `RetryBudget` (K. Oliver, "Retry Budgets", 2016, finagle.github.io), which Linkerd and tower's
//! `TpsBudget` took over: each first attempt deposits `ratio`, each retry takes 1, both count for a window (10 s there),
//! and a reserve of the least rate times the window is always there. The window is kept in ten slots, as in both.

use crate::plan::BudgetPlan;
use hookean_kernel::portable::nearest;

/// Slots of the window.
pub const SLOTS: u64 = 10;
/// What a retry takes: deposits are rounded to a millionth of it.
const RETRY: i128 = 1_000_000;

/// The bucket.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    deposit: i128,
    reserve: i128,
    slot_ns: u64,
    /// Deposits minus withdrawals by slot, the present one at `now % SLOTS`.
    slots: [i128; SLOTS as usize],
    /// Number of the present slot since time 0.
    now: u64,
}

impl Budget {
    pub(super) fn new(plan: BudgetPlan) -> Self {
        let tokens = |retries: f64| i128::from(nearest(retries * RETRY as f64));
        Self {
            deposit: tokens(plan.ratio),
            reserve: tokens(plan.per_second_min * (plan.window_ns as f64 / 1e9)),
            slot_ns: plan.window_ns / SLOTS,
            slots: [0; SLOTS as usize],
            now: 0,
        }
    }

    /// Moves on to the slot of `now`; slots that have left the window are empty.
    fn present(&mut self, now: u64) -> &mut i128 {
        let slot = now / self.slot_ns;
        for passed in (self.now + 1..=slot).take(SLOTS as usize) {
            self.slots[(passed % SLOTS) as usize] = 0;
        }
        self.now = slot;
        &mut self.slots[(slot % SLOTS) as usize]
    }

    /// A first attempt pays in.
    pub(super) fn pay_in(&mut self, now: u64) {
        let deposit = self.deposit;
        *self.present(now) += deposit;
    }

    /// A retry takes what it costs, if it is there.
    pub(super) fn pay_out(&mut self, now: u64) -> bool {
        self.present(now);
        let enough = self.slots.iter().sum::<i128>() + self.reserve >= RETRY;
        if enough {
            *self.present(now) -= RETRY;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn budget(ratio: f64, per_second_min: f64) -> Budget {
        Budget::new(BudgetPlan {
            ratio,
            per_second_min,
            window_ns: 10 * SECOND,
        })
    }

    #[test]
    fn five_first_attempts_pay_for_one_retry_at_a_fifth() {
        let mut budget = budget(0.2, 0.0);
        for _ in 0..4 {
            budget.pay_in(SECOND);
        }
        assert!(!budget.pay_out(SECOND));
        budget.pay_in(SECOND);
        assert!(budget.pay_out(SECOND));
        assert!(!budget.pay_out(SECOND));
    }

    #[test]
    fn the_floor_gives_its_rate_times_the_window_and_comes_back_as_withdrawals_expire() {
        let mut budget = budget(0.0, 0.3);
        assert!((0..3).all(|_| budget.pay_out(0)));
        assert!(!budget.pay_out(10 * SECOND - 1));
        assert!((0..3).all(|_| budget.pay_out(10 * SECOND)));
        assert!(!budget.pay_out(10 * SECOND));
    }

    #[test]
    fn deposits_expire_after_the_window() {
        let mut budget = budget(1.0, 0.0);
        budget.pay_in(0);
        budget.pay_in(SECOND);
        // The first slot has left the window, the second has not.
        assert!(budget.pay_out(10 * SECOND));
        assert!(!budget.pay_out(10 * SECOND));
        budget.pay_in(12 * SECOND);
        assert!(!budget.pay_out(500 * SECOND));
    }
}
