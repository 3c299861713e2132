//! Everything a run holds, and the clock.

use super::RunOptions;
use super::control_loop::{Clock, Decider, Due, Loop, Step, clock, clocks};
use super::drains::Drains;
use super::event::{Event, Reach};
use super::faults::Faults;
use super::graph::Graph;
use super::lane::{self, LaneStep};
use super::nodes::NodeLoop;
use super::outlet::Outlet;
use super::pulse;
use super::service::Service;
use super::threads::Threads;
use super::triggers::Armed;
use crate::calls::Calls;
use crate::control::external::{self, ExternalPolicies, Failure, Observer};
use crate::control::{self, Controller, Native};
use crate::error::SimError;
use crate::metrics::{NextSample, Origin, Pipeline};
use crate::plan::{
    ControllerPlan, Fidelity, Plan, PlanError, Settings, WorkloadPlan, WorkloadSource,
};
use crate::platform::{Platform, Startup};
use crate::record::{DecisionLog, ResizeRow, SeriesSteps};
use crate::station::{Laws, ReplicaId, Site, Station};
use crate::workload::WorkloadArrays;
use hookean_kernel::{EventList, SimDuration, SimTime, bring_near, bring_value_near};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;

/// The memory of so many services does not stay at hand.
const FAR: usize = 1000;
/// The next event is one of so many that come first, and the one after it one of [`SOON`].
const NEXT: usize = 3;
const SOON: usize = 7;

/// The state of a run.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) now: SimTime,
    pub(super) events: EventList<Event>,
    /// The next steps of loops that may run ahead.
    pub(super) lanes: EventList<LaneStep>,
    /// The last decision for which one of them is listed, though it looks before.
    pub(super) last_decision: SimTime,
    /// Services that the present event has given replicas to begin, while their loops were not listed.
    pub(super) given_beginnings: Vec<usize>,
    /// When events on the list concern more than one service.
    pub(super) meetings: BinaryHeap<Reverse<SimTime>>,
    /// When the next heartbeat is, unless an event comes first.
    pub(super) beat_at: SimTime,
    pub(super) stations: Vec<Box<dyn Station>>,
    pub(super) services: Vec<Service>,
    /// Those whose requests happen one by one.
    exact: Vec<usize>,
    pub(super) loops: Vec<Loop>,
    /// What says how many nodes a pool has.
    pub(super) node_loops: Vec<NodeLoop>,
    /// The external ones among the loops, those of one clock together.
    pub(super) batches: Vec<Vec<usize>>,
    batch_of: BTreeMap<Clock, usize>,
    pub(super) policies: Option<Box<dyn ExternalPolicies>>,
    /// Why the policies could not decide, or rows could not be handed over: the run ends.
    pub(super) failure: Option<Failure>,
    pub(super) platform: Platform,
    /// Start-up of a node, by pool.
    pub(super) node_startup: Vec<Startup>,
    /// Start-up of a replica once its node is there, by service.
    pub(super) replica_startup: Vec<Arc<Startup>>,
    /// Replicas that no node has room for, in order of creation.
    pub(super) waiting: VecDeque<(usize, ReplicaId)>,
    /// Replicas whose node has no room for them to be resized, in the order in which that was wanted.
    pub(super) deferred: Vec<(usize, ReplicaId)>,
    pub(super) resizes: Vec<ResizeRow>,
    pub(super) faults: Faults,
    pub(super) series: SeriesSteps,
    /// Where rows go while the run goes on, if they do.
    pub(super) outlet: Option<Outlet>,
    /// What waits for a trigger.
    pub(super) armed: Vec<Armed>,
    /// Which services call which, if any do.
    pub(super) graph: Option<Graph>,
    /// Draining replicas whose last requests wait for others.
    pub(super) drains: Drains,
    pub(super) threads: Threads,
    /// How far every station has advanced at least.
    advanced_to: SimTime,
    /// How far those of services that do not run ahead have.
    in_turn_advanced_to: SimTime,
    /// Whether loops may run ahead (see [`lane`]).
    is_open: bool,
    /// The longest stretch between two heartbeats.
    pub(super) longest_stretch: SimDuration,
    /// Steps of loops, and other events, so far.
    pub(super) steps: u64,
}

