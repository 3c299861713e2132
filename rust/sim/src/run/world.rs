//! Everything a run holds, and the clock.

use super::event::Event;
use super::service::Service;
use crate::control::{self, Controller};
use crate::error::SimError;
use crate::metrics::{NextSample, Origin, Pipeline};
use crate::plan::{ControllerPlan, Plan, PlanError};
use crate::platform::{Platform, Startup};
use crate::record::{DecisionLog, SeriesLog};
use crate::station::{self, ReplicaId, Station};
use crate::workload::WorkloadArrays;
use hookean_kernel::{EventList, SimDuration, SimTime};
use rayon::prelude::*;
use std::collections::VecDeque;

/// A controller, its clock and what feeds it.
pub(super) struct Loop {
    pub(super) service: usize,
    pub(super) controller: Box<dyn Controller>,
    pub(super) pipeline: Pipeline,
    /// Whether other controllers decide at the same instants.
    pub(super) in_step: bool,
}

/// The state of a run.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) now: SimTime,
    pub(super) events: EventList<Event>,
    pub(super) stations: Vec<Box<dyn Station>>,
    pub(super) services: Vec<Service>,
    pub(super) loops: Vec<Loop>,
    pub(super) platform: Platform,
    /// Start-up of a node, by pool.
    pub(super) node_startup: Vec<Startup>,
    /// Start-up of a replica once its node is there, by service.
    pub(super) replica_startup: Vec<Startup>,
    /// Replicas that no node has room for, in order of creation.
    pub(super) waiting: VecDeque<(usize, ReplicaId)>,
    pub(super) series: SeriesLog,
    pub(super) decisions: DecisionLog,
    pool: Option<rayon::ThreadPool>,
    /// How far every station has advanced at least.
    advanced_to: SimTime,
}

impl World {
    pub(super) fn new(
        plan: Plan,
        arrays: &WorkloadArrays,
        threads: usize,
    ) -> Result<Self, SimError> {
        let stations = build_stations(&plan, arrays)?;
        let services = plan
            .services
            .iter()
            .map(|s| Service::new(SimTime::from_nanos(s.created_at_ns)))
            .collect();
        let platform = Platform::new(&plan.platform);
        let mut world = Self {
            now: SimTime::ZERO,
            events: EventList::new(),
            stations,
            services,
            loops: Vec::new(),
            node_startup: platform
                .pools()
                .iter()
                .map(|p| Startup::new(&p.startup))
                .collect::<Result<_, PlanError>>()?,
            replica_startup: plan
                .services
                .iter()
                .map(|s| Startup::new(&s.startup))
                .collect::<Result<_, PlanError>>()?,
            platform,
            waiting: VecDeque::new(),
            series: SeriesLog::new(plan.services.len()),
            decisions: DecisionLog::default(),
            pool: thread_pool(threads.min(plan.services.len()))?,
            advanced_to: SimTime::ZERO,
            plan,
        };
        world.schedule_beginnings()?;
        Ok(world)
    }

    fn schedule_beginnings(&mut self) -> Result<(), SimError> {
        for service in 0..self.plan.services.len() {
            let at = SimTime::from_nanos(self.plan.services[service].created_at_ns);
            self.schedule(at, Event::Create { service });
        }
        for controller in 0..self.plan.controllers.len() {
            self.add_loop(controller)?;
        }
        let step = self.plan.record.series_step_ns;
        self.schedule(SimTime::from_nanos(step), Event::Series);
        Ok(())
    }

    fn add_loop(&mut self, controller: usize) -> Result<(), PlanError> {
        let plan = &self.plan.controllers[controller];
        let first_tick = |plan: &ControllerPlan| {
            let created_at = SimTime::from_nanos(self.plan.services[plan.service].created_at_ns);
            created_at + SimDuration::from_nanos(plan.phase_ns)
        };
        let clock = |plan: &ControllerPlan| (first_tick(plan), plan.period_ns);
        let in_step = self
            .plan
            .controllers
            .iter()
            .filter(|other| clock(other) == clock(plan))
            .count()
            > 1;
        let service = &self.plan.services[plan.service];
        let built = control::build(plan)?;
        let origin = Origin {
            seed: self.plan.seed,
            service: &service.name,
            created_at: SimTime::from_nanos(service.created_at_ns),
        };
        let mut pipeline = Pipeline::new(plan, origin, &built.reads())?;
        let (tick, samples) = (first_tick(plan), pipeline.first_samples());
        self.loops.push(Loop {
            service: plan.service,
            controller: built,
            pipeline,
            in_step,
        });
        for NextSample { at, clock } in samples {
            self.schedule(at, Event::Sample { controller, clock });
        }
        self.schedule(tick, Event::Tick { controller });
        Ok(())
    }

    /// Puts an event on the list.
    pub(super) fn schedule(&mut self, at: SimTime, event: Event) {
        let (class, entity) = event.order();
        self.events.push(at, class, entity, event);
    }

    /// Advances every station to `until`.
    pub(super) fn advance_all(&mut self, until: SimTime) {
        if self.advanced_to >= until {
            return;
        }
        match &self.pool {
            Some(pool) => {
                pool.install(|| self.stations.par_iter_mut().for_each(|s| s.advance(until)));
            }
            None => self.stations.iter_mut().for_each(|s| s.advance(until)),
        }
        self.advanced_to = until;
    }

    /// Advances every station to the present instant if there are threads to do it in parallel. Without, each is advanced
    /// when it is looked at: the result is the same.
    pub(super) fn advance_together(&mut self) {
        if self.pool.is_some() {
            self.advance_all(self.now);
        }
    }

    /// Requests that have arrived so far, as far as stations have advanced.
    pub(super) fn requests_seen(&self) -> u64 {
        self.stations
            .iter()
            .map(|s| s.ledger().counts().arrivals)
            .sum()
    }
}

fn build_stations(plan: &Plan, arrays: &WorkloadArrays) -> Result<Vec<Box<dyn Station>>, SimError> {
    let build = |(index, service)| {
        let workload = plan.workloads.iter().find(|w| w.service == index);
        Ok(station::build(plan, service, workload, arrays)?)
    };
    plan.services.iter().enumerate().map(build).collect()
}

fn thread_pool(threads: usize) -> Result<Option<rayon::ThreadPool>, SimError> {
    if threads <= 1 {
        return Ok(None);
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map(Some).map_err(|e| SimError::Threads(e.to_string()))
}
