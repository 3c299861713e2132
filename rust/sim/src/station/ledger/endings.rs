//! How requests end other than by being completed, and who is told.

use super::Ledger;
use crate::station::ReplicaId;
use crate::workload::{Outcome, Request};

/// The end of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) start: Option<u64>,
    pub(super) end: u64,
    pub(super) replica: Option<ReplicaId>,
    pub(super) outcome: Outcome,
}

impl Ending {
    pub(super) const fn completed(start: u64, end: u64, replica: ReplicaId) -> Self {
        Self {
            start: Some(start),
            end,
            replica: Some(replica),
            outcome: Outcome::Completed,
        }
    }

    /// Of a request that has not been started.
    const fn waiting(end: u64, outcome: Outcome) -> Self {
        Self {
            start: None,
            end,
            replica: None,
            outcome,
        }
    }
}

impl Ledger {
    pub(in crate::station) fn reject(&mut self, request: &Request, at: u64) {
        self.counts.rejected += 1;
        self.leave(request, Ending::waiting(at, Outcome::Rejected));
    }

    /// Books a request that gives up waiting, or whose deadline is over.
    pub(in crate::station) fn time_out(&mut self, request: &Request, at: u64) {
        let outcome = self.give_up(request, at);
        self.leave(request, Ending::waiting(at, outcome));
    }

    /// Counts a request that ends at `at` without having failed: out of patience, or since its deadline is over.
    fn give_up(&mut self, request: &Request, at: u64) -> Outcome {
        if self.due(request) <= at {
            self.counts.expired += 1;
            Outcome::Expired
        } else {
            self.counts.timed_out += 1;
            Outcome::TimedOut
        }
    }

    /// Books a request that gives up in service, or whose deadline is over.
    #[cold]
    pub(in crate::station) fn abandon(
        &mut self,
        request: &Request,
        start: u64,
        at: u64,
        replica: ReplicaId,
    ) {
        let outcome = self.give_up(request, at);
        self.leave(
            request,
            Ending {
                start: Some(start),
                end: at,
                replica: Some(replica),
                outcome,
            },
        );
    }

    pub(in crate::station) fn lose(
        &mut self,
        request: &Request,
        start: Option<u64>,
        at: u64,
        replica: ReplicaId,
    ) {
        self.counts.lost += 1;
        self.leave(
            request,
            Ending {
                start,
                end: at,
                replica: Some(replica),
                outcome: Outcome::Lost,
            },
        );
    }

    /// The work of a request is done at `now`: returns whether the replica has to hold it for calls that are on their way.
    pub(in crate::station) fn holds(
        &mut self,
        request: &Request,
        now: u64,
        replica: ReplicaId,
    ) -> bool {
        let outbox = self.outbox();
        outbox.is_some_and(|outbox| outbox.holds(request.index, now, replica.0))
    }

    /// Books a request that was held for calls too many of which have failed.
    pub(in crate::station) fn leave_unanswered(
        &mut self,
        request: &Request,
        start: u64,
        at: u64,
        replica: ReplicaId,
    ) {
        self.counts.unanswered += 1;
        self.leave(
            request,
            Ending {
                start: Some(start),
                end: at,
                replica: Some(replica),
                outcome: Outcome::Unanswered,
            },
        );
    }

    fn leave(&mut self, request: &Request, ending: Ending) {
        self.end(
            request,
            ending.start.unwrap_or(u64::MAX),
            ending.end,
            ending.outcome,
        );
        self.keep(request, ending);
        if let Some(outbox) = self.outbox() {
            outbox.let_go(request.index, ending.end, ending.start.is_some());
        }
        if let Some(callers) = &mut self.callers {
            callers.failed(request, ending.end, ending.outcome);
        } else if let Some(outbox) = self.outbox() {
            outbox.given_up(request.index, ending.end);
        }
    }
}
