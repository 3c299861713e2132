//! Checks of a plan. Python has validated what the user wrote, so a failure here is a bug of hookean's own.
//!
//! Nothing that passes can overflow, loop for ever or panic later: sizes are bounded far above anything real.

mod binned;
mod callers;
mod calls;
mod fault;
mod platform;
mod service;

use super::{
    ControllerPlan, DecisionRecord, EngineKind, NodeControllerPlan, PipelinePlan, Plan,
    PlatformPlan, RequestLog, ResizePlan, WorkloadPlan, WorkloadSource,
};
use thiserror::Error;

/// Longest time a plan may name: 73 years. Sums of a few still fit the signed nanoseconds of the result tables.
const LONGEST_NS: u64 = i64::MAX as u64 / 4;

/// Why a plan is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The document is not the JSON of a plan.
    #[error("the plan is not readable: {0}")]
    Unreadable(String),
    /// A field holds a value the engine has no meaning for.
    #[error("the plan's `{field}` {problem}")]
    Invalid {
        /// Dotted path of the field.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl PlanError {
    pub(crate) fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            problem: problem.into(),
        }
    }

    /// The same problem, its field inside of `outer`.
    fn inside(self, outer: &str) -> Self {
        match self {
            Self::Invalid { field, problem } => Self::invalid(format!("{outer}.{field}"), problem),
            Self::Unreadable(_) => self,
        }
    }
}

impl Plan {
    /// Reads and checks a plan.
    ///
    /// # Errors
    /// [`PlanError`] when the document is no plan, names things that do not exist, or holds numbers without meaning.
    pub fn from_json(document: &[u8]) -> Result<Self, PlanError> {
        let mut plan: Self =
            serde_json::from_slice(document).map_err(|e| PlanError::Unreadable(e.to_string()))?;
        plan.validate()?;
        plan.shrink_to_fit();
        Ok(plan)
    }

    /// Gives back room that grew by doubling: it stays for the whole run, and there may be very many services.
    fn shrink_to_fit(&mut self) {
        self.services.shrink_to_fit();
        self.workloads.shrink_to_fit();
        self.controllers.shrink_to_fit();
    }

    fn validate(&self) -> Result<(), PlanError> {
        require(self.plan_version == 1, "plan_version", "is not 1")?;
        require(self.horizon_ns > 0, "horizon_ns", "is zero")?;
        require_time(self.horizon_ns, "horizon_ns")?;
        require(
            self.record.series_step_ns > 0,
            "record.series_step_ns",
            "is zero",
        )?;
        let sampled = self.record.requests != RequestLog::Sampled { one_in: 0 };
        require(sampled, "record.requests.one_in", "is zero")?;
        let sampled = self.record.decisions != DecisionRecord::Sampled { one_in: 0 };
        require(sampled, "record.decisions.one_in", "is zero")?;
        self.validate_order()?;
        each("services", &self.services, service::validate)?;
        each("workloads", &self.workloads, |w| self.validate_workload(w))?;
        each("controllers", &self.controllers, |c| {
            self.validate_controller(c)
        })?;
        each("node_controllers", &self.node_controllers, |c| {
            self.validate_node_controller(c)
        })?;
        let services = self.services.len();
        each("faults", &self.faults, |f| fault::validate(f, services))?;
        platform::validate(&self.platform, &self.services)?;
        let sorted = self.resizes.is_sorted_by_key(|of| of.at_ns);
        require(sorted, "resizes", "is not in order of time")?;
        each("resizes", &self.resizes, |r| self.validate_resize(r))?;
        binned::validate(self)?;
        calls::validate(self)?;
        let fluid = self.workloads.iter().any(is_fluid);
        let reference = self.engine == EngineKind::Reference;
        require(
            !(fluid && reference),
            "engine",
            "is `reference`, which has no fluid loads",
        )
    }

    fn validate_order(&self) -> Result<(), PlanError> {
        require(!self.services.is_empty(), "services", "is empty")?;
        let sorted = self.services.is_sorted_by(|a, b| a.name < b.name);
        require(sorted, "services", "is not sorted by name, or repeats one")?;
        let sorted = self.workloads.is_sorted_by(|a, b| a.service < b.service);
        require(
            sorted,
            "workloads",
            "is not sorted by service, or repeats one",
        )?;
        let sorted = self.controllers.is_sorted_by(|a, b| a.service <= b.service);
        require(sorted, "controllers", "is not sorted by service")?;
        let sorted = self.node_controllers.is_sorted_by(|a, b| a.pool < b.pool);
        require(
            sorted,
            "node_controllers",
            "is not sorted by pool, or repeats one",
        )?;
        let sorted = self.faults.is_sorted_by(|a, b| a.name < b.name);
        require(sorted, "faults", "is not sorted by name, or repeats one")
    }

