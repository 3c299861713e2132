//! Requests that give up, waiting or in service.

use super::replica::Replica;
use super::{ABANDONMENTS, Event, RENUNCIATIONS, Reference, ReplicaId};
use crate::plan::Discipline;
use crate::station::settings::end_of_patience;
use crate::workload::Request;
use hookean_kernel::{SimTime, class};
use std::collections::VecDeque;

impl Reference {
    pub(super) fn plan_renunciation(&mut self, request: &Request) {
        let deadline = self.settings.deadline(request);
        let deadline = deadline.min(self.ledger.due(request));
        if deadline < u64::MAX {
            let event = Event::Renunciation {
                request: request.index,
            };
            self.events.push(
                SimTime::from_nanos(deadline),
                class::DEPARTURE,
                RENUNCIATIONS,
                event,
            );
        }
    }

    pub(super) fn renounce(&mut self, index: u64) {
        let waits =
            |queue: &VecDeque<Request>| queue.iter().position(|request| request.index == index);
        let now = self.now;
        let queues = self
            .replicas
            .iter_mut()
            .flatten()
            .map(|replica| &mut replica.waiting);
        for queue in queues.chain(std::iter::once(&mut self.queue)) {
            if let Some(request) = waits(queue).and_then(|at| queue.remove(at)) {
                self.ledger.time_out(&request, now);
                return;
            }
        }
    }

    /// When a request gives up, also in service.
    pub(super) fn end_of_patience(&self, request: &Request) -> u64 {
        end_of_patience(request, self.settings.patience_ns).min(self.ledger.due(request))
    }

    pub(super) fn plan_abandonment(&mut self, replica: ReplicaId, request: &Request) {
        let end = self.end_of_patience(request);
        if end < u64::MAX {
            let event = Event::Abandonment { replica };
            let time = SimTime::from_nanos(end);
            self.events
                .push(time, class::DEPARTURE, ABANDONMENTS, event);
        }
    }

    /// Lets a request in service give up, or the first whose patience is at its end; who waits takes its place.
    pub(super) fn abandon(&mut self, id: ReplicaId, request: Option<u64>) {
        let (now, patience_ns, ledger) = (self.now, self.settings.patience_ns, &self.ledger);
        let is_it = |r: &Option<Replica>| r.as_ref().is_some_and(|r| r.id == id);
        let Some(at) = self.replicas.iter().position(is_it) else {
            return;
        };
        let Some(replica) = &mut self.replicas[at] else {
            return;
        };
        let given_up = |of: &Request| {
            end_of_patience(of, patience_ns).min(ledger.due(of)) <= now
                && request.is_none_or(|index| of.index == index)
        };
        let Some((request, start)) = replica.abandon(now, given_up) else {
            return;
        };
        self.ledger.abandon(&request, start, now, id);
        let has_room = replica.has_room();
        let next = has_room.then(|| self.take_next(Some(at))).flatten();
        match next {
            Some(next) => self.admit(at, next, None),
            None if self.discipline == Discipline::ProcessorSharing => {
                self.plan_first_departure(at);
            }
            None => {}
        }
    }
}
