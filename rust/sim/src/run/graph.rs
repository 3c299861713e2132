//! Services that call each other: stations advance in the order of calls.

use super::pulse::next_stretch;
use super::world::World;
use crate::calls::{self, Call, HeadBook, Numbering, Trees};
use crate::plan::{Plan, PlanError};
use crate::station::Station;
use hookean_kernel::{SimDuration, SimTime};
use rayon::prelude::*;

/// Requests that a step should complete.
const COMPLETIONS: u64 = 4_000;

/// The calls of a run.
#[derive(Debug)]
pub(super) struct Graph {
    numbering: Numbering,
    /// A caller's level is below those of the services it calls.
    levels: Vec<usize>,
    deepest: usize,
    /// The services before each, in the order of calls.
    upstream: Vec<Vec<usize>>,
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
        let numbering = Numbering::new(&plan.calls, services).ok_or_else(refused)?;
        Ok(Some(Self {
            deepest: levels.iter().copied().max().unwrap_or(0),
            upstream: calls::upstream(&plan.calls, &levels),
            trees: Trees::new(plan, &levels, &numbering),
            numbering,
            levels,
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

    /// Whether other services call this one.
    pub(super) fn calls(&self, service: usize) -> bool {
        !self.upstream[service].is_empty()
    }

    /// Advances a station and those before it.
    fn bring(&mut self, stations: &mut [Box<dyn Station>], service: usize, until: SimTime) {
        let upstream = std::mem::take(&mut self.upstream[service]);
        for &at in upstream.iter().chain([&service]) {
            self.tell(&mut stations[at], at, until);
            stations[at].advance(until);
            self.collect(&mut stations[at]);
        }
        self.upstream[service] = upstream;
    }

    /// Advances all stations, step by step so that what is known of a tree of calls stays at hand.
    fn bring_all(
        &mut self,
        stations: &mut [Box<dyn Station>],
        until: SimTime,
        pool: Option<&rayon::ThreadPool>,
    ) {
        // Not fewer than there are stations, each of which costs something in every step.
        let wanted = COMPLETIONS.max(stations.len() as u64);
        while self.heard < until {
            let before = self.heard;
            self.heard = before.saturating_add(self.stretch).min(until);
            self.bring_levels(stations, self.heard, pool);
            let completed = self.hear(stations);
            let elapsed = self.heard.saturating_since(before);
            self.stretch = next_stretch(self.stretch, elapsed, completed, wanted);
        }
    }

    /// Advances all stations, those of a level in parallel.
    fn bring_levels(
        &mut self,
        stations: &mut [Box<dyn Station>],
        until: SimTime,
        pool: Option<&rayon::ThreadPool>,
    ) {
        for level in 0..=self.deepest {
            let levels = &self.levels;
            let of_level = stations.iter_mut().zip(levels).enumerate();
            let of_level = of_level.filter(|(_, (_, own))| **own == level);
            let mut of_level: Vec<_> = of_level
                .map(|(service, (station, _))| (service, station))
                .collect();
            for (service, station) in &mut of_level {
                tell(
                    &mut self.on_their_way[*service],
                    &mut self.told[*service],
                    station,
                    until,
                );
            }
            match pool {
                Some(pool) => {
                    pool.install(|| of_level.par_iter_mut().for_each(|(_, s)| s.advance(until)));
                }
                None => of_level.iter_mut().for_each(|(_, s)| s.advance(until)),
            }
            for (_, station) in of_level {
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

    fn tell(&mut self, station: &mut Box<dyn Station>, service: usize, until: SimTime) {
        tell(
            &mut self.on_their_way[service],
            &mut self.told[service],
            station,
            until,
        );
    }

    fn collect(&mut self, station: &mut Box<dyn Station>) {
        collect(&mut self.on_their_way, station);
    }
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
        outbox.deliver(|to, calls| on_their_way[to].append(calls));
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

    /// Advances every station to `until`, in the order of calls.
    pub(super) fn bring_all(&mut self, until: SimTime) {
        match (&mut self.graph, &self.pool) {
            (Some(graph), pool) => graph.bring_all(&mut self.stations, until, pool.as_ref()),
            (None, Some(pool)) => {
                pool.install(|| self.stations.par_iter_mut().for_each(|s| s.advance(until)));
            }
            (None, None) => self.stations.iter_mut().for_each(|s| s.advance(until)),
        }
    }
}
