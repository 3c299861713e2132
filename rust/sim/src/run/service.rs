//! What the control plane keeps of one service.

use super::requested::Requested;
use super::sizes::Sizes;
use crate::control::{StateCounts, View};
use crate::metrics::{Figures, Pipeline, ReplicaSample};
use crate::plan::{Plan, ReplicaPlan, ServicePlan};
use crate::record::{SeriesRow, ServiceSeries, Throttled};
use crate::replica::{Replica, ReplicaState, Replicas};
use crate::station::{ReplicaId, ReplicaReading, ReplicaShape, Station};
use hookean_kernel::{SimTime, TimeWeightedMean, bring_near, bring_value_near};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// One service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) desired: u32,
    /// CPU of its replicas.
    pub(super) sizes: Sizes,
    /// Grows with every change of a replica.
    version: u64,
    /// Every replica ever, by number.
    pub(super) replicas: Replicas,
    /// Numbers of those not ended, in order of creation.
    pub(super) live: Vec<ReplicaId>,
    pub(super) counts: StateCounts,
    pub(super) ready: TimeWeightedMean,
    pub(super) ready_max: u32,
    /// What its CPU limit has done, if it has one.
    pub(super) throttling: Option<Box<Throttling>>,
    pub(super) requested: Requested,
    pub(super) ended_cpu_core_ns: f64,
    pub(super) scale_outs: u64,
    pub(super) scale_ins: u64,
    /// The loop with which it runs ahead, if it does; it then writes its rows of the series itself.
    pub(super) lane: Option<usize>,
    /// The loop that acts on what happens in it, if there is one.
    pub(super) reactive: Option<usize>,
    /// Its rows of the series.
    pub(super) series: ServiceSeries,
    /// When something happens to it that is on the list of events.
    events: BinaryHeap<Reverse<SimTime>>,
    /// How far it has run ahead of others.
    pub(super) ahead_to: SimTime,
    /// Readings of the running replicas, and when which of them were taken: a controller often decides when its pipeline
    /// looks.
    pub(super) samples: Vec<ReplicaSample>,
    read: Option<(SimTime, Figures)>,
    /// Those of them that the station knows.
    serving: Vec<ReplicaId>,
    /// The version whose running replicas the samples list, and when time alone will change them.
    listed: Option<(u64, SimTime)>,
}

/// So many replicas are read at a time.
const TOGETHER: usize = 16;

/// What the CPU limit of a service has done.
#[derive(Debug)]
pub(super) struct Throttling {
    /// How long replicas that serve no more have stood still.
    pub(super) ended_ns: u64,
    /// Replicas that serve.
    serving: TimeWeightedMean,
}

impl Throttling {
    fn of(service: &ServicePlan, now: SimTime) -> Option<Box<Self>> {
        service.replica.cpu_quota.map(|_| {
            Box::new(Self {
                ended_ns: 0,
                serving: TimeWeightedMean::new(now, 0),
            })
        })
    }
}

impl Service {
    pub(super) fn new(plan: &Plan, service: &ServicePlan) -> Self {
        let now = SimTime::from_nanos(service.created_at_ns);
        Self {
            desired: 0,
            sizes: Sizes::new(service.replica.cpu_millicores),
            version: 0,
            replicas: Replicas::default(),
            live: Vec::new(),
            counts: StateCounts::default(),
            ready: TimeWeightedMean::new(now, 0),
            ready_max: 0,
            throttling: Throttling::of(service, now),
            requested: Requested::default(),
            ended_cpu_core_ns: 0.0,
            scale_outs: 0,
            scale_ins: 0,
            lane: None,
            reactive: None,
            series: ServiceSeries::of(plan),
            events: BinaryHeap::new(),
            ahead_to: SimTime::ZERO,
            samples: Vec::new(),
            read: None,
            serving: Vec::new(),
            listed: None,
        }
    }

    /// Asks for what reading its replicas needs before it is used.
    pub(super) fn bring_near(&self) {
        bring_near(&self.serving);
        bring_value_near(self.samples.as_slice());
    }

    /// Notes that something will happen to it.
    pub(super) fn expect(&mut self, at: SimTime) {
        self.events.push(Reverse(at));
    }

    /// Notes that the first thing that it expects happens now.
    pub(super) fn meet_expected(&mut self) {
        self.events.pop();
    }

    /// When the next thing happens to it that is on the list of events.
    pub(super) fn next_event(&self) -> SimTime {
        self.events.peek().map_or(SimTime::MAX, |at| at.0)
    }

    /// Whether some of its replicas wait for room on a node.
    pub(super) fn waits(&self) -> bool {
        self.counts.pending > 0 || self.is_between_sizes()
    }

