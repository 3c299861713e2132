//! The binned tier: a service in numbers of requests per bin instead of single requests. Approximate, and said to be.
//!
//! In each bin a number of requests arrives with their work in all (`workload/bins.rs`). Work is
//! conserved: what is not done stays, so that waits of an overload follow from the backlog; inside a bin that settles
//! they follow from formulas (`waits.rs`). Requests are whole: at every instant arrivals = completed + rejected + timed
//! out + lost + in the system. What a bin brings happens from its start, or from the last control event in it, to
//! its end at a pace of its own (`pace.rs`), a function of time, so it does not matter where an advance ends.
//!
//! What is simplified: a queue limit rejects, and a timeout removes, what exceeds them at the end of a bin by
//! conservation, and the shares that formulas give inside of one. Requests are spread evenly over replicas whatever the
//! routing. A replica that drains or pauses hands its requests to the others at once (the last one to drain completes what it
//! serves); what is sent back keeps the work that was done. A bin's latencies are at most 25 points, each a place in the laws of wait, work and sharing; over many
//! bins the places fill these laws evenly.

mod crew;
mod crowding;
mod law;
mod manner;
mod pace;
mod stretch;
mod waits;

pub(crate) use law::Laws;

use super::{Ledger, ReplicaId, ReplicaReading, ReplicaShape, Station};
use crate::plan::{Discipline, PlanError, QueuePlan, ServicePlan, WorkloadPlan};
use crate::workload::{BinnedArrivals, Crowd, WorkMoments, WorkloadArrays};
use crew::{Crew, Held, Progress};
use hookean_kernel::portable::{exp, float};
use hookean_kernel::{SimTime, splitmix};
use law::Quantiles;
use manner::Manner;
use stretch::{Fading, Start, Stretch};
use waits::{Pooling, Rules, Setting, Steady, steady};

/// The present bin and what of it has been booked.
#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    number: u64,
    crowd: Crowd,
    arrived: u64,
    worked_ns: u64,
}

/// A station that knows numbers of requests only.
#[derive(Debug)]
pub(super) struct Binned {
    rules: Rules,
    mean_work_ns: f64,
    quantiles: Quantiles,
    /// The least and the largest of them.
    extremes: [f32; 2],
    arrivals: BinnedArrivals,
    ledger: Ledger,
    crew: Crew,
    now: u64,
    bin: Bin,
    /// What the next bin brings: a draw takes long to come to its end, so it is begun a bin before somebody waits for it.
    coming: Crowd,
    /// Work waiting or in service, in nanoseconds on a full core, and the requests it is of.
    backlog_ns: f64,
    inside: u64,
    done: Progress,
    /// Completions that the ledger knows of: a look at replicas does not need to book those of a part of a bin.
    booked: u64,
    stretch: Option<Stretch>,
    /// How requests of the present or last stretch are served.
    manner: Manner,
    /// The last steady state that was worked out.
    steady: (Option<Setting>, Option<Steady>),
    fading: Fading,
    settling: Settling,
}

/// How far the queues of replicas have come on their way to a steady state.
#[derive(Debug, Clone, Copy, Default)]
struct Settling {
    /// Requests beyond those in service, when the present stretch began; infinite after an overload.
    excess: f64,
    /// Where they tend, how fast, and since when; `None` when they do not change.
    towards: Option<(f64, f64, u64)>,
}

impl Settling {
    fn excess_at(&self, now: u64) -> f64 {
        match self.towards {
            Some((target, settling_ns, since)) => {
                target + (self.excess - target) * exp(-((now - since) as f64) / settling_ns)
            }
            None => self.excess,
        }
    }

    /// Stands still at the present instant.
    fn stop(&mut self, now: u64) {
        self.excess = self.excess_at(now);
        self.towards = None;
    }

