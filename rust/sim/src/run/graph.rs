//! Services that call each other: stations advance in the order of calls, those that answers join together.

use super::joined::Joined;
use super::lane::picked;
use super::pulse::next_stretch;
use super::service::Service;
use super::threads::Threads;
use super::triggers::Armed;
use super::world::World;
use crate::calls::{self, Call, HeadBook, Numbering, Trees, Units};
use crate::control;
use crate::plan::{Plan, PlanError, WhenFull};
use crate::station::Station;
use crate::station::reference::Reference;
use hookean_kernel::{SimDuration, SimTime};

/// So many stations are advanced by one thread before it asks for more.
const AT_A_TIME: usize = 16;
/// Requests that a step should complete.
const COMPLETIONS: u64 = 4_000;

/// The calls of a run.
#[derive(Debug)]
pub(super) struct Graph {
    numbering: Numbering,
    units: Units,
    deepest: usize,
    /// The units before each, in the order of calls.
    upstream: Vec<Vec<usize>>,
    /// What the services of a unit have in common, where they are several.
    joined: Vec<Option<Joined>>,
    /// Calls on their way to each service that its station has not been told of.
    on_their_way: Vec<Vec<Call>>,
    /// Before when each station knows its calls.
    told: Vec<SimTime>,
    trees: Trees,
    /// Up to when all ends have been heard of, and how far the next step goes.
    heard: SimTime,
    stretch: SimDuration,
}

impl Graph {
    /// The graph of a plan; `None` when no service calls another.
    ///
    /// # Errors
    /// [`PlanError`] when calls lead back, or by too many ways.
    pub(super) fn new(plan: &Plan) -> Result<Option<Self>, PlanError> {
        if plan.calls.is_empty() {
            return Ok(None);
        }
        let services = plan.services.len();
        let refused = || PlanError::invalid("calls", "lead back, or by too many ways");
        let levels = calls::levels(&plan.calls, services).ok_or_else(refused)?;
        let numbering = Numbering::of(plan).ok_or_else(refused)?;
        let pushing = plan.services.iter();
        let pushing = pushing.map(|of| of.queue.when_full == WhenFull::PushOut);
        let pushing: Vec<bool> = pushing.collect();
        let units = Units::new(&plan.calls, &watched(plan), &pushing).ok_or_else(refused)?;
        let all = 0..units.count();
        Ok(Some(Self {
            deepest: all.clone().map(|unit| units.level(unit)).max().unwrap_or(0),
            upstream: units.upstream(&plan.calls),
            joined: all
                .map(|unit| Joined::new(&plan.calls, &units, unit))
                .collect(),
            trees: Trees::new(plan, &levels, &numbering),
            numbering,
            units,
            on_their_way: vec![Vec::new(); services],
            told: vec![SimTime::ZERO; services],
            heard: SimTime::ZERO,
            stretch: SimDuration::from_millis(1),
        }))
    }

    /// What is known of requests at the head, by the service that they come to.
    pub(super) fn heads(&self) -> impl Iterator<Item = (usize, &HeadBook)> {
        self.trees
            .heads()
            .iter()
            .map(|(service, book)| (*service, book))
    }

    /// The numbers of calls.
    pub(super) const fn numbering(&self) -> &Numbering {
        &self.numbering
    }

    /// Services and what they have in common, where answers to synchronous calls join them.
    pub(super) fn joined(&self) -> impl Iterator<Item = &Joined> {
        self.joined.iter().flatten()
    }

    /// Forgets all who wait to be held no longer, as a faulty engine might.
    #[cfg(test)]
    pub(super) fn forget_held(&mut self) {
        self.joined
            .iter_mut()
            .flatten()
            .for_each(Joined::forget_held);
    }

    /// The unit of a service.
    pub(super) fn unit(&self, service: usize) -> usize {
        self.units.of(service)
    }

    /// Services of a unit, in the order of calls.
    pub(super) fn services(&self, unit: usize) -> &[usize] {
        self.units.members(unit)
    }

    /// Whether a service advances together with others.
    pub(super) fn is_joined(&self, service: usize) -> bool {
        self.units.is_joined(service)
    }

    /// What runs to the next trigger when a service is armed: its unit, if it advances together with others.
    pub(super) fn armed(&self, service: usize) -> Armed {
        if !self.is_joined(service) {
            return Armed::alone(service);
        }
        let unit = self.units.of(service);
        let first = self.units.members(unit).iter().copied().min();
        Armed {
            service: first.unwrap_or(service),
            unit: Some(unit),
        }
    }

