//! First come, first served.

use super::Line;
use crate::station::settings::Settings;
use crate::workload::Request;
use std::collections::VecDeque;

/// A line whose oldest request is served next.
#[derive(Debug, Clone, Default)]
pub(in crate::station) struct FirstCome(VecDeque<Request>);

impl Line for FirstCome {
    const IN_TURN: bool = true;

    #[inline(always)]
    fn push(&mut self, request: &Request, _settings: &Settings) {
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
    fn pop_oldest(&mut self) -> Option<Request> {
        self.0.pop_front()
    }

    #[inline(always)]
    fn len(&self) -> usize {
        self.0.len()
    }

    fn iter(&self) -> impl Iterator<Item = &Request> {
        self.0.iter()
    }
}
