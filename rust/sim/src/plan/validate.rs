//! Checks of a plan. Python has validated what the user wrote, so a failure here is a bug of hookean's own.

use super::{Discipline, EngineKind, Plan, PlatformPlan, PoolPlan, ServicePlan, WorkloadSource};
use thiserror::Error;

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
}

impl Plan {
    /// Reads and checks a plan.
    ///
    /// # Errors
    /// [`PlanError`] when the document is no plan, or names things that do not exist.
    pub fn from_json(document: &[u8]) -> Result<Self, PlanError> {
        let plan: Self =
            serde_json::from_slice(document).map_err(|e| PlanError::Unreadable(e.to_string()))?;
        plan.validate()?;
        Ok(plan)
    }

    fn validate(&self) -> Result<(), PlanError> {
        require(self.plan_version == 1, "plan_version", "is not 1")?;
        require(self.horizon_ns > 0, "horizon_ns", "is zero")?;
        require(
            self.record.series_step_ns > 0,
            "record.series_step_ns",
            "is zero",
        )?;
        require(!self.services.is_empty(), "services", "is empty")?;
        require(
            self.services.is_sorted_by(|a, b| a.name < b.name),
            "services",
            "is not sorted by name, or repeats one",
        )?;
        for (i, service) in self.services.iter().enumerate() {
            validate_service(service)
                .map_err(|(f, p)| PlanError::invalid(format!("services.{i}.{f}"), p))?;
        }
        require(
            self.workloads.is_sorted_by(|a, b| a.service < b.service),
            "workloads",
            "is not sorted by service, or repeats one",
        )?;
        for (i, workload) in self.workloads.iter().enumerate() {
            require(
                workload.service < self.services.len(),
                format!("workloads.{i}.service"),
                "does not exist",
            )?;
            if let WorkloadSource::Load { steps, .. } = &workload.source {
                let long_enough = steps.iter().map(|s| s.duration_ns).sum::<u64>() > 0;
                require(
                    long_enough,
                    format!("workloads.{i}.source.steps"),
                    "last no time",
                )?;
            }
        }
        for (i, controller) in self.controllers.iter().enumerate() {
            require(
                controller.service < self.services.len(),
                format!("controllers.{i}.service"),
                "does not exist",
            )?;
            require(
                controller.period_ns > 0,
                format!("controllers.{i}.period_ns"),
                "is zero",
            )?;
        }
        validate_platform(&self.platform)?;
        let fluid = self
            .workloads
            .iter()
            .any(|w| matches!(w.source, WorkloadSource::Load { .. }));
        require(
            !(fluid && self.engine == EngineKind::Reference),
            "engine",
            "is `reference`, which has no fluid loads",
        )
    }
}

fn require(holds: bool, field: impl Into<String>, problem: &str) -> Result<(), PlanError> {
    if holds {
        Ok(())
    } else {
        Err(PlanError::invalid(field, problem))
    }
}

fn validate_service(service: &ServicePlan) -> Result<(), (&'static str, String)> {
    if let Err(problem) = service.work.validate() {
        return Err(("work", format!("is invalid: {problem}")));
    }
    for stage in &service.startup {
        if let Err(problem) = stage.duration.validate() {
            return Err((
                "startup",
                format!("has an invalid stage `{}`: {problem}", stage.stage),
            ));
        }
    }
    if service.replica.cpu_millicores == 0 {
        return Err(("replica.cpu_millicores", "is zero".into()));
    }
    let sharing = service.queue.discipline == Discipline::ProcessorSharing;
    match service.replica.concurrency {
        Some(0) => Err(("replica.concurrency", "is zero".into())),
        None if !sharing => Err((
            "replica.concurrency",
            "is unbounded, which only processor sharing allows".into(),
        )),
        _ => Ok(()),
    }
}

fn validate_platform(platform: &PlatformPlan) -> Result<(), PlanError> {
    let (PlatformPlan::Fleet { pools, .. } | PlatformPlan::Cluster { pools, .. }) = platform;
    require(!pools.is_empty(), "platform.pools", "is empty")?;
    for (i, pool) in pools.iter().enumerate() {
        validate_pool(pool)
            .map_err(|(f, p)| PlanError::invalid(format!("platform.pools.{i}.{f}"), p))?;
    }
    Ok(())
}

fn validate_pool(pool: &PoolPlan) -> Result<(), (&'static str, &'static str)> {
    if !(pool.speed_ratio.is_finite() && pool.speed_ratio > 0.0) {
        return Err(("speed_ratio", "is not a positive number"));
    }
    if pool.billing.granularity_ns == 0 {
        return Err(("billing.granularity_ns", "is zero"));
    }
    if pool.allocatable_cpu_millicores > pool.cpu_millicores
        || pool.allocatable_memory_bytes > pool.memory_bytes
    {
        return Err(("allocatable", "exceeds the node's capacity"));
    }
    Ok(())
}
