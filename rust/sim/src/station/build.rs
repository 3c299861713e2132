//! Stations from plans.

use super::binned::{Binned, Laws, Parts};
use super::central::Central;
use super::fifo::Fifo;
use super::fluid::Fluid;
use super::reference::Reference;
use super::replicas::Replicas;
use super::settings::Settings;
use super::sharing::Sharing;
use super::{Ledger, Station};
use crate::plan::{
    Discipline, EngineKind, Fidelity, Plan, PlanError, ServicePlan, WorkloadPlan, WorkloadSource,
};

use crate::workload::{Arrivals, Callers, WorkloadArrays};
use hookean_kernel::Sampler;

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
    build_with(&mut Laws::default(), plan, service, workload, arrays)
}

/// The same, with tables of laws that the binned stations of a plan share.
///
/// # Errors
/// Those of [`build`].
pub(crate) fn build_with(
    laws: &mut Laws,
    plan: &Plan,
    service: &ServicePlan,
    workload: Option<&WorkloadPlan>,
    arrays: &WorkloadArrays,
) -> Result<Box<dyn Station>, PlanError> {
    if let Some(WorkloadPlan {
        start_ns,
        source: WorkloadSource::Load { steps, cycle },
        ..
    }) = workload
    {
        return Ok(Box::new(Fluid::new(
            steps,
            *cycle,
            *start_ns,
            ledger(plan, service),
        )));
    }
    if plan.engine == EngineKind::Reference {
        return Ok(Box::new(build_reference(plan, service, workload, arrays)?));
    }
    if let Fidelity::Binned { bin_ns } = service.fidelity {
        let parts = Parts {
            service,
            workload,
            arrays,
            seed: plan.seed,
            bin_ns,
            ledger: ledger(plan, service),
        };
        return Ok(Box::new(Binned::new(parts, laws)?));
    }
    let arrivals = arrivals(plan, service, workload, arrays)?;
    let settings = Settings::new(&service.queue, plan.seed, &service.name);
    let ledger = ledger(plan, service).with_callers(callers(plan, service, workload)?);
    let patient = settings.patience_ns < u64::MAX;
    Ok(match (service.queue.discipline, patient) {
        (Discipline::CentralFifo, _) => Box::new(Central::new(settings, arrivals, ledger)),
        (Discipline::Fifo, false) => {
            Box::new(Replicas::<Fifo<false>>::new(settings, arrivals, ledger))
        }
        (Discipline::Fifo, true) => {
            Box::new(Replicas::<Fifo<true>>::new(settings, arrivals, ledger))
        }
        (Discipline::ProcessorSharing, false) => {
            Box::new(Replicas::<Sharing<false>>::new(settings, arrivals, ledger))
        }
        (Discipline::ProcessorSharing, true) => {
            Box::new(Replicas::<Sharing<true>>::new(settings, arrivals, ledger))
        }
    })
}

/// Builds the reference engine's station, whatever the plan's engine; a fluid load brings no requests.
///
/// # Errors
/// Those of [`build`].
pub fn build_reference(
    plan: &Plan,
    service: &ServicePlan,
    workload: Option<&WorkloadPlan>,
    arrays: &WorkloadArrays,
) -> Result<Reference, PlanError> {
    let arrivals = arrivals(plan, service, workload, arrays)?;
    let ledger = ledger(plan, service).with_callers(callers(plan, service, workload)?);
    Ok(Reference::new(service, plan.seed, arrivals, ledger))
}

fn ledger(plan: &Plan, service: &ServicePlan) -> Ledger {
    Ledger::new(service.slo.map(|slo| slo.latency_ns), plan.record.requests)
}

fn arrivals(
    plan: &Plan,
    service: &ServicePlan,
    workload: Option<&WorkloadPlan>,
    arrays: &WorkloadArrays,
) -> Result<Arrivals, PlanError> {
    let work = work(service)?;
    workload.map_or_else(
        || Ok(Arrivals::none()),
        |workload| Arrivals::new(workload, arrays, plan.seed, &service.name, work),
    )
}

fn callers(
    plan: &Plan,
    service: &ServicePlan,
    workload: Option<&WorkloadPlan>,
) -> Result<Option<Box<Callers>>, PlanError> {
    let work = work(service)?;
    workload.map_or(Ok(None), |workload| {
        Callers::new(workload, plan.seed, &service.name, &work)
    })
}

fn work(service: &ServicePlan) -> Result<Sampler, PlanError> {
    let invalid = |problem| PlanError::invalid("services.work", format!("is invalid: {problem}"));
    service.work.sampler().map_err(invalid)
}