impl World {
    pub(super) fn new(
        mut plan: Plan,
        arrays: &WorkloadArrays,
        options: &mut RunOptions<'_>,
    ) -> Result<Self, SimError> {
        let graph = Graph::new(&plan)?;
        let stations = build_stations(&plan, arrays, graph.as_ref())?;
        let services = plan
            .services
            .iter()
            .map(|s| Service::new(&plan, s))
            .collect();
        let platform = Platform::new(&plan.platform);
        let mut world = Self {
            now: SimTime::ZERO,
            events: EventList::new(),
            lanes: EventList::new(),
            last_decision: SimTime::ZERO,
            given_beginnings: Vec::new(),
            meetings: BinaryHeap::new(),
            beat_at: SimTime::ZERO,
            stations,
            services,
            exact: exact(&plan),
            loops: Vec::with_capacity(plan.controllers.len()),
            node_loops: Vec::new(),
            batches: Vec::new(),
            batch_of: BTreeMap::new(),
            policies: options.policies.take(),
            failure: None,
            node_startup: platform
                .pools()
                .iter()
                .map(|p| Startup::new(&p.startup))
                .collect::<Result<_, PlanError>>()?,
            replica_startup: Startup::of_services(&mut plan.services)?,
            platform,
            waiting: VecDeque::new(),
            deferred: Vec::new(),
            resizes: Vec::new(),
            faults: Faults::new(&plan)?,
            series: SeriesSteps::default(),
            outlet: options.outlet.take(),
            armed: Vec::new(),
            graph,
            drains: Drains::default(),
            threads: Threads::new(options.threads.min(plan.services.len()))?,
            advanced_to: SimTime::ZERO,
            in_turn_advanced_to: SimTime::ZERO,
            is_open: !options.in_order && lane::is_open(&plan),
            longest_stretch: pulse::longest_stretch(&plan),
            steps: 0,
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
        let clocks = clocks(&self.plan);
        let mut loops_of = vec![0u32; self.plan.services.len()];
        self.plan
            .controllers
            .iter()
            .for_each(|controller| loops_of[controller.service] += 1);
        for controller in 0..self.plan.controllers.len() {
            let in_step = clocks[&self.clock(controller)] > 1;
            let sole = loops_of[self.plan.controllers[controller].service] == 1;
            self.add_loop(controller, in_step, sole)?;
            // What has been read is large when there are very many controllers; the next may be like the last.
            if let Some(last) = controller.checked_sub(1) {
                self.plan.controllers[last].config = Settings::default();
            }
        }
        self.add_node_loops()?;
        self.schedule_faults();
        self.schedule_resizes();
        let step = self.plan.record.series_step_ns;
        self.schedule(SimTime::from_nanos(step), Event::Series);
        Ok(())
    }

    /// First tick and period of a controller.
    fn clock(&self, controller: usize) -> Clock {
        clock(&self.plan, &self.plan.controllers[controller])
    }

    fn add_loop(&mut self, controller: usize, in_step: bool, sole: bool) -> Result<(), PlanError> {
        let plan = &self.plan.controllers[controller];
        let service = &self.plan.services[plan.service];
        let origin = Origin {
            seed: self.plan.seed,
            service: &service.name,
            created_at: SimTime::from_nanos(service.created_at_ns),
        };
        let decider = match self.twin_of_last(controller) {
            Some(twin) => Decider::Native(twin),
            None => self.decider(plan, origin)?,
        };
        let mut pipeline = Pipeline::new(plan, origin, &decider.reads(plan))?;
        let (tick, samples) = (self.clock(controller).0, pipeline.first_samples());
        let alone = self.is_open && sole && !matches!(decider, Decider::Reactive(_));
        self.loops.push(Loop {
            service: plan.service,
            period: SimDuration::from_nanos(plan.period_ns),
            decider,
            pipeline,
            log: DecisionLog::new(&self.plan, plan),
            in_step,
            alone,
            due: Due::default(),
            awake: false,
            wake: Some(tick),
        });
        if matches!(self.loops[controller].decider, Decider::Reactive(_)) {
            self.check_reactive(controller, sole)?;
        }
        if alone {
            let mut due = Due::default();
            for NextSample { at, clock } in samples {
                due.push(at, Step::Look(clock));
            }
            if matches!(self.loops[controller].decider, Decider::External(_)) {
                self.schedule_tick(controller, tick); // together with others, on the list of events
            } else {
                due.push(tick, Step::Decide);
            }
            let row = SimTime::from_nanos(self.plan.record.series_step_ns);
            due.push(row, Step::Row);
            let service = self.loops[controller].service;
            self.services[service].lane = Some(controller);
            self.loops[controller].due = due;
            self.list(controller);
            return Ok(());
        }
        for NextSample { at, clock } in samples {
            self.schedule(at, Event::Sample { controller, clock });
        }
        self.schedule_tick(controller, tick);
        Ok(())
    }

    /// A controller that acts on what happens decides alone, and needs requests that happen.
    fn check_reactive(&mut self, controller: usize, sole: bool) -> Result<(), PlanError> {
        let refused = |problem: &str| {
            let kind = &self.plan.controllers[controller].kind;
            Err(PlanError::invalid(format!("controllers ({kind})"), problem))
        };
        let service = self.loops[controller].service;
        if !sole {
            return refused(
                "shares its service with another one, and one of them acts on requests",
            );
        }
        let mut workloads = self.plan.workloads.iter();
        let workload = workloads.find(|w| w.service == service);
        let fluid = |w: &WorkloadPlan| matches!(w.source, WorkloadSource::Load { .. });
        if workload.is_some_and(fluid) {
            return refused("acts on requests, and a fluid load has none");
        }
        if self.plan.services[service].fidelity != Fidelity::Exact {
            return refused("acts on requests, and a service in bins has only numbers of them");
        }
        self.services[service].reactive = Some(controller);
        Ok(())
    }

    /// A controller like the last, if it is to be like it.
    fn twin_of_last(&self, controller: usize) -> Option<Box<dyn Controller>> {
        let Decider::Native(last) = &self.loops.last()?.decider else {
            return None;
        };
        let [before, this] = self.plan.controllers.get(controller - 1..=controller)? else {
            return None;
        };
        let alike = before.kind == this.kind && before.config == this.config;
        alike.then(|| last.twin()).flatten()
    }

    fn decider(&self, plan: &ControllerPlan, origin: Origin<'_>) -> Result<Decider, PlanError> {
        if plan.kind != external::KIND {
            return Ok(match control::build(plan, origin)? {
                Native::Periodic(controller) => Decider::Native(controller),
                Native::Reactive(controller) => Decider::Reactive(controller),
            });
        }
        let refused = |problem| PlanError::invalid(format!("controllers ({})", plan.kind), problem);
        self.require_policies().map_err(refused)?;
        let observer = Observer::new(plan).map_err(refused)?;
        Ok(Decider::External(Box::new(observer)))
    }

    /// A plan with policies outside of the engine needs them beside it.
    pub(super) fn require_policies(&self) -> Result<(), String> {
        let refused = || "has no policies beside the plan".to_owned();
        self.policies.is_some().then_some(()).ok_or_else(refused)
    }

    /// Schedules the first tick of a controller. An external one joins those that tick with it, if there are any.
    fn schedule_tick(&mut self, controller: usize, tick: SimTime) {
        if !matches!(self.loops[controller].decider, Decider::External(_)) {
            return self.schedule(tick, Event::Tick { controller });
        }
        let joined = self.batch_of.get(&self.clock(controller)).copied();
        if let Some(batch) = joined {
            return self.batches[batch].push(controller);
        }
        let (batch, leader) = (self.batches.len(), controller);
        self.batches.push(vec![controller]);
        self.batch_of.insert(self.clock(controller), batch);
        self.schedule(tick, Event::Consult { batch, leader });
    }

    /// Puts an event on the list.
    pub(super) fn schedule(&mut self, at: SimTime, event: Event) {
        match event.reach(&self.plan) {
            Reach::Loops => {}
            Reach::Service(service) => self.services[service].expect(at),
            Reach::Everyone => self.meet(at),
        }
        let (class, entity) = event.order();
        self.events.push(at, class, entity, event);
    }

    /// When something happens next.
    pub(super) fn next_time(&self) -> Option<SimTime> {
        let (event, lane) = (self.events.peek_time(), self.lanes.peek_time());
        event.into_iter().chain(lane).min()
    }

    /// Whether the next thing is the step of a loop that may run ahead.
    pub(super) fn lanes_come_first(&self) -> bool {
        let lane = self.lanes.peek_key();
        lane.is_some_and(|lane| self.events.peek_key().is_none_or(|event| lane < event))
    }

    /// Takes the first event off the list.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        let (_, event) = self.events.pop()?;
        if self.services.len() >= FAR {
            self.bring_next_near();
        }
        match event.reach(&self.plan) {
            Reach::Loops => {}
            Reach::Service(service) => self.services[service].meet_expected(),
            Reach::Everyone => {
                self.meetings.pop();
            }
        }
        Some(event)
    }

