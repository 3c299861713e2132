//! Checks of calls between services.

use super::callers::{validate_deadline, validate_retry};
use super::{PlanError, each, is_fluid, require, require_at_most};
use crate::calls::{Numbering, POSITIONS_MAX, levels};
use crate::plan::{CallPlan, Fidelity, Plan, WaitPlan};

/// Most entries of one service.
const ENTRIES_MAX: usize = 64;
/// Most calls of one request to one service.
const COPIES_MAX: u64 = 1_000;

pub(super) fn validate(plan: &Plan) -> Result<(), PlanError> {
    let sorted = plan.calls.is_sorted_by(|a, b| a.service <= b.service);
    require(sorted, "calls", "is not sorted by service")?;
    each("calls", &plan.calls, |call| validate_call(plan, call))?;
    let mut by_service = plan.calls.chunk_by(|a, b| a.service == b.service);
    let few = by_service.all(|entries| entries.len() <= ENTRIES_MAX);
    require(few, "calls", "have more than 64 entries for one service")?;
    let acyclic = levels(&plan.calls, plan.services.len()).is_some();
    require(acyclic, "calls", "lead from a service back to itself")?;
    let positions = Numbering::of(plan);
    let problem =
        format!("give a service more than {POSITIONS_MAX} places in the calls of one request");
    require(positions.is_some(), "calls", &problem)
}

fn validate_call(plan: &Plan, call: &CallPlan) -> Result<(), PlanError> {
    for (service, field) in
        std::iter::once((call.service, "service")).chain(call.to.iter().map(|to| (*to, "to")))
    {
        let known = plan.services.get(service);
        require(known.is_some(), field, "does not exist")?;
        let exact = known.is_some_and(|known| known.fidelity == Fidelity::Exact);
        require(
            exact,
            field,
            "is simulated in bins, which have no single requests",
        )?;
        let fluid = plan
            .workloads
            .iter()
            .any(|w| w.service == service && is_fluid(w));
        require(!fluid, field, "has a fluid load, which has no requests")?;
    }
    require(!call.to.is_empty(), "to", "is empty")?;
    let ascending = call.to.is_sorted_by(|a, b| a < b);
    require(ascending, "to", "is not in ascending order, or repeats one")?;
    let probable = (0.0..=1.0).contains(&call.probability);
    require(probable, "probability", "is not between 0 and 1")?;
    require(call.copies > 0, "copies", "is zero")?;
    require_at_most(call.copies, COPIES_MAX, "copies")?;
    let idle = call.hold && call.wait_for == WaitPlan::Nothing;
    require(
        !idle,
        "wait_for",
        "is nothing, and a caller that is held waits",
    )?;
    if let WaitPlan::Some { count } = call.wait_for {
        let calls = call.to.len() as u64 * call.copies;
        let some = (1..=calls).contains(&count);
        require(
            some,
            "wait_for.count",
            &format!("is {count}, not 1 to {calls}"),
        )?;
    }
    let delay = call.delay.validate();
    delay.map_err(|problem| PlanError::invalid("delay", format!("is invalid: {problem}")))?;
    validate_deadline(call.deadline_ns)?;
    call.retry.as_ref().map_or(Ok(()), |retry| {
        validate_retry(retry).map_err(|e| e.inside("retry"))
    })
}
