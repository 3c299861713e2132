//! Last come, first served; who is served is not interrupted.

use super::{FirstCome, Line};
use crate::station::settings::Settings;
use crate::station::{Ledger, take_out};
use crate::workload::Request;
use std::collections::VecDeque;

/// A line whose newest request is served next.
#[derive(Debug, Clone, Default)]
pub(in crate::station) struct LastCome(VecDeque<Request>);

impl Line for LastCome {
    const IN_TURN: bool = false;
    type AsTheyCame = FirstCome;

    #[inline]
    fn push(&mut self, request: &Request, _settings: &Settings, _ledger: &Ledger) {
        self.0.push_back(*request);
    }

    fn queue_of(&mut self, _request: &Request, _settings: &Settings) -> &mut VecDeque<Request> {
        &mut self.0
    }

    #[inline]
    fn pop(&mut self) -> Option<Request> {
        self.0.pop_back()
    }

    #[inline]
    fn oldest(&self) -> Option<&Request> {
        self.0.front()
    }

    #[inline]
    fn give_up(&mut self) -> Option<Request> {
        self.0.pop_front()
    }

    fn take_out(&mut self, request: &Request) {
        take_out(&mut self.0, request);
    }

    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    fn iter(&self) -> impl Iterator<Item = &Request> {
        self.0.iter()
    }
}
