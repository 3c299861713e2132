//! Stations from plans.

use super::binned::{Binned, Laws, Parts};
use super::central::Central;
use super::fluid::Fluid;
use super::limited::Limited;
use super::orders::{ByLevel, Dated, FirstCome, LastCome, Line};
use super::quota::Quota;
use super::reference::Reference;
use super::replicas::{Queue, Replicas};
use super::routing::Streams;
use super::settings::Settings;
use super::sharing::Sharing;
use super::slotted::Slotted;
use super::{Ledger, Station};
use crate::calls::Calls;
use crate::plan::{
    Discipline, EngineKind, Fidelity, Plan, PlanError, ServicePlan, WorkloadPlan, WorkloadSource,
};
use crate::workload::{Arrivals, Callers, Classes, Inbox, WorkloadArrays};
use hookean_kernel::{Sampler, StreamKey};

/// Builds the station of a service with its workload, if it has one. It starts at time 0 without replicas. It neither calls
/// other services nor is called by them.
///
/// # Errors
/// [`PlanError`] when the distribution of work or an array of the workload is invalid.
pub fn build(
    plan: &Plan,
    service: &ServicePlan,
    workload: Option<&WorkloadPlan>,
    arrays: &WorkloadArrays,
) -> Result<Box<dyn Station>, PlanError> {
    Site::alone(plan, service, workload, arrays).build(&mut Laws::default())
}

/// A service and what a plan says about its station.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) service: &'a ServicePlan,
    pub(crate) workload: Option<&'a WorkloadPlan>,
    pub(crate) arrays: &'a WorkloadArrays,
    /// Its calls, if services call each other.
    pub(crate) calls: Option<Calls<'a>>,
}

impl<'a> Site<'a> {
    /// A service that neither calls others nor is called.
    const fn alone(
        plan: &'a Plan,
        service: &'a ServicePlan,
        workload: Option<&'a WorkloadPlan>,
        arrays: &'a WorkloadArrays,
    ) -> Self {
        Self {
            plan,
            service,
            workload,
            arrays,
            calls: None,
        }
    }

    /// Builds the station, with tables of laws that the binned stations of a plan share.
    ///
    /// # Errors
    /// Those of [`build`].
    pub(crate) fn build(self, laws: &mut Laws) -> Result<Box<dyn Station>, PlanError> {
        if let Some(WorkloadPlan {
            start_ns,
            source: WorkloadSource::Load { steps, cycle },
            ..
        }) = self.workload
        {
            let ledger = self.ledger()?;
            return Ok(Box::new(Fluid::new(steps, *cycle, *start_ns, ledger)));
        }
        let joined = self.calls.is_some_and(|calls| calls.joined);
        if joined || self.plan.engine == EngineKind::Reference {
            return Ok(Box::new(self.reference()?));
        }
        if let Fidelity::Binned { bin_ns } = self.service.fidelity {
            let parts = Parts {
                service: self.service,
                workload: self.workload,
                arrays: self.arrays,
                seed: self.plan.seed,
                bin_ns,
                ledger: self.ledger()?,
            };
            return Ok(Box::new(Binned::new(parts, laws)?));
        }
        let queue = &self.service.queue;
        let parts = Exact {
            settings: self.settings(),
            arrivals: self.arrivals()?,
            ledger: self.ledger()?.with_callers(self.callers()?),
        };
        let patient = queue.total_timeout_ns.is_some() || parts.ledger.is_dated();
        Ok(match queue.discipline {
            Discipline::CentralFifo => parts.central::<FirstCome>(),
            Discipline::CentralLifo => parts.central::<LastCome>(),
            Discipline::CentralPriority => parts.central::<ByLevel>(),
            Discipline::Fifo => parts.slotted::<FirstCome>(patient),
            Discipline::Lifo => parts.slotted::<LastCome>(patient),
            Discipline::Priority => parts.slotted::<ByLevel>(patient),
            Discipline::ProcessorSharing => parts.sharing(patient),
        })
    }

