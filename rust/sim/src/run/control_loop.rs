//! A control loop: a controller, its clock, what feeds it and what it leaves behind.

use super::event::Event;
use super::service::Service;
use crate::control::external::Observer;
use crate::control::reactive::Reactive;
use crate::control::{Accounts, Controller, Verdict};
use crate::metrics::{CLOCKS, NextSample, Pipeline, Reads};
use crate::plan::{ControllerPlan, Plan, ServicePlan};
use crate::record::{Decided, DecisionContext, DecisionLog};
use crate::station::ReplicaId;
use hookean_kernel::{SimDuration, SimTime, bring_value_near};
use std::collections::BTreeMap;

/// A controller with everything of its own.
pub(super) struct Loop {
    pub(super) service: usize,
    pub(super) period: SimDuration,
    pub(super) decider: Decider,
    pub(super) pipeline: Pipeline,
    /// Its decisions so far.
    pub(super) log: DecisionLog,
    /// Whether other controllers decide at the same instants.
    pub(super) in_step: bool,
    /// Whether it may run ahead of the rest of the run (see [`super::lane`]).
    pub(super) alone: bool,
    /// What it does next, if it may.
    pub(super) due: Due,
    /// Whether a controller that acts on what happens has been asked for the first time.
    pub(super) awake: bool,
    /// When it wants to be asked in any case.
    pub(super) wake: Option<SimTime>,
}

impl Loop {
    /// Lets a clock of the pipeline look at the service, whose samples are those of this instant.
    pub(super) fn look(
        &mut self,
        now: SimTime,
        clock: u8,
        service: &Service,
    ) -> Option<NextSample> {
        let looks = self.pipeline.looks(clock);
        let samples = if looks {
            service.samples.as_slice()
        } else {
            &[]
        };
        self.pipeline.sample(clock, now, samples)
    }

    /// Lets a controller of the engine decide on its period; `None` when another kind decides here.
    pub(super) fn decide(
        &mut self,
        now: SimTime,
        plan: &ServicePlan,
        service: &mut Service,
    ) -> Option<Verdict> {
        let Decider::Native(native) = &mut self.decider else {
            return None;
        };
        let view = service.view(now, plan, &self.pipeline);
        let verdict = native.decide(&view, &mut self.log.account());
        self.note(now, service, &verdict);
        Some(verdict)
    }

    /// Asks for what decides in it before what that points to is asked for.
    pub(super) fn bring_decider_near(&self) {
        match &self.decider {
            Decider::Native(native) => bring_value_near(&**native),
            Decider::External(observer) => bring_value_near(&**observer),
            Decider::Reactive(_) => {}
        }
    }

    /// Asks for memory before it is used.
    pub(super) fn bring_near(&self) {
        self.pipeline.bring_near();
        if let Decider::Native(native) = &self.decider {
            native.bring_near();
        }
    }

    /// Notes a decision that has been accounted for.
    pub(super) fn note(&mut self, now: SimTime, service: &mut Service, verdict: &Verdict) {
        let current = service.desired;
        service.scale_outs += u64::from(verdict.desired > current);
        service.scale_ins += u64::from(verdict.desired < current);
        let context = DecisionContext {
            now,
            current,
            ready: service.counts.ready,
        };
        self.log.push(&context, verdict);
    }

    /// What it has left of its decisions since it was last asked.
    pub(super) fn take_decided(&mut self) -> Decided {
        (self.log.take(), self.decider.take_accounts())
    }
}

/// What decides in a loop.
pub(super) enum Decider {
    /// A controller of the engine.
    Native(Box<dyn Controller>),
    /// One that acts when something happens.
    Reactive(Box<dyn Reactive>),
    /// A policy outside of it.
    External(Box<Observer>),
}

impl Decider {
    pub(super) fn reads(&self, plan: &ControllerPlan) -> Reads {
        match self {
            Self::Native(controller) => controller.reads(),
            Self::Reactive(_) => Reads::Nothing,
            Self::External(observer) => observer.reads(plan),
        }
    }

    /// The accounts that it has kept, if it writes none when it decides.
    fn take_accounts(&mut self) -> Option<Box<dyn Accounts>> {
        match self {
            Self::Native(controller) => controller.take_accounts(),
            Self::External(observer) => Some(observer.take_accounts()),
            Self::Reactive(_) => None,
        }
    }
}

/// A step of a loop that may run ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A clock of its pipeline looks.
    Look(u8),
    /// Its controller decides.
    Decide,
    /// A row of the series ends.
    Row,
    /// A replica begins to take requests.
    Begin,
}

impl Step {
    /// The event that it is on a list.
    pub(super) const fn event(self, controller: usize, service: usize) -> Event {
        match self {
            Self::Look(clock) => Event::Sample { controller, clock },
            Self::Decide => Event::Tick { controller },
            Self::Row => Event::Interval { controller },
            Self::Begin => Event::Begin {
                controller,
                service,
            },
        }
    }
}

/// When a loop takes its next steps, in the order of those at one instant: looks by clock, the decision, the row of the series,
/// replicas that begin.
#[derive(Debug)]
pub(super) struct Due {
    at: [SimTime; STEPS.len()],
    /// For when it is on a list, if it is: then it has to go on.
    pub(super) listed: Option<SimTime>,
    /// Replicas to begin, in order.
    beginning: Vec<Beginning>,
}

