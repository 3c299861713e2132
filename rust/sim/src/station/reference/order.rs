//! Order of service in the reference engine: plain searches of queues that are kept in order of arrival.

use super::{Reference, sort_in_last};
use crate::plan::Discipline;
use crate::workload::Request;
use std::collections::VecDeque;

impl Reference {
    fn level(&self, request: &Request) -> usize {
        self.settings.classes.level(request.index)
    }

    /// The position of the request that is served next.
    fn next_in(&self, queue: &VecDeque<Request>) -> Option<usize> {
        let positions = 0..queue.len();
        match self.discipline {
            Discipline::CentralFifo | Discipline::Fifo | Discipline::ProcessorSharing => {
                positions.min()
            }
            Discipline::CentralLifo | Discipline::Lifo => positions.max(),
            Discipline::CentralPriority | Discipline::Priority => {
                positions.min_by_key(|at| (self.level(&queue[*at]), *at))
            }
        }
    }

    /// The position of the request that has to make room for another in a full queue.
    fn displaced_in(&self, queue: &VecDeque<Request>, by: &Request) -> Option<usize> {
        let later = (0..queue.len()).filter(|at| self.level(&queue[*at]) > self.level(by));
        let last = later.max_by_key(|at| (self.level(&queue[*at]), *at));
        last.filter(|_| self.settings.pushes_out)
    }

    /// Takes the next request out of the central queue, or that of a replica.
    pub(super) fn take_next(&mut self, of: Option<usize>) -> Option<Request> {
        let at = self.next_in(self.queue_of(of)?)?;
        self.queue_of_mut(of)?.remove(at)
    }

    /// Lets a request wait in the central queue, that of a replica, or among those without a replica.
    pub(super) fn wait(&mut self, of: Option<usize>, request: Request) {
        let Some(queue) = self.queue_of(of) else {
            return;
        };
        if queue.len() as u64 >= self.settings.limit {
            let homeless = of.is_none() && !self.is_central();
            let displaced = self.displaced_in(queue, &request).filter(|_| !homeless);
            let Some(gone) = displaced.and_then(|at| self.queue_of_mut(of)?.remove(at)) else {
                self.ledger.reject(&request, self.now);
                return;
            };
            self.ledger.reject(&gone, self.now);
        }
        let now = self.now;
        if let Some(queue) = self.queue_of_mut(of) {
            // Who is routed later than it arrived goes before those that came in between; at one instant attempts come in
            // the order in which their callers send them.
            queue.push_back(request);
            if request.time.as_nanos() < now {
                sort_in_last(queue);
            }
        }
        self.plan_renunciation(&request);
    }

    fn queue_of(&self, of: Option<usize>) -> Option<&VecDeque<Request>> {
        match of {
            None => Some(&self.queue),
            Some(at) => self.replicas[at].as_ref().map(|replica| &replica.waiting),
        }
    }

    fn queue_of_mut(&mut self, of: Option<usize>) -> Option<&mut VecDeque<Request>> {
        match of {
            None => Some(&mut self.queue),
            Some(at) => self.replicas[at]
                .as_mut()
                .map(|replica| &mut replica.waiting),
        }
    }
}
