//! The stream of requests of one service.

use super::batches::{Batches, Sizes, mean_size};
use super::counts::{Bins, ExactCounts, PoissonCounts};
use super::{Classes, Inbox, Request, Values, WorkloadArrays};
use crate::calls::Call;
use crate::plan::{ArrivalMode, BatchPlan, PlanError, WorkloadPlan, WorkloadSource};
use hookean_kernel::{Mwc192, Sampler, SimDuration, SimTime, StreamKey, bring_near, counter_draw};

pub(super) const KEEP_ALL: u64 = 1 << 53;

/// Requests are made this many at a time at most, so that the generators' state stays in registers.
pub const BLOCK: usize = 128;
/// Fewer at a time where they are rare: a quiet service needs no room for what comes in an hour.
const FEW: usize = 8;
/// A block that took longer is followed by one half as large, one that took much less by one twice as large.
const LONG: SimDuration = SimDuration::from_secs(60);

#[derive(Debug, Clone)]
enum Times {
    Poisson(PoissonCounts),
    Exact(ExactCounts),
    Table {
        times: Values<u64>,
        start: u64,
        at: usize,
    },
    Nothing,
}

impl Times {
    /// Writes the next instants; returns how many there were.
    #[inline]
    fn stamp<'a>(&mut self, places: impl ExactSizeIterator<Item = &'a mut SimTime>) -> usize {
        match self {
            Self::Poisson(process) => process.stamp(places),
            Self::Exact(process) => process.stamp(places),
            Self::Table { times, start, at } => {
                let (start, left) = (*start, times[*at..].iter());
                let stamped = left.zip(places).map(|(time, place)| {
                    *place = SimTime::from_nanos(start + time);
                });
                let stamped = stamped.count();
                *at += stamped;
                stamped
            }
            Self::Nothing => 0,
        }
    }
}

#[derive(Debug, Clone)]
enum Work {
    Drawn(Sampler, Mwc192),
    Table(Values<u64>),
}

impl Work {
    /// Gives requests their work, in order.
    #[inline]
    fn fill(&mut self, requests: &mut [Request]) {
        match self {
            Self::Drawn(sampler, rng) => {
                sampler.fill(rng, requests.iter_mut().map(|r| &mut r.work_ns));
            }
            Self::Table(work) => {
                let work: &[u64] = work;
                for request in requests {
                    request.work_ns = work[request.index as usize];
                }
            }
        }
    }
}

/// Which requests are kept: parts per 2^53, and the stream that decides.
#[derive(Debug, Clone, Copy)]
struct Thinning {
    keep: u64,
    key: StreamKey,
}

impl Thinning {
    #[inline]
    fn keeps(&self, index: u64) -> bool {
        counter_draw(self.key, index) >> 11 < self.keep
    }

    #[inline]
    fn thin(&self, requests: &mut Vec<Request>) {
        if self.keep < KEEP_ALL {
            requests.retain(|request| self.keeps(request.index));
        }
    }
}

/// Requests in order of time, made as they are needed.
#[derive(Debug, Clone)]
pub struct Arrivals {
    times: Times,
    batches: Option<Box<Batches>>,
    work: Work,
    thinning: Thinning,
    /// The classes of requests, if they change their work.
    classes: Option<Classes>,
    /// Own arrivals and calls from other services, of which these are then made up.
    inbox: Option<Box<Inbox>>,
    made: u64,
    /// The requests to come; never empty, and all taken before the next are made.
    block: Vec<Request>,
    at: usize,
    /// How many are made at a time.
    size: usize,
}

const NO_REQUEST: Request = Request {
    index: u64::MAX,
    time: SimTime::MAX,
    work_ns: 0,
};

