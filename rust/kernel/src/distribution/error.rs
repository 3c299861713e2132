//! What can be wrong with a distribution.

use super::{SHAPE_MAX, SHAPE_MIN};
use thiserror::Error;

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
    /// Means or values and weights do not pair up.
    #[error("{branches} means or values but {weights} weights")]
    Lengths {
        /// Number of means or values.
        branches: usize,
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
    /// Nothing to choose from: no weight is positive, or their sum is not finite.
    #[error("the sum of the weights must be a positive number, not {sum}")]
    NoWeight {
        /// Their sum.
        sum: f64,
    },
    /// `shape` lies outside 0.01 to 1,000,000 or is not a number.
    #[error("shape must be a number from {SHAPE_MIN} to {SHAPE_MAX}, not {shape}")]
    Shape {
        /// The value.
        shape: f64,
    },
    /// A Pareto distribution from 0.
    #[error("the least value of a Pareto distribution must be above 0")]
    Low,
}
