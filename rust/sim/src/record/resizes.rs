//! The log of resizes.

use super::Table;
use crate::plan::ServicePlan;
use hookean_kernel::{Digest, SimTime};

/// Replicas that got another CPU, and those that wait for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResizeRow {
    pub(crate) now: SimTime,
    pub(crate) service: usize,
    pub(crate) cpu_millicores: u64,
    /// Replicas resized at this instant.
    pub(crate) replicas: u32,
    /// Replicas whose node has no room for it yet.
    pub(crate) deferred: u32,
}

/// Folds resizes into a digest; nothing where there are none.
pub(crate) fn digest_resizes(rows: &[ResizeRow], digest: &mut Digest) {
    for row in rows {
        digest.word(row.now.as_nanos());
        digest.word((row.service as u64) << 32 | u64::from(row.replicas));
        digest.word(row.cpu_millicores << 32 | u64::from(row.deferred));
    }
}

/// The `resizes` table.
pub(crate) fn resizes_table(rows: &[ResizeRow], services: &[ServicePlan]) -> Table {
    let mut table = Table::default();
    table.times("time", rows.iter().map(|row| Some(row.now)));
    let name = |row: &ResizeRow| Some(services[row.service].name.as_str());
    table.texts("service", rows.iter().map(name));
    let cores = |row: &ResizeRow| Some(row.cpu_millicores as f64 / 1000.0);
    table.f64s("cpu_cores", rows.iter().map(cores));
    table.u32s("replicas", rows.iter().map(|row| Some(row.replicas)));
    table.u32s("deferred", rows.iter().map(|row| Some(row.deferred)));
    table
}
