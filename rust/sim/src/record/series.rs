//! The time series: one row per service and step.

use super::Table;
use crate::plan::ServicePlan;
use crate::station::{Counts, LatencyWindow, Ledger};
use hookean_kernel::{SimDuration, SimTime};

/// State of a service at the end of an interval.
pub(crate) struct SeriesRow {
    pub(crate) now: SimTime,
    pub(crate) desired: u32,
    /// Ready, starting, pending, draining.
    pub(crate) counts: (u32, u32, u32, u32),
    pub(crate) nodes: u32,
    pub(crate) cpu_core_ns: f64,
    pub(crate) in_system: u64,
    pub(crate) waiting: u64,
}

/// What had happened by the end of the last interval of a service.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    at: SimTime,
    counts: Counts,
    slo_good: u64,
    work_ns: u128,
    cpu_core_ns: f64,
}

/// Rows so far, column by column.
#[derive(Debug)]
pub(crate) struct SeriesLog {
    before: Vec<Before>,
    /// Sums of the counts of rows that have been handed over, by service.
    handed_over: Vec<Counts>,
    times: Vec<SimTime>,
    services: Vec<u32>,
    counts: Vec<Counts>,
    in_system: Vec<u64>,
    waiting: Vec<u64>,
    offered: Vec<f64>,
    cpu: Vec<f64>,
    desired: Vec<u32>,
    ready: Vec<u32>,
    starting: Vec<u32>,
    pending: Vec<u32>,
    draining: Vec<u32>,
    nodes: Vec<u32>,
    latency: Vec<Option<LatencyWindow>>,
    slo_good: Vec<u64>,
}

impl SeriesLog {
    pub(crate) fn new(services: usize) -> Self {
        Self {
            before: vec![Before::default(); services],
            handed_over: vec![Counts::default(); services],
            times: Vec::new(),
            services: Vec::new(),
            counts: Vec::new(),
            in_system: Vec::new(),
            waiting: Vec::new(),
            offered: Vec::new(),
            cpu: Vec::new(),
            desired: Vec::new(),
            ready: Vec::new(),
            starting: Vec::new(),
            pending: Vec::new(),
            draining: Vec::new(),
            nodes: Vec::new(),
            latency: Vec::new(),
            slo_good: Vec::new(),
        }
    }

    /// How many rows are kept at present.
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// End of the last interval of a service.
    pub(crate) fn last_at(&self, service: usize) -> SimTime {
        self.before[service].at
    }

    /// Appends the interval that ends with `row`, whose requests the ledger has counted.
    pub(crate) fn push(&mut self, service: usize, row: &SeriesRow, ledger: &mut Ledger) {
        let before = self.before[service];
        let counts = ledger.counts();
        let length = row.now.saturating_since(before.at).as_nanos() as f64;
        self.before[service] = Before {
            at: row.now,
            counts,
            slo_good: ledger.slo_good(),
            work_ns: ledger.work_ns(),
            cpu_core_ns: row.cpu_core_ns,
        };
        self.times.push(row.now);
        self.services.push(service as u32);
        self.counts.push(counts.since(before.counts));
        self.in_system.push(row.in_system);
        self.waiting.push(row.waiting);
        self.offered
            .push((ledger.work_ns() - before.work_ns) as f64 / length);
        self.cpu
            .push((row.cpu_core_ns - before.cpu_core_ns) / length);
        self.desired.push(row.desired);
        self.ready.push(row.counts.0);
        self.starting.push(row.counts.1);
        self.pending.push(row.counts.2);
        self.draining.push(row.counts.3);
        self.nodes.push(row.nodes);
        self.latency.push(ledger.take_window());
        self.slo_good.push(ledger.slo_good() - before.slo_good);
    }

    /// Counts the last interval twice, as a faulty engine might.
    #[cfg(test)]
    pub(crate) fn repeat_last_row(&mut self) {
        let row = self
            .counts
            .iter()
            .rposition(|c| c.arrivals > 0)
            .expect("requests arrived");
        self.services.push(self.services[row]);
        self.counts.push(self.counts[row]);
    }

    /// Sum of the intervals' counts, by service, of rows that have been handed over too.
    pub(crate) fn totals(&self) -> Vec<Counts> {
        let mut sums = self.handed_over.clone();
        for (service, counts) in self.services.iter().zip(&self.counts) {
            let sum = &mut sums[*service as usize];
            *sum = sum.plus(*counts);
        }
        sums
    }

    /// The rows so far as a part of the `series` table; they are kept no longer.
    pub(crate) fn hand_over(&mut self, services: &[ServicePlan]) -> Table {
        let rest = Self {
            handed_over: self.totals(),
            before: std::mem::take(&mut self.before),
            ..Self::new(0)
        };
        std::mem::replace(self, rest).into_table(services)
    }

    /// The `series` table.
    pub(crate) fn into_table(self, services: &[ServicePlan]) -> Table {
        let mut table = Table::default();
        let names: Vec<String> = services.iter().map(|s| s.name.clone()).collect();
        let count = |pick: fn(&Counts) -> u64| self.counts.iter().map(pick).map(Some);
        let quantile = |pick: fn(&LatencyWindow) -> SimDuration| {
            self.latency.iter().map(move |w| w.as_ref().map(pick))
        };
        let has_slo: Vec<bool> = services.iter().map(|s| s.slo.is_some()).collect();
        let good = self
            .slo_good
            .iter()
            .zip(&self.services)
            .map(|(good, s)| has_slo[*s as usize].then_some(*good));
        table.times("time", self.times.iter().copied().map(Some));
        table.names("service", self.services.clone(), &names);
        table.u64s("arrivals", count(|c| c.arrivals));
        table.u64s("completed", count(|c| c.completed));
        table.u64s("rejected", count(|c| c.rejected));
        table.u64s("timed_out", count(|c| c.timed_out));
        table.u64s("lost", count(|c| c.lost));
        table.u64s("unanswered", count(|c| c.unanswered));
        table.u64s("retries", count(|c| c.retries));
        table.u64s("given_up", count(|c| c.given_up));
        table.u64s("in_system", self.in_system.iter().copied().map(Some));
        table.u64s("waiting", self.waiting.iter().copied().map(Some));
        table.f64s("offered_cores", self.offered.iter().copied().map(Some));
        table.f64s("cpu_cores", self.cpu.iter().copied().map(Some));
        for (name, column) in [
            ("desired", &self.desired),
            ("ready", &self.ready),
            ("starting", &self.starting),
            ("pending", &self.pending),
            ("draining", &self.draining),
            ("nodes", &self.nodes),
        ] {
            table.u32s(name, column.iter().copied().map(Some));
        }
        table.durations("latency_p50", quantile(|w| w.p50));
        table.durations("latency_p95", quantile(|w| w.p95));
        table.durations("latency_p99", quantile(|w| w.p99));
        table.durations("latency_max", quantile(|w| w.max));
        table.u64s("slo_good", good);
        table
    }
}