    fn reference(self) -> Result<Reference, PlanError> {
        let ledger = self.ledger()?.with_callers(self.callers()?);
        let (settings, arrivals) = (self.settings(), self.arrivals()?);
        let joined = self.calls.is_some_and(|calls| calls.joined);
        Ok(Reference::new(self.service, settings, arrivals, ledger).joined(joined))
    }

    fn classes(self) -> Classes {
        Classes::new(&self.service.classes, self.plan.seed, &self.service.name)
    }

    fn settings(self) -> Settings {
        let streams = Streams::new(self.plan.seed, &self.service.name);
        let quota = Quota::new(self.service, self.plan.seed);
        Settings::new(&self.service.queue, self.classes(), streams).limited_by(quota)
    }

    fn ledger(self) -> Result<Ledger, PlanError> {
        let objective = self.service.slo.map(|slo| slo.latency_ns);
        let ledger = Ledger::new(objective, self.plan.record.requests).by_class(self.classes());
        let outbox = self.calls.map(Calls::outbox).transpose()?;
        let positions = self.calls.map_or(0, Calls::positions);
        Ok(ledger.called_at(positions).calling(outbox.flatten()))
    }

    fn arrivals(self) -> Result<Arrivals, PlanError> {
        let own = match self.workload {
            None => Arrivals::none(),
            Some(workload) => {
                let (seed, name) = (self.plan.seed, &self.service.name);
                let own = Arrivals::new(workload, self.arrays, seed, name, self.work()?)?;
                own.of_classes(&self.classes())
            }
        };
        if !self.calls.is_some_and(Calls::is_called) {
            return Ok(own);
        }
        let key = StreamKey::new(self.plan.seed, &self.service.name, "call work", 0);
        Ok(Arrivals::merged(Inbox::new(
            own,
            self.work()?,
            key,
            self.classes(),
        )))
    }

    fn callers(self) -> Result<Option<Box<Callers>>, PlanError> {
        let called = self
            .calls
            .filter(|calls| calls.is_called())
            .map(Calls::called);
        let key = (self.plan.seed, self.service.name.as_str());
        let callers = Callers::new(self.workload, called, key, &self.work()?)?;
        Ok(callers.map(|of| Box::new(of.of_classes(&self.classes()))))
    }

    fn work(self) -> Result<Sampler, PlanError> {
        let invalid =
            |problem| PlanError::invalid("services.work", format!("is invalid: {problem}"));
        self.service.work.sampler().map_err(invalid)
    }
}

/// What a station of single requests is built of.
struct Exact {
    settings: Settings,
    arrivals: Arrivals,
    ledger: Ledger,
}

impl Exact {
    fn central<L: Line + 'static>(self) -> Box<dyn Station> {
        let (settings, arrivals, ledger) = (self.settings, self.arrivals, self.ledger);
        if ledger.is_dated() {
            Box::new(Central::<Dated<L>>::new(settings, arrivals, ledger))
        } else {
            Box::new(Central::<L>::new(settings, arrivals, ledger))
        }
    }

    fn slotted<L: Line + 'static>(self, patient: bool) -> Box<dyn Station> {
        if self.settings.quota.is_some() {
            self.replicas::<Limited<Slotted<Dated<L>, true>>>()
        } else if patient {
            self.replicas::<Slotted<Dated<L>, true>>()
        } else {
            self.replicas::<Slotted<L, false>>()
        }
    }

    fn sharing(self, patient: bool) -> Box<dyn Station> {
        if self.settings.quota.is_some() {
            self.replicas::<Limited<Sharing<Dated<FirstCome>, true>>>()
        } else if patient {
            self.replicas::<Sharing<Dated<FirstCome>, true>>()
        } else {
            self.replicas::<Sharing<FirstCome, false>>()
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
    Site::alone(plan, service, workload, arrays).reference()
}