/// A replica that will begin to take requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Beginning {
    pub(super) at: SimTime,
    /// Its place among events of that instant.
    pub(super) sequence: u64,
    pub(super) replica: ReplicaId,
}

const STEPS: [Step; CLOCKS + 3] = [
    Step::Look(0),
    Step::Look(1),
    Step::Look(2),
    Step::Decide,
    Step::Row,
    Step::Begin,
];

impl Default for Due {
    fn default() -> Self {
        Self {
            at: [SimTime::MAX; STEPS.len()],
            listed: None,
            beginning: Vec::new(),
        }
    }
}

impl Due {
    pub(super) fn push(&mut self, at: SimTime, step: Step) {
        self.at[Self::place(step)] = at;
    }

    /// Adds a replica to those that will begin.
    pub(super) fn add_beginning(&mut self, beginning: Beginning) {
        let place = self.beginning.partition_point(|of| *of < beginning);
        self.beginning.insert(place, beginning);
        self.push(self.beginning[0].at, Step::Begin);
    }

    /// The replica that begins first.
    pub(super) fn first_beginning(&self) -> Option<Beginning> {
        self.beginning.first().copied()
    }

    /// Takes out the replica whose beginning has been taken out.
    pub(super) fn take_beginning(&mut self) -> Option<ReplicaId> {
        let first = self.first_beginning()?;
        self.beginning.remove(0);
        let next = self.first_beginning();
        self.push(next.map_or(SimTime::MAX, |next| next.at), Step::Begin);
        Some(first.replica)
    }

    /// When a step is due; [`SimTime::MAX`] if it is not.
    pub(super) fn at(&self, step: Step) -> SimTime {
        self.at[Self::place(step)]
    }

    fn place(step: Step) -> usize {
        match step {
            Step::Look(clock) => usize::from(clock),
            Step::Decide => CLOCKS,
            Step::Row => CLOCKS + 1,
            Step::Begin => CLOCKS + 2,
        }
    }

    fn first_place(&self) -> usize {
        let mut first = 0;
        for place in 1..STEPS.len() {
            if self.at[place] < self.at[first] {
                first = place;
            }
        }
        first
    }

    /// The first.
    pub(super) fn first(&self) -> Option<(SimTime, Step)> {
        let place = self.first_place();
        let at = self.at[place];
        (at < SimTime::MAX).then_some((at, STEPS[place]))
    }

    /// Takes out the first if it is due before `limit`.
    pub(super) fn pop_before(&mut self, limit: SimTime) -> Option<(SimTime, Step)> {
        let place = self.first_place();
        let at = self.at[place];
        (at < limit).then(|| {
            self.at[place] = SimTime::MAX;
            (at, STEPS[place])
        })
    }
}

/// First tick and period of a controller.
pub(super) type Clock = (SimTime, u64);

/// The clock of a controller.
pub(super) fn clock(plan: &Plan, controller: &ControllerPlan) -> Clock {
    let created_at = SimTime::from_nanos(plan.services[controller.service].created_at_ns);
    let first = created_at + SimDuration::from_nanos(controller.phase_ns);
    (first, controller.period_ns)
}

/// How many controllers have each clock.
pub(super) fn clocks(plan: &Plan) -> BTreeMap<Clock, usize> {
    let mut clocks = BTreeMap::new();
    for controller in &plan.controllers {
        *clocks.entry(clock(plan, controller)).or_default() += 1;
    }
    clocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_at_one_instant_have_an_order() {
        let at = SimTime::from_nanos;
        let mut due = Due::default();
        assert_eq!(due.first(), None);
        for step in [Step::Row, Step::Decide, Step::Look(1), Step::Look(0)] {
            due.push(at(5), step);
        }
        due.push(at(3), Step::Look(2));
        let mut taken = vec![];
        while let Some((_, step)) = due.pop_before(at(6)) {
            taken.push(step);
        }
        assert_eq!(
            taken,
            [
                Step::Look(2),
                Step::Look(0),
                Step::Look(1),
                Step::Decide,
                Step::Row
            ]
        );
        due.push(at(9), Step::Decide);
        assert_eq!(due.pop_before(at(9)), None);
        assert_eq!(due.first(), Some((at(9), Step::Decide)));
    }

    #[test]
    fn replicas_begin_in_order() {
        let at = SimTime::from_nanos;
        let mut due = Due::default();
        for (time, sequence) in [(7, 3), (5, 1), (7, 2)] {
            due.add_beginning(Beginning {
                at: at(time),
                sequence,
                replica: ReplicaId(sequence as u32),
            });
        }
        let begun = std::iter::from_fn(|| {
            let (now, step) = due.pop_before(SimTime::MAX)?;
            assert_eq!(step, Step::Begin);
            Some((now, due.take_beginning()?.0))
        });
        let begun: Vec<_> = begun.collect();
        assert_eq!(begun, [(at(5), 1), (at(7), 2), (at(7), 3)]);
    }

    #[test]
    fn steps_have_the_order_of_their_events() {
        let orders = STEPS.map(|step| step.event(7, 3).order());
        assert!(orders.is_sorted(), "{orders:?}");
    }
}
