//! What happened to the requests of each class.
//!
//! Filled from the rows of the request log: every request ends there, or is there at the end of the run.

use super::{Counts, Outcome, RequestRow};
use crate::workload::Classes;
use hookean_kernel::Histogram;

/// The books of one class.
#[derive(Debug, Clone, Default)]
pub struct ClassBook {
    /// Counts but for the completed requests, which the histogram of latencies counts.
    counts: Counts,
    /// Waiting or in service at the end.
    pub in_system: u64,
    /// Whose service started.
    pub started: u64,
    /// Sum of the waits of those.
    pub wait_sum_ns: u128,
    /// Sum of the latencies of completed requests.
    pub latency_sum_ns: u128,
    /// Latencies of completed requests.
    pub latency: Histogram,
}

impl ClassBook {
    /// Counts of requests.
    pub fn counts(&self) -> Counts {
        Counts {
            completed: self.latency.count(),
            ..self.counts
        }
    }

    fn push(&mut self, row: &RequestRow) {
        self.counts.arrivals += 1;
        let since_arrival =
            |at: hookean_kernel::SimTime| at.saturating_since(row.arrival).as_nanos();
        if let Some(start) = row.start {
            self.started += 1;
            self.wait_sum_ns += u128::from(since_arrival(start));
        }
        match row.outcome {
            Some(Outcome::Completed) => {
                let latency = row.end.map_or(0, since_arrival);
                self.latency_sum_ns += u128::from(latency);
                self.latency.record(latency);
            }
            Some(Outcome::Rejected) => self.counts.rejected += 1,
            Some(Outcome::TimedOut) => self.counts.timed_out += 1,
            Some(Outcome::Expired) => self.counts.expired += 1,
            Some(Outcome::Lost) => self.counts.lost += 1,
            Some(Outcome::Unanswered) => self.counts.unanswered += 1,
            None => self.in_system += 1,
        }
    }
}

/// The books of all classes of a service.
#[derive(Debug, Clone)]
pub(super) struct ClassBooks {
    classes: Classes,
    books: Vec<ClassBook>,
}

impl ClassBooks {
    pub(super) fn new(classes: Classes) -> Self {
        let books = vec![ClassBook::default(); classes.len()];
        Self { classes, books }
    }

    pub(super) fn push(&mut self, row: &RequestRow) {
        self.books[self.classes.of(row.index)].push(row);
    }

    pub(super) fn read(&self) -> (&Classes, &[ClassBook]) {
        (&self.classes, &self.books)
    }
}
