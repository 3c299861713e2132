//! Distributions of durations in nanoseconds, and their compiled samplers.

use crate::normal::standard_normal;
use crate::portable::{exp, nearest};
use crate::random::Xoshiro256PlusPlus;
use crate::ziggurat::standard_exponential;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How far weights may sum from 1.
const WEIGHT_TOLERANCE: f64 = 1e-9;

/// A distribution of durations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "distribution", rename_all = "snake_case", deny_unknown_fields)]
pub enum Distribution {
    /// Always the same.
    Constant {
        /// The value.
        value_ns: u64,
    },
    /// Every nanosecond from `low_ns` to `high_ns`, both included, alike.
    Uniform {
        /// Least value.
        low_ns: u64,
        /// Largest value.
        high_ns: u64,
    },
    /// Exponential.
    Exponential {
        /// Mean.
        mean_ns: u64,
    },
    /// Lognormal.
    Lognormal {
        /// Median.
        median_ns: u64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// The sum of `stages` independent exponentials.
    Erlang {
        /// Mean of the sum.
        mean_ns: u64,
        /// Number of stages.
        stages: u32,
    },
    /// An exponential whose mean is chosen at random.
    Hyperexponential {
        /// Means.
        means_ns: Vec<u64>,
        /// Probability of each mean; they sum to 1.
        weights: Vec<f64>,
    },
}

/// What is wrong with a distribution.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum DistributionError {
    /// `sigma` is negative, infinite or not a number.
    #[error("sigma must be a number >= 0, not {sigma}")]
    Sigma {
        /// The value.
        sigma: f64,
    },
    /// The range is empty.
    #[error("low ({low_ns} ns) is larger than high ({high_ns} ns)")]
    Range {
        /// Least value.
        low_ns: u64,
        /// Largest value.
        high_ns: u64,
    },
    /// An Erlang distribution without stages.
    #[error("an Erlang distribution needs at least one stage")]
    Stages,
    /// Means and weights do not pair up.
    #[error("{means} means but {weights} weights")]
    Lengths {
        /// Number of means.
        means: usize,
        /// Number of weights.
        weights: usize,
    },
    /// A weight is negative, infinite or not a number.
    #[error("weight {index} must be a number >= 0, not {weight}")]
    Weight {
        /// Its position.
        index: usize,
        /// The value.
        weight: f64,
    },
    /// The weights do not sum to 1.
    #[error("weights sum to {sum}, not to 1")]
    WeightSum {
        /// Their sum.
        sum: f64,
    },
}

impl Distribution {
    /// Checks the parameters.
    ///
    /// # Errors
    /// The first [`DistributionError`] found.
    pub fn validate(&self) -> Result<(), DistributionError> {
        match self {
            &Self::Uniform { low_ns, high_ns } if low_ns > high_ns => {
                Err(DistributionError::Range { low_ns, high_ns })
            }
            &Self::Lognormal { sigma, .. } if !(sigma >= 0.0 && sigma.is_finite()) => {
                Err(DistributionError::Sigma { sigma })
            }
            Self::Erlang { stages: 0, .. } => Err(DistributionError::Stages),
            Self::Hyperexponential { means_ns, weights } => {
                validate_weights(means_ns.len(), weights)
            }
            Self::Constant { .. }
            | Self::Exponential { .. }
            | Self::Uniform { .. }
            | Self::Lognormal { .. }
            | Self::Erlang { .. } => Ok(()),
        }
    }

    /// The mean in nanoseconds.
    pub fn mean_ns(&self) -> f64 {
        match self {
            Self::Constant { value_ns } => *value_ns as f64,
            Self::Uniform { low_ns, high_ns } => (*low_ns as f64 + *high_ns as f64) * 0.5,
            Self::Exponential { mean_ns } | Self::Erlang { mean_ns, .. } => *mean_ns as f64,
            Self::Lognormal { median_ns, sigma } => *median_ns as f64 * exp(0.5 * sigma * sigma),
            Self::Hyperexponential { means_ns, weights } => means_ns
                .iter()
                .zip(weights)
                .map(|(&mean, weight)| mean as f64 * weight)
                .sum(),
        }
    }

