//! Calls between services.
//!
//! A request that completes sets off requests of other services, which set off others. Nobody holds a place meanwhile, and
//! calls never lead back, so a station depends on those before it alone: in every interval stations advance in the order
//! of calls, and each is told of all calls that reach it in the interval before it advances. Whatever is drawn for a call
//! is keyed by the call, so neither the order of stations nor the length of intervals matters.
//!
//! The answer to a synchronous call does lead back, and so does what a controller does that acts on single calls: such services
//! advance together, on event lists, as one of the units between which everything above holds.

mod answer;
mod held;
mod numbering;
mod order;
mod outbox;
mod trees;
mod units;

use crate::plan::{CallPlan, Plan, PlanError};

pub(crate) use held::{Held, Released};
pub(crate) use numbering::{Entries, Numbering, POSITIONS_MAX, head_number, is_call};
pub(crate) use order::levels;
pub(crate) use outbox::{Call, Outbox};
pub(crate) use trees::{HeadBook, Trees};
pub(crate) use units::Units;

/// The calls of one service and to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calls<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) numbering: &'a Numbering,
    pub(crate) service: usize,
    /// Whether the service advances together with others.
    pub(crate) joined: bool,
}

impl<'a> Calls<'a> {
    /// Whether a service calls it.
    pub(crate) fn is_called(self) -> bool {
        self.numbering.is_called(self.service)
    }

    /// Places that calls have at it; 0 when nobody calls it.
    pub(crate) fn positions(self) -> u64 {
        self.numbering.positions(self.service)
    }

    /// All calls of the plan, and which of them those to this service are.
    pub(crate) fn called(self) -> (&'a [CallPlan], Entries) {
        (&self.plan.calls, self.numbering.entries(self.service))
    }

    /// The calls it makes and what it tells of its requests; `None` when it neither calls nor is called.
    ///
    /// # Errors
    /// Those of [`Outbox::new`].
    pub(crate) fn outbox(self) -> Result<Option<Outbox>, PlanError> {
        Outbox::new(self.plan, self.numbering, self.service, self.joined)
    }
}