    /// Goes on towards a steady state; returns the state that there is on average until `to`.
    fn go_on(&mut self, now: u64, to: u64, steady: Option<Steady>) -> Option<Steady> {
        let Some(steady) = steady else {
            self.excess = f64::INFINITY;
            return None;
        };
        self.excess = self.excess.min(steady.excess);
        if self.excess >= steady.excess {
            return Some(steady);
        }
        self.towards = Some((steady.excess, steady.settling_ns, now));
        let mean = (self.excess + self.excess_at(to)) * 0.5;
        Some(steady.at(mean / steady.excess))
    }
}

/// What a binned station is built from.
pub(super) struct Parts<'a> {
    pub(super) service: &'a ServicePlan,
    pub(super) workload: Option<&'a WorkloadPlan>,
    pub(super) arrays: &'a WorkloadArrays,
    pub(super) seed: u64,
    pub(super) bin_ns: u64,
    pub(super) ledger: Ledger,
}

impl Binned {
    pub(super) fn new(parts: Parts<'_>, laws: &mut Laws) -> Result<Self, PlanError> {
        let Parts {
            service,
            workload,
            arrays,
            seed,
            bin_ns,
            ledger,
        } = parts;
        let moments = WorkMoments {
            mean_ns: service.work.mean_ns(),
            squared_variation: service.work.squared_variation(),
        };
        let mut arrivals = BinnedArrivals::new(workload, arrays, seed, &service.name, moments)?;
        let quantiles = match arrivals.recorded_work() {
            Some(work) => law::of_values(&mut work.to_vec()),
            None => laws.quantiles(&service.work)?,
        };
        let work = arrivals.work();
        let bin = Bin {
            crowd: arrivals.bin(0, 0, bin_ns),
            ..Bin::default()
        };
        let coming = arrivals.bin(1, bin_ns, bin_ns.saturating_mul(2));
        Ok(Self {
            rules: rules(&service.queue, work.squared_variation, bin_ns)?,
            // Requests without work are done as soon as they come; a nanosecond keeps them apart from nothing.
            mean_work_ns: work.mean_ns.max(1.0),
            extremes: law::extremes(&quantiles),
            quantiles,
            arrivals,
            ledger: ledger.of_crowds(),
            crew: Crew::new(service.queue.discipline),
            now: 0,
            bin,
            coming,
            backlog_ns: 0.0,
            inside: 0,
            done: Progress::default(),
            booked: 0,
            stretch: None,
            manner: Manner::default(),
            steady: (None, None),
            fading: Fading::default(),
            settling: Settling::default(),
        })
    }

    fn bin_end(&self) -> u64 {
        let bins = self.bin.number.saturating_add(1);
        self.rules.bin_ns.saturating_mul(bins)
    }

    /// Plans the rest of the bin from the present instant on.
    fn plan_stretch(&mut self) -> (Stretch, Manner) {
        let setting = Setting {
            rate: self.bin.crowd.expected / float(self.rules.bin_ns),
            service_ns: self.mean_work_ns * float(self.crew.servers) / self.crew.rate,
            servers: self.crew.servers,
            replicas: self.crew.len(),
        };
        let served = self.crew.rate > 0.0;
        if served && self.steady.0 != Some(setting) {
            self.steady = (Some(setting), steady(&self.rules, &setting));
        }
        let (found, together) = (self.steady.1, self.rules.pooling == Pooling::Together);
        let (from, to) = (self.now, self.bin_end());
        let steady = match (served, together) {
            (true, false) => self.settling.go_on(from, to, found),
            (true, true) => found,
            (false, _) => None,
        };
        let memory_ns = steady.map_or(setting.service_ns, |steady| steady.memory_ns);
        self.fading = self.fading.of(to - from, memory_ns);
        let start = Start {
            from,
            to,
            arrivals: self.bin.crowd.requests - self.bin.arrived,
            work_ns: self.bin.crowd.work_ns - self.bin.worked_ns,
            backlog_ns: self.backlog_ns,
            inside: self.inside,
            busy_ns: self.done.busy_ns,
            first: self.done.completed,
            dither: self.bin.crowd.dither,
            noise: splitmix(self.bin.crowd.noise ^ self.now),
            setting,
            places: self.crew.places,
            rate: self.crew.rate,
            mean_work_ns: self.mean_work_ns,
            fading: self.fading,
        };
        Stretch::new(&self.rules, &start, steady)
    }

