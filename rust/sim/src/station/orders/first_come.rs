//! First come, first served.

use super::Line;
use crate::station::settings::Settings;
use crate::station::{Ledger, take_out};
use crate::workload::Request;
use std::collections::VecDeque;

/// A line whose oldest request is served next.
#[derive(Debug, Clone, Default)]
pub(in crate::station) struct FirstCome(VecDeque<Request>);

impl Line for FirstCome {
    const IN_TURN: bool = true;
    type AsTheyCame = Self;

    #[inline(always)]
    fn push(&mut self, request: &Request, _settings: &Settings, _ledger: &Ledger) {
        self.0.push_back(*request);
    }

    fn queue_of(&mut self, _request: &Request, _settings: &Settings) -> &mut VecDeque<Request> {
        &mut self.0
    }

    #[inline(always)]
    fn pop(&mut self) -> Option<Request> {
        self.0.pop_front()
    }

    #[inline(always)]
    fn oldest(&self) -> Option<&Request> {
        self.0.front()
    }

    #[inline(always)]
    fn give_up(&mut self) -> Option<Request> {
        self.0.pop_front()
    }

    fn take_out(&mut self, request: &Request) {
        take_out(&mut self.0, request);
    }

    #[inline(always)]
    fn len(&self) -> usize {
        self.0.len()
    }

    fn iter(&self) -> impl Iterator<Item = &Request> {
        self.0.iter()
    }
}
