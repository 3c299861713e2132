//! One queue for all slots of a station that is not served in turn.
//!
//! Who is served next depends on who has arrived by then, so starts, renunciations and arrivals are merged in time while
//! somebody waits; an arrival that finds a free slot and nobody waiting starts at once.

use super::Line;
use crate::station::central::Central;

impl<L: Line> Central<L> {
    /// Lets everything happen before `until`. At one instant slots are taken before requests give up, and both before
    /// arrivals.
    pub(in crate::station) fn serve_by_order(&mut self, until: u64) {
        loop {
            let arrival = self.ledger.next_time(&self.arrivals);
            if self.serve_next(arrival, until) {
                continue;
            }
            if arrival >= until {
                return;
            }
            self.take_in(arrival, until);
        }
    }

    /// Lets one waiting request start or give up, if that happens before `until`, and not after the next arrival.
    #[inline]
    pub(in crate::station) fn serve_next(&mut self, arrival: u64, until: u64) -> bool {
        if self.backlog.is_empty() {
            return false;
        }
        // A slot may have been free for longer when a request was sent back.
        let free = self.servers.first_free().max(self.now);
        let deadline = self.backlog.deadline(&self.settings);
        let at = free.min(deadline);
        if at > arrival || at >= until {
            return false;
        }
        self.start_or_give_up(free, deadline, until);
        true
    }

    /// Lets the next arrival start or wait, if there is room.
    #[inline]
    pub(in crate::station) fn take_in(&mut self, arrival: u64, until: u64) {
        let Some(request) = self.ledger.receive(&mut self.arrivals) else {
            return; // a caller has decided
        };
        if self.backlog.is_empty() && self.servers.first_free() <= arrival {
            self.start(&request, arrival, until);
        } else {
            self.backlog
                .offer(arrival, &request, &self.settings, &mut self.ledger);
        }
    }

    /// Starts the next request on the slot that is free at `free`, or lets the oldest give up: the first of both.
    fn start_or_give_up(&mut self, free: u64, deadline: u64, until: u64) {
        if free <= deadline {
            if let Some(request) = self.backlog.pop() {
                self.start(&request, free, until);
            }
        } else if let Some(request) = self.backlog.give_up() {
            self.ledger.time_out(&request, deadline);
        }
    }
}