    /// Lets the stretch run on to `until`, at most its end.
    fn book(&mut self, until: u64) {
        let Some(stretch) = &mut self.stretch else {
            return;
        };
        let step = stretch.go_on(until);
        self.backlog_ns = stretch.backlog_ns();
        self.done.busy_ns = stretch.busy_ns();
        self.ledger.arrive_all(step.arrivals, step.work_ns);
        self.bin.arrived += step.arrivals;
        self.bin.worked_ns += step.work_ns;
        self.ledger.reject_all(step.rejected);
        self.ledger.time_out_all(step.timed_out);
        self.done.completed += step.completed;
        self.inside = self.inside + step.arrivals - step.completed - step.rejected - step.timed_out;
        self.now = until;
    }

    /// Tells the ledger of requests that have completed since it was last told. The present stretch, or the last one if
    /// there is none, says how they were served.
    fn book_completions(&mut self) {
        let (from, to) = (self.booked, self.done.completed);
        if from == to {
            return;
        }
        let (quantiles, manner) = (&*self.quantiles, &self.manner);
        let booked = manner.is_even(to - from) && {
            let mut room = [0.0; law::ROW];
            let alike = manner.alike((quantiles, self.extremes), (from, to), &mut room);
            self.ledger.complete_alike(&alike)
        };
        if !booked {
            let cohorts = manner.cohorts(quantiles, from, to);
            self.ledger.complete_all(cohorts);
        }
        self.booked = to;
    }

    /// Goes on to `until`, and books all but the completions of a stretch that goes on there.
    fn go_on(&mut self, until: u64) {
        while self.now < until {
            if self.stretch.is_none() {
                let (stretch, manner) = self.plan_stretch();
                self.stretch = Some(stretch);
                self.manner = manner;
            }
            let end = self.bin_end();
            self.book(until.min(end));
            if self.now == end {
                self.book_completions();
                self.stretch = None;
                self.settling.stop(end);
                self.next_bin();
            }
        }
    }

    fn next_bin(&mut self) {
        self.bin = Bin {
            number: self.bin.number + 1,
            crowd: self.coming,
            ..Bin::default()
        };
        let from = self.bin_end();
        let to = from.saturating_add(self.rules.bin_ns);
        self.coming = self.arrivals.bin(self.bin.number + 1, from, to);
    }

    /// Ends the stretch at the present instant: the replicas change.
    fn interrupt(&mut self) {
        self.book_completions();
        self.stretch = None;
        self.settling.stop(self.now);
    }

    fn in_service(&self) -> u64 {
        self.inside.min(self.crew.places)
    }

    fn held(&self) -> Held {
        let waiting = if self.rules.central {
            0
        } else {
            self.inside - self.in_service()
        };
        Held {
            in_service: self.in_service(),
            waiting,
            busy_ratio: self.manner.busy_ratio,
        }
    }

    /// Requests waiting or in service at a replica.
    fn held_by(&self, replica: ReplicaId) -> u64 {
        let held = self.held();
        self.crew.position(replica).map_or(0, |place| {
            self.crew.part(held.in_service, place) + self.crew.part(held.waiting, place)
        })
    }

    /// Takes requests out of the system, with their part of its work.
    fn remove(&mut self, count: u64) {
        let left = self.inside - count;
        self.backlog_ns *= left as f64 / self.inside.max(1) as f64;
        self.inside = left;
    }
}

/// Whether there are formulas for a queue.
pub(crate) fn describes(queue: &QueuePlan) -> bool {
    Pooling::of(queue.discipline, queue.routing).is_some() && queue.total_timeout_ns.is_none()
}

