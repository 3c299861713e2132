//! What advances by itself: a service alone, or several services together.
//!
//! The answer to a synchronous call leads back to its caller, so the two depend on each other. So do those that such an
//! answer waits for in turn, and whoever stands on a way from one of them to another. A service whose controller acts on single
//! requests does so while those who call it are at the same instant, and so are those who call them: it leads back to all of
//! these. So does one that is joined to others and pushes requests out of its full queue: whoever may come from those who call
//! it may end what others are held for. The strongly connected components of this graph, in which calls lead forth and all that leads back, are the units;
//! among units no way leads back.

use super::order::{edges, levels};
use crate::plan::{CallPlan, WaitPlan};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Services in units, and the order of these.
#[derive(Debug, Clone)]
pub(crate) struct Units {
    /// The unit of each service.
    of: Vec<usize>,
    /// Services of each unit, in the order of calls.
    members: Vec<Vec<usize>>,
    /// The level of each unit: that of a caller is below those of the units it calls.
    levels: Vec<usize>,
    /// Whether a caller that is held waits for the answers of a service, itself or through others.
    awaited: Vec<bool>,
}

impl Units {
    /// The units of services, of which some are `watched` by controllers that act on single requests, and some push requests
    /// out of a full queue; `None` when calls lead back.
    pub(crate) fn new(calls: &[CallPlan], watched: &[bool], pushing: &[bool]) -> Option<Self> {
        let services = watched.len();
        let order = levels(calls, services)?;
        let awaited = awaited(calls, &order);
        let mut followed = followed(calls, &order, watched);
        let mut of = components(&ways(calls, &awaited, &followed));
        // Whoever advances together with one that is followed is followed too, and so are those who call it.
        while spread(&of, pushing, &mut followed) {
            followed = self::followed(calls, &order, &followed);
            of = components(&ways(calls, &awaited, &followed));
        }
        let count = of.iter().map(|unit| unit + 1).max().unwrap_or(0);
        let mut members = vec![Vec::new(); count];
        for (service, unit) in of.iter().enumerate() {
            members[*unit].push(service);
        }
        for services in &mut members {
            services.sort_by_key(|service| (order[*service], *service));
        }
        let levels = unit_levels(calls, &of, count);
        Some(Self {
            of,
            members,
            levels,
            awaited,
        })
    }

    /// The unit of a service.
    pub(crate) fn of(&self, service: usize) -> usize {
        self.of[service]
    }

    /// How many units there are.
    pub(crate) const fn count(&self) -> usize {
        self.members.len()
    }

    /// Services of a unit, in the order of calls.
    pub(crate) fn members(&self, unit: usize) -> &[usize] {
        &self.members[unit]
    }

    /// The level of a unit.
    pub(crate) fn level(&self, unit: usize) -> usize {
        self.levels[unit]
    }

    /// Whether a service advances together with others.
    pub(crate) fn is_joined(&self, service: usize) -> bool {
        self.members[self.of[service]].len() > 1
    }

    /// Whether somebody who is held waits for answers of a service.
    pub(crate) fn is_awaited(&self, service: usize) -> bool {
        self.awaited[service]
    }

    /// For each unit, those that call it, directly or not, in the order of calls.
    pub(crate) fn upstream(&self, calls: &[CallPlan]) -> Vec<Vec<usize>> {
        let mut upstream: Vec<Vec<usize>> = vec![Vec::new(); self.count()];
        let between = edges(calls).map(|(from, to)| (self.of[from], self.of[to]));
        let mut between: Vec<(usize, usize)> = between.filter(|(from, to)| from != to).collect();
        between.sort_unstable_by_key(|(from, _)| self.levels[*from]);
        for (from, to) in between {
            let mut of = std::mem::take(&mut upstream[to]);
            of.extend(&upstream[from]);
            of.push(from);
            of.sort_unstable_by_key(|unit| (self.levels[*unit], self.members[*unit].first()));
            of.dedup();
            upstream[to] = of;
        }
        upstream
    }
}

fn waits(call: &CallPlan) -> bool {
    call.wait_for != WaitPlan::Nothing
}

/// Whether somebody who is held waits for answers of each service.
fn awaited(calls: &[CallPlan], order: &[usize]) -> Vec<bool> {
    let mut awaited = vec![false; order.len()];
    let mut sorted: Vec<&CallPlan> = calls.iter().collect();
    sorted.sort_by_key(|call| order[call.service]);
    for call in sorted {
        if call.hold || (awaited[call.service] && waits(call)) {
            call.to.iter().for_each(|to| awaited[*to] = true);
        }
    }
    awaited
}