    /// Asks for what the next events are about while the present one is handled: for what the first, and those that may come
    /// after it, need, and for what that of those behind them is found by.
    fn bring_next_near(&self) {
        for (place, event) in self.events.first_few(SOON).enumerate() {
            let (controller, service) = match *event {
                Event::Create { service }
                | Event::Warm { service, .. }
                | Event::Ready { service, .. }
                | Event::Drained { service, .. }
                | Event::Released { service } => (self.services[service].lane, service),
                Event::Begin {
                    controller,
                    service,
                }
                | Event::Scale {
                    controller,
                    service,
                    ..
                } => (Some(controller), service),
                Event::Sample { controller, .. } | Event::Tick { controller } => {
                    (Some(controller), self.loops[controller].service)
                }
                _ => continue,
            };
            let (state, station) = (&self.services[service], &*self.stations[service]);
            if place < NEXT {
                let grows = |desired: u32| desired > state.desired;
                if !matches!(*event, Event::Scale { desired, .. } if grows(desired)) {
                    station.bring_near();
                }
                bring_near(&state.live);
                state.replicas.bring_near();
                bring_value_near(&self.plan.services[service]);
            } else {
                bring_value_near(state);
                bring_value_near(station);
            }
            if let Some(controller) = controller {
                bring_value_near(&self.loops[controller].due);
            }
        }
    }

