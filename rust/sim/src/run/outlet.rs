//! Rows leave a run while it goes on, so that they take no memory.
//!
//! Every row of `series`, `decisions` and `requests` is handed over once, in parts. Where a part ends depends on simulated
//! time and on numbers of rows, so a plan gives the same parts however many threads advance its stations.

use super::finish::take_decided;
use super::graph::Graph;
use super::world::World;
use crate::control::external::Failure;
use crate::plan::RequestLog;
use crate::record::{self, DecisionNames, Table, decisions_table, series_table};
use crate::station::{Ledger, RequestTable};

/// Takes rows out of a run while it goes on.
pub trait Sink: Send {
    /// Takes the next rows of a table: those of `series` and `decisions` in order of time; of `requests` those that have
    /// ended since the last time, by service, request and attempt, and at the end of the run those still in the system.
    /// A table that a run has comes at least once, without rows if it has none.
    ///
    /// # Errors
    /// What made it impossible: the run ends there, nothing more is handed over, and
    /// [`RunOutput::failure`](super::RunOutput::failure) has it.
    fn take(&mut self, table: &'static str, rows: Table) -> Result<(), Failure>;
}

/// Where the rows of a run go, and how many make a part.
pub struct Outlet {
    sink: Box<dyn Sink>,
    part_rows: usize,
    failed: bool,
    /// Tables of which nothing has been handed over yet.
    fresh: Vec<&'static str>,
}

impl Outlet {
    /// Hands rows to `sink` as soon as a table has at least `part_rows` (not 0). No part of `requests` has more; one of
    /// another table has when many rows are made at one instant.
    pub fn new(sink: Box<dyn Sink>, part_rows: usize) -> Self {
        Self {
            sink,
            part_rows: part_rows.max(1),
            failed: false,
            fresh: vec!["series", "decisions", "requests"],
        }
    }

    fn put(&mut self, table: &'static str, rows: Table) -> Result<(), Failure> {
        self.fresh.retain(|fresh| *fresh != table);
        if self.failed {
            return Ok(()); // it has been said why
        }
        let taken = self.sink.take(table, rows);
        self.failed = taken.is_err();
        taken
    }
}

impl World {
    /// Hands over intervals, decisions, and requests that have ended, if they have grown to a part. Called when every station
    /// has advanced to the present instant, and all that comes before it has been done: what that is depends on nothing
    /// else.
    pub(super) fn hand_over_past(&mut self) {
        let Some(least) = self.outlet.as_ref().map(|outlet| outlet.part_rows) else {
            return;
        };
        if self.series_rows() >= least {
            self.hand_over_series();
        }
        if self.decision_rows() >= least {
            self.hand_over_decisions();
        }
        if self.request_rows() >= least {
            self.hand_over_ended();
        }
    }

    /// Hands over what is left at the end.
    pub(super) fn hand_over_rest(&mut self) {
        let Some(outlet) = &self.outlet else {
            return;
        };
        let fresh = outlet.fresh.clone();
        if self.series_rows() > 0 || fresh.contains(&"series") {
            self.hand_over_series();
        }
        if self.decision_rows() > 0 || fresh.contains(&"decisions") {
            self.hand_over_decisions();
        }
        let kept = self.plan.record.requests != RequestLog::Off;
        if kept && (self.request_rows() > 0 || fresh.contains(&"requests")) {
            self.hand_over_ended();
        }
    }

    fn series_rows(&self) -> usize {
        self.series.len() * self.services.len()
    }

    fn decision_rows(&self) -> usize {
        let of_nodes: usize = self.node_loops.iter().map(|of| of.log.len()).sum();
        of_nodes + self.loops.iter().map(|of| of.log.len()).sum::<usize>()
    }

    fn request_rows(&self) -> usize {
        let ledgers = self.stations.iter().map(|station| station.ledger());
        ledgers.map(Ledger::request_rows).sum()
    }

    fn hand_over_series(&mut self) {
        let steps = std::mem::take(&mut self.series);
        let of = self.services.iter_mut().map(|s| s.series.take());
        let rows = series_table(&self.plan.services, &steps, &of.collect::<Vec<_>>());
        self.put("series", rows);
    }

    fn hand_over_decisions(&mut self) {
        let names = DecisionNames::of(&self.plan);
        let decided = take_decided(&mut self.loops, &mut self.node_loops);
        let rows = decisions_table(&names, &decided);
        self.put("decisions", rows);
    }

    fn hand_over_ended(&mut self) {
        let logs: Vec<Option<RequestTable>> = self
            .stations
            .iter_mut()
            .map(|station| station.ledger_mut().take_requests())
            .collect();
        let most = self.outlet.as_ref().map_or(usize::MAX, |of| of.part_rows);
        for lot in record::lots(&record::whole(&logs), most) {
            let ledgers: Vec<&Ledger> = self.stations.iter().map(|s| s.ledger()).collect();
            let numbering = self.graph.as_ref().map(Graph::numbering);
            let rows = record::requests_table(&self.plan.services, &ledgers, &lot, numbering);
            self.put("requests", rows);
        }
    }

    fn put(&mut self, table: &'static str, rows: Table) {
        let Some(outlet) = &mut self.outlet else {
            return;
        };
        if let Err(failure) = outlet.put(table, rows) {
            self.failure.get_or_insert(failure);
        }
    }
}
