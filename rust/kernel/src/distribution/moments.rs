//! How much the values of a distribution scatter.

use super::Distribution;
use super::laws::Pareto;
use crate::portable::{exp, ln_gamma};

impl Distribution {
    /// The squared coefficient of variation: variance over squared mean; 0 where the mean is 0.
    pub fn squared_variation(&self) -> f64 {
        match self {
            Self::Constant { .. } => 0.0,
            Self::Exponential { .. } => 1.0,
            Self::Uniform { low_ns, high_ns } => {
                let values = (*high_ns - *low_ns) as f64 + 1.0;
                relative((values * values - 1.0) / 12.0, self.mean_ns())
            }
            Self::Lognormal { sigma, .. } => exp(sigma * sigma) - 1.0,
            Self::Erlang { stages, .. } => 1.0 / f64::from(*stages),
            Self::Gamma { shape, .. } => 1.0 / shape,
            Self::Weibull { shape, .. } => {
                exp(ln_gamma(1.0 + 2.0 / shape) - 2.0 * ln_gamma(1.0 + 1.0 / shape)) - 1.0
            }
            Self::Hyperexponential { means_ns, weights } => {
                let squares = means_ns.iter().map(|m| 2.0 * (*m as f64) * (*m as f64));
                self.relative_to_squares(weighted(squares, weights))
            }
            Self::Pareto {
                low_ns,
                high_ns,
                shape,
            } => {
                let law = Pareto::new(*low_ns as f64, *high_ns as f64, *shape);
                self.relative_to_squares(law.mean_square())
            }
            Self::Empirical { values_ns, weights } => {
                let squares = values_ns.iter().map(|v| *v as f64 * *v as f64);
                self.relative_to_squares(weighted(squares, weights))
            }
        }
    }

    fn relative_to_squares(&self, mean_square: f64) -> f64 {
        let mean = self.mean_ns();
        relative(mean_square - mean * mean, mean)
    }
}

fn relative(variance: f64, mean: f64) -> f64 {
    if mean > 0.0 {
        (variance / (mean * mean)).max(0.0)
    } else {
        0.0
    }
}

fn weighted(squares: impl Iterator<Item = f64>, weights: &[f64]) -> f64 {
    let sum: f64 = squares.zip(weights).map(|(square, w)| square * w).sum();
    sum / weights.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StreamKey;

    /// Against a million draws; the tolerance is five times the standard error that draws show.
    #[test]
    fn scatter_is_that_of_draws() {
        const MEAN: u64 = 1_000_000;
        let laws = [
            Distribution::Constant { value_ns: MEAN },
            Distribution::Uniform {
                low_ns: 3,
                high_ns: 2 * MEAN,
            },
            Distribution::Exponential { mean_ns: MEAN },
            Distribution::Lognormal {
                median_ns: MEAN,
                sigma: 0.7,
            },
            Distribution::Erlang {
                mean_ns: MEAN,
                stages: 3,
            },
            Distribution::Hyperexponential {
                means_ns: vec![MEAN, 5 * MEAN],
                weights: vec![0.75, 0.25],
            },
            Distribution::Gamma {
                mean_ns: MEAN,
                shape: 0.5,
            },
            Distribution::Weibull {
                mean_ns: MEAN,
                shape: 1.5,
            },
            Distribution::Pareto {
                low_ns: MEAN,
                high_ns: 30 * MEAN,
                shape: 1.3,
            },
            Distribution::Empirical {
                values_ns: vec![MEAN, 4 * MEAN],
                weights: vec![3.0, 1.0],
            },
        ];
        for law in laws {
            let sampler = law.sampler().unwrap();
            let mut rng = StreamKey::new(1, "test", "moments", 0).generator();
            let n = 1_000_000_u32;
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..n {
                let x = sampler.sample(&mut rng) as f64;
                sum += x;
                squares += x * x;
            }
            let mean = sum / f64::from(n);
            let drawn = squares / f64::from(n) / (mean * mean) - 1.0;
            let exact = law.squared_variation();
            assert!(
                (drawn - exact).abs() < 0.02 * exact.max(1e-6),
                "{law:?}: {exact}, drawn {drawn}"
            );
        }
    }
}
