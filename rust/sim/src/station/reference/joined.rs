//! A station that advances together with others, instant by instant: calls come in and answers come back as they happen.

use super::replica::{Done, Replica};
use super::{DEPARTURES, Event, Reference, ReplicaId};
use crate::calls::Call;
use crate::plan::Discipline;
use crate::workload::Request;
use hookean_kernel::{SimTime, class};

impl Reference {
    /// The present instant: everything before it has happened.
    pub(crate) const fn now(&self) -> u64 {
        self.now
    }

    /// When something happens next in the station, as far as it has been told.
    pub(crate) fn next_time(&self) -> u64 {
        self.next_departure()
            .min(self.ledger.next_time(&self.arrivals))
    }

    /// When a request may leave next, waiting or in service.
    pub(crate) fn next_departure(&self) -> u64 {
        let next = self.events.peek_time();
        next.map_or(u64::MAX, SimTime::as_nanos)
    }

    /// No request that is in the station or on its way to it can leave before this, as things stand: whatever arrives in
    /// addition may only delay it. Where requests may be pushed out (`pushed`) it may not.
    pub(crate) fn next_end(&self, pushed: bool) -> u64 {
        if self.has_work_now() || self.has_news() {
            return self.now;
        }
        let [known, expected] = self.arrivals.next_known_and_expected();
        let arrival = if pushed { expected } else { known };
        let calls = self.ledger.next_decision().min(arrival);
        self.next_departure().min(calls)
    }

    /// Whether a full queue pushes requests out.
    pub(crate) const fn pushes_out(&self) -> bool {
        self.settings.pushes_out
    }

    /// Notes that a request goes back from a replica that has held it, or has it still: what it has called goes on.
    pub(super) fn send_back(&mut self, request: &Request, from: &Replica) {
        if !from.holds(request.index) {
            return;
        }
        let on_its_way = || {
            self.events.iter().find_map(|event| match event {
                Event::Release {
                    replica,
                    request: of,
                    answered,
                } if (*replica, *of) == (from.id, request.index) => Some(*answered),
                _ => None,
            })
        };
        let answered = from.known_answer(request.index).or_else(on_its_way);
        if let Some(outbox) = self.ledger.outbox() {
            outbox.send_back(request.index, answered);
        }
    }

    /// Whether control calls have ended requests that others have not heard of.
    pub(crate) fn has_news(&self) -> bool {
        self.ledger.has_news()
    }

    /// Whether the station waits for a trigger.
    pub(crate) fn is_armed(&self) -> bool {
        self.watch.is_armed()
    }

    /// When something happens next, the present instant included if something is left of it.
    pub(crate) fn next_pending(&self) -> u64 {
        if self.has_work_now() || self.has_news() {
            return self.now;
        }
        self.next_time()
    }

    /// Starts at `now` what control calls have made possible; returns whether a trigger is raised.
    pub(crate) fn settle_at(&mut self, now: u64) -> bool {
        self.now = now;
        self.settle()
    }

    /// Lets requests leave that do so at `now`, and others take their places; stops and returns true where a trigger is raised.
    pub(crate) fn depart_at(&mut self, now: u64) -> bool {
        let mut raised = self.settle_at(now);
        while !raised && self.next_departure() <= now {
            raised = self.pass_event();
        }
        raised
    }

    /// Lets everything happen that is left at `now`: arrivals, and what they cause at once. Stops and returns true where a
    /// trigger is raised.
    pub(crate) fn arrive_at(&mut self, now: u64) -> bool {
        let raised = self.run(now.saturating_add(1)).is_some();
        self.now = now;
        raised
    }

    /// Everything before `until` has happened.
    pub(crate) const fn move_to(&mut self, until: u64) {
        self.now = until;
    }

    /// Takes in a call that another service makes at the present instant.
    pub(crate) fn take_call(&mut self, call: Call) {
        self.arrivals.insert(call);
    }

    /// Lets a held request go on at `now`: its calls are answered, or too many have failed.
    pub(crate) fn release_at(&mut self, now: u64, of: (ReplicaId, u64), answered: bool) {
        let (replica, request) = of;
        let event = Event::Release {
            replica,
            request,
            answered,
        };
        let time = SimTime::from_nanos(now);
        self.events.push(time, class::DEPARTURE, DEPARTURES, event);
    }

    /// Requests that hold their place and cannot go on yet.
    pub(crate) fn held(&self) -> u64 {
        let replicas = self.replicas.iter().flatten();
        replicas.map(|replica| replica.unreleased() as u64).sum()
    }

    /// Lets a request that is done keep its place; those that share the CPU with it have its part from now on.
    pub(super) fn hold(&mut self, at: usize, done: Done) {
        if let Some(replica) = &mut self.replicas[at] {
            replica.settle_departure(false);
            replica.hold(done);
        }
        if self.discipline == Discipline::ProcessorSharing {
            self.plan_first_departure(at);
        }
    }

    /// Ends a held request, if it is still there and its replica does not stand still; who waits takes its place.
    pub(super) fn release(&mut self, id: ReplicaId, request: u64, answered: bool) {
        let now = self.now;
        let found = self
            .replicas
            .iter()
            .position(|r| r.as_ref().is_some_and(|r| r.id == id));
        let Some((at, replica)) = found.and_then(|at| Some((at, self.replicas[at].as_mut()?)))
        else {
            return;
        };
        let Some(done) = replica.release(request, answered, now) else {
            return;
        };
        if answered {
            replica.complete(now);
            self.ledger.complete(&done.request, done.start, now, id);
        } else {
            self.ledger
                .leave_unanswered(&done.request, done.start, now, id);
        }
        let next = self.take_next(Some(at));
        if let Some(next) = next {
            self.admit(at, next, None);
        }
    }

    /// Lets held requests of a replica go on that could have while it stood still.
    pub(super) fn release_what_could_go_on(&mut self, id: ReplicaId) {
        let now = self.now;
        let released = self.replica(id).released();
        for (request, answered) in released {
            self.release_at(now, (id, request), answered);
        }
    }
}