    /// Advances every station to `until`.
    pub(super) fn advance_all(&mut self, until: SimTime) {
        if self.advanced_to >= until {
            return;
        }
        self.bring_all(until);
        (self.advanced_to, self.in_turn_advanced_to) = (until, until);
    }

    /// Advances the stations of all services that do not run ahead to the present instant if there are threads to do it in
    /// parallel. Without, each is advanced when it is looked at: the result is the same.
    pub(super) fn advance_together(&mut self) {
        if self.threads.are_several() && self.in_turn_advanced_to < self.now {
            self.in_turn_advanced_to = self.now;
            self.bring_those(self.now, &|service| service.lane.is_none());
        }
    }

    /// Requests that have arrived one by one so far, as far as stations have advanced: what advancing has cost.
    pub(super) fn single_requests_seen(&self) -> u64 {
        let arrivals = |service: &usize| self.stations[*service].ledger().counts().arrivals;
        self.exact.iter().map(arrivals).sum()
    }

    /// Requests that have arrived so far, as far as stations have advanced.
    pub(super) fn requests_seen(&self) -> u64 {
        self.stations
            .iter()
            .map(|s| s.ledger().counts().arrivals)
            .sum()
    }
}

fn exact(plan: &Plan) -> Vec<usize> {
    let services = plan.services.iter().enumerate();
    let exact = services.filter(|(_, service)| service.fidelity == Fidelity::Exact);
    exact.map(|(at, _)| at).collect()
}

fn build_stations(
    plan: &Plan,
    arrays: &WorkloadArrays,
    graph: Option<&Graph>,
) -> Result<Vec<Box<dyn Station>>, SimError> {
    let mut laws = Laws::default();
    let build = |(index, service)| {
        let at = plan.workloads.binary_search_by_key(&index, |w| w.service);
        let calls = |numbering| Calls {
            plan,
            numbering,
            service: index,
            joined: graph.is_some_and(|graph| graph.is_joined(index)),
        };
        let site = Site {
            plan,
            service,
            workload: at.ok().map(|at| &plan.workloads[at]),
            arrays,
            calls: graph.map(Graph::numbering).map(calls),
        };
        Ok(site.build(&mut laws)?)
    };
    plan.services.iter().enumerate().map(build).collect()
}
