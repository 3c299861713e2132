//! Whether and when a failed attempt is tried again.

use super::budget::Budget;
use crate::plan::{BackoffPlan, Jitter, RetryPlan};
use crate::workload::{Outcome, attempt_of};
use hookean_kernel::portable::nearest;
use hookean_kernel::{StreamKey, counter_draw};

/// The retry policy of a service's callers, and what is left of their budget.
#[derive(Debug, Clone)]
pub(super) struct Retry {
    plan: RetryPlan,
    budget: Option<Budget>,
    /// Jitter, by the index of the attempt that failed.
    jitter: StreamKey,
}

impl Retry {
    pub(super) fn new(plan: RetryPlan, seed: u64, name: &str) -> Self {
        Self {
            plan,
            budget: plan.budget.map(Budget::new),
            jitter: StreamKey::new(seed, name, "retry", 0),
        }
    }

    /// When the request of a failed attempt comes back, if it may.
    pub(super) fn comes_back(&self, index: u64, now: u64, outcome: Outcome) -> Option<u64> {
        let after = match outcome {
            Outcome::Completed | Outcome::Expired => false,
            Outcome::Rejected => self.plan.after_rejected,
            Outcome::TimedOut => self.plan.after_timed_out,
            Outcome::Lost => self.plan.after_lost,
            Outcome::Unanswered => self.plan.after_unanswered,
        };
        let tried = attempt_of(index) + 1;
        let again = after && tried < self.plan.attempts_max;
        again.then(|| now.saturating_add(self.delay(index, tried)))
    }

    /// The delay before retry number `nth`.
    fn delay(&self, index: u64, nth: u32) -> u64 {
        let delay = exponential(&self.plan.backoff, nth);
        let spread = |over: u64| {
            let draw = u128::from(counter_draw(self.jitter, index));
            ((draw * u128::from(over)) >> 64) as u64
        };
        match self.plan.backoff.jitter {
            Jitter::None => delay,
            Jitter::Full => spread(delay),
            Jitter::Equal => delay / 2 + spread(delay - delay / 2),
        }
    }

    /// A first attempt pays for retries.
    pub(super) fn pay_in(&mut self, now: u64) {
        if let Some(budget) = &mut self.budget {
            budget.pay_in(now);
        }
    }

    /// A retry is paid for; false when the budget is spent.
    pub(super) fn pay_out(&mut self, now: u64) -> bool {
        let budget = self.budget.as_mut();
        budget.is_none_or(|budget| budget.pay_out(now))
    }
}

/// `initial * factor^(nth - 1)`, at most the maximum.
fn exponential(plan: &BackoffPlan, nth: u32) -> u64 {
    let maximum = plan.maximum_ns as f64;
    let mut delay = plan.initial_ns as f64;
    for _ in 1..nth {
        delay = (delay * plan.factor).min(maximum);
    }
    nearest(delay).min(plan.maximum_ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::request::next_attempt;

    fn retry(jitter: Jitter) -> Retry {
        let plan = RetryPlan {
            after_rejected: true,
            after_timed_out: false,
            after_lost: true,
            after_unanswered: false,
            attempts_max: 4,
            backoff: BackoffPlan {
                initial_ns: 100,
                factor: 2.0,
                maximum_ns: 350,
                jitter,
            },
            budget: None,
        };
        Retry::new(plan, 1, "web")
    }

    #[test]
    fn delays_grow_to_the_maximum_and_attempts_are_counted() {
        let retry = retry(Jitter::None);
        let first = 7;
        let second = next_attempt(first);
        let third = next_attempt(second);
        let back = |index| retry.comes_back(index, 1000, Outcome::Rejected);
        assert_eq!(
            [first, second, third].map(back),
            [Some(1100), Some(1200), Some(1350)]
        );
        assert_eq!(back(next_attempt(third)), None);
    }

    #[test]
    fn only_the_chosen_failures_are_tried_again() {
        let retry = retry(Jitter::None);
        let back = |outcome| retry.comes_back(7, 0, outcome).is_some();
        assert!(back(Outcome::Lost));
        assert!(!back(Outcome::TimedOut));
        assert!(!back(Outcome::Unanswered));
    }

    #[test]
    fn jitter_spreads_over_all_or_the_upper_half_of_the_delay() {
        for (jitter, least) in [(Jitter::Full, 0), (Jitter::Equal, 50)] {
            let retry = retry(jitter);
            let delays: Vec<u64> = (0..10_000).map(|index| retry.delay(index, 1)).collect();
            assert_eq!(delays.iter().min(), Some(&least));
            assert_eq!(delays.iter().max(), Some(&99));
            let mean = delays.iter().sum::<u64>() as f64 / 10_000.0;
            // Uniform over w nanoseconds: five standard errors of w / sqrt(12 * 10,000).
            let width = (100 - least) as f64;
            let expected = f64::midpoint(least as f64, 99.0);
            assert!(
                (mean - expected).abs() < 5.0 * width / 120_000_f64.sqrt(),
                "{mean}"
            );
        }
    }
}