    /// Whether the running replicas have been read at `now`, as far as `figures` go, and none has changed since.
    pub(super) fn has_read(&self, now: SimTime, figures: Figures) -> bool {
        let covers = |of| of == Figures::All || of == figures;
        self.read.is_some_and(|(at, of)| at == now && covers(of))
    }

    /// Reads the running replicas, in order of creation; those on their way out are not measured. Figures that are not
    /// asked for stay as they are.
    pub(super) fn read(
        &mut self,
        now: SimTime,
        figures: Figures,
        shape: &ReplicaPlan,
        station: &dyn Station,
    ) {
        self.list_running(now, shape);
        let (serving, samples) = (&self.serving, &mut self.samples);
        match figures {
            Figures::All => read_serving(
                serving,
                samples,
                |ids, readings| station.read_each(now, ids, readings),
                |sample, reading| {
                    sample.cpu_core_ns = sample.cpu_before_core_ns + reading.cpu_core_ns;
                    sample.cpu_cores = reading.cpu_cores;
                    sample.memory_bytes = memory_bytes(shape, reading);
                    sample.completed = sample.completed_before + reading.completed;
                },
            ),
            Figures::Cpu => read_serving(
                serving,
                samples,
                |ids, used| station.read_cpu(now, ids, used),
                |sample, used| sample.cpu_core_ns = sample.cpu_before_core_ns + used,
            ),
            Figures::Completed => read_serving(
                serving,
                samples,
                |ids, completed| station.read_completed(now, ids, completed),
                |sample, completed| sample.completed = sample.completed_before + completed,
            ),
        }
        self.read = Some((now, figures));
    }

    /// CPU it has used so far, in core-nanoseconds.
    pub(super) fn cpu_core_ns(&self, now: SimTime, station: &dyn Station) -> f64 {
        let serving = self.existing().filter(|replica| replica.is_serving());
        let used = serving.map(|replica| station.read(now, replica.id).cpu_core_ns);
        self.ended_cpu_core_ns + used.sum::<f64>()
    }

    /// How long its replicas have stood still for want of CPU quota, and how long they have served; `None` without a limit.
    fn throttled(&self, now: SimTime, station: &dyn Station) -> Option<Throttled> {
        let of = self.throttling.as_ref()?;
        let serving = self.live.iter().filter(|id| self.get(**id).is_serving());
        let present = serving.map(|id| station.read(now, *id).throttled_ns);
        Some(Throttled {
            throttled_ns: of.ended_ns + present.sum::<u64>(),
            serving_ns: of.serving.integral(now),
        })
    }

    /// Writes the row of the interval that ends now, to which its station has advanced.
    pub(super) fn end_interval(&mut self, now: SimTime, station: &mut dyn Station) {
        let row = SeriesRow {
            now,
            desired: self.desired,
            counts: (
                self.counts.ready,
                self.counts.starting,
                self.counts.pending,
                self.counts.draining,
            ),
            cpu_core_ns: self.cpu_core_ns(now, station),
            throttled: self.throttled(now, station),
            in_system: station.in_system(now),
            waiting: station.waiting(now),
        };
        self.series.push(&row, station.ledger_mut());
    }

    /// Lists the running replicas. One whose start is known runs from then on without another change.
    fn list_running(&mut self, now: SimTime, shape: &ReplicaPlan) {
        let is_listed = |(version, until)| version == self.version && now < until;
        if self.listed.is_some_and(is_listed) {
            return;
        }
        // No more room than for all of them: there may be many services.
        let more = |len: usize| self.live.len().saturating_sub(len);
        self.serving.reserve_exact(more(self.serving.len()));
        self.samples.reserve_exact(more(self.samples.len()));
        let all = self.live.iter().filter_map(|id| self.replicas.open(*id));
        let starts = |r: &&Replica| matches!(r.state, ReplicaState::Starting | ReplicaState::Ready);
        let runs = |r: &&Replica| r.running.is_some_and(|since| since <= now);
        let started = all.filter(starts);
        let running = started.clone().filter_map(|replica| replica.running);
        let until = running.filter(|at| *at > now).min();
        self.listed = Some((self.version, until.unwrap_or(SimTime::MAX)));
        let running = started.filter(runs);
        self.serving.clear();
        let serving = running.clone().filter(|replica| replica.is_serving());
        self.serving.extend(serving.map(|replica| replica.id));
        self.samples.clear();
        self.samples.extend(running.map(|r| unread(r, shape)));
    }

    /// The replicas that exist, in order of creation.
    pub(super) fn existing(&self) -> impl Iterator<Item = &Replica> {
        self.live.iter().filter_map(|id| self.replicas.open(*id))
    }

