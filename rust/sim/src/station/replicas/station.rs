//! Replicas with queues of their own as a station: what control events do to them, and what can be read of them.

use super::{Queue, Replicas};
use crate::station::orders::Line;
use crate::station::trigger::Trigger;
use crate::station::{Ledger, ReplicaId, ReplicaReading, ReplicaShape, Station};
use crate::workload::Arrivals;
use hookean_kernel::{SimTime, bring_near, bring_value_near};

impl<Q: Queue> Station for Replicas<Q> {
    fn advance(&mut self, until: SimTime) {
        let until = until.as_nanos();
        while self.now < until {
            let reach = self.reach();
            self.advance_stretch(until.min(reach.max(self.now)));
            if reach < until {
                self.rebuild(self.tree.capacity());
            }
        }
    }

    fn add(&mut self, now: SimTime, replica: ReplicaId, shape: ReplicaShape) {
        let slot = self.numbers.take();
        let at = slot as usize;
        if at == self.queues.len() {
            self.queues.push(None);
            self.next.push(u64::MAX);
        }
        self.queues[at] = Some(Q::new(now.as_nanos(), replica, &shape, &self.settings));
        if at >= self.tree.capacity() {
            self.rebuild(at + 1);
        }
        self.slots.insert(replica, slot);
        self.router.add(slot, replica, &shape);
    }

    fn drain(&mut self, now: SimTime, replica: ReplicaId) -> SimTime {
        self.router.remove(self.slots[&replica]);
        self.drained_at(now, replica)
    }

    fn drained_at(&self, now: SimTime, replica: ReplicaId) -> SimTime {
        let mut queue = self.queue(replica).clone();
        let mut books = self.ledger.scratch();
        let mut end = now.as_nanos();
        queue.settle(end, &mut books);
        while queue.outstanding() > 0 {
            end = queue.next_event(&self.settings);
            if end == u64::MAX {
                break;
            }
            queue.step(end, &mut books);
        }
        SimTime::from_nanos(end)
    }

    fn kill(&mut self, now: SimTime, replica: ReplicaId) -> u64 {
        let gone = self.remove(replica);
        for (request, start, replica) in gone.inside() {
            let start = start.map(SimTime::as_nanos);
            self.ledger.lose(&request, start, now.as_nanos(), replica);
        }
        self.watch.forgive(self.presence());
        gone.outstanding()
    }

    fn requeue(&mut self, now: SimTime, replica: ReplicaId) -> u64 {
        let gone = self.remove(replica);
        let mut back = 0;
        for (request, start, _) in gone.inside() {
            if let Some(start) = start {
                self.ledger.take_back(&request, start.as_nanos());
            }
            if self.settings.deadline(&request) < now.as_nanos() {
                self.ledger.time_out(&request, now.as_nanos());
            } else {
                self.homeless.insert(request, &self.settings, &self.ledger);
                back += 1;
            }
        }
        self.watch.forgive(self.presence());
        back
    }

    fn set_speed(&mut self, now: SimTime, replica: ReplicaId, speed_ratio: f64) {
        self.change(replica, |queue, ledger| {
            let shape = queue.shape();
            queue.reshape(
                now.as_nanos(),
                &ReplicaShape {
                    speed_ratio,
                    ..shape
                },
                ledger,
            );
        });
    }

    fn resize(&mut self, now: SimTime, replica: ReplicaId, cpu_millicores: u64) {
        self.change(replica, |queue, ledger| {
            let shape = queue.shape();
            queue.reshape(
                now.as_nanos(),
                &ReplicaShape {
                    cpu_millicores,
                    ..shape
                },
                ledger,
            );
        });
    }

    fn pause(&mut self, now: SimTime, replica: ReplicaId) {
        self.change(replica, |queue, ledger| queue.pause(now.as_nanos(), ledger));
    }

    fn resume(&mut self, now: SimTime, replica: ReplicaId) {
        self.change(replica, |queue, ledger| {
            queue.resume(now.as_nanos(), ledger);
        });
        self.resumed = true;
    }

    fn read(&self, now: SimTime, replica: ReplicaId) -> ReplicaReading {
        self.queue(replica).read(now.as_nanos())
    }

    fn idle_since(&self, _now: SimTime, replica: ReplicaId) -> Option<SimTime> {
        self.queue(replica).idle_since()
    }

    fn arm(&mut self, triggers: &[Trigger]) {
        self.watch.arm(triggers, self.presence());
        if !self.ordered {
            self.ordered = true;
            self.rebuild(self.tree.capacity());
        }
    }

    fn next_event(&self) -> SimTime {
        if self.resumed || !self.router.is_empty() && !self.homeless.is_empty() {
            return SimTime::from_nanos(self.now);
        }
        let deadline = self.homeless.deadline(&self.settings);
        let event = self.origin.saturating_add(self.tree.min_time());
        let arrival = self.ledger.next_time(&self.arrivals);
        SimTime::from_nanos(event.min(deadline).min(arrival))
    }

    fn run_to_trigger(&mut self, until: SimTime) -> Option<SimTime> {
        if !self.ordered {
            return None; // never armed
        }
        loop {
            let at = self.next_event();
            if at >= until {
                return None;
            }
            if self.pass(at.as_nanos()) {
                return Some(at);
            }
        }
    }

    fn arrivals_mut(&mut self) -> Option<&mut Arrivals> {
        Some(&mut self.arrivals)
    }

    fn in_system(&self, _now: SimTime) -> u64 {
        self.presence().in_system
    }

    fn waiting(&self, _now: SimTime) -> u64 {
        self.presence().waiting
    }

    fn bring_near(&self) {
        // First of all: the others leave time for it to come.
        bring_value_near(self.queues.as_slice());
        self.ledger.bring_near();
        self.arrivals.bring_near();
        self.tree.bring_near();
        self.router.bring_near();
        bring_near(&self.next);
        for queue in self.queues.iter().flatten() {
            queue.bring_near();
        }
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    fn close_log(&mut self, _now: SimTime) {
        let inside = self
            .queues
            .iter()
            .flatten()
            .flat_map(|queue| queue.inside().collect::<Vec<_>>());
        let inside =
            inside.map(|(request, start, replica)| (request, start, start.map(|_| replica)));
        let homeless = self.homeless.iter().map(|request| (*request, None, None));
        self.ledger.close_log(inside.chain(homeless));
    }
}