/// The services that each one calls, and those of its callers that depend on it in turn.
fn ways(calls: &[CallPlan], awaited: &[bool], followed: &[bool]) -> Vec<Vec<usize>> {
    let mut next = vec![Vec::new(); followed.len()];
    for call in calls {
        let answers = call.hold || (awaited[call.service] && waits(call));
        for to in &call.to {
            next[call.service].push(*to);
            if answers || followed[*to] {
                next[*to].push(call.service);
            }
        }
    }
    next
}

/// Marks the services of every unit one of which is marked, or pushes requests out while others are joined to it; returns
/// whether there are more now.
fn spread(of: &[usize], pushing: &[bool], marked: &mut [bool]) -> bool {
    let joined = |service: usize| of.iter().filter(|unit| **unit == of[service]).count() > 1;
    let units: BTreeSet<usize> = (0..of.len())
        .filter(|service| marked[*service] || pushing[*service] && joined(*service))
        .map(|service| of[service])
        .collect();
    let mut more = false;
    for (unit, marked) in of.iter().zip(marked) {
        more |= !*marked && units.contains(unit);
        *marked |= units.contains(unit);
    }
    more
}

/// Whether each service is watched, or one that it calls, directly or not.
fn followed(calls: &[CallPlan], order: &[usize], watched: &[bool]) -> Vec<bool> {
    let mut followed = watched.to_vec();
    let mut sorted: Vec<&CallPlan> = calls.iter().collect();
    sorted.sort_by_key(|call| Reverse(order[call.service]));
    for call in sorted {
        followed[call.service] |= call.to.iter().any(|to| followed[*to]);
    }
    followed
}

/// The strongly connected component of each node, numbered by their first nodes (S. R. Kosaraju; M. Sharir 1981).
fn components(next: &[Vec<usize>]) -> Vec<usize> {
    let nodes = next.len();
    let mut before = vec![Vec::new(); nodes];
    for (from, all) in next.iter().enumerate() {
        for to in all {
            before[*to].push(from);
        }
    }
    let mut left = vec![false; nodes];
    let mut finished = Vec::with_capacity(nodes);
    for start in 0..nodes {
        finished.extend(walk(next, start, &mut left));
    }
    let mut seen = vec![false; nodes];
    let mut leader = vec![0; nodes];
    for start in finished.into_iter().rev() {
        let component = walk(&before, start, &mut seen);
        let first = component.iter().copied().min().unwrap_or(start);
        for node in component {
            leader[node] = first;
        }
    }
    let leaders: Vec<usize> = (0..nodes).filter(|node| leader[*node] == *node).collect();
    leader
        .iter()
        .map(|first| leaders.partition_point(|leader| leader < first))
        .collect()
}

/// The nodes that a walk from `start` sees for the first time, each after all that it leads to.
fn walk(next: &[Vec<usize>], start: usize, seen: &mut [bool]) -> Vec<usize> {
    let mut finished = Vec::new();
    let mut way = Vec::new();
    if !std::mem::replace(&mut seen[start], true) {
        way.push((start, 0));
    }
    while let Some((node, branch)) = way.last_mut() {
        if let Some(to) = next[*node].get(*branch) {
            *branch += 1;
            if !std::mem::replace(&mut seen[*to], true) {
                way.push((*to, 0));
            }
        } else {
            finished.push(*node);
            way.pop();
        }
    }
    finished
}

