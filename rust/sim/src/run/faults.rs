//! Faults strike, and what they struck recovers.

use super::event::{Event, Reach};
use super::lifecycle::Exit;
use super::world::World;
use crate::fault::{Clock, Entity};
use crate::plan::{FaultEffect, FaultTarget, FaultTimes, Held, Plan, PlanError, Recovery};
use crate::platform::NodeId;
use crate::record::{FaultLog, FaultRow, Toll};
use crate::replica::{Ending, ReplicaState, Stages};
use crate::station::ReplicaId;
use hookean_kernel::SimTime;

/// Whom a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A node with all its replicas.
    Node(NodeId),
    /// A replica of a service.
    Replica(usize, ReplicaId),
}

/// One fault at one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strike {
    /// Index of the fault.
    pub(super) fault: usize,
    /// `None` is still to be found.
    pub(super) target: Option<Target>,
    /// How many faults of this name the target has had.
    pub(super) nth: u32,
}

impl Strike {
    /// Whom it concerns: the replicas on a node may be of any services. A fault of a node is known to all in time, since it
    /// follows another one of that node; but for a machine of a fleet, which has one replica, of the service that bought it.
    pub(super) fn reach(self, plan: &Plan) -> Reach {
        match (self.target, plan.faults[self.fault].target) {
            (Some(Target::Replica(service, _)), _)
            | (None, FaultTarget::Replica { service, .. }) => Reach::Service(service),
            (Some(Target::Node(_)), _) | (None, FaultTarget::Node { .. }) => Reach::Everyone,
        }
    }
}

/// The faults of a run.
#[derive(Debug)]
pub(super) struct Faults {
    clocks: Vec<Clock>,
    /// Slow-downs and pauses that last, in the order in which they began.
    lasting: Vec<(usize, Target)>,
    pub(super) log: FaultLog,
    /// Nodes that have taken the place of lost ones, and when.
    pub(super) replacements: Vec<(NodeId, SimTime)>,
}

impl Faults {
    pub(super) fn new(plan: &Plan) -> Result<Self, PlanError> {
        let clocks = plan.faults.iter().map(|fault| Clock::new(plan.seed, fault));
        Ok(Self {
            clocks: clocks.collect::<Result<_, _>>()?,
            lasting: Vec::new(),
            log: FaultLog::default(),
            replacements: Vec::new(),
        })
    }
}

impl World {
    /// Schedules the faults with an instant of their own, and the first of each node that is there from the start.
    pub(super) fn schedule_faults(&mut self) {
        for fault in 0..self.plan.faults.len() {
            if let FaultTimes::At { at_ns } = self.plan.faults[fault].times {
                let strike = Strike {
                    fault,
                    target: None,
                    nth: 0,
                };
                self.schedule(SimTime::from_nanos(at_ns), Event::Strike(strike));
            }
        }
        for node in 0..self.platform.nodes().len() {
            self.arm_node(NodeId(node as u32), SimTime::ZERO);
        }
    }

    /// Schedules the first random fault of each name for a node that is ready at `from`.
    pub(super) fn arm_node(&mut self, node: NodeId, from: SimTime) {
        for fault in 0..self.plan.faults.len() {
            let target = self.plan.faults[fault].target;
            if matches!(target, FaultTarget::Node { .. }) {
                self.arm(fault, Target::Node(node), 0, from);
            }
        }
    }

    /// Schedules the next random fault of each name for a replica that begins to serve: crashes whenever it does, others
    /// when it does for the first time.
    pub(super) fn arm_replica(&mut self, service: usize, id: ReplicaId) {
        let restarts = self.services[service].get(id).restarts;
        for fault in 0..self.plan.faults.len() {
            let plan = &self.plan.faults[fault];
            let crash = matches!(plan.effect, FaultEffect::ReplicaCrash { .. });
            if matches!(plan.target, FaultTarget::Replica { service: of, .. } if of == service)
                && (crash || restarts == 0)
            {
                self.arm(fault, Target::Replica(service, id), restarts, self.now);
            }
        }
    }