impl Arrivals {
    /// Prepares the requests of a workload; a fluid load has none.
    ///
    /// `seed` and the service's `name` key the streams; `work` is drawn from where the workload brings no work itself.
    ///
    /// # Errors
    /// [`PlanError`] when an array is missing, counts are negative or not numbers, times are not sorted, or the workload
    /// goes on beyond the end of time.
    pub fn new(
        plan: &WorkloadPlan,
        arrays: &WorkloadArrays,
        seed: u64,
        name: &str,
        work: Sampler,
    ) -> Result<Self, PlanError> {
        let keys = Keys {
            arrival: StreamKey::new(seed, name, "arrival", 0),
            batch: StreamKey::new(seed, name, "batch", 0),
        };
        let Parts {
            times,
            batches,
            keep,
            table,
        } = parts(plan, arrays, keys)?;
        let work = table.map_or_else(
            || Work::Drawn(work, StreamKey::new(seed, name, "work", 0).generator()),
            Work::Table,
        );
        let thinning = Thinning {
            keep,
            key: StreamKey::new(seed, name, "thinning", 0),
        };
        let mut arrivals = Self {
            times,
            batches,
            work,
            thinning,
            classes: None,
            inbox: None,
            made: 0,
            block: Vec::new(),
            at: 0,
            size: FEW,
        };
        arrivals.make();
        Ok(arrivals)
    }

    /// The same requests, each with the work of its class.
    #[must_use]
    pub fn of_classes(mut self, classes: &Classes) -> Self {
        self.classes = classes.change_work().then(|| classes.clone());
        self.change_work();
        self
    }

    /// Gives the requests of the block the work of their class.
    fn change_work(&mut self) {
        let Some(classes) = &self.classes else { return };
        for request in &mut self.block {
            request.work_ns = classes.work_ns(request.index, request.work_ns);
        }
    }

    /// No requests at all.
    pub fn none() -> Self {
        let thinning = Thinning {
            keep: KEEP_ALL,
            key: StreamKey::new(0, "", "thinning", 0),
        };
        let work = Work::Table(Values::from([]));
        Self {
            times: Times::Nothing,
            batches: None,
            work,
            thinning,
            classes: None,
            inbox: None,
            made: 0,
            block: vec![NO_REQUEST],
            at: 0,
            size: FEW,
        }
    }

    /// What comes out of an inbox.
    pub(crate) fn merged(inbox: Inbox) -> Self {
        let mut arrivals = Self {
            inbox: Some(Box::new(inbox)),
            ..Self::none()
        };
        arrivals.make();
        arrivals
    }

    /// Takes calls in; with them, all that arrive before `known` are there, and the station may advance to it. Nobody
    /// calls a service without an inbox.
    pub(crate) fn receive(&mut self, calls: &mut Vec<Call>, known: SimTime) {
        let Some(inbox) = &mut self.inbox else { return };
        inbox.receive(calls, known);
        // The last of the block stands for what comes now.
        self.block.pop_if(|last| last.index == NO_REQUEST.index);
        if self.at == self.block.len() {
            self.make();
        }
    }

    /// Takes in a call that is told at its own time, not before the station advances. Nobody calls a service without an inbox.
    pub(crate) fn insert(&mut self, call: Call) {
        if let Some(inbox) = &mut self.inbox {
            inbox.insert(call, &mut self.block, self.at);
        }
    }

    /// When the next request arrives that is known, and the next but for calls that are not; `u64::MAX` when none does.
    pub(crate) fn next_known_and_expected(&self) -> [u64; 2] {
        let next = &self.block[self.at];
        if next.index != NO_REQUEST.index {
            return [next.time.as_nanos(); 2];
        }
        let inbox = self.inbox.as_ref();
        inbox.map_or([u64::MAX; 2], |inbox| {
            let [call, own] = inbox.next_call_and_own();
            [call, call.min(own)]
        })
    }

    /// Open arrivals at given nanoseconds.
    #[cfg(test)]
    pub(super) fn at(nanos: &[u64]) -> Self {
        let arrays = WorkloadArrays {
            u64s: vec![nanos.into()],
            ..WorkloadArrays::default()
        };
        let source = WorkloadSource::Table {
            times: 0,
            work: None,
            keep_2_53: KEEP_ALL,
        };
        let work = hookean_kernel::Distribution::Constant { value_ns: 1 };
        let work = work.sampler().expect("a constant is valid");
        Self::new(&WorkloadPlan::open(0, 0, source), &arrays, 1, "web", work).expect("sorted")
    }

