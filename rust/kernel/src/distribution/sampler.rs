//! Distributions made ready to draw from.

use super::laws::{Gamma, Pareto, Weibull};
use crate::normal::standard_normal;
use crate::portable::{exp, nearest};
use crate::random::Mwc192;
use crate::ziggurat::standard_exponential;

/// Cumulative probability and mean of each branch; the last one takes the rounding of the sum.
pub(super) fn branches(means_ns: &[u64], weights: &[f64]) -> Box<[(f64, f64)]> {
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

/// Values of positive weight in the order of the list, and the sum of the weights up to each.
#[derive(Debug, Clone)]
pub(super) struct Empirical {
    values: Box<[u64]>,
    cumulative: Box<[f64]>,
    sum: f64,
}

impl Empirical {
    pub(super) fn new(values_ns: &[u64], weights: &[f64]) -> Self {
        let weighted = values_ns.iter().zip(weights);
        let (values, weights): (Vec<u64>, Vec<f64>) = weighted.filter(|(_, w)| **w > 0.0).unzip();
        let mut sum = 0.0;
        let running = |weight: &f64| {
            sum += weight;
            sum
        };
        let cumulative = weights.iter().map(running).collect();
        Self {
            values: values.into_boxed_slice(),
            cumulative,
            sum,
        }
    }

    fn sample(&self, rng: &mut Mwc192) -> u64 {
        let position = rng.next_unit() * self.sum;
        let index = self.cumulative.partition_point(|end| *end <= position);
        // The product may round up to the sum.
        self.values[index.min(self.values.len() - 1)]
    }
}

/// A [`Distribution`](super::Distribution) made ready to draw from.
#[derive(Debug, Clone)]
pub struct Sampler(Kind);

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Constant(u64),
    Uniform { low: u64, width: u128 },
    Exponential { mean: f64 },
    Lognormal { median: f64, sigma: f64 },
    Erlang { stage_mean: f64, stages: u32 },
    Hyperexponential(Box<[(f64, f64)]>),
    Gamma(Gamma),
    Weibull(Weibull),
    Pareto(Pareto),
    Empirical(Empirical),
}

impl Sampler {
    pub(super) const fn new(kind: Kind) -> Self {
        Self(kind)
    }

    /// Draws a duration in nanoseconds, rounded to the nearest.
    #[inline]
    pub fn sample(&self, rng: &mut Mwc192) -> u64 {
        match &self.0 {
            Kind::Exponential { mean } => nearest(standard_exponential(rng) * mean),
            other => other.sample(rng),
        }
    }

    /// Draws a duration for each place, in order.
    pub fn fill<'a>(&self, rng: &mut Mwc192, places: impl Iterator<Item = &'a mut u64>) {
        match &self.0 {
            Kind::Exponential { mean } => {
                // A copy of its own stays in registers.
                let mut own = rng.clone();
                for place in places {
                    *place = nearest(standard_exponential(&mut own) * mean);
                }
                *rng = own;
            }
            other => places.for_each(|place| *place = other.sample(rng)),
        }
    }
}

impl Kind {
    #[inline(never)]
    fn sample(&self, rng: &mut Mwc192) -> u64 {
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
            Self::Gamma(law) => nearest(law.sample(rng)),
            Self::Weibull(law) => nearest(law.sample(rng)),
            Self::Pareto(law) => nearest(law.sample(rng)),
            Self::Empirical(values) => values.sample(rng),
        }
    }
}

fn erlang(rng: &mut Mwc192, stage_mean: f64, stages: u32) -> u64 {
    let sum: f64 = (0..stages).map(|_| standard_exponential(rng)).sum();
    nearest(sum * stage_mean)
}

fn hyperexponential(rng: &mut Mwc192, branches: &[(f64, f64)]) -> u64 {
    let u = rng.next_unit();
    let x = standard_exponential(rng);
    branches
        .iter()
        .find(|(cumulative, _)| u < *cumulative)
        .map_or(0, |(_, mean)| nearest(x * mean))
}
