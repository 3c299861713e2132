//! The number of a call: it says which request at the head set it off, and by which way.
//!
//! A call to a service has a place among all the places that calls of one request at the head can have there: one for each
//! way that leads from a head to the service, and for each copy on it. Number and place make the index of the call, so a
//! request has the same index, hence the same work, class and session, whatever happens before it. A request calls once when it
//! has completed, but every attempt may make synchronous calls: those have a place for each attempt of the caller.

use crate::plan::{CallPlan, Plan};
use crate::workload::{OF_CALL, OF_CLIENT, attempt_of, number_of};

/// Most places that calls of one request may have at one service; beyond 2^46 / this, requests at the head have no number.
pub(crate) const POSITIONS_MAX: u64 = 1 << 14;
/// Heads: open arrivals, and requests of clients in a closed loop.
const HEADS: u64 = 2;

/// One call of a plan to one of its services: where its places begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    /// Number of the entry in the plan's list of calls.
    pub(crate) entry: usize,
    pub(crate) from: usize,
    pub(crate) to: usize,
    base: u64,
    /// Places at the service that is called, and at the one that calls.
    positions_to: u64,
    positions_from: u64,
    copies: u64,
    /// Attempts of the caller that have calls of their own.
    attempts: u64,
}

impl Way {
    /// The index of a call that attempt `index` of a request sets off.
    #[inline]
    pub(crate) const fn index(&self, index: u64, copy: u64) -> u64 {
        let number = number_of(index);
        let (head, place) = match call_of(index) {
            Some(call) => (
                call / self.positions_from,
                HEADS + call % self.positions_from,
            ),
            None => (number & !OF_CLIENT, (number & OF_CLIENT != 0) as u64),
        };
        let attempt = if self.attempts > 1 {
            attempt_of(index) as u64
        } else {
            0
        };
        let copy = attempt * self.copies + copy;
        let place = self.base + copy * (HEADS + self.positions_from) + place;
        OF_CALL | (head * self.positions_to + place)
    }

    const fn places(&self) -> u64 {
        self.attempts
            .saturating_mul(self.copies)
            .saturating_mul(HEADS + self.positions_from)
    }
}

/// The request that made a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parent {
    pub(crate) service: usize,
    pub(crate) number: u64,
    /// The entry of the plan.
    pub(crate) entry: usize,
    /// Of a synchronous call, the attempt that made it, from 0.
    pub(crate) attempt: u32,
}

/// Where a call comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The service that called.
    pub(crate) caller: usize,
    /// The service whose request at the head set it all off, and the index of that request.
    pub(crate) head: (usize, u64),
}

/// All ways of a plan.
#[derive(Debug, Clone)]
pub(crate) struct Numbering {
    /// By the service that is called, then by place.
    ways: Vec<Way>,
    /// Where the ways to each service begin, and at last where all end.
    begins: Vec<usize>,
    /// Places of calls at each service.
    positions: Vec<u64>,
}

/// Most attempts of a request of each service.
fn attempts(plan: &Plan) -> Vec<u64> {
    let mut attempts = vec![1; plan.services.len()];
    let outside = plan.workloads.iter().map(|of| (of.service, of.retry));
    let calls = plan
        .calls
        .iter()
        .flat_map(|call| call.to.iter().map(|to| (*to, call.retry)));
    for (service, retry) in outside.chain(calls) {
        let most = retry.map_or(1, |retry| u64::from(retry.attempts_max));
        attempts[service] = most.max(attempts[service]);
    }
    attempts
}

impl Numbering {
    /// Numbers the places of the calls of a plan; `None` when they lead back or are too many.
    pub(crate) fn of(plan: &Plan) -> Option<Self> {
        Self::new(&plan.calls, &attempts(plan))
    }

    /// Numbers the places of calls between services, whose requests are tried at most so many times each; `None` when they
    /// lead back or are too many.
    fn new(calls: &[CallPlan], attempts: &[u64]) -> Option<Self> {
        let services = attempts.len();
        let levels = super::levels(calls, services)?;
        let edges = calls.iter().enumerate();
        let mut ways: Vec<Way> = edges
            .flat_map(|(entry, call)| {
                call.to.iter().map(move |to| Way {
                    entry,
                    from: call.service,
                    to: *to,
                    base: 0,
                    positions_to: 0,
                    positions_from: 0,
                    copies: call.copies,
                    attempts: if call.hold { attempts[call.service] } else { 1 },
                })
            })
            .collect();
        // Places at a service are known once those of all its callers are.
        let mut order: Vec<usize> = (0..ways.len()).collect();
        order.sort_by_key(|way| levels[ways[*way].from]);
        let mut positions = vec![0_u64; services];
        for at in order {
            let way = &mut ways[at];
            way.positions_from = positions[way.from];
            way.base = positions[way.to];
            positions[way.to] = positions[way.to].saturating_add(way.places());
            if positions[way.to] > POSITIONS_MAX {
                return None;
            }
        }
        for way in &mut ways {
            way.positions_to = positions[way.to];
        }
        ways.sort_unstable_by_key(|way| (way.to, way.base));
        let begins = (0..=services).map(|to| ways.partition_point(|way| way.to < to));
        Some(Self {
            begins: begins.collect(),
            ways,
            positions,
        })
    }