    /// Whether a service of a unit waits for a trigger.
    pub(super) fn is_armed(&self, stations: &[Box<dyn Station>], unit: usize) -> bool {
        let mut members = self.units.members(unit).iter();
        members.any(|at| stations[*at].joined().is_some_and(Reference::is_armed))
    }

    /// When something happens next in an armed unit.
    pub(super) fn next_event(&self, stations: &[Box<dyn Station>], unit: usize) -> SimTime {
        let members = self.units.members(unit).iter();
        let stations = members.filter_map(|at| stations[*at].joined());
        let joined = self.joined[unit].as_ref();
        joined.map_or(SimTime::MAX, |joined| joined.next_event(stations))
    }

    /// Lets everything happen in an armed unit that happens at `t < until`, or up to the first trigger: when that is raised,
    /// and of which service.
    pub(super) fn run_to_trigger(
        &mut self,
        stations: &mut [Box<dyn Station>],
        unit: usize,
        until: SimTime,
    ) -> Option<(SimTime, usize)> {
        let stations = self.stations_of(stations, unit);
        let joined = self.joined[unit].as_mut()?;
        joined.run_to_trigger(&self.numbering, stations.into_iter(), until)
    }

    /// Tells the services of an armed unit that they know of all calls before `until`: nobody else calls them.
    pub(super) fn tell_armed(
        &mut self,
        stations: &mut [Box<dyn Station>],
        unit: usize,
        until: SimTime,
    ) {
        for at in self.units.members(unit) {
            let (calls, told) = (&mut self.on_their_way[*at], &mut self.told[*at]);
            tell(calls, told, &mut stations[*at], until);
        }
    }

    /// The stations of a unit.
    fn stations_of<'a>(
        &self,
        stations: &'a mut [Box<dyn Station>],
        unit: usize,
    ) -> Vec<(usize, &'a mut Box<dyn Station>)> {
        let mut members = self.units.members(unit).to_vec();
        members.sort_unstable();
        let stations = picked(stations, members.iter().copied());
        members.iter().copied().zip(stations).collect()
    }

    /// Advances a station and those before it.
    fn bring(&mut self, stations: &mut [Box<dyn Station>], service: usize, until: SimTime) {
        let unit = self.units.of(service);
        for nth in 0..self.upstream[unit].len() {
            self.bring_unit(stations, self.upstream[unit][nth], until);
        }
        self.bring_unit(stations, unit, until);
    }

    fn bring_unit(&mut self, stations: &mut [Box<dyn Station>], unit: usize, until: SimTime) {
        for at in self.units.members(unit) {
            let (calls, told) = (&mut self.on_their_way[*at], &mut self.told[*at]);
            tell(calls, told, &mut stations[*at], until);
        }
        if self.joined[unit].is_some() {
            let of_unit = self.stations_of(stations, unit).into_iter();
            if let Some(joined) = &mut self.joined[unit] {
                joined.advance(&self.numbering, of_unit, until);
            }
        } else {
            for at in self.units.members(unit) {
                stations[*at].advance(until);
            }
        }
        for at in self.units.members(unit) {
            collect(&mut self.on_their_way, &mut stations[*at]);
        }
    }

    /// Advances all stations, step by step so that what is known of a tree of calls stays at hand.
    fn bring_all(&mut self, stations: &mut [Box<dyn Station>], until: SimTime, threads: &Threads) {
        // Not fewer than there are stations, each of which costs something in every step.
        let wanted = COMPLETIONS.max(stations.len() as u64);
        while self.heard < until {
            let before = self.heard;
            self.heard = before.saturating_add(self.stretch).min(until);
            self.bring_levels(stations, self.heard, threads);
            let completed = self.hear(stations);
            let elapsed = self.heard.saturating_since(before);
            self.stretch = next_stretch(self.stretch, elapsed, completed, wanted);
        }
    }

    /// Advances all stations, the units of a level in parallel.
    fn bring_levels(
        &mut self,
        stations: &mut [Box<dyn Station>],
        until: SimTime,
        threads: &Threads,
    ) {
        for level in 0..=self.deepest {
            for (service, station) in stations.iter_mut().enumerate() {
                if self.units.level(self.units.of(service)) == level {
                    let (calls, told) = (&mut self.on_their_way[service], &mut self.told[service]);
                    tell(calls, told, station, until);
                }
            }
            let mut tasks = tasks(&self.units, &mut self.joined, stations, level);
            let numbering = &self.numbering;
            threads.share(tasks.iter_mut().collect(), 1, |some, _: &mut Vec<()>| {
                for task in some {
                    task.advance(numbering, until);
                }
            });
            for (_, station) in tasks.into_iter().flat_map(|task| task.stations) {
                collect(&mut self.on_their_way, station);
            }
        }
    }

    /// Hears of all ends up to the instant to which every station has advanced; returns how many requests have completed.
    fn hear(&mut self, stations: &mut [Box<dyn Station>]) -> u64 {
        let (trees, mut completed) = (&mut self.trees, 0);
        for at in 0..trees.order().len() {
            let service = trees.order()[at];
            if let Some(outbox) = stations[service].ledger_mut().outbox() {
                completed += trees.hear(service, outbox, self.heard);
            }
        }
        trees.settle(&self.numbering);
        completed
    }
}

