//! Requests that wait for answers in services that advance together: when a held one may go on.
//!
//! A call is answered when its request was completed and as many of the calls of that are answered as it waits for: what
//! [`super::Trees`] books later is decided here at its own instant. Only numbers of answers matter, and no group of calls can
//! both be answered and fail, so answers of one instant may come in any order.

use super::answer::Rule;
use super::numbering::Numbering;
use super::outbox::{Holding, News};
use super::units::Units;
use crate::plan::CallPlan;
use crate::workload::{attempt_of, number_of};
use std::collections::BTreeMap;

/// The calls of one entry that one request has made.
#[derive(Debug, Clone, Copy)]
struct Group {
    rule: Rule,
    answered: u64,
    failed: u64,
}

/// Where a request is that waits.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// An attempt is held.
    Held(Holding),
    /// The attempt of this index has been sent back and is to be held again; whether its calls are answered, if it is known.
    SentBack { index: u64, answered: Option<bool> },
    /// It was completed: only its answer is due.
    Completed,
}

impl Place {
    /// The index of the attempt that is held, or will be.
    const fn attempt(self) -> Option<u64> {
        match self {
            Self::Held(Holding { index, .. }) | Self::SentBack { index, .. } => Some(index),
            Self::Completed => None,
        }
    }
}

/// A request that waits.
#[derive(Debug, Clone)]
struct Waiting {
    place: Place,
    groups: Vec<Group>,
}

impl Waiting {
    /// Takes an answer to one of the calls of an entry, or a failure; returns whether all is well, once that is known.
    fn take(&mut self, entry: usize, answered: bool) -> Option<bool> {
        let mut groups = self.groups.iter_mut();
        let group = groups.find(|group| group.rule.entry == entry)?;
        group.answered += u64::from(answered);
        group.failed += u64::from(!answered);
        if group.rule.calls - group.failed < group.rule.needed {
            return Some(false);
        }
        let mut groups = self.groups.iter();
        let whole = groups.all(|group| group.answered >= group.rule.needed);
        whole.then_some(true)
    }
}

/// A held attempt whose calls are answered, or have failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Released {
    pub(crate) service: usize,
    pub(crate) replica: u32,
    pub(crate) index: u64,
    pub(crate) answered: bool,
}

impl Released {
    const fn new(service: usize, holding: Holding, answered: bool) -> Self {
        Self {
            service,
            replica: holding.replica,
            index: holding.index,
            answered,
        }
    }
}

/// All that wait in the services of one unit.
#[derive(Debug)]
pub(crate) struct Held {
    /// Rules of the calls of each service of the unit.
    rules: BTreeMap<usize, Vec<Rule>>,
    /// Services whose answers somebody who is held waits for.
    awaited: Vec<usize>,
    /// By service and number.
    waiting: BTreeMap<(usize, u64), Waiting>,
}

impl Held {
    pub(crate) fn new(calls: &[CallPlan], units: &Units, unit: usize) -> Self {
        let members = units.members(unit);
        let mut rules: BTreeMap<usize, Vec<Rule>> = members
            .iter()
            .map(|service| (*service, Vec::new()))
            .collect();
        for (entry, call) in calls.iter().enumerate() {
            if let Some(of) = rules.get_mut(&call.service) {
                of.push(Rule::new(entry, call));
            }
        }
        let awaited = members.iter().copied();
        Self {
            rules,
            awaited: awaited
                .filter(|service| units.is_awaited(*service))
                .collect(),
            waiting: BTreeMap::new(),
        }
    }

    /// How many attempts are held in a service.
    pub(crate) fn count(&self, service: usize) -> u64 {
        let of = self.waiting.range((service, 0)..=(service, u64::MAX));
        let held = of.filter(|(_, waiting)| matches!(waiting.place, Place::Held(_)));
        held.count() as u64
    }

    /// Forgets all who wait, as a faulty engine might.
    #[cfg(test)]
    pub(crate) fn forget(&mut self) {
        self.waiting.clear();
    }