    /// The ways that begin at a service.
    pub(crate) fn from(&self, service: usize) -> impl Iterator<Item = &Way> {
        self.ways.iter().filter(move |way| way.from == service)
    }

    /// The request that made call `index` to a service; `None` when it is no call.
    pub(crate) fn parent(&self, service: usize, index: u64) -> Option<Parent> {
        let call = call_of(index)?;
        let (head, place) = (
            call / self.positions[service],
            call % self.positions[service],
        );
        let way = self.way_at(service, place)?;
        let (copy, place) = (
            (place - way.base) / (HEADS + way.positions_from),
            (place - way.base) % (HEADS + way.positions_from),
        );
        let number = match place {
            0 => head,
            1 => OF_CLIENT | head,
            place => OF_CALL | (head * way.positions_from + place - HEADS),
        };
        Some(Parent {
            service: way.from,
            number,
            entry: way.entry,
            attempt: (copy / way.copies) as u32,
        })
    }

    /// Where request `index` of a service comes from; `None` when it is no call.
    pub(crate) fn origin(&self, service: usize, index: u64) -> Option<Origin> {
        let parent = self.parent(service, index)?;
        let (caller, mut head) = (parent.service, parent);
        while let Some(next) = self.parent(head.service, head.number) {
            head = next;
        }
        Some(Origin {
            caller,
            head: (head.service, head.number),
        })
    }

    /// The ways to a service, by place.
    fn to(&self, service: usize) -> &[Way] {
        &self.ways[self.begins[service]..self.begins[service + 1]]
    }

    fn way_at(&self, service: usize, place: u64) -> Option<&Way> {
        let to = self.to(service);
        let after = to.partition_point(|way| way.base <= place);
        to.get(after.checked_sub(1)?)
    }

    /// Places of calls at a service; 0 where nobody calls.
    pub(crate) fn positions(&self, service: usize) -> u64 {
        self.positions[service]
    }

    /// Whether a service is called.
    pub(crate) fn is_called(&self, service: usize) -> bool {
        self.positions(service) > 0
    }

    /// The entries of the plan that calls of a service come by, told by the index of a call.
    pub(crate) fn entries(&self, service: usize) -> Entries {
        let begins = self.to(service).iter().map(|way| (way.base, way.entry));
        Entries {
            positions: self.positions[service],
            begins: begins.collect(),
        }
    }
}

/// What the number of a call says; `None` when the request is no call.
const fn call_of(index: u64) -> Option<u64> {
    let number = number_of(index);
    if number & OF_CLIENT == 0 && number & OF_CALL != 0 {
        Some(number & !OF_CALL)
    } else {
        None
    }
}

/// The number of the request at the head of what request `index` belongs to, at a service whose calls have so many places.
pub(crate) const fn head_number(index: u64, positions: u64) -> u64 {
    match call_of(index) {
        Some(call) if positions > 0 => call / positions,
        _ => number_of(index) & !OF_CLIENT,
    }
}

/// Whether the request is a call.
pub(crate) const fn is_call(index: u64) -> bool {
    call_of(index).is_some()
}

/// Which entry of the plan the calls of one service belong to.
#[derive(Debug, Clone)]
pub(crate) struct Entries {
    positions: u64,
    /// First place of each way to the service, ascending, and its entry.
    begins: Vec<(u64, usize)>,
}

impl Entries {
    /// The entry that a request belongs to; `None` when it is no call.
    pub(crate) fn of(&self, index: u64) -> Option<usize> {
        let place = call_of(index)? % self.positions.max(1);
        let at = self.begins.partition_point(|(base, _)| *base <= place);
        at.checked_sub(1).map(|at| self.begins[at].1)
    }

