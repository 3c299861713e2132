//! Requests that wait, in the order in which they are served.
//!
//! A line is kept in order of arrival, of each level at least, also when a request is sent back; all of a service wait
//! equally long, so the oldest gives up first, whatever the order of service, unless requests have deadlines ([`Dated`]).

#![expect(
    clippy::inline_always,
    reason = "measured: without it the hot loop calls, and is some per cent slower"
)]

mod by_level;
mod central;
mod dated;
mod first_come;
mod last_come;

pub(super) use by_level::ByLevel;
pub(super) use dated::Dated;
pub(super) use first_come::FirstCome;
pub(super) use last_come::LastCome;

use super::settings::Settings;
use super::{Ledger, insert_by_arrival};
use crate::workload::Request;
use std::collections::VecDeque;

/// A line of waiting requests.
pub(super) trait Line: Clone + Default + Send {
    /// Whether requests are served as they came: then it is known at an arrival when its service starts.
    const IN_TURN: bool;
    /// Whether requests may give up before those that have waited longer.
    const DATED: bool = false;
    /// The same served as they came.
    type AsTheyCame: Line;

    /// Lets a request wait, the newest of all.
    fn push(&mut self, request: &Request, settings: &Settings, ledger: &Ledger);
    /// The queue, in order of arrival, in which a request waits or would wait.
    fn queue_of(&mut self, request: &Request, settings: &Settings) -> &mut VecDeque<Request>;
    /// Lets a request wait before whatever came later.
    fn insert(&mut self, request: Request, settings: &Settings, _ledger: &Ledger) {
        insert_by_arrival(self.queue_of(&request, settings), request);
    }
    /// Takes the request that is served next.
    fn pop(&mut self) -> Option<Request>;
    /// The request that has waited longest.
    fn oldest(&self) -> Option<&Request>;
    /// Takes the request that gives up first.
    fn give_up(&mut self) -> Option<Request>;
    /// Takes out a request that waits.
    fn take_out(&mut self, request: &Request);
    /// How many wait.
    fn len(&self) -> usize;
    /// Whether none waits.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Requests that wait, in no particular order.
    fn iter(&self) -> impl Iterator<Item = &Request>;
    /// Takes out the request that has to make room for another, if one has.
    fn displace(&mut self, _by: &Request, _settings: &Settings) -> Option<Request> {
        None
    }

    /// Lets a request that comes at `now` wait if there is room, or if another has to make room for it.
    #[inline(always)]
    fn offer(&mut self, now: u64, request: &Request, settings: &Settings, ledger: &mut Ledger) {
        if self.len() as u64 >= settings.limit {
            let Some(displaced) = self.displace(request, settings) else {
                ledger.reject(request, now);
                return;
            };
            ledger.reject(&displaced, now);
        }
        self.push(request, settings, ledger);
    }

    /// When the next of the waiting requests gives up; `u64::MAX` when none does.
    #[inline(always)]
    fn deadline(&self, settings: &Settings) -> u64 {
        self.oldest()
            .map_or(u64::MAX, |request| settings.deadline(request))
    }
}
