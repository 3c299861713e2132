//! Zipf's law on 1 to n, drawn by rejection from an inverted integral: no table, the same cost for any n.
//!
//! Source: Hörmann and Derflinger, "Rejection-inversion to generate variates from monotone discrete distributions" (1996).

use crate::portable::{exp, exp_m1_ratio, ln, ln_1p_ratio};

/// The law P(k) proportional to k^-exponent, k from 1 to `count`.
#[derive(Debug, Clone, Copy)]
pub struct Zipf {
    count: u64,
    exponent: f64,
    /// The integral of x^-exponent at both ends of the draw.
    from: f64,
    to: f64,
    /// A draw this little above its rank is accepted without a look at the integral.
    margin: f64,
}

impl Zipf {
    /// Prepares draws; `count` is positive, `exponent` finite and positive.
    pub fn new(count: u64, exponent: f64) -> Self {
        debug_assert!(
            count > 0 && exponent > 0.0 && exponent.is_finite(),
            "Invariant: a law of Zipf has ranks and a positive exponent"
        );
        let mut zipf = Self {
            count,
            exponent,
            from: 0.0,
            to: 0.0,
            margin: 0.0,
        };
        zipf.from = zipf.integral(1.5) - 1.0;
        zipf.to = zipf.integral(count as f64 + 0.5);
        zipf.margin = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.height(2.0));
        zipf
    }

    /// Draws a rank; `unit` gives a number in [0, 1) for each attempt (fewer than two on average).
    pub fn sample(&self, mut unit: impl FnMut(u64) -> f64) -> u64 {
        let mut attempt = 0;
        loop {
            let area = self.to + unit(attempt) * (self.from - self.to);
            let x = self.inverse(area);
            let rank = ((x + 0.5) as u64).clamp(1, self.count);
            let k = rank as f64;
            if k - x <= self.margin || area >= self.integral(k + 0.5) - self.height(k) {
                return rank;
            }
            attempt += 1;
        }
    }

    fn height(&self, x: f64) -> f64 {
        exp(-self.exponent * ln(x))
    }

    /// The integral of t^-exponent from 1 to x: (x^(1 - exponent) - 1) / (1 - exponent), or ln(x).
    fn integral(&self, x: f64) -> f64 {
        let log = ln(x);
        exp_m1_ratio((1.0 - self.exponent) * log) * log
    }

    fn inverse(&self, area: f64) -> f64 {
        // Rounding may carry the product to -1, where the logarithm ends.
        let part = (area * (1.0 - self.exponent)).max(f64::EPSILON / 2.0 - 1.0);
        exp(ln_1p_ratio(part) * area)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StreamKey;

    /// Pearson's statistic over all ranks stays below the 99.9 % point of chi-square, by Wilson and Hilferty's cube.
    #[test]
    fn draws_follow_the_law() {
        let draws = 200_000;
        for (count, exponent) in [(1, 1.0), (2, 0.5), (50, 0.7), (50, 1.0), (30, 1.3)] {
            let zipf = Zipf::new(count, exponent);
            let mut rng = StreamKey::new(5, "test", "zipf", count).generator();
            let mut found = vec![0_u32; count as usize];
            for _ in 0..draws {
                found[zipf.sample(|_| rng.next_unit()) as usize - 1] += 1;
            }
            let weights: Vec<f64> = (1..=count).map(|k| (k as f64).powf(-exponent)).collect();
            let sum: f64 = weights.iter().sum();
            let expected = weights.iter().map(|w| w / sum * f64::from(draws));
            let distance = |(n, e): (&u32, f64)| (f64::from(*n) - e) * (f64::from(*n) - e) / e;
            let statistic: f64 = found.iter().zip(expected).map(distance).sum();
            let freedom = (count as f64 - 1.0).max(1.0);
            let cube = 1.0 - 2.0 / (9.0 * freedom) + 3.090 * (2.0 / (9.0 * freedom)).sqrt();
            let bound = freedom * cube.powi(3);
            assert!(
                statistic <= bound,
                "{count}, {exponent}: {statistic} > {bound}"
            );
        }
    }

    #[test]
    fn ends_of_the_parameters_are_drawable() {
        for (count, exponent) in [(1 << 40, 1e-9), (1 << 40, 1.0), (1 << 40, 20.0), (3, 20.0)] {
            let zipf = Zipf::new(count, exponent);
            let mut rng = StreamKey::new(5, "test", "zipf ends", count).generator();
            let draws = (0..1_000).map(|_| zipf.sample(|_| rng.next_unit()));
            assert!(draws.into_iter().all(|rank| (1..=count).contains(&rank)));
            assert!(zipf.sample(|_| 0.0) <= count);
        }
    }
}
