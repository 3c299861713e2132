//! The log of faults.

use super::Table;
use crate::plan::{FaultEffect, FaultPlan, ServicePlan};
use hookean_kernel::{Digest, SimDuration, SimTime};

/// What a fault took away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Toll {
    /// Replicas that were struck.
    pub(crate) replicas: u32,
    /// Requests lost with them.
    pub(crate) lost: u64,
    /// Requests that went back.
    pub(crate) requeued: u64,
}

impl Toll {
    pub(crate) fn add(&mut self, other: Self) {
        self.replicas += other.replicas;
        self.lost += other.lost;
        self.requeued += other.requeued;
    }
}

/// One fault that struck, or found nothing to strike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FaultRow {
    pub(crate) now: SimTime,
    pub(crate) fault: usize,
    pub(crate) node: Option<u32>,
    pub(crate) service: Option<u32>,
    pub(crate) replica: Option<u32>,
    /// Whether it found its target.
    pub(crate) struck: bool,
    pub(crate) toll: Toll,
    pub(crate) duration: Option<SimDuration>,
}

/// Every fault of a run.
#[derive(Debug, Default)]
pub(crate) struct FaultLog {
    pub(crate) rows: Vec<FaultRow>,
}

impl FaultLog {
    /// Folds times, targets and tolls into a digest; nothing without faults.
    pub(crate) fn digest(&self, digest: &mut Digest) {
        for row in &self.rows {
            digest.word(row.now.as_nanos());
            let target = row.node.or(row.replica).unwrap_or(u32::MAX);
            digest.word((row.fault as u64) << 32 | u64::from(target));
            digest.word(row.toll.lost);
            digest.word(row.toll.requeued);
            digest.word(row.duration.map_or(u64::MAX, SimDuration::as_nanos));
        }
    }

    /// The `faults` table.
    pub(crate) fn into_table(self, faults: &[FaultPlan], services: &[ServicePlan]) -> Table {
        let rows = self.rows;
        let mut table = Table::default();
        let count = |pick: fn(&FaultRow) -> u64| rows.iter().map(move |row| Some(pick(row)));
        table.times("time", rows.iter().map(|row| Some(row.now)));
        let fault = |row: &FaultRow| &faults[row.fault];
        let kinds = rows.iter().map(|row| Some(kind(&fault(row).effect)));
        table.texts("kind", kinds);
        let names = rows.iter().map(|row| Some(fault(row).name.as_str()));
        table.texts("fault", names);
        table.u32s("node", rows.iter().map(|row| row.node));
        let service = |index: u32| services[index as usize].name.as_str();
        table.texts("service", rows.iter().map(|row| row.service.map(service)));
        table.u32s("replica", rows.iter().map(|row| row.replica));
        table.u32s("replicas", rows.iter().map(|row| Some(row.toll.replicas)));
        table.u64s("lost", count(|row| row.toll.lost));
        table.u64s("requeued", count(|row| row.toll.requeued));
        table.durations("duration", rows.iter().map(|row| row.duration));
        table
    }
}

const fn kind(effect: &FaultEffect) -> &'static str {
    match effect {
        FaultEffect::NodeLoss { .. } => "node_loss",
        FaultEffect::ReplicaCrash { .. } => "replica_crash",
        FaultEffect::SlowDown { .. } => "slow_down",
        FaultEffect::Pause => "pause",
    }
}
