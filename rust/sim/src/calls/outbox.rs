//! What the requests of one service set off, and what there is to tell of them.

use super::numbering::{Numbering, Way};
use crate::plan::{CallPlan, Plan, PlanError};
use crate::workload::number_of;
use hookean_kernel::{
    Distribution, Sampler, SimTime, StreamKey, counter_draw, stable_hash, unit_f64,
};
use std::collections::BTreeSet;

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
    /// Whether the request is held until they are answered.
    hold: bool,
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

impl Entry {
    /// Whether a request makes the calls.
    fn is_made(&self, index: u64) -> bool {
        self.probability >= 1.0
            || unit_f64(counter_draw(self.made, number_of(index))) < self.probability
    }

    /// Sets them off at `at`.
    fn send(&mut self, index: u64, at: u64) {
        for Target { way, delay, sent } in &mut self.targets {
            sent.extend((0..self.copies).map(|copy| {
                let call = way.index(index, copy);
                (at.saturating_add(delay.of(call)), call)
            }));
        }
    }
}

/// An attempt of a request whose work is done, and that is held until calls are answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holding {
    pub(crate) index: u64,
    /// When its work was done.
    pub(crate) since: u64,
    /// Which of the service's entries of calls it has made or will make: a bit for each.
    pub(crate) made: u64,
    /// The replica that holds it.
    pub(crate) replica: u32,
}

/// What has happened to a request, for those that advance together with its service.
#[derive(Debug, Clone, Copy)]
pub(crate) enum News {
    /// It is held.
    Held(Holding),
    /// An attempt that was held goes back to be served again; whether its calls are answered, if it is known.
    SentBack { index: u64, answered: Option<bool> },
    /// It is held again, for the calls that it made then.
    HeldAgain(Holding),
    /// It was completed and has made these entries of calls.
    Completed { index: u64, made: u64 },
    /// An attempt that was in service has failed.
    LetGo { index: u64 },
    /// The request has failed for good.
    GivenUp { index: u64 },
}

/// Tells what has happened before `until`, in order, and keeps the rest.
fn tell_before<T>(
    until: SimTime,
    all: &mut Vec<T>,
    at: impl Fn(&T) -> u64,
    mut tell: impl FnMut(&T),
) {
    all.retain(|one| {
        let told = at(one) < until.as_nanos();
        if told {
            tell(one);
        }
        !told
    });
}

/// What a service that calls or is called has to tell: its calls, and how its requests have ended.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    entries: Vec<Entry>,
    ended: Vec<Ended>,
    /// When requests have failed for good, and which.
    given_up: Vec<(u64, u64)>,
    /// Attempts that are held, and when such attempts have failed.
    held: Vec<Holding>,
    let_go: Vec<(u64, u64)>,
    /// Attempts that have made their synchronous calls and were sent back then.
    sent_back: BTreeSet<u64>,
    holds: bool,
    /// The same for those that advance together with the service, in the order in which it happened.
    news: Option<Vec<News>>,
}

impl Outbox {
    /// Prepares the calls of a service, which may be `joined` with others; `None` when it neither calls nor is called.
    ///
    /// # Errors
    /// [`PlanError`] when a delay is no distribution.
    pub(crate) fn new(
        plan: &Plan,
        numbering: &Numbering,
        service: usize,
        joined: bool,
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
                hold: call.hold,
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
            holds: entries.iter().any(|entry| entry.hold),
            entries,
            ended: Vec::new(),
            given_up: Vec::new(),
            held: Vec::new(),
            let_go: Vec::new(),
            sent_back: BTreeSet::new(),
            news: joined.then(Vec::new),
        }))
    }

    fn tell(&mut self, news: News) {
        if let Some(told) = &mut self.news {
            told.push(news);
        }
    }

    /// What has happened since the last time.
    pub(crate) fn take_news(&mut self) -> Vec<News> {
        self.news.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Whether there is something to tell.
    pub(crate) fn has_news(&self) -> bool {
        self.news.as_ref().is_some_and(|news| !news.is_empty())
    }

    /// The work of an attempt is done at `now`: its synchronous calls are on their way, or were when it was done before. Returns
    /// whether there are any, so that its replica has to hold it.
    pub(crate) fn holds(&mut self, index: u64, now: u64, replica: u32) -> bool {
        if !self.holds {
            return false;
        }
        let again = self.sent_back.remove(&index);
        let (mut all_made, mut holds) = (0, false);
        for (nth, entry) in self.entries.iter_mut().enumerate() {
            if !entry.is_made(index) {
                continue;
            }
            all_made |= 1 << nth;
            if entry.hold {
                if !again {
                    entry.send(index, now);
                }
                holds = true;
            }
        }
        if holds {
            let holding = Holding {
                index,
                since: now,
                made: all_made,
                replica,
            };
            if again {
                self.tell(News::HeldAgain(holding));
            } else {
                self.held.push(holding);
                self.tell(News::Held(holding));
            }
        }
        holds
    }

    /// An attempt that is held goes back to be served again, with the calls that it has made, which are `answered` or not if it
    /// is known.
    pub(crate) fn send_back(&mut self, index: u64, answered: Option<bool>) {
        self.sent_back.insert(index);
        self.tell(News::SentBack { index, answered });
    }

    /// An attempt has failed that was in service (`served`), or may have made calls before it was sent back.
    pub(crate) fn let_go(&mut self, index: u64, at: u64, served: bool) {
        if self.holds && (self.sent_back.remove(&index) || served) {
            self.let_go.push((at, index));
            self.tell(News::LetGo { index });
        }
    }

    /// A request that arrived first at `first` was completed at `end`: its asynchronous calls are on their way.
    pub(crate) fn completed(&mut self, index: u64, first: u64, end: u64) {
        let mut all_made = 0;
        for (nth, entry) in self.entries.iter_mut().enumerate() {
            if !entry.is_made(index) {
                continue;
            }
            all_made |= 1 << nth;
            if !entry.hold {
                entry.send(index, end);
            }
        }
        self.tell(News::Completed {
            index,
            made: all_made,
        });
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
        self.tell(News::GivenUp { index });
    }

    /// Tells which attempts have been held before `until` since the last time, and then the index of each that was let go.
    pub(crate) fn report_held(
        &mut self,
        until: SimTime,
        held: impl FnMut(&Holding),
        mut let_go: impl FnMut(u64),
    ) {
        tell_before(until, &mut self.held, |holding| holding.since, held);
        tell_before(
            until,
            &mut self.let_go,
            |(at, _)| *at,
            |(_, index)| let_go(*index),
        );
    }

    /// Tells what has ended before `until` since the last time: `completed` of each completed request, `given_up` of the
    /// number of each that has failed for good.
    pub(crate) fn report(
        &mut self,
        until: SimTime,
        completed: impl FnMut(&Ended),
        mut given_up: impl FnMut(u64),
    ) {
        tell_before(until, &mut self.ended, |request| request.end, completed);
        let failed = |(_, index): &(u64, u64)| given_up(number_of(*index));
        tell_before(until, &mut self.given_up, |(at, _)| *at, failed);
    }

    /// Takes the calls to those services that are `meant` to where they go: `put` gets a service and the calls to it, in no
    /// order.
    pub(crate) fn deliver(
        &mut self,
        meant: impl Fn(usize) -> bool,
        mut put: impl FnMut(usize, &mut Vec<Call>),
    ) {
        let targets = self.entries.iter_mut().flat_map(|entry| &mut entry.targets);
        for target in targets.filter(|target| !target.sent.is_empty() && meant(target.way.to)) {
            put(target.way.to, &mut target.sent);
            target.sent.clear();
        }
    }
}