/// The level of each unit: no way leads from one back to itself.
fn unit_levels(calls: &[CallPlan], of: &[usize], count: usize) -> Vec<usize> {
    let mut levels = vec![0; count];
    let mut raised = true;
    while raised {
        raised = false;
        for (from, to) in edges(calls) {
            let (from, to) = (of[from], of[to]);
            if from != to && levels[to] <= levels[from] {
                levels[to] = levels[from] + 1;
                raised = true;
            }
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;
    use hookean_kernel::Distribution;

    fn call((service, to, hold): &(usize, usize, bool)) -> CallPlan {
        CallPlan {
            service: *service,
            to: vec![*to],
            probability: 1.0,
            copies: 1,
            hold: *hold,
            delay: Distribution::Constant { value_ns: 0 },
            wait_for: WaitPlan::All,
            deadline_ns: None,
            retry: None,
        }
    }

    fn units(edges: &[(usize, usize, bool)], services: usize) -> Units {
        let calls: Vec<CallPlan> = edges.iter().map(call).collect();
        Units::new(&calls, &vec![false; services], &vec![false; services]).unwrap()
    }

    fn members(units: &Units) -> Vec<&[usize]> {
        (0..units.count()).map(|unit| units.members(unit)).collect()
    }

    #[test]
    fn without_synchronous_calls_every_service_is_alone() {
        let units = units(&[(0, 3, false), (1, 0, false), (3, 2, false)], 4);
        assert_eq!(members(&units), [[0], [1], [2], [3]]);
        let levels: Vec<usize> = (0..4).map(|unit| units.level(unit)).collect();
        assert_eq!(levels, [1, 0, 3, 2]);
        assert!((0..4).all(|service| !units.is_joined(service) && !units.is_awaited(service)));
    }

    #[test]
    fn a_caller_that_is_held_goes_with_those_it_waits_for() {
        // 4 calls 3 and waits for it; asynchronous calls lead in from 1 and out to 0.
        let edges = [(1, 4, false), (3, 0, false), (4, 3, true)];
        let mut calls: Vec<CallPlan> = edges.iter().map(call).collect();
        calls[1].wait_for = WaitPlan::Nothing;
        let units = Units::new(&calls, &[false; 5], &[false; 5]).unwrap();
        assert_eq!(members(&units), [&[0][..], &[1], &[2], &[4, 3]]);
        assert!(units.is_joined(3) && units.is_joined(4) && !units.is_joined(0));
        assert!(units.is_awaited(3) && !units.is_awaited(4));
        assert_eq!(
            units.upstream(&calls),
            [vec![1, 3], vec![], vec![], vec![1]]
        );
    }

    #[test]
    fn an_answer_that_waits_for_others_joins_them_too() {
        let units = units(&[(0, 1, true), (1, 2, false), (3, 2, false)], 4);
        assert_eq!(members(&units), [&[0, 1, 2][..], &[3]]);
        assert!(units.is_awaited(2) && !units.is_awaited(3));
    }

    #[test]
    fn who_stands_between_two_of_a_unit_belongs_to_it() {
        let units = units(&[(0, 1, true), (0, 2, false), (2, 1, false)], 3);
        assert_eq!(members(&units), [&[0, 2, 1][..]]);
        assert!(!units.is_awaited(2));
    }

    #[test]
    fn a_service_that_is_watched_goes_with_all_who_call_it_and_with_none_that_it_calls() {
        let edges = [(0, 1, false), (1, 2, false), (2, 3, false), (1, 4, false)];
        let calls: Vec<CallPlan> = edges.iter().map(call).collect();
        let watched = |service: usize| {
            let watched: Vec<bool> = (0..5).map(|of| of == service).collect();
            Units::new(&calls, &watched, &vec![false; watched.len()]).unwrap()
        };
        assert_eq!(members(&watched(2)), [&[0, 1, 2][..], &[3], &[4]]);
        assert!((0..5).all(|service| !watched(2).is_awaited(service)));
        assert!((0..5).all(|service| !watched(0).is_joined(service)));
    }

    #[test]
    fn who_calls_a_service_that_is_joined_to_a_watched_one_goes_with_them() {
        // 2 holds requests for the watched 3, and 1 calls 2, as 0 calls 1.
        let edges = [
            (0, 1, false),
            (1, 2, false),
            (2, 3, true),
            (2, 4, true),
            (5, 4, false),
        ];
        let calls: Vec<CallPlan> = edges.iter().map(call).collect();
        let watched = [false, false, false, true, false, false];
        let units = Units::new(&calls, &watched, &vec![false; watched.len()]).unwrap();
        assert_eq!(members(&units).len(), 1, "5 calls 4, which is joined to 3");
        assert_eq!(
            Units::new(&calls, &[false; 6], &[false; 6])
                .unwrap()
                .count(),
            4
        );
    }

    #[test]
    fn who_calls_a_service_that_pushes_out_goes_with_it_if_others_are_joined_to_it() {
        let edges = [(0, 1, false), (1, 2, true), (0, 3, false)];
        let calls: Vec<CallPlan> = edges.iter().map(call).collect();
        let units = |pushing: usize| {
            let pushing: Vec<bool> = (0..4).map(|of| of == pushing).collect();
            Units::new(&calls, &[false; 4], &pushing).unwrap()
        };
        assert_eq!(members(&units(2)), [&[0, 1, 2][..], &[3]]);
        assert_eq!(members(&units(3)), [&[0][..], &[1, 2], &[3]]);
    }

    #[test]
    fn a_ring_has_no_units() {
        let ring = [(0, 1, true), (1, 0, true)];
        let calls: Vec<CallPlan> = ring.iter().map(call).collect();
        assert!(Units::new(&calls, &[false; 2], &[false; 2]).is_none());
    }
}