/// # Errors
/// [`PlanError`] for a queue that no formula describes: the plan is checked for it.
fn rules(queue: &QueuePlan, squared_variation: f64, bin_ns: u64) -> Result<Rules, PlanError> {
    let pooling = Pooling::of(queue.discipline, queue.routing);
    Ok(Rules {
        sharing: queue.discipline == Discipline::ProcessorSharing,
        central: queue.discipline == Discipline::CentralFifo,
        pooling: pooling
            .ok_or_else(|| PlanError::invalid("services.queue", "is of no kind for bins"))?,
        squared_variation,
        limit: queue.limit,
        timeout_ns: queue.timeout_ns,
        bin_ns,
    })
}

impl Station for Binned {
    fn advance(&mut self, until: SimTime) {
        self.go_on(until.as_nanos());
        self.book_completions();
    }

    fn advance_to_read(&mut self, until: SimTime) {
        self.go_on(until.as_nanos());
    }

    fn add(&mut self, _now: SimTime, replica: ReplicaId, shape: ReplicaShape) {
        self.interrupt();
        self.crew.add(replica, shape, self.done);
    }

    fn drain(&mut self, now: SimTime, replica: ReplicaId) -> SimTime {
        self.interrupt();
        let in_service = self.in_service();
        if self.crew.drain(replica, self.done) && self.crew.len() == 0 && in_service > 0 {
            self.done.completed += in_service;
            self.book_completions();
            self.crew.credit(replica, in_service);
            self.remove(in_service);
        }
        now
    }

    fn drained_at(&self, now: SimTime, _replica: ReplicaId) -> SimTime {
        now
    }

    fn kill(&mut self, _now: SimTime, replica: ReplicaId) -> u64 {
        self.interrupt();
        let lost = self.held_by(replica);
        self.crew.remove(replica, self.done);
        self.ledger.lose_all(lost);
        self.remove(lost);
        lost
    }

    fn requeue(&mut self, _now: SimTime, replica: ReplicaId) -> u64 {
        self.interrupt();
        let back = self.held_by(replica);
        self.crew.remove(replica, self.done);
        back
    }

    fn set_speed(&mut self, _now: SimTime, replica: ReplicaId, speed_ratio: f64) {
        self.interrupt();
        self.crew.reshape(replica, self.done, |shape| {
            shape.speed_ratio = speed_ratio;
        });
    }

    fn resize(&mut self, _now: SimTime, replica: ReplicaId, cpu_millicores: u64) {
        self.interrupt();
        self.crew.reshape(replica, self.done, |shape| {
            shape.cpu_millicores = cpu_millicores;
        });
    }

    fn pause(&mut self, _now: SimTime, replica: ReplicaId) {
        self.interrupt();
        self.crew.pause(replica, self.done);
    }

    fn resume(&mut self, _now: SimTime, replica: ReplicaId) {
        self.interrupt();
        self.crew.resume(replica, self.done);
    }

    fn read(&self, _now: SimTime, replica: ReplicaId) -> ReplicaReading {
        self.crew.read(replica, self.done, self.held())
    }

    fn read_each(&self, _now: SimTime, replicas: &[ReplicaId], readings: &mut [ReplicaReading]) {
        self.crew
            .read_each(replicas, self.done, self.held(), readings);
    }

    fn read_cpu(&self, _now: SimTime, replicas: &[ReplicaId], used: &mut [f64]) {
        self.crew.read_cpu(replicas, self.done, used);
    }

    fn in_system(&self, _now: SimTime) -> u64 {
        self.inside
    }

    fn waiting(&self, _now: SimTime) -> u64 {
        self.inside - self.in_service()
    }

    fn bring_near(&self) {
        self.crew.bring_near();
        self.ledger.bring_near();
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    fn close_log(&mut self, _now: SimTime) {
        self.book_completions();
    }
}
