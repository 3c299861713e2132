//! Checks of batches, retries and clients.

use super::{PlanError, require, require_at_most, require_positive, require_time};
use crate::plan::{
    BackoffPlan, BatchPlan, BudgetPlan, ClientsPlan, RetryPlan, WorkloadPlan, WorkloadSource,
};

/// Most attempts of one request.
const ATTEMPTS_MAX: u64 = 100;
/// Most clients; each takes memory.
const CLIENTS_MAX: u64 = 100_000_000;
/// Most requests that come at one instant.
const BATCH_MAX: u64 = 1_000_000_000;
/// Most retries that a first attempt may pay for, or that are free in a second.
const BUDGET_MAX: f64 = 1e9;

pub(super) fn validate(workload: &WorkloadPlan) -> Result<(), PlanError> {
    if let WorkloadSource::Counts {
        batch: Some(batch), ..
    } = &workload.source
    {
        validate_batch(batch).map_err(|e| e.inside("source.batch"))?;
    }
    if let Some(retry) = &workload.retry {
        validate_retry(retry).map_err(|e| e.inside("retry"))?;
    }
    validate_deadline(workload.deadline_ns)?;
    if let Some(clients) = &workload.clients {
        validate_clients(clients).map_err(|e| e.inside("clients"))?;
    }
    let fluid = matches!(workload.source, WorkloadSource::Load { .. });
    let callers = workload.retry.is_some() || workload.clients.is_some();
    let callers = callers || workload.deadline_ns.is_some();
    require(
        !(fluid && callers),
        "source",
        "is a load, which nobody sends",
    )?;
    let nobody = matches!(workload.source, WorkloadSource::Clients) && workload.clients.is_none();
    require(!nobody, "clients", "are missing")
}

/// A request that ends as it comes could never be served.
pub(super) fn validate_deadline(deadline_ns: Option<u64>) -> Result<(), PlanError> {
    let Some(deadline_ns) = deadline_ns else {
        return Ok(());
    };
    require(deadline_ns > 0, "deadline_ns", "is zero")?;
    require_time(deadline_ns, "deadline_ns")
}

fn validate_batch(batch: &BatchPlan) -> Result<(), PlanError> {
    match batch {
        BatchPlan::Fixed { size } => {
            require(*size > 0, "size", "is zero")?;
            require_at_most(*size, BATCH_MAX, "size")
        }
        BatchPlan::Geometric { mean } => {
            let drawable = (1.0..=BATCH_MAX as f64).contains(mean);
            require(
                drawable,
                "mean",
                &format!("is {mean}, not 1 to {BATCH_MAX}"),
            )
        }
        BatchPlan::Measured { sizes, weights } => {
            require(!sizes.is_empty(), "sizes", "is empty")?;
            let paired = sizes.len() == weights.len();
            require(paired, "weights", "are not as many as the sizes")?;
            for size in sizes {
                require(*size > 0, "sizes", "has a zero")?;
                require_at_most(*size, BATCH_MAX, "sizes")?;
            }
            let weighed = weights.iter().all(|w| *w >= 0.0 && w.is_finite());
            require(weighed, "weights", "has one that is no weight")?;
            require_positive(weights.iter().sum(), "weights")
        }
    }
}

pub(super) fn validate_retry(retry: &RetryPlan) -> Result<(), PlanError> {
    require(retry.attempts_max > 0, "attempts_max", "is zero")?;
    require_at_most(u64::from(retry.attempts_max), ATTEMPTS_MAX, "attempts_max")?;
    let BackoffPlan {
        initial_ns,
        factor,
        maximum_ns,
        ..
    } = retry.backoff;
    require_time(initial_ns, "backoff.initial_ns")?;
    require_time(maximum_ns, "backoff.maximum_ns")?;
    let grows = factor >= 1.0 && factor.is_finite();
    require(grows, "backoff.factor", &format!("is {factor}, below 1"))?;
    retry.budget.as_ref().map_or(Ok(()), validate_budget)
}

fn validate_budget(budget: &BudgetPlan) -> Result<(), PlanError> {
    for (value, field) in [
        (budget.ratio, "budget.ratio"),
        (budget.per_second_min, "budget.per_second_min"),
    ] {
        let within = (0.0..=BUDGET_MAX).contains(&value);
        require(within, field, &format!("is {value}, not 0 to {BUDGET_MAX}"))?;
    }
    let slots = budget.window_ns >= crate::workload::BUDGET_SLOTS;
    require(slots, "budget.window_ns", "is too short to be divided")?;
    require_time(budget.window_ns, "budget.window_ns")
}

fn validate_clients(clients: &ClientsPlan) -> Result<(), PlanError> {
    require(clients.count > 0, "count", "is zero")?;
    require_at_most(clients.count, CLIENTS_MAX, "count")?;
    let think = clients.think.validate();
    think.map_err(|problem| PlanError::invalid("think", format!("is invalid: {problem}")))
}