    fn validate_workload(&self, workload: &WorkloadPlan) -> Result<(), PlanError> {
        require(
            workload.service < self.services.len(),
            "service",
            "does not exist",
        )?;
        require_time(workload.start_ns, "start_ns")?;
        if let WorkloadSource::Load { steps, .. } = &workload.source {
            let long_enough = steps.iter().any(|s| s.duration_ns > 0);
            require(long_enough, "source.steps", "last no time")?;
        }
        let limited = self.services[workload.service].replica.cpu_quota.is_some();
        require(
            !(limited && is_fluid(workload)),
            "source",
            "is a fluid load, which no CPU quota throttles",
        )?;
        callers::validate(workload)
    }

    fn validate_controller(&self, controller: &ControllerPlan) -> Result<(), PlanError> {
        require(
            controller.service < self.services.len(),
            "service",
            "does not exist",
        )?;
        require(controller.period_ns > 0, "period_ns", "is zero")?;
        validate_pipeline(controller.metrics).map_err(|e| e.inside("metrics"))
    }

    fn validate_resize(&self, resize: &ResizePlan) -> Result<(), PlanError> {
        let known = resize.service < self.services.len();
        require(known, "service", "does not exist")?;
        require_time(resize.at_ns, "at_ns")?;
        service::validate_cpu(resize.cpu_millicores)?;
        platform::validate_resize(&self.platform, resize.cpu_millicores)
    }

    fn validate_node_controller(&self, controller: &NodeControllerPlan) -> Result<(), PlanError> {
        let PlatformPlan::Cluster { pools, .. } = &self.platform else {
            let problem = "is of a fleet, whose nodes come and go with replicas";
            return Err(PlanError::invalid("pool", problem));
        };
        require(controller.pool < pools.len(), "pool", "does not exist")?;
        require(controller.period_ns > 0, "period_ns", "is zero")
    }
}

fn is_fluid(workload: &WorkloadPlan) -> bool {
    matches!(workload.source, WorkloadSource::Load { .. })
}

/// A clock that never moves on would stop time.
fn validate_pipeline(pipeline: PipelinePlan) -> Result<(), PlanError> {
    match pipeline {
        PipelinePlan::Ideal { .. } => Ok(()),
        PipelinePlan::Kubernetes {
            housekeeping_min_ns,
            housekeeping_max_ns,
            resolution_ns,
            adapter_period_ns,
            ..
        } => {
            require(housekeeping_min_ns > 0, "housekeeping_min_ns", "is zero")?;
            let ordered = housekeeping_min_ns <= housekeeping_max_ns;
            require(ordered, "housekeeping_max_ns", "is less than the least")?;
            require(resolution_ns > 0, "resolution_ns", "is zero")?;
            require(adapter_period_ns > 0, "adapter_period_ns", "is zero")
        }
        PipelinePlan::Cloudwatch { period_ns, .. } => {
            require(period_ns > 0, "period_ns", "is zero")
        }
    }
}

fn each<T>(
    list: &str,
    items: &[T],
    check: impl Fn(&T) -> Result<(), PlanError>,
) -> Result<(), PlanError> {
    let mut numbered = items.iter().enumerate();
    numbered.try_for_each(|(i, item)| check(item).map_err(|e| e.inside(&format!("{list}.{i}"))))
}

fn require(holds: bool, field: &str, problem: &str) -> Result<(), PlanError> {
    if holds {
        Ok(())
    } else {
        Err(PlanError::invalid(field, problem))
    }
}

fn require_time(nanos: u64, field: &str) -> Result<(), PlanError> {
    require(nanos <= LONGEST_NS, field, "is longer than 73 years")
}

fn require_at_most(value: u64, most: u64, field: &str) -> Result<(), PlanError> {
    require(value <= most, field, &format!("is {value}, beyond {most}"))
}

/// Refuses what is not a positive number, NaN included.
fn require_positive(value: f64, field: &str) -> Result<(), PlanError> {
    let positive = value.is_finite() && value > 0.0;
    require(
        positive,
        field,
        &format!("is {value}, not a positive number"),
    )
}
