//! The reference engine as a station: what control events do to it, and what can be read of it.

use super::replica::Replica;
use super::{Reference, sort_in_last};
use crate::station::routing::stride;
use crate::station::trigger::Trigger;
use crate::station::{Ledger, ReplicaId, ReplicaReading, ReplicaShape, Station};
use crate::workload::Arrivals;
use hookean_kernel::SimTime;

impl Station for Reference {
    fn advance(&mut self, until: SimTime) {
        if until.as_nanos() > self.now {
            self.run(until.as_nanos());
            self.now = until.as_nanos();
        }
    }

    fn add(&mut self, now: SimTime, replica: ReplicaId, shape: ReplicaShape) {
        let count = if self.is_central() {
            shape.concurrency.unwrap_or(0) as usize
        } else {
            0
        };
        let numbers = self.vacant_numbers(count);
        let fresh = Replica::new(replica, self.discipline, shape, &numbers, now.as_nanos());
        let mut fresh = fresh.limited_by(self.settings.quota, now.as_nanos());
        fresh.turn = self.last_turn + u128::from(stride(&shape));
        match self.replicas.iter().position(Option::is_none) {
            Some(at) => self.replicas[at] = Some(fresh),
            None => self.replicas.push(Some(fresh)),
        }
    }

    fn drain(&mut self, now: SimTime, replica: ReplicaId) -> SimTime {
        if let Some(of) = self.replica_mut(replica) {
            of.draining = true;
        }
        self.drained_at(now, replica)
    }

    /// Plays the future without arrivals until the replica is empty.
    fn drained_at(&self, now: SimTime, replica: ReplicaId) -> SimTime {
        if self.joined {
            return if self.replica(replica).outstanding() == 0 {
                now
            } else {
                SimTime::MAX // others decide, and are asked by whoever lets them advance together
            };
        }
        let mut future = self.clone();
        future.now = future.now.max(now.as_nanos());
        future.fill_free_places();
        future.plan_quotas();
        let mut end = now;
        while future.replica(replica).outstanding() > 0 {
            let next = future.events.pop();
            let Some((key, event)) = next.filter(|(key, _)| key.time < SimTime::MAX) else {
                return SimTime::MAX;
            };
            future.now = key.time.as_nanos();
            let before = future.replica(replica).outstanding();
            future.handle(event);
            future.fill_free_places();
            future.plan_quotas();
            if future.replica(replica).outstanding() < before {
                end = key.time;
            }
        }
        end
    }

    fn kill(&mut self, now: SimTime, replica: ReplicaId) -> u64 {
        let gone = self.remove(replica);
        for (request, start) in gone.inside() {
            self.ledger.lose(&request, start, now.as_nanos(), replica);
        }
        self.count();
        let presence = self.presence();
        self.watch.forgive(presence);
        gone.outstanding() as u64
    }

    fn requeue(&mut self, now: SimTime, replica: ReplicaId) -> u64 {
        let gone = self.remove(replica);
        let mut back = 0;
        for (request, start) in gone.inside() {
            if let Some(start) = start {
                self.ledger.take_back(&request, start);
            }
            self.send_back(&request, &gone);
            if self.settings.deadline(&request) < now.as_nanos() {
                self.ledger.time_out(&request, now.as_nanos());
                continue;
            }
            self.queue.push_back(request);
            sort_in_last(&mut self.queue);
            self.plan_renunciation(&request);
            back += 1;
        }
        self.count();
        let presence = self.presence();
        self.watch.forgive(presence);
        back
    }

    fn set_speed(&mut self, now: SimTime, replica: ReplicaId, speed_ratio: f64) {
        let shape = self.replica(replica).shape;
        self.reshape(
            now,
            replica,
            ReplicaShape {
                speed_ratio,
                ..shape
            },
        );
    }

    fn resize(&mut self, now: SimTime, replica: ReplicaId, cpu_millicores: u64) {
        let shape = self.replica(replica).shape;
        self.reshape(
            now,
            replica,
            ReplicaShape {
                cpu_millicores,
                ..shape
            },
        );
    }

    fn pause(&mut self, now: SimTime, replica: ReplicaId) {
        let version = self.new_version();
        let of = self.replica_mut(replica).filter(|of| !of.paused);
        if let Some(of) = of {
            of.pause(now.as_nanos(), version);
        }
    }

    fn resume(&mut self, now: SimTime, replica: ReplicaId) {
        let version = self.new_version();
        let of = self.replica_mut(replica).filter(|of| of.paused);
        if let Some(ends) = of.map(|of| of.resume(now.as_nanos(), version)) {
            self.plan_departures(replica, ends, version);
            self.release_what_could_go_on(replica);
        }
    }

    fn read(&self, now: SimTime, replica: ReplicaId) -> ReplicaReading {
        self.replica(replica).read(now.as_nanos())
    }

    fn idle_since(&self, _now: SimTime, replica: ReplicaId) -> Option<SimTime> {
        self.replica(replica).idle_since()
    }

    fn arm(&mut self, triggers: &[Trigger]) {
        let presence = self.presence();
        self.watch.arm(triggers, presence);
    }

    /// Some of these have become void: then nothing happens at that instant.
    fn next_event(&self) -> SimTime {
        if self.has_work_now() {
            return SimTime::from_nanos(self.now);
        }
        let arrival = SimTime::from_nanos(self.ledger.next_time(&self.arrivals));
        let event = self.events.peek_time().unwrap_or(SimTime::MAX);
        event.min(arrival)
    }

    fn run_to_trigger(&mut self, until: SimTime) -> Option<SimTime> {
        if self.next_event() < until {
            return self.run(until.as_nanos());
        }
        None
    }

    fn arrivals_mut(&mut self) -> Option<&mut Arrivals> {
        Some(&mut self.arrivals)
    }

    fn joined(&self) -> Option<&Reference> {
        self.joined.then_some(self)
    }

    fn joined_mut(&mut self) -> Option<&mut Reference> {
        self.joined.then_some(self)
    }

    fn in_system(&self, _now: SimTime) -> u64 {
        let inside: usize = self
            .replicas
            .iter()
            .flatten()
            .map(Replica::outstanding)
            .sum();
        (inside + self.queue.len()) as u64
    }

    fn waiting(&self, _now: SimTime) -> u64 {
        let waiting: usize = self
            .replicas
            .iter()
            .flatten()
            .map(|replica| replica.waiting.len())
            .sum();
        (waiting + self.queue.len()) as u64
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    fn close_log(&mut self, _now: SimTime) {
        let of = |replica: &Replica| {
            let id = replica.id;
            let inside: Vec<_> = replica.inside().collect();
            inside.into_iter().map(move |(request, start)| {
                (request, start.map(SimTime::from_nanos), start.map(|_| id))
            })
        };
        let inside: Vec<_> = self.replicas.iter().flatten().flat_map(of).collect();
        let waiting = self.queue.iter().map(|request| (*request, None, None));
        self.ledger.close_log(inside.into_iter().chain(waiting));
    }
}
