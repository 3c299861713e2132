//! Head-of-the-line priority: the oldest request of the first level that has one; who is served is not interrupted.

use super::{FirstCome, Line};
use crate::station::settings::Settings;
use crate::station::{Ledger, insert_by_arrival, take_out};
use crate::workload::Request;
use std::collections::VecDeque;

/// A line for each level, the first to be served in front.
#[derive(Debug, Clone, Default)]
pub(in crate::station) struct ByLevel {
    levels: Vec<VecDeque<Request>>,
    waiting: usize,
}

impl ByLevel {
    /// Takes one out of the level at `at`.
    fn take(
        &mut self,
        at: usize,
        take: impl FnOnce(&mut VecDeque<Request>) -> Option<Request>,
    ) -> Option<Request> {
        let taken = self.levels.get_mut(at).and_then(take);
        self.waiting -= usize::from(taken.is_some());
        taken
    }

    /// The level whose first request has waited longest.
    fn oldest_level(&self) -> Option<usize> {
        let heads = self.levels.iter().enumerate();
        let heads = heads.filter_map(|(at, level)| level.front().map(|head| (head.time, at)));
        heads.min().map(|(_, at)| at)
    }
}

impl Line for ByLevel {
    const IN_TURN: bool = false;
    type AsTheyCame = FirstCome;

    fn push(&mut self, request: &Request, settings: &Settings, _ledger: &Ledger) {
        self.queue_of(request, settings).push_back(*request);
        self.waiting += 1;
    }

    fn queue_of(&mut self, request: &Request, settings: &Settings) -> &mut VecDeque<Request> {
        let at = settings.classes.level(request.index);
        if at >= self.levels.len() {
            self.levels.resize_with(at + 1, VecDeque::new);
        }
        &mut self.levels[at]
    }

    fn insert(&mut self, request: Request, settings: &Settings, _ledger: &Ledger) {
        insert_by_arrival(self.queue_of(&request, settings), request);
        self.waiting += 1;
    }

    fn pop(&mut self) -> Option<Request> {
        let first = self.levels.iter().position(|level| !level.is_empty())?;
        self.take(first, VecDeque::pop_front)
    }

    fn oldest(&self) -> Option<&Request> {
        self.oldest_level().and_then(|at| self.levels[at].front())
    }

    fn give_up(&mut self) -> Option<Request> {
        let at = self.oldest_level()?;
        self.take(at, VecDeque::pop_front)
    }

    fn take_out(&mut self, request: &Request) {
        let mut levels = self.levels.iter_mut();
        self.waiting -= usize::from(levels.any(|level| take_out(level, request)));
    }

    fn len(&self) -> usize {
        self.waiting
    }

    fn iter(&self) -> impl Iterator<Item = &Request> {
        self.levels.iter().flatten()
    }

    fn displace(&mut self, by: &Request, settings: &Settings) -> Option<Request> {
        let last = self.levels.iter().rposition(|level| !level.is_empty())?;
        let later = settings.pushes_out && settings.classes.level(by.index) < last;
        later.then(|| self.take(last, VecDeque::pop_back)).flatten()
    }
}
