//! The table of latencies: one row per service and bucket of its histogram.

use super::Table;
use crate::plan::ServicePlan;
use crate::station::Ledger;
use hookean_kernel::{Bucket, SimDuration};

/// The `latencies` table.
pub(crate) fn latencies_table(services: &[ServicePlan], ledgers: &[&Ledger]) -> Table {
    let of = |(service, ledger): (usize, &&Ledger)| {
        let buckets: Vec<Bucket> = ledger.request_latency_buckets().collect();
        buckets
            .into_iter()
            .map(move |bucket| (service as u32, bucket))
    };
    let rows: Vec<(u32, Bucket)> = ledgers.iter().enumerate().flat_map(of).collect();
    let names: Vec<String> = services.iter().map(|s| s.name.clone()).collect();
    let mut table = Table::default();
    let length = |pick: fn(&Bucket) -> u64| {
        let picked = rows.iter().map(move |(_, bucket)| pick(bucket));
        picked.map(|nanos| Some(SimDuration::from_nanos(nanos)))
    };
    table.names("service", rows.iter().map(|(s, _)| *s).collect(), &names);
    table.durations("low", length(|bucket| bucket.low));
    table.durations("high", length(|bucket| bucket.high));
    table.u64s("requests", rows.iter().map(|(_, b)| Some(b.count)));
    table
}
