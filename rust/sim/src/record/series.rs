//! The time series: one row per service and step.

use super::Table;
use crate::plan::{Plan, ServicePlan};
use crate::station::{Counts, LatencyWindow, Ledger};
use hookean_kernel::{SimDuration, SimTime};

/// State of a service at the end of an interval.
pub(crate) struct SeriesRow {
    pub(crate) now: SimTime,
    pub(crate) desired: u32,
    /// Ready, starting, pending, draining.
    pub(crate) counts: (u32, u32, u32, u32),
    pub(crate) cpu_core_ns: f64,
    /// With a CPU limit.
    pub(crate) throttled: Option<Throttled>,
    pub(crate) in_system: u64,
    pub(crate) waiting: u64,
}

/// How long replicas have stood still for want of CPU quota, and how long they have served, all together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Throttled {
    pub(crate) throttled_ns: u64,
    pub(crate) serving_ns: u128,
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

/// What happened in an interval, and what there was at its end.
#[derive(Debug)]
struct Interval {
    counts: Counts,
    slo_good: u64,
    in_system: u64,
    waiting: u64,
    offered_cores: f64,
    cpu_cores: f64,
    desired: u32,
    ready: u32,
    starting: u32,
    pending: u32,
    draining: u32,
    latency: Option<LatencyWindow>,
}

/// The intervals of one service so far.
#[derive(Debug, Default)]
pub(crate) struct ServiceSeries {
    before: Before,
    /// Sum of the counts of rows that have been handed over.
    handed_over: Counts,
    rows: Vec<Interval>,
    /// Of a service with a CPU limit: throttling up to the last interval, and in each.
    throttled_before: Throttled,
    throttled: Vec<Throttled>,
}

/// The most rows that room is made for before there are any: what grows is copied, and touches more memory.
const EXPECTED_MOST: u64 = 1 << 14;

impl ServiceSeries {
    /// No rows, and room for those of a plan as far as those of all services are not very many.
    pub(crate) fn of(plan: &Plan) -> Self {
        let most = EXPECTED_MOST / (plan.services.len() as u64).max(1);
        let step_ns = plan.record.series_step_ns.max(1);
        let rows = plan.horizon_ns.div_ceil(step_ns).min(most);
        Self {
            rows: Vec::with_capacity(rows as usize),
            ..Self::default()
        }
    }

    /// End of the last interval.
    pub(crate) const fn last_at(&self) -> SimTime {
        self.before.at
    }

    /// Appends the interval that ends with `row`, whose requests the ledger has counted.
    pub(crate) fn push(&mut self, row: &SeriesRow, ledger: &mut Ledger) {
        let before = self.before;
        let counts = ledger.counts();
        let length = row.now.saturating_since(before.at).as_nanos() as f64;
        self.before = Before {
            at: row.now,
            counts,
            slo_good: ledger.slo_good(),
            work_ns: ledger.work_ns(),
            cpu_core_ns: row.cpu_core_ns,
        };
        if let Some(now) = row.throttled {
            let before = std::mem::replace(&mut self.throttled_before, now);
            self.throttled.push(Throttled {
                throttled_ns: now.throttled_ns - before.throttled_ns,
                serving_ns: now.serving_ns - before.serving_ns,
            });
        }
        if self.rows.len() == self.rows.capacity() {
            // There may be many services: less room is left empty than by doubling.
            self.rows.reserve_exact(1 + self.rows.len() / 4);
        }
        self.rows.push(Interval {
            counts: counts.since(before.counts),
            slo_good: ledger.slo_good() - before.slo_good,
            in_system: row.in_system,
            waiting: row.waiting,
            offered_cores: (ledger.work_ns() - before.work_ns) as f64 / length,
            cpu_cores: (row.cpu_core_ns - before.cpu_core_ns) / length,
            desired: row.desired,
            ready: row.counts.0,
            starting: row.counts.1,
            pending: row.counts.2,
            draining: row.counts.3,
            latency: ledger.take_window(),
        });
    }

    /// Sum of the intervals' counts, of rows that have been handed over too.
    pub(crate) fn total(&self) -> Counts {
        let rows = self.rows.iter();
        rows.fold(self.handed_over, |sum, row| sum.plus(row.counts))
    }

    /// Takes the rows out; it goes on without them.
    pub(crate) fn take(&mut self) -> Self {
        let rest = Self {
            before: self.before,
            handed_over: self.total(),
            throttled_before: self.throttled_before,
            ..Self::default()
        };
        std::mem::replace(self, rest)
    }

