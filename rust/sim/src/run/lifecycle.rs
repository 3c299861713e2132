//! The life of replicas: wished for, placed, started, ready, drained, gone.

use super::event::Event;
use super::victims;
use super::world::World;
use crate::placement::Request;
use crate::plan::Held;
use crate::platform::NodeId;
use crate::record::Toll;
use crate::replica::{Ending, PLACE, PULL, ReplicaState, Stages};
use crate::station::ReplicaId;
use hookean_kernel::{SimDuration, SimTime};
use std::borrow::Cow;

/// How and when a replica ends.
#[derive(Debug, Clone)]
pub(super) struct Exit {
    pub(super) ending: Ending,
    pub(super) at: SimTime,
    pub(super) reason: Cow<'static, str>,
    /// What becomes of the requests it holds.
    pub(super) requests: Held,
}

impl World {
    /// Creates a service and its initial replicas. Requests that came before have waited in its station.
    pub(super) fn create_service(&mut self, service: usize) {
        self.bring(service);
        let plan = &self.plan.services[service];
        let (count, warm) = (plan.initial_replicas, plan.warm_start);
        self.services[service].desired = count;
        for _ in 0..count {
            let id = self.services[service].push(self.now);
            if warm {
                self.place_warm(service, id);
            } else {
                self.place(service, id);
            }
        }
    }

    /// Makes the service have `desired` replicas: creates or removes the difference.
    pub(super) fn scale(&mut self, service: usize, desired: u32) {
        let state = &mut self.services[service];
        state.desired = desired;
        let wanted = state.wanted();
        for _ in wanted..desired {
            let id = self.services[service].push(self.now);
            self.place(service, id);
        }
        if wanted > desired {
            self.shrink(service, (wanted - desired) as usize);
        }
    }

    fn shrink(&mut self, service: usize, count: usize) {
        let state = &self.services[service];
        let leaving = if self.platform.is_fleet() {
            victims::of_fleet(state, count, self.now)
        } else {
            victims::of_cluster(state, count, self.now)
        };
        self.dismiss(service, &leaving);
    }

    /// Removes replicas that are not wanted any more.
    pub(super) fn dismiss(&mut self, service: usize, leaving: &[ReplicaId]) {
        for id in leaving {
            self.remove(service, *id);
        }
        let services = &self.services;
        self.waiting
            .retain(|(service, id)| services[*service].get(*id).state == ReplicaState::Pending);
    }

    /// What a replica to come requests.
    pub(super) fn request(&self, service: usize) -> Request {
        Request {
            cpu_millicores: self.services[service].cpu_millicores(),
            memory_bytes: self.plan.services[service].replica.memory_bytes,
        }
    }

    /// Gives a pending replica a node and starts it, or notes why not.
    pub(super) fn place(&mut self, service: usize, id: ReplicaId) {
        match self.find_node(service) {
            Ok(node) => self.start(service, id, node),
            Err(reason) => self.wait_for_room(service, id, reason),
        }
    }

    /// Places an initial replica that is ready at once.
    fn place_warm(&mut self, service: usize, id: ReplicaId) {
        match self.find_node(service) {
            Ok(node) => {
                self.settle(service, id, node);
                self.platform.preload_image(node, service);
                if self.platform.is_fleet() {
                    self.platform.set_ready(node, self.now);
                    self.arm_node(node, self.now);
                }
                let replica = self.services[service].get_mut(id);
                replica.running = Some(self.now);
                replica.ready = Some(self.now);
                replica.initial = true;
                self.begin_service(service, id);
            }
            Err(reason) => self.wait_for_room(service, id, reason),
        }
    }

    fn wait_for_room(&mut self, service: usize, id: ReplicaId, reason: String) {
        self.services[service].get_mut(id).reason = Some(reason.into());
        self.waiting.push_back((service, id));
    }

    fn find_node(&mut self, service: usize) -> Result<NodeId, String> {
        if self.platform.is_fleet() {
            return Ok(self.platform.buy(0, self.now));
        }
        self.platform
            .find(self.request(service))
            .map_err(|why| why.to_string())
    }

    /// Books the node for the replica.
    fn settle(&mut self, service: usize, id: ReplicaId, node: NodeId) {
        let (now, request) = (self.now, self.request(service));
        self.platform.occupy(node, request, now);
        let pool = self.platform.node(node).pool;
        let state = &mut self.services[service];
        state
            .requested
            .note(pool, true, request.cpu_millicores, now);
        let replica = state.get_mut(id);
        replica.node = Some(node);
        replica.placed = Some(now);
        replica.reason = None;
        state.set_state(id, ReplicaState::Starting, now);
    }

