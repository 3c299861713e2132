//! What the completed requests of one service set off.

use super::numbering::{Numbering, Way};
use crate::plan::{CallPlan, Plan, PlanError};
use crate::workload::number_of;
use hookean_kernel::{
    Distribution, Sampler, SimTime, StreamKey, counter_draw, stable_hash, unit_f64,
};

/// A call on its way: when it arrives and its index.
pub(crate) type Call = (u64, u64);

/// Time from the end of a request to the arrival of a call.
#[derive(Debug, Clone)]
enum Delay {
    Constant(u64),
    Drawn(Sampler, StreamKey),
}

impl Delay {
    fn new(law: &Distribution, key: StreamKey) -> Result<Self, PlanError> {
        if let Distribution::Constant { value_ns } = law {
            return Ok(Self::Constant(*value_ns));
        }
        let invalid = |problem| PlanError::invalid("calls.delay", format!("is invalid: {problem}"));
        Ok(Self::Drawn(law.sampler().map_err(invalid)?, key))
    }

    #[inline]
    fn of(&self, call: u64) -> u64 {
        match self {
            Self::Constant(delay) => *delay,
            Self::Drawn(law, key) => law.sample(&mut key.generator_at(call)),
        }
    }
}

/// The calls to one service that a request makes.
#[derive(Debug, Clone)]
struct Target {
    way: Way,
    delay: Delay,
    sent: Vec<Call>,
}

/// The calls that a request makes all of, or none.
#[derive(Debug, Clone)]
struct Entry {
    probability: f64,
    /// Whether a request makes them, by its number.
    made: StreamKey,
    copies: u64,
    targets: Vec<Target>,
}

/// A request that was completed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) index: u64,
    /// When it arrived first.
    pub(crate) first: u64,
    pub(crate) end: u64,
    /// Which of the service's entries of calls it has made: a bit for each.
    pub(crate) made: u64,
}

/// What a service that calls or is called has to tell: its calls, and how its requests have ended.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    entries: Vec<Entry>,
    ended: Vec<Ended>,
    /// When requests have failed for good, and which.
    given_up: Vec<(u64, u64)>,
}

impl Outbox {
    /// Prepares the calls of a service; `None` when it neither calls nor is called.
    ///
    /// # Errors
    /// [`PlanError`] when a delay is no distribution.
    pub(crate) fn new(
        plan: &Plan,
        numbering: &Numbering,
        service: usize,
    ) -> Result<Option<Self>, PlanError> {
        let (calls, name) = (plan.calls.iter().enumerate(), &plan.services[service].name);
        let own = calls.filter(|(_, call)| call.service == service);
        let entry = |(nth, (entry, call)): (usize, (usize, &CallPlan))| {
            let stream =
                |purpose, of| StreamKey::new(plan.seed, name, purpose, of).numbered(nth as u64);
            let target = |way: &Way| {
                // The number of a call is its own at one service only: the stream tells services apart.
                let callee = stable_hash(&plan.services[way.to].name);
                Ok(Target {
                    way: *way,
                    delay: Delay::new(&call.delay, stream("call delay", callee))?,
                    sent: Vec::new(),
                })
            };
            let ways = numbering.from(service).filter(|way| way.entry == entry);
            Ok(Entry {
                probability: call.probability,
                made: stream("call", 0),
                copies: call.copies,
                targets: ways.map(target).collect::<Result<_, PlanError>>()?,
            })
        };
        let entries = own
            .enumerate()
            .map(entry)
            .collect::<Result<Vec<_>, PlanError>>()?;
        let inside = !entries.is_empty() || numbering.is_called(service);
        Ok(inside.then_some(Self {
            entries,
            ended: Vec::new(),
            given_up: Vec::new(),
        }))
    }

    /// A request that arrived first at `first` was completed at `end`: its calls are on their way.
    pub(crate) fn completed(&mut self, index: u64, first: u64, end: u64) {
        let mut all_made = 0;
        for (nth, entry) in self.entries.iter_mut().enumerate() {
            let made = entry.probability >= 1.0
                || unit_f64(counter_draw(entry.made, number_of(index))) < entry.probability;
            if !made {
                continue;
            }
            all_made |= 1 << nth;
            for Target { way, delay, sent } in &mut entry.targets {
                sent.extend((0..entry.copies).map(|copy| {
                    let call = way.index(index, copy);
                    (end.saturating_add(delay.of(call)), call)
                }));
            }
        }
        self.ended.push(Ended {
            index,
            first,
            end,
            made: all_made,
        });
    }

    /// A request has failed for good.
    pub(crate) fn given_up(&mut self, index: u64, at: u64) {
        self.given_up.push((at, index));
    }

    /// Tells what has ended before `until` since the last time: `completed` of each completed request, `given_up` of the
    /// number of each that has failed for good.
    pub(crate) fn report(
        &mut self,
        until: SimTime,
        mut completed: impl FnMut(&Ended),
        mut given_up: impl FnMut(u64),
    ) {
        let until = until.as_nanos();
        self.ended.retain(|request| {
            let told = request.end < until;
            if told {
                completed(request);
            }
            !told
        });
        self.given_up.retain(|(at, index)| {
            let told = *at < until;
            if told {
                given_up(number_of(*index));
            }
            !told
        });
    }

    /// Takes the calls to where they go: `put` gets a service and the calls to it, in no order.
    pub(crate) fn deliver(&mut self, mut put: impl FnMut(usize, &mut Vec<Call>)) {
        let targets = self.entries.iter_mut().flat_map(|entry| &mut entry.targets);
        for target in targets.filter(|target| !target.sent.is_empty()) {
            put(target.way.to, &mut target.sent);
            target.sent.clear();
        }
    }
}
