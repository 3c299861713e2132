//! When faults strike and how long they last.

use crate::plan::{FaultPlan, FaultTimes, PlanError};
use hookean_kernel::{Sampler, SimDuration, StreamKey};

/// Whom a draw is for.
#[derive(Debug, Clone, Copy)]
pub struct Entity<'a> {
    /// Name that the numbers belong to: the service of a replica; empty for nodes.
    pub owner: &'a str,
    /// Number of the node or replica.
    pub number: u32,
    /// How many faults of this name it has had.
    pub nth: u32,
}

/// The draws of one fault.
#[derive(Debug)]
pub struct Clock {
    seed: u64,
    name: String,
    between: Option<Sampler>,
    duration: Option<Sampler>,
}

impl Clock {
    /// Compiles the distributions of a fault.
    ///
    /// # Errors
    /// [`PlanError`] for a distribution without meaning.
    pub fn new(seed: u64, plan: &FaultPlan) -> Result<Self, PlanError> {
        let invalid = |e: &dyn std::fmt::Display| {
            PlanError::invalid(format!("faults.{}", plan.name), format!("is invalid: {e}"))
        };
        let between = match &plan.times {
            FaultTimes::At { .. } => None,
            FaultTimes::Random { between } => Some(between),
        };
        let compile = |law: Option<&hookean_kernel::Distribution>| {
            law.map(hookean_kernel::Distribution::sampler)
                .transpose()
                .map_err(|e| invalid(&e))
        };
        Ok(Self {
            seed,
            name: plan.name.clone(),
            between: compile(between)?,
            duration: compile(plan.duration.as_ref())?,
        })
    }

    /// Time to the next fault; `None` when times are not random.
    pub fn between(&self, of: Entity<'_>) -> Option<SimDuration> {
        self.draw(self.between.as_ref(), "between", of)
    }

    /// How long a fault lasts; `None` is for good.
    pub fn duration(&self, of: Entity<'_>) -> Option<SimDuration> {
        self.draw(self.duration.as_ref(), "duration", of)
    }

    /// Position of a target among `count`.
    pub fn choose(&self, count: usize) -> usize {
        let mut rng = StreamKey::new(self.seed, &self.name, "target", 0).generator();
        ((rng.next_unit() * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// At least a nanosecond, so that time goes on.
    fn draw(&self, law: Option<&Sampler>, what: &str, of: Entity<'_>) -> Option<SimDuration> {
        let purpose = format!("fault.{}.{what}.{}", self.name, of.owner);
        let ordinal = u64::from(of.number) << 32 | u64::from(of.nth);
        let mut rng = StreamKey::new(self.seed, &self.name, &purpose, ordinal).generator();
        law.map(|law| SimDuration::from_nanos(law.sample(&mut rng).max(1)))
    }
}
