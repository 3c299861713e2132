//! The hot loop of a station with one queue: requests that only wait and are served.

#![expect(
    clippy::inline_always,
    reason = "measured: without it the hot loop calls, and is a fifth slower"
)]

use super::{Job, Servers, Slot};
use crate::station::ledger::Served;
use crate::station::rates::SlotRate;
use crate::workload::{BLOCK, Request};
use hookean_kernel::{Moves, Racer};

impl Servers {
    /// Starts requests one by one, each on the slot that has been free longest, as far as they start before `until`;
    /// returns what that adds to the books. At most a block of them.
    pub(in crate::station) fn serve(
        &mut self,
        requests: &[Request],
        latencies: &mut [u64; BLOCK],
        until: u64,
    ) -> Served {
        let before = self.crossing.len();
        let mut served = Served::default();
        let line = Line {
            requests,
            served: &mut served,
            latencies,
            until,
            origin: self.origin,
            slots: &mut self.slots,
            jobs: &mut self.jobs,
            crossing: &mut self.crossing,
        };
        if self.at_full_speed {
            self.tree.race(Serve {
                line,
                service_ns: |_, work_ns| work_ns,
            });
        } else {
            self.tree.race(Serve {
                line,
                service_ns: SlotRate::service_ns,
            });
        }
        self.in_service += (self.crossing.len() - before) as u64;
        served
    }
}

/// Requests to be started one by one, and what that changes beside the tree.
struct Line<'a> {
    requests: &'a [Request],
    served: &'a mut Served,
    latencies: &'a mut [u64; BLOCK],
    until: u64,
    origin: u64,
    slots: &'a mut [Slot],
    jobs: &'a mut [Job],
    crossing: &'a mut Vec<u32>,
}

/// Starts the requests of a line, each on the slot that has been free longest.
struct Serve<'a, F> {
    line: Line<'a>,
    service_ns: F,
}

impl<F: Fn(SlotRate, u64) -> u64> Racer for Serve<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self, tree: &mut impl Moves) {
        let Line {
            requests,
            served: result,
            latencies,
            until,
            origin,
            slots,
            jobs,
            crossing,
        } = self.line;
        let reach = until.saturating_sub(origin);
        // A copy of its own stays in registers.
        let mut served = *result;
        for request in requests {
            let start = tree.min_time().max(request.time.as_nanos() - origin);
            if start >= reach {
                break;
            }
            let start = origin + start;
            let at = tree.min_slot();
            let slot = &mut slots[at];
            let end = start.saturating_add((self.service_ns)(slot.rate, request.work_ns));
            tree.move_on(end - origin);
            // Cannot run over: busy times do not overlap, and end before `end`.
            slot.busy_ns += end - start;
            slot.end = end;
            served.start(request, start);
            if end < until {
                slot.completed += 1;
                served.complete(request, (start, end), latencies);
            } else {
                slot.busy = true;
                jobs[at] = Job {
                    request: *request,
                    start,
                    done: end,
                };
                crossing.push(at as u32);
            }
        }
        *result = served;
    }
}