    /// Asks for the memory of the requests to come before it is used.
    pub(crate) fn bring_near(&self) {
        bring_near(&self.block);
    }

    /// When the next request arrives; [`SimTime::MAX`] when there is none.
    #[inline]
    pub fn peek_time(&self) -> SimTime {
        self.block[self.at].time
    }

    /// Requests that are ready to be taken, in order: at least one, at most [`BLOCK`].
    #[inline]
    pub fn block(&self) -> &[Request] {
        &self.block[self.at..]
    }

    /// Takes the first `n` requests of the block.
    #[inline]
    pub fn take(&mut self, n: usize) {
        self.at += n;
        if self.at == self.block.len() {
            self.make();
        }
    }

    /// Takes the next request.
    #[inline]
    #[expect(
        clippy::should_implement_trait,
        reason = "after the last request comes one at the end of time, not `None`"
    )]
    pub fn next(&mut self) -> Request {
        let request = self.block[self.at];
        self.take(1);
        request
    }

    /// Makes the next block: instants, then work, then what thinning leaves of them. Each step is a loop of its own, in
    /// which its generator stays in registers.
    #[inline(never)]
    fn make(&mut self) {
        self.at = 0;
        if let Some(inbox) = &mut self.inbox {
            return inbox.fill(&mut self.block);
        }
        self.fit_size();
        loop {
            self.block.resize(self.size, NO_REQUEST);
            let stamped = self.stamp();
            self.block.truncate(stamped);
            self.work.fill(&mut self.block);
            self.thinning.thin(&mut self.block);
            if stamped < self.size {
                self.block.push(NO_REQUEST);
            }
            if !self.block.is_empty() {
                self.change_work();
                return;
            }
        }
    }

    /// Chooses how many requests are made next by how long the last ones took to come; which they are does not depend on it.
    fn fit_size(&mut self) {
        let (Some(first), Some(last)) = (self.block.first(), self.block.last()) else {
            return; // they are the first
        };
        let took = last.time.saturating_since(first.time);
        if took > LONG {
            self.size = (self.size / 2).max(FEW);
        } else if took.saturating_mul(3) < LONG {
            self.size = (self.size * 2).min(BLOCK);
        }
    }

    /// Numbers the requests of the block and gives them their instants; returns how many there were.
    fn stamp(&mut self) -> usize {
        let block = &mut self.block;
        for (index, request) in (self.made..).zip(block.iter_mut()) {
            request.index = index;
        }
        let places = block.iter_mut().map(|request| &mut request.time);
        let times = &mut self.times;
        let stamped = match &mut self.batches {
            None => times.stamp(places),
            Some(batches) => batches.stamp(places, |instant| times.stamp(std::iter::once(instant))),
        };
        self.made += stamped as u64;
        stamped
    }
}

/// Streams of the instants and of the sizes of batches.
#[derive(Debug, Clone, Copy)]
struct Keys {
    arrival: StreamKey,
    batch: StreamKey,
}

/// What a plan says about arrivals.
struct Parts {
    times: Times,
    batches: Option<Box<Batches>>,
    keep: u64,
    table: Option<Values<u64>>,
}

impl Parts {
    const fn of(times: Times, keep: u64) -> Self {
        Self {
            times,
            batches: None,
            keep,
            table: None,
        }
    }
}

fn parts(plan: &WorkloadPlan, arrays: &WorkloadArrays, keys: Keys) -> Result<Parts, PlanError> {
    match &plan.source {
        WorkloadSource::Counts {
            counts,
            step_ns,
            arrivals,
            keep_2_53,
            batch,
        } => {
            let counts = array(&arrays.f64s, *counts, "counts")?;
            check_counts(&counts, *step_ns, plan.start_ns)?;
            check_keep(*keep_2_53)?;
            let bins = |counts| Bins::new(counts, *step_ns, plan.start_ns);
            let (times, batches) = counted(counts, bins, *arrivals, batch.as_ref(), keys)?;
            Ok(Parts {
                batches,
                ..Parts::of(times, *keep_2_53)
            })
        }
        &WorkloadSource::Table {
            times,
            work,
            keep_2_53,
        } => {
            let times = array(&arrays.u64s, times, "times")?;
            let work = work
                .map(|index| array(&arrays.u64s, index, "work"))
                .transpose()?;
            check_table(&times, work.as_deref(), plan.start_ns)?;
            check_keep(keep_2_53)?;
            let times = Times::Table {
                times,
                start: plan.start_ns,
                at: 0,
            };
            Ok(Parts {
                table: work,
                ..Parts::of(times, keep_2_53)
            })
        }
        WorkloadSource::Load { .. } | WorkloadSource::Clients => {
            Ok(Parts::of(Times::Nothing, KEEP_ALL))
        }
    }
}

