//! Cold replicas: their cores are slower at first, in steps of their age.

use super::event::Event;
use super::world::World;
use crate::station::ReplicaId;
use hookean_kernel::SimDuration;

impl World {
    /// Schedules the steps of a replica that begins to serve at this instant.
    pub(super) fn begin_warmup(&mut self, service: usize, replica: ReplicaId) {
        if self.is_warm(service, replica) {
            return;
        }
        let restarts = self.services[service].get(replica).restarts;
        for step in 1..self.plan.services[service].warmup.len() {
            let age = SimDuration::from_nanos(self.plan.services[service].warmup[step].age_ns);
            let event = Event::Warm {
                service,
                replica,
                restarts,
            };
            self.schedule(self.now + age, event);
        }
    }

    /// Tells the station of the step that a replica has reached.
    pub(super) fn warm(&mut self, service: usize, id: ReplicaId, restarts: u32) {
        let replica = self.services[service].get(id);
        if replica.is_serving() && replica.restarts == restarts {
            self.bring(service);
            self.set_pace(service, id);
        }
    }

    /// Speed of a replica's cores relative to a warm one.
    pub(super) fn warmth(&self, service: usize, id: ReplicaId) -> f64 {
        if self.is_warm(service, id) {
            return 1.0;
        }
        let ready = self.services[service].get(id).ready;
        let age = ready.map_or(0, |ready| self.now.saturating_since(ready).as_nanos());
        let steps = self.plan.services[service].warmup.iter();
        let reached = steps.take_while(|step| step.age_ns <= age).last();
        reached.map_or(1.0, |step| step.speed_ratio)
    }

    /// Whether a replica never was cold: it was ready when its service was created, and has not been restarted.
    fn is_warm(&self, service: usize, id: ReplicaId) -> bool {
        let replica = self.services[service].get(id);
        self.plan.services[service].warmup.is_empty() || (replica.initial && replica.restarts == 0)
    }
}
