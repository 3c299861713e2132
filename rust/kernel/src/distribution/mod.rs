//! Distributions of durations in nanoseconds, and their compiled samplers.

mod error;
mod laws;
mod moments;
mod sampler;
#[cfg(test)]
mod tests;

pub use error::DistributionError;
pub use laws::standard_gamma;
pub use sampler::Sampler;

use crate::portable::exp;
use laws::{Gamma, Pareto, Weibull};
use sampler::{Empirical, Kind, branches};
use serde::{Deserialize, Serialize};

/// How far weights may sum from 1.
const WEIGHT_TOLERANCE: f64 = 1e-9;
/// Least and greatest shape of a gamma, Weibull or Pareto distribution. Beyond them powers leave the range of numbers and
/// sample means no longer settle.
pub(crate) const SHAPE_MIN: f64 = 0.01;
pub(crate) const SHAPE_MAX: f64 = 1e6;

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
    /// Gamma; the coefficient of variation is 1 / sqrt(shape).
    Gamma {
        /// Mean.
        mean_ns: u64,
        /// Shape.
        shape: f64,
    },
    /// Weibull. Given by its mean, because the scale of a small shape is far below the mean and would round.
    Weibull {
        /// Mean: scale x gamma(1 + 1/shape).
        mean_ns: u64,
        /// Shape: below 1 heavier than an exponential, above 1 lighter.
        shape: f64,
    },
    /// Pareto between two bounds: the density falls as x^-(shape + 1).
    Pareto {
        /// Least value, above 0.
        low_ns: u64,
        /// Largest value.
        high_ns: u64,
        /// Shape, often called alpha.
        shape: f64,
    },
    /// One of a list of values.
    Empirical {
        /// Values.
        values_ns: Vec<u64>,
        /// Weight of each value, relative to their sum.
        weights: Vec<f64>,
    },
}

impl Distribution {
    /// Checks the parameters.
    ///
    /// # Errors
    /// The first [`DistributionError`] found.
    pub fn validate(&self) -> Result<(), DistributionError> {
        match *self {
            Self::Uniform { low_ns, high_ns } => validate_range(low_ns, high_ns),
            Self::Lognormal { sigma, .. } if !(sigma >= 0.0 && sigma.is_finite()) => {
                Err(DistributionError::Sigma { sigma })
            }
            Self::Erlang { stages: 0, .. } => Err(DistributionError::Stages),
            Self::Constant { .. }
            | Self::Exponential { .. }
            | Self::Lognormal { .. }
            | Self::Erlang { .. } => Ok(()),
            Self::Gamma { shape, .. } | Self::Weibull { shape, .. } => validate_shape(shape),
            Self::Pareto { low_ns: 0, .. } => Err(DistributionError::Low),
            Self::Pareto {
                low_ns,
                high_ns,
                shape,
            } => validate_range(low_ns, high_ns).and_then(|()| validate_shape(shape)),
            Self::Hyperexponential {
                ref means_ns,
                ref weights,
            } => {
                let sum = sum_of_weights(means_ns.len(), weights)?;
                if (sum - 1.0).abs() > WEIGHT_TOLERANCE {
                    return Err(DistributionError::WeightSum { sum });
                }
                Ok(())
            }
            Self::Empirical {
                ref values_ns,
                ref weights,
            } => {
                let sum = sum_of_weights(values_ns.len(), weights)?;
                if !(sum > 0.0 && sum.is_finite()) {
                    return Err(DistributionError::NoWeight { sum });
                }
                Ok(())
            }
        }
    }

    /// The mean in nanoseconds.
    pub fn mean_ns(&self) -> f64 {
        match self {
            Self::Constant { value_ns } => *value_ns as f64,
            Self::Uniform { low_ns, high_ns } => (*low_ns as f64 + *high_ns as f64) * 0.5,
            Self::Exponential { mean_ns }
            | Self::Erlang { mean_ns, .. }
            | Self::Gamma { mean_ns, .. }
            | Self::Weibull { mean_ns, .. } => *mean_ns as f64,
            Self::Lognormal { median_ns, sigma } => *median_ns as f64 * exp(0.5 * sigma * sigma),
            Self::Hyperexponential { means_ns, weights } => weighted_sum(means_ns, weights),
            Self::Pareto {
                low_ns,
                high_ns,
                shape,
            } => Pareto::new(*low_ns as f64, *high_ns as f64, *shape).mean(),
            Self::Empirical { values_ns, weights } => {
                weighted_sum(values_ns, weights) / weights.iter().sum::<f64>()
            }
        }
    }

    /// Prepares sampling.
    ///
    /// # Errors
    /// Those of [`Distribution::validate`].
    pub fn sampler(&self) -> Result<Sampler, DistributionError> {
        self.validate()?;
        Ok(Sampler::new(match self {
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
            Self::Gamma { mean_ns, shape } => Kind::Gamma(Gamma::new(*mean_ns as f64, *shape)),
            Self::Weibull { mean_ns, shape } => {
                Kind::Weibull(Weibull::new(*mean_ns as f64, *shape))
            }
            Self::Pareto {
                low_ns,
                high_ns,
                shape,
            } => Kind::Pareto(Pareto::new(*low_ns as f64, *high_ns as f64, *shape)),
            Self::Empirical { values_ns, weights } => {
                Kind::Empirical(Empirical::new(values_ns, weights))
            }
        }))
    }
}

fn validate_range(low_ns: u64, high_ns: u64) -> Result<(), DistributionError> {
    if low_ns > high_ns {
        return Err(DistributionError::Range { low_ns, high_ns });
    }
    Ok(())
}

fn validate_shape(shape: f64) -> Result<(), DistributionError> {
    if !(SHAPE_MIN..=SHAPE_MAX).contains(&shape) {
        return Err(DistributionError::Shape { shape });
    }
    Ok(())
}

fn sum_of_weights(branches: usize, weights: &[f64]) -> Result<f64, DistributionError> {
    if branches != weights.len() {
        return Err(DistributionError::Lengths {
            branches,
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
    Ok(weights.iter().sum())
}

fn weighted_sum(values: &[u64], weights: &[f64]) -> f64 {
    let products = values.iter().zip(weights);
    products.map(|(&value, weight)| value as f64 * weight).sum()
}