    fn arm(&mut self, fault: usize, target: Target, nth: u32, from: SimTime) {
        let after = self.faults.clocks[fault].between(self.entity(target, nth));
        if let Some(after) = after {
            let strike = Strike {
                fault,
                target: Some(target),
                nth,
            };
            self.schedule(from + after, Event::Strike(strike));
        }
    }

    fn entity(&self, target: Target, nth: u32) -> Entity<'_> {
        let (owner, number) = match target {
            Target::Node(node) => ("", node.0),
            Target::Replica(service, id) => (self.plan.services[service].name.as_str(), id.0),
        };
        Entity { owner, number, nth }
    }

    /// Lets a fault strike, if its target is there.
    pub(super) fn strike(&mut self, strike: Strike) {
        let plan = &self.plan.faults[strike.fault];
        let (effect, scripted) = (plan.effect, strike.target.is_none());
        let target = strike.target.or_else(|| self.find_target(strike.fault));
        let Some(target) = target.filter(|target| self.is_there(*target, effect)) else {
            if scripted {
                self.log_fault(strike, target, None, None);
            }
            return;
        };
        let strike = Strike {
            target: Some(target),
            ..strike
        };
        let entity = self.entity(target, strike.nth);
        let mut end = self.faults.clocks[strike.fault]
            .duration(entity)
            .map(|lasts| self.now + lasts);
        let toll = match (effect, target) {
            (FaultEffect::NodeLoss { requests }, Target::Node(node)) => {
                self.lose_node(node, requests)
            }
            (FaultEffect::ReplicaCrash { requests, recovery }, Target::Replica(service, id)) => {
                let lasts = end.map(|end| end.saturating_since(self.now));
                let (toll, back) = self.crash(service, id, (requests, recovery), lasts);
                end = back;
                toll
            }
            (FaultEffect::SlowDown { .. } | FaultEffect::Pause, _) => {
                self.faults.lasting.push((strike.fault, target));
                self.adjust(target)
            }
            (FaultEffect::NodeLoss { .. } | FaultEffect::ReplicaCrash { .. }, _) => Toll::default(),
        };
        if let (FaultEffect::NodeLoss { .. }, Target::Node(node)) = (effect, target) {
            self.note_lost(node, end.is_some());
        }
        self.log_fault(strike, Some(target), Some(toll), end);
        if let Some(end) = end.filter(|_| !matches!(effect, FaultEffect::ReplicaCrash { .. })) {
            self.schedule(end, Event::Recover(strike));
        }
    }

    fn log_fault(
        &mut self,
        strike: Strike,
        target: Option<Target>,
        toll: Option<Toll>,
        end: Option<SimTime>,
    ) {
        let (struck, toll) = (toll.is_some(), toll.unwrap_or_default());
        let (node, replica) = match target {
            Some(Target::Node(node)) => (Some(node), None),
            Some(Target::Replica(service, id)) => (None, Some((service as u32, id.0))),
            None => (None, None),
        };
        let on = replica.and_then(|(service, id)| {
            let of = self.services[service as usize].replicas.find(ReplicaId(id));
            of.and_then(|replica| replica.node)
        });
        self.faults.log.rows.push(FaultRow {
            now: self.now,
            fault: strike.fault,
            node: node.or(on).map(|node| node.0),
            service: replica.map(|of| of.0),
            replica: replica.map(|of| of.1),
            struck,
            toll,
            duration: end.map(|end| end.saturating_since(self.now)),
        });
    }

    /// Ends what lasts, brings the node back, and schedules the next fault there.
    pub(super) fn recover(&mut self, strike: Strike) {
        let Some(target) = strike.target else { return };
        match (self.plan.faults[strike.fault].effect, target) {
            (FaultEffect::NodeLoss { .. }, Target::Node(node)) => {
                if self.platform.is_fleet() {
                    return; // its owner has replaced it
                }
                if !self.platform.pool_of(node).owned {
                    if self.takes_replacement(node) {
                        self.replace_node(node);
                    }
                    return;
                }
                if self.platform.node(node).ended.is_some() {
                    return; // its pool has shrunk since
                }
                self.platform.set_down(node, false);
                self.fill(node);
            }
            (FaultEffect::SlowDown { .. } | FaultEffect::Pause, _) => {
                let of = (strike.fault, target);
                let lasting = &mut self.faults.lasting;
                if let Some(at) = lasting.iter().position(|each| *each == of) {
                    lasting.remove(at);
                }
                self.adjust(target);
            }
            (FaultEffect::NodeLoss { .. } | FaultEffect::ReplicaCrash { .. }, _) => {}
        }
        if self.is_there(target, FaultEffect::Pause) {
            self.arm(strike.fault, target, strike.nth + 1, self.now);
        }
    }

    /// Buys a node in the place of a lost one.
    fn replace_node(&mut self, lost: NodeId) {
        let pool = self.platform.nodes()[lost.index()].pool;
        let node = self.platform.buy(pool, self.now);
        self.platform.set_ready(node, self.now);
        self.faults.replacements.push((node, self.now));
        self.arm_node(node, self.now);
        self.fill(node);
    }

    /// The target that a fault with an instant of its own names, or one drawn from those there.
    fn find_target(&self, fault: usize) -> Option<Target> {
        let clock = &self.faults.clocks[fault];
        let drawn = |all: Vec<Target>| all.get(clock.choose(all.len())).copied();
        match self.plan.faults[fault].target {
            FaultTarget::Node { node: Some(node) } => {
                let known = (node as usize) < self.platform.nodes().len();
                known.then_some(Target::Node(NodeId(node)))
            }
            FaultTarget::Node { node: None } => {
                let nodes = (0..self.platform.nodes().len() as u32).map(NodeId);
                let there = nodes.filter(|node| self.platform.is_there(*node));
                drawn(there.map(Target::Node).collect())
            }
            FaultTarget::Replica {
                service,
                replica: Some(id),
            } => {
                let known = (id as usize) < self.services[service].replicas.len();
                known.then_some(Target::Replica(service, ReplicaId(id)))
            }
            FaultTarget::Replica {
                service,
                replica: None,
            } => {
                let of = &self.services[service];
                let live = of.live.iter().copied();
                let ready = live.filter(|id| of.get(*id).state == ReplicaState::Ready);
                drawn(ready.map(|id| Target::Replica(service, id)).collect())
            }
        }
    }

    /// Whether a fault finds its target: a crash needs a process that serves.
    fn is_there(&self, target: Target, effect: FaultEffect) -> bool {
        match target {
            Target::Node(node) => self.platform.is_there(node),
            Target::Replica(service, id) => {
                let replica = self.services[service].get(id);
                let crash = matches!(effect, FaultEffect::ReplicaCrash { .. });
                replica.is_serving() || (!crash && replica.state != ReplicaState::Ended)
            }
        }
    }

    /// Takes down every replica on a node, by service and in order of creation; then each owner replaces its own.
    fn lose_node(&mut self, node: NodeId, requests: Held) -> Toll {
        self.platform.set_down(node, true);
        let mut toll = Toll::default();
        let mut owners = Vec::new();
        for service in 0..self.services.len() {
            let of = &self.services[service];
            let live = of.live.iter().copied();
            let on: Vec<ReplicaId> = live.filter(|id| of.get(*id).node == Some(node)).collect();
            for id in &on {
                toll.add(self.fail(service, *id, requests, format!("node {} was lost", node.0)));
            }
            if !on.is_empty() {
                owners.push(service);
            }
        }
        let of = self.platform.node(node);
        let gone = of.ended.is_some(); // a node on its way out goes with its last replica
        if !gone && !self.platform.is_fleet() && !self.platform.pool_of(node).owned {
            self.platform.give_back(node, self.now);
        }
        for service in owners {
            self.scale(service, self.services[service].desired);
        }
        toll
    }

    /// Ends a replica by a fault.
    fn fail(&mut self, service: usize, id: ReplicaId, requests: Held, reason: String) -> Toll {
        self.bring(service);
        let exit = Exit {
            ending: Ending::Failed,
            at: self.now,
            reason: reason.into(),
            requests,
        };
        self.end(service, id, exit)
    }

    /// Ends the process of a replica: its container restarts in place, unless it is on its way out or is to be replaced.
    /// Returns when it is back.
    fn crash(
        &mut self,
        service: usize,
        id: ReplicaId,
        (requests, recovery): (Held, Recovery),
        lasts: Option<hookean_kernel::SimDuration>,
    ) -> (Toll, Option<SimTime>) {
        let is_ready = self.services[service].get(id).state == ReplicaState::Ready;
        if recovery == Recovery::Replace || !is_ready {
            let toll = self.fail(service, id, requests, "its process crashed".into());
            self.scale(service, self.services[service].desired);
            return (toll, None);
        }
        self.bring(service);
        let toll = self.take_from_station(service, id, requests);
        self.services[service].set_state(id, ReplicaState::Starting, self.now);
        let replica = self.services[service].get_mut(id);
        replica.restarts += 1;
        replica.unready = Some(self.now);
        let restart = replica.back_off.restart(self.now);
        let ordinal = u64::from(replica.restarts) << 32 | u64::from(id.0);
        let key = (
            self.plan.seed,
            self.plan.services[service].name.as_str(),
            ordinal,
        );
        let startup = &self.replica_startup[service];
        let (running, ready) = if let Some(lasts) = lasts {
            (restart, restart + lasts)
        } else {
            let marks = startup.draw(key, restart, &mut Stages::default());
            (marks.running, marks.ready)
        };
        let replica = self.services[service].get_mut(id);
        (replica.running, replica.ready) = (Some(running), Some(ready));
        let event = Event::Ready {
            service,
            replica: id,
        };
        self.schedule(ready, event);
        (toll, Some(ready))
    }

    /// Gives every serving replica of a target its speed, and lets it stand still or go on.
    fn adjust(&mut self, target: Target) -> Toll {
        let mut toll = Toll::default();
        let services = match target {
            Target::Node(_) => 0..self.services.len(),
            Target::Replica(service, _) => service..service + 1,
        };
        for service in services {
            for id in self.services[service].live.clone() {
                let replica = self.services[service].get(id);
                if replica.is_serving() && covers(target, (service, id), replica.node) {
                    toll.replicas += 1;
                    self.bring(service);
                    self.set_pace(service, id);
                }
            }
        }
        toll
    }

    /// Tells the station how fast a serving replica is now, and whether it stands still.
    pub(super) fn set_pace(&mut self, service: usize, id: ReplicaId) {
        let (now, speed, paused) = (
            self.now,
            self.speed(service, id),
            self.is_paused(service, id),
        );
        let station = &mut self.stations[service];
        station.set_speed(now, id, speed);
        if paused {
            station.pause(now, id);
        } else {
            station.resume(now, id);
        }
        let drains = self.services[service].get(id).state == ReplicaState::Draining;
        if drains && !self.is_joined(service) {
            let empty_at = self.stations[service].drained_at(now, id);
            self.schedule_drained(service, id, empty_at);
        }
    }

    /// Speed of a replica's cores: its node's, as far as it is warm, less what slows it down.
    pub(super) fn speed(&self, service: usize, id: ReplicaId) -> f64 {
        let node = self.services[service].get(id).node;
        let own = node.map_or(1.0, |node| self.platform.pool_of(node).speed_ratio);
        let own = own * self.warmth(service, id);
        self.lasting(service, id)
            .filter_map(|effect| match effect {
                FaultEffect::SlowDown { speed_ratio } => Some(speed_ratio),
                _ => None,
            })
            .fold(own, |speed, ratio| speed * ratio)
    }

    pub(super) fn is_paused(&self, service: usize, id: ReplicaId) -> bool {
        self.lasting(service, id)
            .any(|effect| effect == FaultEffect::Pause)
    }

    fn lasting(&self, service: usize, id: ReplicaId) -> impl Iterator<Item = FaultEffect> {
        let node = self.services[service].get(id).node;
        let lasting = self.faults.lasting.iter();
        let here = lasting.filter(move |(_, target)| covers(*target, (service, id), node));
        here.map(|(fault, _)| self.plan.faults[*fault].effect)
    }
}

fn covers(target: Target, replica: (usize, ReplicaId), node: Option<NodeId>) -> bool {
    match target {
        Target::Node(of) => node == Some(of),
        Target::Replica(service, id) => (service, id) == replica,
    }
}
