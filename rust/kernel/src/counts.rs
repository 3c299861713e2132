//! Counts drawn at once: how many of many independent events happen.
//!
//! Small counts by inversion of the exact law. Large ones from a normal draw with the first term of the Cornish-Fisher
//! expansion, which has the right mean, variance and skewness: at the threshold its distribution function is off by less
//! than 0.002 (test), and less beyond.

use crate::normal::standard_normal;
use crate::portable::{exp, ln};
use crate::random::Mwc192;

/// From this mean (binomial: from this variance) on, counts are drawn from a normal.
const LARGE: f64 = 30.0;

/// Draws from the Poisson distribution.
pub fn poisson(mean: f64, rng: &mut Mwc192) -> u64 {
    debug_assert!(mean >= 0.0, "Invariant: a mean count is not negative");
    if mean >= LARGE {
        return large(mean, mean.sqrt(), 1.0, rng);
    }
    let mut left = rng.next_unit();
    let mut probability = exp(-mean);
    let mut count = 0_u32;
    // Beyond 200 nothing is left that a number of 53 bits can tell from 0.
    while left >= probability && count < 200 {
        left -= probability;
        count += 1;
        probability *= mean / f64::from(count);
    }
    u64::from(count)
}

/// Draws how many of `trials` independent events happen, each with probability `share`.
pub fn binomial(trials: u64, share: f64, rng: &mut Mwc192) -> u64 {
    debug_assert!((0.0..=1.0).contains(&share), "Invariant: a share is 0 to 1");
    if share > 0.5 {
        return trials - binomial(trials, 1.0 - share, rng);
    }
    let n = trials as f64;
    let variance = n * share * (1.0 - share);
    if variance >= LARGE {
        let skewness = (1.0 - 2.0 * share).max(0.0);
        return large(n * share, variance.sqrt(), skewness, rng).min(trials);
    }
    if share == 0.0 {
        return 0;
    }
    let odds = share / (1.0 - share);
    let mut left = rng.next_unit();
    let mut probability = exp(n * ln(1.0 - share));
    let mut count = 0;
    while left >= probability && count < trials {
        left -= probability;
        probability *= odds * (n - count as f64) / (count + 1) as f64;
        count += 1;
        if probability == 0.0 {
            break;
        }
    }
    count
}

/// The nearest count to a normal draw, corrected for skewness (`lean` is skewness times standard deviation).
fn large(mean: f64, deviation: f64, lean: f64, rng: &mut Mwc192) -> u64 {
    let z = standard_normal(rng);
    // `as` takes what is below 0 to 0.
    (mean + deviation * z + lean * (z * z - 1.0) / 6.0 + 0.5) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StreamKey;

    const DRAWS: u32 = 200_000;

    /// Mean and variance within 5 standard errors, and the distribution function within 0.004.
    fn agrees(law: &[f64], mut draw: impl FnMut(&mut Mwc192) -> u64) {
        let mut rng = StreamKey::new(1, "test", "counts", 0).generator();
        let mut seen = vec![0_u32; law.len()];
        for _ in 0..DRAWS {
            seen[draw(&mut rng) as usize] += 1;
        }
        let n = f64::from(DRAWS);
        let moment = |p: i32, of: &dyn Fn(usize) -> f64| {
            (0..law.len())
                .map(|k| of(k) * (k as f64).powi(p))
                .sum::<f64>()
        };
        let (exact, drawn) = (
            |p| moment(p, &|k| law[k]),
            |p| moment(p, &|k| f64::from(seen[k]) / n),
        );
        let variance = exact(2) - exact(1) * exact(1);
        assert!((drawn(1) - exact(1)).abs() < 5.0 * (variance / n).sqrt());
        let drawn_variance = drawn(2) - drawn(1) * drawn(1);
        assert!(
            (drawn_variance / variance - 1.0).abs() < 0.02,
            "{drawn_variance} for {variance}"
        );
        let (mut below, mut below_drawn) = (0.0, 0.0);
        for (k, seen) in seen.iter().enumerate() {
            below += law[k];
            below_drawn += f64::from(*seen) / n;
            assert!(
                (below - below_drawn).abs() < 0.004,
                "up to {k}: {below_drawn} for {below}"
            );
        }
    }

    fn poisson_law(mean: f64) -> Vec<f64> {
        let mut law = vec![(-mean).exp()];
        for k in 1..200 {
            law.push(law[k - 1] * mean / k as f64);
        }
        law
    }

    fn binomial_law(trials: u64, share: f64) -> Vec<f64> {
        let mut law = vec![(1.0 - share).powi(trials as i32)];
        for k in 0..trials as usize {
            let step = (trials as f64 - k as f64) / (k + 1) as f64;
            law.push(law[k] * step * share / (1.0 - share));
        }
        law
    }

    #[test]
    fn poisson_counts_have_their_law_on_both_sides_of_the_threshold() {
        for mean in [0.0, 0.3, 7.0, 29.9, 30.0, 80.0] {
            if mean > 0.0 {
                agrees(&poisson_law(mean), |rng| poisson(mean, rng));
            } else {
                let mut rng = StreamKey::new(1, "test", "counts", 0).generator();
                assert_eq!(poisson(mean, &mut rng), 0);
            }
        }
    }

    #[test]
    fn binomial_counts_have_their_law_and_stay_within_their_trials() {
        for (trials, share) in [(5, 0.5), (40, 0.1), (40, 0.9), (150, 0.4), (400, 0.2)] {
            agrees(&binomial_law(trials, share), |rng| {
                binomial(trials, share, rng)
            });
        }
        let mut rng = StreamKey::new(1, "test", "counts", 0).generator();
        assert_eq!(binomial(7, 1.0, &mut rng), 7);
        assert_eq!(binomial(7, 0.0, &mut rng), 0);
        assert_eq!(binomial(0, 0.4, &mut rng), 0);
    }
}