    /// Runs a placed replica through its start-up stages.
    fn start(&mut self, service: usize, id: ReplicaId, node: NodeId) {
        self.settle(service, id, node);
        let now = self.now;
        let created = self.services[service].get(id).created;
        let mut stages = Stages::default();
        stages.set(PLACE, now.saturating_since(created));
        let name = self.plan.services[service].name.as_str();
        let key = (self.plan.seed, name, u64::from(id.0));
        let begin = if self.platform.is_fleet() {
            let pool = self.platform.nodes()[node.index()].pool;
            let marks = self.node_startup[pool].draw(key, now, &mut stages);
            self.platform.set_ready(node, marks.ready);
            marks.ready
        } else {
            let image = self.plan.services[service].replica.image_bytes;
            let pull = self.platform.pull_image(node, service, image, now);
            stages.set(PULL, pull);
            now + pull
        };
        let marks = self.replica_startup[service].draw(key, begin, &mut stages);
        let replica = self.services[service].get_mut(id);
        replica.stages = Some(Box::new(stages));
        replica.running = Some(marks.running);
        replica.ready = Some(marks.ready);
        if !self.begins_ahead(service, id, marks.ready) {
            let event = Event::Ready {
                service,
                replica: id,
            };
            self.schedule(marks.ready, event);
        }
        if self.platform.is_fleet() {
            self.arm_node(node, begin);
        }
    }

    /// A started replica begins to take requests.
    pub(super) fn replica_ready(&mut self, service: usize, id: ReplicaId) {
        if self.services[service].get(id).state == ReplicaState::Starting {
            self.bring(service);
            self.begin_service(service, id);
        }
    }

    fn begin_service(&mut self, service: usize, id: ReplicaId) {
        let (plan, speed) = (&self.plan.services[service], self.speed(service, id));
        let station = &mut *self.stations[service];
        self.services[service].begin(self.now, (id, speed), &plan.replica, station);
        if self.is_paused(service, id) {
            self.stations[service].pause(self.now, id);
        }
        self.begin_warmup(service, id);
        self.arm_replica(service, id);
    }

    /// Takes a replica out: cancels it if it has not started to serve, else lets it finish what it holds.
    pub(super) fn remove(&mut self, service: usize, id: ReplicaId) {
        let now = self.now;
        if self.services[service].get(id).state != ReplicaState::Ready {
            self.end(
                service,
                id,
                Exit {
                    ending: Ending::Cancelled,
                    at: now,
                    reason: self.parting(service, id, "no longer wanted before it was ready"),
                    requests: Held::Lost,
                },
            );
            return;
        }
        self.bring(service);
        let empty_at = self.stations[service].drain(now, id);
        self.services[service].get_mut(id).drained = Some(now);
        self.services[service].set_state(id, ReplicaState::Draining, now);
        if self.is_empty(service, id) {
            self.end(service, id, self.drained(service, id, now));
        } else if self.is_joined(service) {
            self.watch(service, id);
        } else {
            self.schedule_drained(service, id, empty_at);
        }
    }

    fn is_empty(&self, service: usize, id: ReplicaId) -> bool {
        let reading = self.stations[service].read(self.now, id);
        reading.in_service == 0 && reading.waiting == 0
    }

    /// A departure at `t` has happened for a control event just after `t`; the end of the grace is exact.
    pub(super) fn schedule_drained(&mut self, service: usize, id: ReplicaId, empty_at: SimTime) {
        let just_after = empty_at + SimDuration::from_nanos(1);
        let event = Event::Drained {
            service,
            replica: id,
            empty_at,
        };
        self.schedule(just_after.min(self.grace_end(service, id)), event);
    }

    pub(super) fn grace_end(&self, service: usize, id: ReplicaId) -> SimTime {
        let grace = SimDuration::from_nanos(self.plan.services[service].termination_grace_ns);
        let drained = self.services[service].get(id).drained;
        drained.map_or(SimTime::MAX, |since| since + grace)
    }