    /// The entries themselves.
    pub(crate) fn all(&self) -> impl Iterator<Item = usize> {
        self.begins.iter().map(|(_, entry)| *entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::WaitPlan;
    use hookean_kernel::Distribution;
    use std::collections::BTreeSet;

    fn call(service: usize, to: &[usize], copies: u64) -> CallPlan {
        CallPlan {
            service,
            to: to.to_vec(),
            probability: 1.0,
            copies,
            hold: false,
            delay: Distribution::Constant { value_ns: 0 },
            wait_for: WaitPlan::All,
            deadline_ns: None,
            retry: None,
        }
    }

    /// Indices at every service of all that some requests at the head set off.
    fn spread(
        numbering: &Numbering,
        copies: &[u64],
        heads: &[(usize, u64)],
        services: usize,
    ) -> Vec<Vec<u64>> {
        let mut found = vec![Vec::new(); services];
        let mut open = heads.to_vec();
        while let Some((service, index)) = open.pop() {
            found[service].push(index);
            for way in numbering.from(service) {
                open.extend((0..copies[way.entry]).map(|copy| (way.to, way.index(index, copy))));
            }
        }
        found
    }

    #[test]
    fn no_two_calls_of_a_service_have_the_same_number() {
        let calls = [
            call(0, &[1, 2], 2),
            call(1, &[2, 3], 1),
            call(1, &[3], 3),
            call(2, &[3], 1),
        ];
        let copies: Vec<u64> = calls.iter().map(|call| call.copies).collect();
        let numbering = Numbering::new(&calls, &[1; 4]).unwrap();
        let heads: Vec<(usize, u64)> = (0..3)
            .flat_map(|service| (0..20).flat_map(move |n| [(service, n), (service, OF_CLIENT | n)]))
            .collect();
        for of_service in spread(&numbering, &copies, &heads, 4) {
            assert!(of_service.len() >= 40);
            let distinct: BTreeSet<u64> = of_service.iter().copied().collect();
            assert_eq!(distinct.len(), of_service.len());
        }
    }

    #[test]
    fn a_call_knows_where_it_comes_from() {
        let calls = [call(0, &[1, 2], 2), call(1, &[2], 3)];
        let numbering = Numbering::new(&calls, &[1; 3]).unwrap();
        let ways: Vec<Way> = numbering
            .from(0)
            .chain(numbering.from(1))
            .copied()
            .collect();
        for head in [5, OF_CLIENT | 5] {
            let near = ways[0].index(head, 1);
            let origin = Origin {
                caller: 0,
                head: (0, head),
            };
            assert_eq!(numbering.origin(1, near), Some(origin));
            assert_eq!(numbering.origin(2, ways[1].index(head, 1)), Some(origin));
            let far = numbering.origin(2, ways[2].index(near, 2));
            assert_eq!(
                far,
                Some(Origin {
                    caller: 1,
                    head: (0, head)
                })
            );
            let own = numbering.origin(2, ways[2].index(head, 0));
            assert_eq!(
                own,
                Some(Origin {
                    caller: 1,
                    head: (1, head)
                })
            );
            assert_eq!(numbering.origin(0, head), None);
        }
    }

    #[test]
    fn a_call_knows_its_entry() {
        let calls = [call(0, &[2], 2), call(1, &[2], 1)];
        let numbering = Numbering::new(&calls, &[1; 3]).unwrap();
        let entries = numbering.entries(2);
        for way in numbering.from(0).chain(numbering.from(1)) {
            for number in [0, 7, 7 | OF_CLIENT] {
                let index = way.index(number, calls[way.entry].copies - 1);
                assert_eq!(entries.of(index), Some(way.entry));
            }
        }
        assert_eq!(entries.of(7), None);
        assert_eq!(entries.of(7 | OF_CLIENT), None);
    }

    #[test]
    fn every_attempt_has_synchronous_calls_of_its_own() {
        let hold = CallPlan {
            hold: true,
            ..call(0, &[1], 2)
        };
        let numbering = Numbering::new(&[hold], &[3, 1]).unwrap();
        let way = numbering.from(0).next().unwrap();
        let mut found = BTreeSet::new();
        for attempt in 0..3 {
            for (number, copy) in [(7, 0), (7, 1), (8, 0), (OF_CLIENT | 7, 1)] {
                let index = way.index(u64::from(attempt) << 48 | number, copy);
                assert!(found.insert(index));
                let parent = Parent {
                    service: 0,
                    number,
                    entry: 0,
                    attempt,
                };
                assert_eq!(numbering.parent(1, index), Some(parent));
            }
        }
        // Without retries they are numbered as asynchronous ones are.
        let [sync, other] = [true, false].map(|hold| {
            let call = CallPlan {
                hold,
                ..call(0, &[1], 2)
            };
            Numbering::new(&[call], &[1, 1])
        });
        let index =
            |numbering: Option<Numbering>| numbering.unwrap().from(0).next().unwrap().index(7, 1);
        assert_eq!(index(sync), index(other));
    }

    #[test]
    fn too_many_ways_have_no_numbers() {
        // Each layer calls both services of the next: the ways double.
        let layer = |n: usize| {
            [
                call(2 * n, &[2 * n + 2, 2 * n + 3], 1),
                call(2 * n + 1, &[2 * n + 2, 2 * n + 3], 1),
            ]
        };
        let deep = |layers: usize| (0..layers).flat_map(layer).collect::<Vec<_>>();
        assert!(Numbering::new(&deep(8), &[1; 18]).is_some());
        assert!(Numbering::new(&deep(20), &[1; 42]).is_none());
    }
}
