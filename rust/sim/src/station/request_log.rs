//! What a station keeps of single requests: a row for each that ended, books for each class, and what they set off.

use super::class_books::{ClassBook, ClassBooks};
use super::packed_rows::PackedRows;
use super::{Outcome, ReplicaId};
use crate::calls::{Outbox, head_number};
use crate::plan::RequestLog;
use crate::workload::{Classes, Request, attempt_of, number_of};
use hookean_kernel::{SimTime, splitmix};

const NONE: u64 = u64::MAX;

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRow {
    /// The attempt ([`Request::index`]).
    pub index: u64,
    /// When it arrived.
    pub arrival: SimTime,
    /// When its service began.
    pub start: Option<SimTime>,
    /// When it ended; `None` while it is in the system.
    pub end: Option<SimTime>,
    /// Its CPU time on one full core.
    pub work_ns: u64,
    /// The replica that served it or was lost with it.
    pub replica: Option<ReplicaId>,
    /// How it ended; `None` while it is in the system.
    pub outcome: Option<Outcome>,
}

/// Rows, column by column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestTable {
    indices: Vec<u64>,
    arrivals: Vec<u64>,
    starts: Vec<u64>,
    ends: Vec<u64>,
    works: Vec<u64>,
    replicas: Vec<u32>,
    outcomes: Vec<Option<Outcome>>,
}

impl RequestTable {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// The row at a position.
    pub fn row(&self, at: usize) -> RequestRow {
        let time = |nanos: u64| (nanos != NONE).then(|| SimTime::from_nanos(nanos));
        RequestRow {
            index: self.indices[at],
            arrival: SimTime::from_nanos(self.arrivals[at]),
            start: time(self.starts[at]),
            end: time(self.ends[at]),
            work_ns: self.works[at],
            replica: (self.replicas[at] != u32::MAX).then(|| ReplicaId(self.replicas[at])),
            outcome: self.outcomes[at],
        }
    }

    /// All rows in order.
    pub fn iter(&self) -> impl Iterator<Item = RequestRow> + '_ {
        (0..self.len()).map(|at| self.row(at))
    }

    /// Makes room for rows.
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self {
            indices: Vec::with_capacity(rows),
            arrivals: Vec::with_capacity(rows),
            starts: Vec::with_capacity(rows),
            ends: Vec::with_capacity(rows),
            works: Vec::with_capacity(rows),
            replicas: Vec::with_capacity(rows),
            outcomes: Vec::with_capacity(rows),
        }
    }

    pub(crate) fn push(&mut self, row: &RequestRow) {
        let nanos = |time: Option<SimTime>| time.map_or(NONE, SimTime::as_nanos);
        self.indices.push(row.index);
        self.arrivals.push(row.arrival.as_nanos());
        self.starts.push(nanos(row.start));
        self.ends.push(nanos(row.end));
        self.works.push(row.work_ns);
        self.replicas.push(row.replica.map_or(u32::MAX, |id| id.0));
        self.outcomes.push(row.outcome);
    }

    /// Sorts the rows by request and attempt: they end in another order than they arrive in.
    pub(super) fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.len()).collect();
        let key = |index: u64| (number_of(index), attempt_of(index));
        order.sort_unstable_by_key(|&at| key(self.indices[at]));
        for column in [
            &mut self.indices,
            &mut self.arrivals,
            &mut self.starts,
            &mut self.ends,
            &mut self.works,
        ] {
            *column = order.iter().map(|&at| column[at]).collect();
        }
        self.replicas = order.iter().map(|&at| self.replicas[at]).collect();
        self.outcomes = order.iter().map(|&at| self.outcomes[at]).collect();
    }
}

/// What the log keeps, and what it has kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    /// A request is kept when the hash of the number of the one at its head is below this, and with it all that it has called;
    /// `None` keeps all.
    below: Option<u64>,
    /// Places of calls at this service.
    positions: u64,
    rows: Option<PackedRows>,
    classes: Option<ClassBooks>,
    /// What completed requests set off in other services.
    outbox: Option<Outbox>,
}

impl Log {
    /// Makes the log; `None` when nothing is kept.
    pub(super) fn new(plan: RequestLog) -> Option<Box<Self>> {
        let below = match plan {
            RequestLog::Off => return None,
            RequestLog::Sampled { one_in } if one_in > 1 => Some(u64::MAX / one_in),
            RequestLog::Sampled { .. } | RequestLog::Full => None,
        };
        Some(Box::new(Self {
            below,
            positions: 0,
            rows: Some(PackedRows::default()),
            classes: None,
            outbox: None,
        }))
    }

    /// The same log with books for each class.
    pub(super) fn by_class(self, classes: Classes) -> Self {
        Self {
            classes: Some(ClassBooks::new(classes)),
            ..self
        }
    }

    /// The same log of a service whose calls have so many places.
    pub(super) fn called_at(self, positions: u64) -> Self {
        Self { positions, ..self }
    }

    /// The same log with calls to other services.
    pub(super) fn calling(self, outbox: Outbox) -> Self {
        Self {
            outbox: Some(outbox),
            ..self
        }
    }

    pub(super) const fn outbox_ref(&self) -> Option<&Outbox> {
        self.outbox.as_ref()
    }

    pub(super) const fn outbox(&mut self) -> Option<&mut Outbox> {
        self.outbox.as_mut()
    }

    pub(super) fn classes(&self) -> Option<(&Classes, &[ClassBook])> {
        self.classes.as_ref().map(ClassBooks::read)
    }

    /// How many rows are kept at present.
    pub(super) fn rows(&self) -> usize {
        self.rows.as_ref().map_or(0, PackedRows::len)
    }

    /// The rows that are kept at present, by request and attempt; `None` when none are to be.
    pub(super) fn table(&self) -> Option<RequestTable> {
        self.rows.as_ref().map(PackedRows::unpack)
    }

    /// Hands over the rows of the requests that have ended since the last time, by request and attempt.
    pub(super) fn take(&mut self) -> Option<RequestTable> {
        let rows = self.rows.as_mut().map(std::mem::take);
        rows.map(|rows| rows.unpack())
    }

    pub(super) fn push(&mut self, row: &RequestRow) {
        if let Some(classes) = &mut self.classes {
            classes.push(row);
        }
        if let Some(rows) = &mut self.rows
            && self
                .below
                .is_none_or(|below| splitmix(head_number(row.index, self.positions)) < below)
        {
            rows.push(row);
        }
    }

    /// Adds what is still in the system.
    pub(super) fn close(
        &mut self,
        inside: impl Iterator<Item = (Request, Option<SimTime>, Option<ReplicaId>)>,
    ) {
        for (request, start, replica) in inside {
            self.push(&RequestRow {
                index: request.index,
                arrival: request.time,
                start,
                end: None,
                work_ns: request.work_ns,
                replica,
                outcome: None,
            });
        }
    }
}
