//! Stations from plans.

use super::central::Central;
use super::fifo::Fifo;
use super::fluid::Fluid;
use super::reference::Reference;
use super::replicas::Replicas;
use super::settings::Settings;
use super::sharing::Sharing;
use super::{Ledger, Station};
use crate::plan::{Discipline, EngineKind, Plan, PlanError, ServicePlan, WorkloadPlan, WorkloadSource};
use crate::workload::{Arrivals, WorkloadArrays};

/// Builds the station of a service with its workload, if it has one. It starts at time 0 without replicas.
///
/// # Errors
/// [`PlanError`] when the distribution of work or an array of the workload is invalid.
pub fn build(
    plan: &Plan,
    service: &ServicePlan,
    workload: Option<&WorkloadPlan>,
    arrays: &WorkloadArrays,
) -> Result<Box<dyn Station>, PlanError> {
    let ledger = Ledger::new(service.slo.map(|slo| slo.latency_ns), plan.record.requests);
    if let Some(WorkloadPlan { start_ns, source: WorkloadSource::Load { steps, cycle }, .. }) = workload {
        return Ok(Box::new(Fluid::new(steps, *cycle, *start_ns, ledger)));
    }
    let invalid = |problem| PlanError::invalid("services.work", format!("is invalid: {problem}"));
    let work = service.work.sampler().map_err(invalid)?;
    let arrivals = match workload {
        Some(workload) => Arrivals::new(workload, arrays, plan.seed, &service.name, work)?,
        None => Arrivals::none(),
    };
    let settings = Settings::new(&service.queue, plan.seed, &service.name);
    Ok(match (plan.engine, service.queue.discipline) {
        (EngineKind::Reference, _) => Box::new(Reference::new(service, plan.seed, arrivals, ledger)),
        (EngineKind::Lazy, Discipline::CentralFifo) => Box::new(Central::new(settings, arrivals, ledger)),
        (EngineKind::Lazy, Discipline::Fifo) => Box::new(Replicas::<Fifo>::new(settings, arrivals, ledger)),
        (EngineKind::Lazy, Discipline::ProcessorSharing) => Box::new(Replicas::<Sharing>::new(settings, arrivals, ledger)),
    })
}
