//! Cost: billed time is the time between purchase and return, rounded by the pool's rule.

use crate::plan::BillingPlan;
use hookean_kernel::SimDuration;

/// Nanoseconds in an hour.
const HOUR_NS: u128 = 3_600_000_000_000;

/// Billed time of an interval: at least the minimum, rounded up to the granularity.
pub fn billed(rule: &BillingPlan, used: SimDuration) -> SimDuration {
    let least = used.as_nanos().max(rule.minimum_ns);
    SimDuration::from_nanos(
        least
            .div_ceil(rule.granularity_ns)
            .saturating_mul(rule.granularity_ns),
    )
}

/// Price of billed time in nano-USD, to the nearest.
pub fn price_nanousd(rule: &BillingPlan, billed: SimDuration) -> u128 {
    (u128::from(billed.as_nanos()) * u128::from(rule.nanousd_per_hour) + HOUR_NS / 2) / HOUR_NS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the cost metric: six VMs at 0.10 USD/h.
    const LIVES_S: [u64; 6] = [3600, 5400, 60, 3700, 3701, 10];

    fn total(granularity_s: u64, minimum_s: u64) -> (u64, u128) {
        let s = 1_000_000_000;
        let rule = BillingPlan {
            nanousd_per_hour: 100_000_000,
            granularity_ns: granularity_s * s,
            minimum_ns: minimum_s * s,
        };
        let lives = LIVES_S.map(|life| billed(&rule, SimDuration::from_nanos(life * s)));
        let seconds = lives.iter().map(|b| b.as_nanos() / s).sum();
        (
            seconds,
            lives.iter().map(|b| price_nanousd(&rule, *b)).sum(),
        )
    }

    #[test]
    fn rounding_rules_give_the_worked_totals() {
        assert_eq!(total(3600, 0), (32_400, 900_000_000));
        assert_eq!(total(60, 0), (16_560, 460_000_000));
        assert_eq!(total(1, 60).0, 16_521);
        assert_eq!(total(1, 0).0, 16_471);
    }
}