    /// Hears what has happened in a service and appends those that may go on for it.
    pub(crate) fn hear(
        &mut self,
        numbering: &Numbering,
        service: usize,
        news: News,
        released: &mut Vec<Released>,
    ) {
        match news {
            News::Held(holding) => {
                let groups = self.groups(service, holding.made, true);
                let place = Place::Held(holding);
                let key = (service, number_of(holding.index));
                self.waiting.insert(key, Waiting { place, groups });
            }
            News::SentBack { index, answered } => self.send_back(service, index, answered),
            News::HeldAgain(holding) => self.hold_again(service, holding, released),
            News::LetGo { index } => {
                let key = (service, number_of(index));
                let waiting = self.waiting.get(&key);
                if waiting.is_some_and(|waiting| waiting.place.attempt() == Some(index)) {
                    self.waiting.remove(&key);
                }
            }
            News::Completed { index, made } => {
                if !self.awaited.contains(&service) {
                    return;
                }
                let (number, groups) = (number_of(index), self.groups(service, made, false));
                if groups.is_empty() {
                    self.tell_caller(numbering, (service, number), true, released);
                } else {
                    let place = Place::Completed;
                    let waiting = Waiting { place, groups };
                    self.waiting.insert((service, number), waiting);
                }
            }
            News::GivenUp { index } => {
                if self.awaited.contains(&service) {
                    self.tell_caller(numbering, (service, number_of(index)), false, released);
                }
            }
        }
    }

    fn send_back(&mut self, service: usize, index: u64, answered: Option<bool>) {
        let waiting = self.waiting.entry((service, number_of(index)));
        let waiting = waiting.or_insert_with(|| Waiting {
            place: Place::Completed,
            groups: Vec::new(),
        });
        waiting.place = Place::SentBack { index, answered };
    }

    /// An attempt that was sent back is held again, unless its calls are answered by now, or have failed.
    fn hold_again(&mut self, service: usize, holding: Holding, released: &mut Vec<Released>) {
        let key = (service, number_of(holding.index));
        let Some(waiting) = self.waiting.get_mut(&key) else {
            return;
        };
        match waiting.place {
            Place::SentBack {
                answered: Some(answered),
                ..
            } => {
                self.waiting.remove(&key);
                released.push(Released::new(service, holding, answered));
            }
            Place::SentBack { answered: None, .. } | Place::Held(_) | Place::Completed => {
                waiting.place = Place::Held(holding);
            }
        }
    }

    /// The calls made that the request waits for, held or completed.
    fn groups(&self, service: usize, made: u64, hold: bool) -> Vec<Group> {
        let rules = self.rules.get(&service).map_or(&[][..], Vec::as_slice);
        let group = |rule| Group {
            rule,
            answered: 0,
            failed: 0,
        };
        Rule::awaited(rules, made, hold).map(group).collect()
    }

    /// Tells who made a call that it is answered, or has failed.
    fn tell_caller(
        &mut self,
        numbering: &Numbering,
        (mut service, mut number): (usize, u64),
        mut answered: bool,
        released: &mut Vec<Released>,
    ) {
        while let Some(parent) = numbering.parent(service, number) {
            let key = (parent.service, parent.number);
            let Some(waiting) = self.waiting.get_mut(&key) else {
                return;
            };
            let of_others = |index: u64| attempt_of(index) != parent.attempt;
            if waiting.place.attempt().is_some_and(of_others) {
                return;
            }
            let Some(whole) = waiting.take(parent.entry, answered) else {
                return;
            };
            match waiting.place {
                Place::Held(holding) => {
                    self.waiting.remove(&key);
                    released.push(Released::new(parent.service, holding, whole));
                    return;
                }
                Place::SentBack { index, answered } => {
                    let answered = answered.or(Some(whole));
                    waiting.place = Place::SentBack { index, answered };
                    return;
                }
                Place::Completed => {
                    self.waiting.remove(&key);
                }
            }
            (service, number, answered) = (parent.service, parent.number, whole);
        }
    }
}
