//! Controllers: each builds its observation from the metrics pipeline, lets `hookean_policy` decide, and says why.
//!
//! To add one: a file here, a row in [`CONTROLLERS`], and its decision in the policy crate. Most act on their period; those
//! that act on requests are [`reactive`]. Policies that are not part of the engine plug in at [`external`].

mod ec2_target_tracking;
pub mod external;
mod hpa;
mod on_demand;
pub mod reactive;
mod static_replicas;
mod thresholds;

use crate::metrics::{Origin, Pipeline, Reads, ReplicaSample};
use crate::plan::{ControllerPlan, PlanError, ServicePlan};
use crate::replica::{Replica, Replicas};
use crate::station::ReplicaId;
use hookean_kernel::SimTime;
use reactive::Reactive;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What a controller may look at.
pub struct View<'a> {
    /// The moment.
    pub now: SimTime,
    /// The service.
    pub service: &'a ServicePlan,
    /// CPU that its replicas request.
    pub cpu_millicores: u64,
    /// Replicas wanted so far.
    pub desired: u32,
    /// Replicas that exist and count towards that.
    pub wanted: u32,
    /// Replicas by state, those on their way out included.
    pub(crate) counts: StateCounts,
    /// Grows with every change of a replica: what was seen of them at an equal version still holds.
    pub version: u64,
    /// Every replica ever, by number.
    pub replicas: &'a Replicas,
    /// Numbers of those that exist, in order of creation.
    pub live: &'a [ReplicaId],
    /// Present readings of the running ones, for an immediate pipeline; none for others.
    pub samples: &'a [ReplicaSample],
    /// What has been measured.
    pub pipeline: &'a Pipeline,
}

impl View<'_> {
    /// Replicas that exist, those on their way out included, in order of creation.
    fn existing(&self) -> impl Iterator<Item = &Replica> {
        self.live.iter().filter_map(|id| self.replicas.open(*id))
    }
}

/// Replicas by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StateCounts {
    pub(crate) pending: u32,
    pub(crate) starting: u32,
    pub(crate) ready: u32,
    pub(crate) draining: u32,
}

/// What a controller wants, and why, if an account of it is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Replicas wanted from now on.
    pub desired: u32,
    /// Metric that decided.
    pub metric: Option<Arc<str>>,
    /// Its value.
    pub value: Option<f64>,
    /// Its target.
    pub target: Option<f64>,
}

/// Which accounts are wanted; a controller need not write what nobody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// This one.
    Always,
    /// Only if the decision changes the number of replicas.
    OfChange,
    /// None.
    Never,
}

impl Wanted {
    /// Whether the account of a decision is wanted.
    pub const fn takes(self, current: u32, desired: u32) -> bool {
        match self {
            Self::Always => true,
            Self::OfChange => current != desired,
            Self::Never => false,
        }
    }
}

/// Where a controller accounts for a decision: it appends to both.
#[derive(Debug)]
pub struct Account<'a> {
    /// Whether anybody may read it.
    pub wanted: Wanted,
    /// So many of a controller may be wanted; none when that is not known.
    pub expected: usize,
    /// Everything it saw, as a JSON object.
    pub inputs: &'a mut String,
    /// Why, in words.
    pub reason: &'a mut String,
}

/// Wanted accounts of decisions in a form of the controller's own: for one that decides very often, words are written only
/// when somebody asks for them.
pub trait Accounts: Send + Sync {
    /// Writes the `nth` of them.
    fn write(&self, nth: usize, inputs: &mut String, reason: &mut String);
}

/// A controller of one service.
pub trait Controller: Send {
    /// Decides, and accounts for it, unless it keeps the account.
    fn decide(&mut self, view: &View<'_>, account: &mut Account<'_>) -> Verdict;

    /// Another one with the same configuration, which has not decided yet, and shares what it can: there may be very many.
    /// `None` where it has to be built from its plan.
    fn twin(&self) -> Option<Box<dyn Controller>> {
        None
    }

    /// Hands over the accounts it has kept since it was last asked; `None` when it writes them when it decides.
    fn take_accounts(&mut self) -> Option<Box<dyn Accounts>> {
        None
    }

    /// Asks for what it points to before it decides, where it has not decided for long.
    fn bring_near(&self) {}

    /// What it reads of its pipeline.
    fn reads(&self) -> Reads;
}

/// What decides inside of the engine.
pub enum Native {
    /// On its period.
    Periodic(Box<dyn Controller>),
    /// When something happens.
    Reactive(Box<dyn Reactive>),
}

/// Builds a controller that acts when something happens, of a service, from its plan.
pub type BuildReactive = fn(&ControllerPlan, Origin<'_>) -> Result<Box<dyn Reactive>, String>;

/// Builds a controller from its plan.
pub enum Build {
    /// One that acts on its period.
    Periodic(fn(&ControllerPlan) -> Result<Box<dyn Controller>, String>),
    /// One that acts when something happens.
    Reactive(BuildReactive),
}

/// Every controller by its kind.
pub static CONTROLLERS: &[(&str, Build)] = &[
    (
        "ec2-target-tracking",
        Build::Periodic(ec2_target_tracking::build),
    ),
    ("hpa", Build::Periodic(hpa::build)),
    ("on-demand", Build::Reactive(on_demand::build)),
    ("static", Build::Periodic(static_replicas::build)),
    ("thresholds", Build::Reactive(thresholds::build)),
];

/// Whether a controller acts when something happens; one that is not known does not.
pub(crate) fn is_reactive(plan: &ControllerPlan) -> bool {
    let mut all = CONTROLLERS.iter();
    let entry = all.find(|(kind, _)| *kind == plan.kind);
    entry.is_some_and(|(_, build)| matches!(build, Build::Reactive(_)))
}

/// Builds the controller of a plan.
///
/// # Errors
/// [`PlanError`] for an unknown kind or a configuration that the policy refuses.
pub fn build(plan: &ControllerPlan, origin: Origin<'_>) -> Result<Native, PlanError> {
    let entry = CONTROLLERS.iter().find(|(kind, _)| *kind == plan.kind);
    let (_, build) = entry.ok_or_else(|| {
        PlanError::invalid(
            "controllers.kind",
            format!("is `{}`, which does not exist", plan.kind),
        )
    })?;
    let native = match build {
        Build::Periodic(make) => make(plan).map(Native::Periodic),
        Build::Reactive(make) => make(plan, origin).map(Native::Reactive),
    };
    native.map_err(|problem| PlanError::invalid(format!("controllers ({})", plan.kind), problem))
}

fn config<C: DeserializeOwned>(plan: &ControllerPlan) -> Result<C, String> {
    plan.config.read()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_controller_of_the_policy_crate_is_in_the_engine_and_no_other() {
        let here = super::CONTROLLERS.iter().map(|(kind, _)| *kind);
        let there = hookean_policy::CONTROLLERS.iter().map(|c| c.kind);
        assert!(here.eq(there), "the two tables differ");
    }
}