    /// Prepares sampling.
    ///
    /// # Errors
    /// Those of [`Distribution::validate`].
    pub fn sampler(&self) -> Result<Sampler, DistributionError> {
        self.validate()?;
        Ok(Sampler(match self {
            Self::Constant { value_ns } => Kind::Constant(*value_ns),
            Self::Uniform { low_ns, high_ns } => Kind::Uniform {
                low: *low_ns,
                width: u128::from(high_ns - low_ns) + 1,
            },
            Self::Exponential { mean_ns } => Kind::Exponential {
                mean: *mean_ns as f64,
            },
            Self::Lognormal { median_ns, sigma } => Kind::Lognormal {
                median: *median_ns as f64,
                sigma: *sigma,
            },
            Self::Erlang { mean_ns, stages } => Kind::Erlang {
                stage_mean: *mean_ns as f64 / f64::from(*stages),
                stages: *stages,
            },
            Self::Hyperexponential { means_ns, weights } => {
                Kind::Hyperexponential(branches(means_ns, weights))
            }
        }))
    }
}

fn validate_weights(means: usize, weights: &[f64]) -> Result<(), DistributionError> {
    if means != weights.len() {
        return Err(DistributionError::Lengths {
            means,
            weights: weights.len(),
        });
    }
    if let Some((index, &weight)) = weights
        .iter()
        .enumerate()
        .find(|(_, w)| !(**w >= 0.0 && w.is_finite()))
    {
        return Err(DistributionError::Weight { index, weight });
    }
    let sum: f64 = weights.iter().sum();
    if (sum - 1.0).abs() > WEIGHT_TOLERANCE {
        return Err(DistributionError::WeightSum { sum });
    }
    Ok(())
}

/// Cumulative probability and mean of each branch; the last one takes the rounding of the sum.
fn branches(means_ns: &[u64], weights: &[f64]) -> Box<[(f64, f64)]> {
    let mut cumulative = 0.0;
    let mut branches: Vec<(f64, f64)> = Vec::with_capacity(weights.len());
    for (&mean, weight) in means_ns.iter().zip(weights) {
        cumulative += weight;
        branches.push((cumulative, mean as f64));
    }
    if let Some(last) = branches.last_mut() {
        last.0 = f64::INFINITY;
    }
    branches.into_boxed_slice()
}

/// A [`Distribution`] made ready to draw from.
#[derive(Debug, Clone)]
pub struct Sampler(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Constant(u64),
    Uniform { low: u64, width: u128 },
    Exponential { mean: f64 },
    Lognormal { median: f64, sigma: f64 },
    Erlang { stage_mean: f64, stages: u32 },
    Hyperexponential(Box<[(f64, f64)]>),
}

impl Sampler {
    /// Draws a duration in nanoseconds, rounded to the nearest.
    #[inline]
    pub fn sample(&self, rng: &mut Xoshiro256PlusPlus) -> u64 {
        match &self.0 {
            Kind::Exponential { mean } => nearest(standard_exponential(rng) * mean),
            other => other.sample(rng),
        }
    }
}

impl Kind {
    #[inline(never)]
    fn sample(&self, rng: &mut Xoshiro256PlusPlus) -> u64 {
        match self {
            Self::Exponential { mean } => nearest(standard_exponential(rng) * mean),
            Self::Constant(value) => *value,
            Self::Lognormal { median, sigma } => {
                nearest(exp(standard_normal(rng) * sigma) * median)
            }
            Self::Uniform { low, width } => {
                low + ((u128::from(rng.next_u64()) * width) >> 64) as u64
            }
            Self::Erlang { stage_mean, stages } => erlang(rng, *stage_mean, *stages),
            Self::Hyperexponential(branches) => hyperexponential(rng, branches),
        }
    }
}

fn erlang(rng: &mut Xoshiro256PlusPlus, stage_mean: f64, stages: u32) -> u64 {
    let sum: f64 = (0..stages).map(|_| standard_exponential(rng)).sum();
    nearest(sum * stage_mean)
}