/// Which services have a controller that acts on single requests.
fn watched(plan: &Plan) -> Vec<bool> {
    let mut watched = vec![false; plan.services.len()];
    let controllers = plan.controllers.iter();
    controllers
        .filter(|controller| control::is_reactive(controller))
        .for_each(|controller| watched[controller.service] = true);
    watched
}

/// A unit that advances.
struct Task<'a> {
    joined: Option<&'a mut Joined>,
    stations: Vec<(usize, &'a mut Box<dyn Station>)>,
}

impl Task<'_> {
    fn advance(&mut self, numbering: &Numbering, until: SimTime) {
        let stations = self.stations.iter_mut();
        match &mut self.joined {
            Some(joined) => {
                let stations = stations.map(|(service, station)| (*service, &mut **station));
                joined.advance(numbering, stations, until);
            }
            None => stations.for_each(|(_, station)| station.advance(until)),
        }
    }
}

/// The units of a level.
fn tasks<'a>(
    units: &Units,
    joined: &'a mut [Option<Joined>],
    stations: &'a mut [Box<dyn Station>],
    level: usize,
) -> Vec<Task<'a>> {
    let of_level = joined.iter_mut().enumerate();
    let of_level = of_level.filter(|(unit, _)| units.level(*unit) == level);
    let (numbers, mut tasks): (Vec<usize>, Vec<Task<'a>>) = of_level
        .map(|(unit, joined)| {
            let task = Task {
                joined: joined.as_mut(),
                stations: Vec::new(),
            };
            (unit, task)
        })
        .unzip();
    for (service, station) in stations.iter_mut().enumerate() {
        if let Ok(place) = numbers.binary_search(&units.of(service)) {
            tasks[place].stations.push((service, station));
        }
    }
    tasks
}

/// Tells a station of all calls that arrive before `until`: those before it have advanced so far.
fn tell(calls: &mut Vec<Call>, told: &mut SimTime, station: &mut Box<dyn Station>, until: SimTime) {
    if *told < until
        && let Some(arrivals) = station.arrivals_mut()
    {
        arrivals.receive(calls, until);
        *told = until;
    }
}

/// Takes the calls that a station has made.
fn collect(on_their_way: &mut [Vec<Call>], station: &mut Box<dyn Station>) {
    if let Some(outbox) = station.ledger_mut().outbox() {
        outbox.deliver(|_| true, |to, calls| on_their_way[to].append(calls));
    }
}

impl World {
    /// Advances the station of a service to the present instant, after those of all services that call it.
    pub(super) fn bring(&mut self, service: usize) {
        match &mut self.graph {
            None => self.stations[service].advance(self.now),
            Some(graph) => graph.bring(&mut self.stations, service, self.now),
        }
    }

    /// Advances every station to `until`, in the order of calls, unless it is there already.
    pub(super) fn bring_all(&mut self, until: SimTime) {
        self.bring_those(until, &|_| true);
    }

    /// Advances the stations of `wanted` services to `until` unless they are there already: all of them where services call
    /// each other.
    pub(super) fn bring_those(
        &mut self,
        until: SimTime,
        wanted: &(impl Fn(&Service) -> bool + Sync),
    ) {
        if let Some(graph) = &mut self.graph {
            return graph.bring_all(&mut self.stations, until, &self.threads);
        }
        let all = self.stations.iter_mut().zip(&self.services);
        let behind = all.filter(|(_, service)| service.ahead_to < until && wanted(service));
        let behind: Vec<_> = behind.map(|(station, _)| station).collect();
        self.threads
            .share(behind, AT_A_TIME, |some, _: &mut Vec<()>| {
                for station in some {
                    station.advance(until);
                }
            });
    }
}
