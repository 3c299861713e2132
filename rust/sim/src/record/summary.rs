//! The summary: one row per service.

use super::Table;
use crate::plan::ServicePlan;
use crate::station::{Counts, Ledger};
use hookean_kernel::SimDuration;

/// Totals of a service that its station does not know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServiceTotals {
    pub(crate) life: SimDuration,
    pub(crate) in_system: u64,
    pub(crate) cpu_core_ns: f64,
    pub(crate) ready_core_ns: f64,
    pub(crate) ready_ns: f64,
    pub(crate) ready_max: u32,
    pub(crate) created: u64,
    pub(crate) scale_outs: u64,
    pub(crate) scale_ins: u64,
    pub(crate) cost_usd: f64,
}

/// Quantiles of latency in the table.
pub(super) const QUANTILES: [(&str, f64); 5] = [
    ("latency_p50", 0.5),
    ("latency_p90", 0.9),
    ("latency_p95", 0.95),
    ("latency_p99", 0.99),
    ("latency_p999", 0.999),
];
/// The same from the first arrival of a request.
const REQUEST_QUANTILES: [(&str, f64); 3] = [
    ("request_latency_p50", 0.5),
    ("request_latency_p95", 0.95),
    ("request_latency_p99", 0.99),
];

/// The `summary` table.
pub(crate) fn summary_table(
    services: &[ServicePlan],
    ledgers: &[&Ledger],
    totals: &[ServiceTotals],
) -> Table {
    let mut table = Table::default();
    table.texts("service", services.iter().map(|s| Some(s.name.as_str())));
    table.texts("fidelity", services.iter().map(|s| Some(s.fidelity.name())));
    let count = |pick: fn(&Counts) -> u64| ledgers.iter().map(move |l| Some(pick(&l.counts())));
    table.u64s("arrivals", count(|c| c.arrivals));
    table.u64s("completed", count(|c| c.completed));
    table.u64s("rejected", count(|c| c.rejected));
    table.u64s("timed_out", count(|c| c.timed_out));
    table.u64s("expired", count(|c| c.expired));
    table.u64s("lost", count(|c| c.lost));
    table.u64s("unanswered", count(|c| c.unanswered));
    table.u64s("retries", count(|c| c.retries));
    table.u64s("retries_denied", count(|c| c.retries_denied));
    table.u64s("given_up", count(|c| c.given_up));
    table.u64s("backing_off", ledgers.iter().map(|l| Some(l.backing_off())));
    table.u64s("in_system", totals.iter().map(|t| Some(t.in_system)));
    latency_columns(&mut table, ledgers);
    slo_columns(&mut table, services, ledgers);
    load_columns(&mut table, ledgers, totals);
    table.f64s(
        "replicas_mean",
        totals
            .iter()
            .map(|t| Some(ratio(t.ready_ns, t.life.as_nanos() as f64).unwrap_or(0.0))),
    );
    table.u32s("replicas_max", totals.iter().map(|t| Some(t.ready_max)));
    table.u64s("replicas_created", totals.iter().map(|t| Some(t.created)));
    table.u64s("scale_outs", totals.iter().map(|t| Some(t.scale_outs)));
    table.u64s("scale_ins", totals.iter().map(|t| Some(t.scale_ins)));
    table.f64s("cost_usd", totals.iter().map(|t| Some(t.cost_usd)));
    table
}

fn latency_columns(table: &mut Table, ledgers: &[&Ledger]) {
    table.durations(
        "wait_mean",
        ledgers.iter().map(|l| mean(l.wait_sum_ns(), l.started())),
    );
    table.durations(
        "latency_mean",
        ledgers
            .iter()
            .map(|l| mean(l.latency_sum_ns(), l.counts().completed)),
    );
    let length = |nanos: Option<u64>| nanos.map(SimDuration::from_nanos);
    let of_attempts = QUANTILES.map(|(_, q)| q);
    let rows = ledgers.iter().map(|l| l.latency_quantiles(of_attempts));
    quantile_columns(table, &QUANTILES, &rows.collect::<Vec<_>>());
    table.durations(
        "latency_max",
        ledgers.iter().map(|l| length(l.latency_max())),
    );
    table.durations(
        "request_latency_mean",
        ledgers.iter().map(|l| {
            let (sum, count) = l.request_latency_sum();
            mean(sum, count)
        }),
    );
    let of_requests = REQUEST_QUANTILES.map(|(_, q)| q);
    let rows = ledgers.iter();
    let rows = rows.map(|l| l.request_latency_quantiles(of_requests));
    quantile_columns(table, &REQUEST_QUANTILES, &rows.collect::<Vec<_>>());
    table.durations(
        "request_latency_max",
        ledgers.iter().map(|l| length(l.request_latency_max())),
    );
}

/// A column for each quantile; all of a row are found in one go.
fn quantile_columns<const N: usize>(
    table: &mut Table,
    columns: &[(&'static str, f64); N],
    rows: &[Option<[u64; N]>],
) {
    for (at, (name, _)) in columns.iter().enumerate() {
        let column = rows.iter().map(|row| row.map(|found| found[at]));
        table.durations(name, column.map(|nanos| nanos.map(SimDuration::from_nanos)));
    }
}

fn slo_columns(table: &mut Table, services: &[ServicePlan], ledgers: &[&Ledger]) {
    table.durations(
        "slo_latency",
        services
            .iter()
            .map(|s| s.slo.map(|o| SimDuration::from_nanos(o.latency_ns))),
    );
    table.f64s(
        "slo_target_ratio",
        services.iter().map(|s| s.slo.map(|o| o.target_ratio)),
    );
    let good = |(s, l): (&ServicePlan, &&Ledger)| s.slo.map(|_| l.slo_good());
    table.u64s("slo_good", services.iter().zip(ledgers).map(good));
    let attainment = |(s, l): (&ServicePlan, &&Ledger)| {
        let c = l.counts();
        let ended = c.completed + c.given_up;
        s.slo.and_then(|_| ratio(l.slo_good() as f64, ended as f64))
    };
    table.f64s(
        "slo_attainment_ratio",
        services.iter().zip(ledgers).map(attainment),
    );
}

fn load_columns(table: &mut Table, ledgers: &[&Ledger], totals: &[ServiceTotals]) {
    let per_life =
        |amount: f64, t: &ServiceTotals| ratio(amount, t.life.as_nanos() as f64).unwrap_or(0.0);
    table.durations(
        "work_mean",
        ledgers
            .iter()
            .map(|l| mean(l.work_ns(), l.counts().arrivals)),
    );
    let offered = ledgers
        .iter()
        .zip(totals)
        .map(|(l, t)| Some(per_life(l.work_ns() as f64, t)));
    table.f64s("offered_cores_mean", offered);
    table.f64s(
        "cpu_cores_mean",
        totals.iter().map(|t| Some(per_life(t.cpu_core_ns, t))),
    );
    table.f64s(
        "utilisation_mean",
        totals.iter().map(|t| ratio(t.cpu_core_ns, t.ready_core_ns)),
    );
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// Mean rounded to the nearest nanosecond; `None` of nothing.
pub(super) fn mean(sum: u128, count: u64) -> Option<SimDuration> {
    let count = u128::from(count);
    (count > 0).then(|| SimDuration::from_nanos(((sum + count / 2) / count) as u64))
}