fn hyperexponential(rng: &mut Xoshiro256PlusPlus, branches: &[(f64, f64)]) -> u64 {
    let u = rng.next_unit();
    let x = standard_exponential(rng);
    branches
        .iter()
        .find(|(cumulative, _)| u < *cumulative)
        .map_or(0, |(_, mean)| nearest(x * mean))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StreamKey;

    fn moments(distribution: &Distribution, n: u32) -> (f64, f64) {
        let sampler = distribution.sampler().unwrap();
        let mut rng = StreamKey::new(3, "test", "moments", 0).generator();
        let draws: Vec<f64> = (0..n).map(|_| sampler.sample(&mut rng) as f64).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(n);
        (mean, variance.sqrt() / mean)
    }

    /// Mean within 5 standard errors of the stated mean, coefficient of variation within 3 %.
    #[test]
    fn samples_have_the_stated_moments() {
        let ms = 1_000_000;
        let sigma = 0.8_f64;
        let lognormal_cv = ((sigma * sigma).exp() - 1.0_f64).sqrt();
        let cases = [
            (Distribution::Constant { value_ns: 7 }, 0.0),
            (
                Distribution::Uniform {
                    low_ns: 0,
                    high_ns: ms,
                },
                1.0 / 3.0_f64.sqrt(),
            ),
            (Distribution::Exponential { mean_ns: ms }, 1.0),
            (
                Distribution::Lognormal {
                    median_ns: ms,
                    sigma,
                },
                lognormal_cv,
            ),
            (
                Distribution::Erlang {
                    mean_ns: ms,
                    stages: 4,
                },
                0.5,
            ),
            (
                Distribution::Hyperexponential {
                    means_ns: vec![ms, 5 * ms],
                    weights: vec![0.75, 0.25],
                },
                2.5_f64.sqrt(),
            ),
        ];
        for (distribution, cv) in cases {
            let n = 100_000;
            let (mean, got_cv) = moments(&distribution, n);
            let error = (mean / distribution.mean_ns() - 1.0).abs();
            assert!(
                error <= 5.0 * cv / f64::from(n).sqrt(),
                "{distribution:?}: mean {mean}"
            );
            assert!(
                (got_cv - cv).abs() <= 0.03 * cv,
                "{distribution:?}: cv {got_cv}, expected {cv}"
            );
        }
    }

    #[test]
    fn uniform_reaches_both_ends() {
        let sampler = Distribution::Uniform {
            low_ns: 10,
            high_ns: 12,
        }
        .sampler()
        .unwrap();
        let mut rng = StreamKey::new(3, "test", "uniform", 0).generator();
        let mut seen = [0; 3];
        for _ in 0..1_000 {
            seen[(sampler.sample(&mut rng) - 10) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| n > 250), "{seen:?}");
        let whole = Distribution::Uniform {
            low_ns: 0,
            high_ns: u64::MAX,
        }
        .sampler()
        .unwrap();
        assert!(whole.sample(&mut rng) > 0);
    }

    #[test]
    fn bad_parameters_are_named() {
        let hyper = |means_ns: &[u64], weights: &[f64]| Distribution::Hyperexponential {
            means_ns: means_ns.to_vec(),
            weights: weights.to_vec(),
        };
        let lognormal = |sigma| Distribution::Lognormal {
            median_ns: 1,
            sigma,
        };
        assert_eq!(
            lognormal(-1.0).validate(),
            Err(DistributionError::Sigma { sigma: -1.0 })
        );
        assert!(matches!(
            lognormal(f64::NAN).validate(),
            Err(DistributionError::Sigma { .. })
        ));
        assert_eq!(
            Distribution::Uniform {
                low_ns: 2,
                high_ns: 1
            }
            .validate(),
            Err(DistributionError::Range {
                low_ns: 2,
                high_ns: 1
            })
        );
        assert_eq!(
            Distribution::Erlang {
                mean_ns: 1,
                stages: 0
            }
            .validate(),
            Err(DistributionError::Stages)
        );
        assert_eq!(
            hyper(&[1], &[0.5, 0.5]).validate(),
            Err(DistributionError::Lengths {
                means: 1,
                weights: 2
            })
        );
        assert_eq!(
            hyper(&[1, 2], &[0.5, 0.4]).validate(),
            Err(DistributionError::WeightSum { sum: 0.9 })
        );
        assert_eq!(
            hyper(&[1, 2], &[1.5, -0.5]).validate(),
            Err(DistributionError::Weight {
                index: 1,
                weight: -0.5
            })
        );
        assert!(matches!(
            hyper(&[], &[]).validate(),
            Err(DistributionError::WeightSum { .. })
        ));
    }

    #[test]
    fn documents_name_the_distribution_and_refuse_unknown_fields() {
        let text = r#"{"distribution":"lognormal","median_ns":40000000,"sigma":0.83}"#;
        let parsed: Distribution = serde_json::from_str(text).unwrap();
        assert_eq!(
            parsed,
            Distribution::Lognormal {
                median_ns: 40_000_000,
                sigma: 0.83
            }
        );
        assert_eq!(serde_json::to_string(&parsed).unwrap(), text);
        assert!(
            serde_json::from_str::<Distribution>(
                r#"{"distribution":"constant","value_ns":1,"x":2}"#
            )
            .is_err()
        );
    }
}
