//! Batches: several requests at one arrival instant.
//!
//! Counts are of requests, with and without batches. A Poisson process of batches has the rate of requests over the mean
//! size. Where the number of requests in a bin is exact, batches are drawn until they fill it, and the last is cut.

use super::Values;
use super::counts::rounded;
use crate::plan::{BatchPlan, PlanError};
use hookean_kernel::portable::ln;
use hookean_kernel::{Distribution, Mwc192, Sampler, SimTime, standard_exponential};

#[derive(Debug, Clone)]
enum Law {
    /// Sizes in place of durations.
    Listed(Sampler),
    /// Exponentials per request: the whole part of a unit exponential over this is geometric from 0 on.
    Geometric {
        exponentials: f64,
    },
    One,
}

/// Sizes of batches, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Sizes {
    law: Law,
    rng: Mwc192,
}

impl Sizes {
    pub(super) fn new(plan: &BatchPlan, rng: Mwc192) -> Result<Self, PlanError> {
        let listed = |law: Distribution| {
            let sampler = law.sampler().map(Law::Listed);
            sampler.map_err(|problem| {
                PlanError::invalid("workloads.source.batch", format!("is invalid: {problem}"))
            })
        };
        let law = match plan {
            BatchPlan::Fixed { size } => listed(Distribution::Constant { value_ns: *size })?,
            BatchPlan::Geometric { mean } if *mean > 1.0 => Law::Geometric {
                exponentials: -ln(1.0 - 1.0 / mean),
            },
            BatchPlan::Geometric { .. } => Law::One,
            BatchPlan::Measured { sizes, weights } => listed(Distribution::Empirical {
                values_ns: sizes.clone(),
                weights: weights.clone(),
            })?,
        };
        Ok(Self { law, rng })
    }

    fn draw(&mut self) -> u64 {
        match &self.law {
            Law::Listed(sampler) => sampler.sample(&mut self.rng),
            Law::Geometric { exponentials } => {
                1 + (standard_exponential(&mut self.rng) / exponentials) as u64
            }
            Law::One => 1,
        }
    }
}

/// Mean size of a batch.
pub(super) fn mean_size(plan: &BatchPlan) -> f64 {
    match plan {
        BatchPlan::Fixed { size } => *size as f64,
        BatchPlan::Geometric { mean } => *mean,
        BatchPlan::Measured { sizes, weights } => {
            let sum: f64 = weights.iter().sum();
            let weighted = sizes.iter().zip(weights).map(|(size, w)| *size as f64 * w);
            weighted.sum::<f64>() / sum
        }
    }
}

/// Bins whose numbers of requests are exact, and what is left to come in the present one.
#[derive(Debug, Clone)]
struct Quota {
    counts: Values<f64>,
    at: usize,
    left: u64,
}

/// The batches of a workload.
#[derive(Debug, Clone)]
pub(super) struct Batches {
    sizes: Sizes,
    quota: Option<Quota>,
    instant: SimTime,
    /// Requests of the present batch that are still to come.
    left: u64,
}

impl Batches {
    /// Batches of any size.
    pub(super) const fn new(sizes: Sizes) -> Self {
        Self {
            sizes,
            quota: None,
            instant: SimTime::ZERO,
            left: 0,
        }
    }

    /// Batches that fill bins exactly, and how many there are in each bin.
    pub(super) fn filling(sizes: Sizes, counts: Values<f64>) -> (Self, Values<f64>) {
        let mut ahead = sizes.clone();
        let batches = counts.iter().map(|count| {
            let (mut left, mut batches) = (rounded(*count), 0.0);
            while left > 0 {
                left -= ahead.draw().min(left);
                batches += 1.0;
            }
            batches
        });
        let batches = batches.collect();
        let quota = Some(Quota {
            counts,
            at: 0,
            left: 0,
        });
        let filling = Self {
            quota,
            ..Self::new(sizes)
        };
        (filling, batches)
    }

    /// Writes the times of the next requests; `next` writes that of a batch. Each says how many it wrote.
    pub(super) fn stamp<'a>(
        &mut self,
        places: impl Iterator<Item = &'a mut SimTime>,
        mut next: impl FnMut(&mut SimTime) -> usize,
    ) -> usize {
        let mut stamped = 0;
        for place in places {
            if self.left == 0 {
                if next(&mut self.instant) == 0 {
                    break;
                }
                self.left = self.next_size();
            }
            self.left -= 1;
            *place = self.instant;
            stamped += 1;
        }
        stamped
    }

    fn next_size(&mut self) -> u64 {
        let size = self.sizes.draw();
        let Some(quota) = &mut self.quota else {
            return size;
        };
        while quota.left == 0 && quota.at < quota.counts.len() {
            quota.left = rounded(quota.counts[quota.at]);
            quota.at += 1;
        }
        let size = size.min(quota.left);
        quota.left -= size;
        size
    }
}