    /// Ends a draining replica that is empty since `empty_at`, or out of time; asks again later otherwise. What would be
    /// done at the very end of the grace is lost, since state is that just before.
    pub(super) fn replica_drained(&mut self, service: usize, id: ReplicaId, empty_at: SimTime) {
        if self.services[service].get(id).state != ReplicaState::Draining {
            return;
        }
        self.bring(service);
        if self.is_empty(service, id) {
            let exit = self.drained(service, id, empty_at.min(self.now));
            self.end(service, id, exit);
        } else if self.now >= self.grace_end(service, id) {
            self.end_out_of_time(service, id);
        } else {
            let empty_at = self.stations[service].drained_at(self.now, id);
            self.schedule_drained(service, id, empty_at);
        }
    }

    /// Ends a replica that its grace was not enough for. What is lost with it crosses no level in the station, so a
    /// controller that acts on what happens is asked.
    pub(super) fn end_out_of_time(&mut self, service: usize, id: ReplicaId) {
        let exit = Exit {
            ending: Ending::Killed,
            at: self.now,
            reason: Cow::Borrowed("still busy when its termination grace was over"),
            requests: Held::Lost,
        };
        if self.end(service, id, exit).lost > 0 {
            self.react(service);
        }
    }

    /// Removes every trace of a replica from station and node. Its own records end at the exact instant of its exit, which
    /// may lie a nanosecond back.
    pub(super) fn end(&mut self, service: usize, id: ReplicaId, exit: Exit) -> Toll {
        let request = Request {
            cpu_millicores: self.services[service].cpu_of(id),
            ..self.request(service)
        };
        let now = self.now;
        let toll = if self.services[service].get(id).is_serving() {
            self.take_from_station(service, id, exit.requests)
        } else {
            Toll {
                replicas: 1,
                ..Toll::default()
            }
        };
        let state = &mut self.services[service];
        state.set_state(id, ReplicaState::Ended, now);
        let replica = state.get_mut(id);
        replica.ended = Some(exit.at);
        replica.ending = Some(exit.ending);
        replica.reason = Some(exit.reason.into());
        if let Some(node) = replica.node {
            let pool = self.platform.node(node).pool;
            state
                .requested
                .note(pool, false, request.cpu_millicores, now);
            if self.platform.is_fleet() {
                self.platform.vacate(node, request, exit.at);
                self.platform.give_back(node, exit.at);
            } else if self.platform.node(node).is_leaving() {
                self.platform.vacate_leaving(node, request, exit.at);
            } else {
                self.platform.vacate(node, request, now);
                self.fill(node);
            }
        }
        self.forget_size(service, id);
        self.services[service].replicas.put_away(id);
        toll
    }

    /// The end of a replica that has finished what it held.
    pub(super) fn drained(&self, service: usize, id: ReplicaId, at: SimTime) -> Exit {
        Exit {
            ending: Ending::Drained,
            at,
            reason: self.parting(service, id, "scaled in"),
            requests: Held::Lost,
        }
    }

    /// Why a replica goes that is not wanted any more, unless it is its node that is not.
    fn parting(&self, service: usize, id: ReplicaId, reason: &'static str) -> Cow<'static, str> {
        let evicted = self.services[service].get(id).evicted;
        Cow::Borrowed(if evicted {
            "its node was given back"
        } else {
            reason
        })
    }

    /// Takes a serving replica out of its station and keeps what it has done.
    pub(super) fn take_from_station(&mut self, service: usize, id: ReplicaId, held: Held) -> Toll {
        let now = self.now;
        let done = self.stations[service].read(now, id);
        let reading = self.reading(service, &self.services[service].get(id));
        let station = &mut self.stations[service];
        let (lost, requeued) = match held {
            Held::Lost => (station.kill(now, id), 0),
            Held::Requeued => (0, station.requeue(now, id)),
        };
        let state = &mut self.services[service];
        state.ended_cpu_core_ns += done.cpu_core_ns;
        if let Some(of) = &mut state.throttling {
            of.ended_ns += done.throttled_ns;
        }
        let replica = state.get_mut(id);
        replica.last_reading = reading;
        replica.lost += lost;
        Toll {
            replicas: 1,
            lost,
            requeued,
        }
    }

    /// Room has appeared on a node: gives it to the replicas that wait, in order. They fit no other node, or they would not
    /// wait.
    pub(super) fn fill(&mut self, node: NodeId) {
        self.resize_deferred(node);
        if !self.platform.node(node).is_usable() {
            return;
        }
        for (service, id) in std::mem::take(&mut self.waiting) {
            if self.services[service].get(id).state != ReplicaState::Pending {
                continue;
            }
            let misfit = self.platform.resources(node).misfit(self.request(service));
            if misfit.is_none() {
                self.start(service, id, node);
            } else {
                self.waiting.push_back((service, id));
            }
        }
    }
}