    pub(super) fn get(&self, id: ReplicaId) -> Cow<'_, Replica> {
        self.replicas.get(id)
    }

    pub(super) fn get_mut(&mut self, id: ReplicaId) -> &mut Replica {
        self.version += 1;
        self.replicas.get_mut(id)
    }

    /// What a controller may look at.
    pub(super) fn view<'a>(
        &'a self,
        now: SimTime,
        service: &'a ServicePlan,
        pipeline: &'a Pipeline,
    ) -> View<'a> {
        View {
            now,
            service,
            cpu_millicores: self.cpu_millicores(),
            desired: self.desired,
            wanted: self.wanted(),
            counts: self.counts,
            version: self.version,
            replicas: &self.replicas,
            live: &self.live,
            samples: if pipeline.is_immediate() {
                &self.samples
            } else {
                &[]
            },
            pipeline,
        }
    }

    /// Adds a replica in state pending.
    pub(super) fn push(&mut self, now: SimTime) -> ReplicaId {
        let id = ReplicaId(self.replicas.len() as u32);
        self.version += 1;
        self.replicas.push(Replica::new(id, now));
        self.live.push(id);
        self.counts.pending += 1;
        id
    }

    /// Lets a replica begin to take requests, at a speed relative to a usual core's.
    pub(super) fn begin(
        &mut self,
        now: SimTime,
        (id, speed_ratio): (ReplicaId, f64),
        plan: &ReplicaPlan,
        station: &mut dyn Station,
    ) {
        let shape = ReplicaShape {
            cpu_millicores: self.cpu_of(id),
            concurrency: plan.concurrency,
            speed_ratio,
        };
        station.add(now, id, shape);
        self.get_mut(id).first_ready.get_or_insert(now);
        self.set_state(id, ReplicaState::Ready, now);
    }

    /// Moves a replica to another state and keeps every count in step.
    pub(super) fn set_state(&mut self, id: ReplicaId, state: ReplicaState, now: SimTime) {
        self.read = None;
        let before = std::mem::replace(&mut self.get_mut(id).state, state);
        if let Some(count) = self.count_mut(before) {
            *count -= 1;
        }
        if let Some(count) = self.count_mut(state) {
            *count += 1;
        }
        if state == ReplicaState::Ended {
            self.live.retain(|r| *r != id);
        }
        self.ready.set(now, u64::from(self.counts.ready));
        self.note_sizes(now);
        if let Some(of) = &mut self.throttling {
            let serving = self.counts.ready + self.counts.draining;
            of.serving.set(now, u64::from(serving));
        }
        self.ready_max = self.ready_max.max(self.counts.ready);
    }

    fn count_mut(&mut self, state: ReplicaState) -> Option<&mut u32> {
        match state {
            ReplicaState::Pending => Some(&mut self.counts.pending),
            ReplicaState::Starting => Some(&mut self.counts.starting),
            ReplicaState::Ready => Some(&mut self.counts.ready),
            ReplicaState::Draining => Some(&mut self.counts.draining),
            ReplicaState::Ended => None,
        }
    }

    /// Replicas that count towards the wanted number.
    pub(super) fn wanted(&self) -> u32 {
        self.counts.pending + self.counts.starting + self.counts.ready
    }
}

/// Reads the `serving` replicas, and lets their samples take in what was read.
fn read_serving<F: Copy + Default>(
    serving: &[ReplicaId],
    samples: &mut [ReplicaSample],
    read: impl Fn(&[ReplicaId], &mut [F]),
    take: impl Fn(&mut ReplicaSample, &F),
) {
    let mut samples = samples.iter_mut().filter(|s| s.ready_since.is_some());
    for ids in serving.chunks(TOGETHER) {
        // Of the stack: there may be many services.
        let mut found = [F::default(); TOGETHER];
        let found = &mut found[..ids.len()];
        read(ids, found);
        found
            .iter()
            .zip(&mut samples)
            .for_each(|(found, sample)| take(sample, found));
    }
}

/// The sample of a running replica before its station is read. CPU and requests before readiness count as none: what an
/// application does while it initialises is not modelled.
fn unread(replica: &Replica, shape: &ReplicaPlan) -> ReplicaSample {
    let last = &replica.last_reading;
    ReplicaSample {
        replica: replica.id,
        running_since: replica.running.unwrap_or(SimTime::MAX),
        ready_since: replica.ready.filter(|_| replica.is_serving()),
        initial: replica.initial,
        cpu_core_ns: last.cpu_core_ns,
        cpu_before_core_ns: last.cpu_core_ns,
        cpu_cores: last.cpu_cores,
        memory_bytes: memory_bytes(shape, last),
        completed: last.completed,
        completed_before: last.completed,
    }
}

/// Saturates far beyond any memory.
fn memory_bytes(shape: &ReplicaPlan, reading: &ReplicaReading) -> u64 {
    let held = u64::from(reading.in_service) + u64::from(reading.waiting);
    let held_bytes = shape.memory_per_request_bytes.saturating_mul(held);
    shape.memory_idle_bytes.saturating_add(held_bytes)
}