    /// Counts the last interval twice, as a faulty engine might.
    #[cfg(test)]
    pub(crate) fn repeat_last_row(&mut self) {
        let last = self.rows.iter().rfind(|row| row.counts.arrivals > 0);
        self.handed_over = last.expect("requests arrived").counts;
    }
}

/// What is the same for all services: ends of the intervals, and the nodes in use then.
#[derive(Debug, Default)]
pub(crate) struct SeriesSteps {
    times: Vec<SimTime>,
    nodes: Vec<u32>,
}

impl SeriesSteps {
    pub(crate) fn push(&mut self, now: SimTime, nodes: u32) {
        self.times.push(now);
        self.nodes.push(nodes);
    }

    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }
}

/// The `series` table: in order of time, and of the services at one instant. Each of them has a row for every step.
pub(crate) fn series_table(
    services: &[ServicePlan],
    steps: &SeriesSteps,
    of: &[ServiceSeries],
) -> Table {
    let rows = || (0..steps.len()).flat_map(|step| of.iter().map(move |of| &of.rows[step]));
    let count = |pick: fn(&Interval) -> u64| rows().map(move |row| Some(pick(row)));
    let whole = |pick: fn(&Interval) -> u32| rows().map(move |row| Some(pick(row)));
    let real = |pick: fn(&Interval) -> f64| rows().map(move |row| Some(pick(row)));
    let quantile = |pick: fn(&LatencyWindow) -> SimDuration| {
        rows().map(move |row| row.latency.as_ref().map(pick))
    };
    let each = |step: usize| std::iter::repeat_n(step, of.len());
    let steps_of_rows = || (0..steps.len()).flat_map(each);
    let mut table = Table::default();
    table.times("time", steps_of_rows().map(|step| Some(steps.times[step])));
    let names: Vec<String> = services.iter().map(|s| s.name.clone()).collect();
    let numbers = (0..steps.len()).flat_map(|_| 0..of.len() as u32);
    table.names("service", numbers.collect(), &names);
    table.u64s("arrivals", count(|row| row.counts.arrivals));
    table.u64s("completed", count(|row| row.counts.completed));
    table.u64s("rejected", count(|row| row.counts.rejected));
    table.u64s("timed_out", count(|row| row.counts.timed_out));
    table.u64s("expired", count(|row| row.counts.expired));
    table.u64s("lost", count(|row| row.counts.lost));
    table.u64s("unanswered", count(|row| row.counts.unanswered));
    table.u64s("retries", count(|row| row.counts.retries));
    table.u64s("given_up", count(|row| row.counts.given_up));
    table.u64s("in_system", count(|row| row.in_system));
    table.u64s("waiting", count(|row| row.waiting));
    table.f64s("offered_cores", real(|row| row.offered_cores));
    table.f64s("cpu_cores", real(|row| row.cpu_cores));
    throttling(&mut table, steps.len(), of);
    table.u32s("desired", whole(|row| row.desired));
    table.u32s("ready", whole(|row| row.ready));
    table.u32s("starting", whole(|row| row.starting));
    table.u32s("pending", whole(|row| row.pending));
    table.u32s("draining", whole(|row| row.draining));
    let nodes = steps_of_rows().map(|step| Some(steps.nodes[step]));
    table.u32s("nodes", nodes);
    table.durations("latency_p50", quantile(|w| w.p50));
    table.durations("latency_p95", quantile(|w| w.p95));
    table.durations("latency_p99", quantile(|w| w.p99));
    table.durations("latency_max", quantile(|w| w.max));
    let slo = services.iter().map(|s| s.slo.is_some()).cycle();
    let good = rows().zip(slo);
    table.u64s(
        "slo_good",
        good.map(|(row, has)| has.then_some(row.slo_good)),
    );
    table
}

/// The columns about CPU limits; services without one have nothing there.
fn throttling(table: &mut Table, steps: usize, of: &[ServiceSeries]) {
    let rows =
        || (0..steps).flat_map(|step| of.iter().map(move |of| of.throttled.get(step).copied()));
    let time = |row: Option<Throttled>| row.map(|of| SimDuration::from_nanos(of.throttled_ns));
    table.durations("throttled", rows().map(time));
    let share = |row: Option<Throttled>| {
        let of = row.filter(|of| of.serving_ns > 0)?;
        Some(of.throttled_ns as f64 / of.serving_ns as f64)
    };
    table.f64s("throttled_ratio", rows().map(share));
}
