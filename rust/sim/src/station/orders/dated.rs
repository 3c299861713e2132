//! Requests that give up each at its own time: at their deadline, or when they have waited as long as all do.

use super::{FirstCome, Line};
use crate::station::Ledger;
use crate::station::settings::Settings;
use crate::workload::Request;
use std::collections::{BTreeMap, VecDeque};

/// A line in which others than the oldest may give up first. Where no request has a deadline it is the line inside.
#[derive(Debug, Clone, Default)]
pub(in crate::station) struct Dated<L> {
    line: L,
    ends: Option<Box<Ends>>,
}

/// When those that wait give up, if they ever do.
#[derive(Debug, Clone, Default)]
struct Ends {
    /// By instant and number.
    first: BTreeMap<(u64, u64), Request>,
    /// Instants by number.
    of: BTreeMap<u64, u64>,
}

impl<L: Line> Dated<L> {
    fn note(&mut self, request: &Request, settings: &Settings, ledger: &Ledger) {
        if !ledger.is_dated() {
            return;
        }
        let end = settings.deadline(request).min(ledger.due(request));
        let ends = self.ends.get_or_insert_default();
        if end < u64::MAX {
            ends.first.insert((end, request.index), *request);
            ends.of.insert(request.index, end);
        }
    }

    fn forget(&mut self, request: &Request) {
        if let Some(ends) = &mut self.ends
            && let Some(end) = ends.of.remove(&request.index)
        {
            ends.first.remove(&(end, request.index));
        }
    }
}

impl<L: Line> Line for Dated<L> {
    const IN_TURN: bool = false;
    const DATED: bool = true;
    type AsTheyCame = Dated<FirstCome>;

    fn push(&mut self, request: &Request, settings: &Settings, ledger: &Ledger) {
        self.line.push(request, settings, ledger);
        self.note(request, settings, ledger);
    }

    fn queue_of(&mut self, request: &Request, settings: &Settings) -> &mut VecDeque<Request> {
        self.line.queue_of(request, settings)
    }

    fn insert(&mut self, request: Request, settings: &Settings, ledger: &Ledger) {
        self.line.insert(request, settings, ledger);
        self.note(&request, settings, ledger);
    }

    fn pop(&mut self) -> Option<Request> {
        let next = self.line.pop()?;
        self.forget(&next);
        Some(next)
    }

    fn oldest(&self) -> Option<&Request> {
        self.line.oldest()
    }

    fn give_up(&mut self) -> Option<Request> {
        let Some(ends) = &mut self.ends else {
            return self.line.give_up();
        };
        let (_, first) = ends.first.pop_first()?;
        ends.of.remove(&first.index);
        self.line.take_out(&first);
        Some(first)
    }

    fn take_out(&mut self, request: &Request) {
        self.line.take_out(request);
        self.forget(request);
    }

    fn len(&self) -> usize {
        self.line.len()
    }

    fn iter(&self) -> impl Iterator<Item = &Request> {
        self.line.iter()
    }

    fn displace(&mut self, by: &Request, settings: &Settings) -> Option<Request> {
        let displaced = self.line.displace(by, settings)?;
        self.forget(&displaced);
        Some(displaced)
    }

    fn deadline(&self, settings: &Settings) -> u64 {
        let Some(ends) = &self.ends else {
            return self.line.deadline(settings);
        };
        let first = ends.first.first_key_value();
        first.map_or(u64::MAX, |((end, _), _)| *end)
    }
}
