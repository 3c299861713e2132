//! Stations from plans.

use super::binned::{Binned, Laws, Parts};
use super::central::Central;
use super::fluid::Fluid;
use super::orders::{ByLevel, FirstCome, LastCome, Line};
use super::reference::Reference;
use super::replicas::{Queue, Replicas};
use super::routing::Streams;
use super::settings::Settings;
use super::sharing::Sharing;
use super::slotted::Slotted;
use super::{Ledger, Station};
use crate::plan::{
    Discipline, EngineKind, Fidelity, Plan, PlanError, ServicePlan, WorkloadPlan, WorkloadSource,
};
use crate::workload::{Arrivals, Callers, Classes, WorkloadArrays};
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
    let patient = service.queue.total_timeout_ns.is_some();
    let parts = Exact {
        settings: settings(plan, service),
        arrivals: arrivals(plan, service, workload, arrays)?,
        ledger: ledger(plan, service).with_callers(callers(plan, service, workload)?),
    };
    Ok(match service.queue.discipline {
        Discipline::CentralFifo => parts.central::<FirstCome>(),
        Discipline::CentralLifo => parts.central::<LastCome>(),
        Discipline::CentralPriority => parts.central::<ByLevel>(),
        Discipline::Fifo => parts.slotted::<FirstCome>(patient),
        Discipline::Lifo => parts.slotted::<LastCome>(patient),
        Discipline::Priority => parts.slotted::<ByLevel>(patient),
        Discipline::ProcessorSharing if patient => parts.replicas::<Sharing<true>>(),
        Discipline::ProcessorSharing => parts.replicas::<Sharing<false>>(),
    })
}

/// What a station of single requests is built of.
struct Exact {
    settings: Settings,
    arrivals: Arrivals,
    ledger: Ledger,
}

impl Exact {
    fn central<L: Line + 'static>(self) -> Box<dyn Station> {
        Box::new(Central::<L>::new(self.settings, self.arrivals, self.ledger))
    }

    fn slotted<L: Line + 'static>(self, patient: bool) -> Box<dyn Station> {
        if patient {
            self.replicas::<Slotted<L, true>>()
        } else {
            self.replicas::<Slotted<L, false>>()
        }
    }

    fn replicas<Q: Queue + 'static>(self) -> Box<dyn Station> {
        Box::new(Replicas::<Q>::new(
            self.settings,
            self.arrivals,
            self.ledger,
        ))
    }
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
    let settings = settings(plan, service);
    Ok(Reference::new(service, settings, arrivals, ledger))
}

fn classes(plan: &Plan, service: &ServicePlan) -> Classes {
    Classes::new(&service.classes, plan.seed, &service.name)
}

fn settings(plan: &Plan, service: &ServicePlan) -> Settings {
    let streams = Streams::new(plan.seed, &service.name);
    Settings::new(&service.queue, classes(plan, service), streams)
}

fn ledger(plan: &Plan, service: &ServicePlan) -> Ledger {
    let objective = service.slo.map(|slo| slo.latency_ns);
    Ledger::new(objective, plan.record.requests).by_class(classes(plan, service))
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
        |workload| {
            let arrivals = Arrivals::new(workload, arrays, plan.seed, &service.name, work)?;
            Ok(arrivals.of_classes(&classes(plan, service)))
        },
    )
}

fn callers(
    plan: &Plan,
    service: &ServicePlan,
    workload: Option<&WorkloadPlan>,
) -> Result<Option<Box<Callers>>, PlanError> {
    let work = work(service)?;
    workload.map_or(Ok(None), |workload| {
        let callers = Callers::new(workload, plan.seed, &service.name, &work)?;
        Ok(callers.map(|of| Box::new(of.of_classes(&classes(plan, service)))))
    })
}

fn work(service: &ServicePlan) -> Result<Sampler, PlanError> {
    let invalid = |problem| PlanError::invalid("services.work", format!("is invalid: {problem}"));
    service.work.sampler().map_err(invalid)
}