/// Instants from counts of requests, one by one or in batches.
fn counted(
    counts: Values<f64>,
    bins: impl FnOnce(Values<f64>) -> Bins,
    arrivals: ArrivalMode,
    batch: Option<&BatchPlan>,
    keys: Keys,
) -> Result<(Times, Option<Box<Batches>>), PlanError> {
    let sizes = batch.map(|plan| Sizes::new(plan, keys.batch.generator()));
    let sizes = sizes.transpose()?;
    let rng = keys.arrival.generator();
    Ok(match arrivals {
        ArrivalMode::Poisson => {
            let size = batch.map_or(1.0, mean_size);
            let times = Times::Poisson(PoissonCounts::new(bins(counts), size, rng));
            (times, sizes.map(Batches::new).map(Box::new))
        }
        ArrivalMode::Exact => {
            let (batches, instants) = match sizes {
                None => (None, counts),
                Some(sizes) => {
                    let (batches, instants) = Batches::filling(sizes, counts);
                    (Some(Box::new(batches)), instants)
                }
            };
            (Times::Exact(ExactCounts::new(bins(instants), rng)), batches)
        }
    })
}

pub(super) fn array<T>(
    arrays: &[Values<T>],
    index: usize,
    field: &str,
) -> Result<Values<T>, PlanError> {
    let found = arrays.get(index).cloned();
    found.ok_or_else(|| {
        invalid(
            field,
            format!("refers to array {index} of {}", arrays.len()),
        )
    })
}

fn invalid(field: &str, problem: impl Into<String>) -> PlanError {
    PlanError::invalid(format!("workloads.source.{field}"), problem)
}

pub(super) fn check_keep(keep: u64) -> Result<(), PlanError> {
    if keep > KEEP_ALL {
        Err(invalid("keep_2_53", "is larger than 2^53"))
    } else {
        Ok(())
    }
}

pub(super) fn check_counts(counts: &[f64], step_ns: u64, start_ns: u64) -> Result<(), PlanError> {
    if step_ns == 0 {
        return Err(invalid("step_ns", "is zero"));
    }
    let wrong = |count: f64| !(0.0..f64::INFINITY).contains(&count);
    // Several at a time, where a search would look at one after the other; nearly always there is nothing to find.
    if counts.iter().fold(false, |any, count| any | wrong(*count))
        && let Some((bin, count)) = counts.iter().enumerate().find(|(_, count)| wrong(**count))
    {
        return Err(invalid("counts", format!("has {count} in bin {bin}")));
    }
    let end = (counts.len() as u64)
        .checked_mul(step_ns)
        .and_then(|length| length.checked_add(start_ns));
    end.map_or_else(
        || Err(invalid("counts", "goes on beyond the end of time")),
        |_| Ok(()),
    )
}

pub(super) fn check_table(
    times: &[u64],
    work: Option<&[u64]>,
    start_ns: u64,
) -> Result<(), PlanError> {
    if let Some(row) = times.windows(2).position(|pair| pair[0] > pair[1]) {
        return Err(invalid("times", format!("goes back in row {}", row + 1)));
    }
    if let Some(work) = work
        && work.len() != times.len()
    {
        return Err(invalid(
            "work",
            format!("has {} rows beside {} times", work.len(), times.len()),
        ));
    }
    let end = times.last().copied().unwrap_or(0).checked_add(start_ns);
    if end.is_none_or(|end| end == u64::MAX) {
        Err(invalid("times", "goes on beyond the end of time"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
