//! A fluid load: CPU demand without requests, shared equally by the ready replicas.
//!
//! Each ready replica uses its CPU or an equal part of the demand, whichever is less; what does not fit is not served and
//! not kept. Speeds do not matter: the demand is stated as CPU use. The part of a paused replica is not served.

use super::rates::{checked_speed, cores, cores_of};
use super::{Ledger, ReplicaId, ReplicaReading, ReplicaShape, Station};
use crate::plan::LoadStep;
use hookean_kernel::SimTime;
use std::collections::BTreeMap;

const MILLICORES_PER_CORE: u128 = 1000;

#[derive(Debug, Clone)]
struct Replica {
    cores: f64,
    draining: bool,
    paused: bool,
    /// CPU used up to the last change of demand or replicas.
    used_core_ns: f64,
}

/// A station under a fluid load.
#[derive(Debug)]
pub(super) struct Fluid {
    steps: Vec<LoadStep>,
    cycle: bool,
    /// The step to come.
    next_step: usize,
    /// Demand now, and until when it stays.
    millicores: u64,
    lasts_until: u64,
    now: u64,
    /// The last change of demand or replicas.
    since: u64,
    replicas: BTreeMap<ReplicaId, Replica>,
    ready: u64,
    demanded_millicore_ns: u128,
    ledger: Ledger,
}

impl Fluid {
    pub(super) fn new(steps: &[LoadStep], cycle: bool, start_ns: u64, ledger: Ledger) -> Self {
        Self {
            steps: steps.to_vec(),
            cycle,
            next_step: 0,
            millicores: 0,
            lasts_until: start_ns,
            now: 0,
            since: 0,
            replicas: BTreeMap::new(),
            ready: 0,
            demanded_millicore_ns: 0,
            ledger,
        }
    }

    /// CPU that a replica uses now, in cores.
    fn use_of(&self, replica: &Replica) -> f64 {
        if replica.draining || replica.paused {
            return 0.0;
        }
        let share = self.millicores as f64 / (MILLICORES_PER_CORE as u64 * self.ready) as f64;
        replica.cores.min(share)
    }

    fn replica_mut(&mut self, replica: ReplicaId) -> &mut Replica {
        let of = self.replicas.get_mut(&replica);
        of.expect("the control plane names replicas it has added")
    }

    /// Books what was used since the last change.
    fn settle(&mut self, now: u64) {
        let elapsed = (now - self.since) as f64;
        let uses: Vec<f64> = self
            .replicas
            .values()
            .map(|replica| self.use_of(replica))
            .collect();
        for (replica, cores) in self.replicas.values_mut().zip(uses) {
            replica.used_core_ns += cores * elapsed;
        }
        self.since = now;
    }

    /// Lets the demand run at its present value up to `until`.
    fn flow(&mut self, until: u64) {
        let before = self.demanded_millicore_ns / MILLICORES_PER_CORE;
        self.demanded_millicore_ns += u128::from(self.millicores) * u128::from(until - self.now);
        self.ledger
            .offer(self.demanded_millicore_ns / MILLICORES_PER_CORE - before);
        self.now = until;
    }

    fn begin_next_step(&mut self) {
        self.settle(self.now);
        if self.cycle && self.next_step == self.steps.len() {
            self.next_step = 0;
        }
        let step = self.steps.get(self.next_step);
        self.millicores = step.map_or(0, |step| step.millicores);
        self.lasts_until = step.map_or(u64::MAX, |step| self.now.saturating_add(step.duration_ns));
        self.next_step += 1;
    }
}

impl Station for Fluid {
    fn advance(&mut self, until: SimTime) {
        let until = until.as_nanos();
        while self.lasts_until < until {
            self.flow(self.lasts_until);
            self.begin_next_step();
        }
        self.flow(until.max(self.now));
    }

    fn add(&mut self, now: SimTime, replica: ReplicaId, shape: ReplicaShape) {
        self.settle(now.as_nanos());
        self.replicas.insert(
            replica,
            Replica {
                cores: cores(&shape),
                draining: false,
                paused: false,
                used_core_ns: 0.0,
            },
        );
        self.ready += 1;
    }

    fn drain(&mut self, now: SimTime, replica: ReplicaId) -> SimTime {
        self.settle(now.as_nanos());
        let of = self.replica_mut(replica);
        let was_draining = of.draining;
        of.draining = true;
        self.ready -= u64::from(!was_draining);
        now
    }

    fn drained_at(&self, now: SimTime, _replica: ReplicaId) -> SimTime {
        now
    }

    fn kill(&mut self, now: SimTime, replica: ReplicaId) -> u64 {
        self.settle(now.as_nanos());
        let of = self
            .replicas
            .remove(&replica)
            .expect("the control plane names replicas it has added");
        self.ready -= u64::from(!of.draining);
        0
    }

    fn requeue(&mut self, now: SimTime, replica: ReplicaId) -> u64 {
        self.kill(now, replica)
    }

    fn resize(&mut self, now: SimTime, replica: ReplicaId, cpu_millicores: u64) {
        self.settle(now.as_nanos());
        self.replica_mut(replica).cores = cores_of(cpu_millicores);
    }

    fn pause(&mut self, now: SimTime, replica: ReplicaId) {
        self.settle(now.as_nanos());
        self.replica_mut(replica).paused = true;
    }

    fn resume(&mut self, now: SimTime, replica: ReplicaId) {
        self.settle(now.as_nanos());
        self.replica_mut(replica).paused = false;
    }

    fn set_speed(&mut self, _now: SimTime, _replica: ReplicaId, speed_ratio: f64) {
        checked_speed(speed_ratio);
    }

    fn read(&self, now: SimTime, replica: ReplicaId) -> ReplicaReading {
        let of = &self.replicas[&replica];
        let cpu_cores = self.use_of(of);
        let cpu_core_ns = of.used_core_ns + cpu_cores * (now.as_nanos() - self.since) as f64;
        ReplicaReading {
            cpu_core_ns,
            cpu_cores,
            ..ReplicaReading::default()
        }
    }

    fn in_system(&self, _now: SimTime) -> u64 {
        0
    }

    fn waiting(&self, _now: SimTime) -> u64 {
        0
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    fn close_log(&mut self, _now: SimTime) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::RequestLog;

    const SECOND: u64 = 1_000_000_000;

    fn at(secs: u64) -> SimTime {
        SimTime::from_nanos(secs * SECOND)
    }

    fn fluid(cycle: bool) -> Fluid {
        let step = |millicores, secs| LoadStep {
            millicores,
            duration_ns: secs * SECOND,
        };
        Fluid::new(
            &[step(8000, 500), step(2000, 200)],
            cycle,
            0,
            Ledger::new(None, RequestLog::Off),
        )
    }

    const SHAPE: ReplicaShape = ReplicaShape {
        cpu_millicores: 1000,
        concurrency: None,
        speed_ratio: 1.0,
    };

    #[test]
    fn replicas_share_the_demand_and_saturate() {
        let mut fluid = fluid(true);
        (0..5).for_each(|id| fluid.add(at(0), ReplicaId(id), SHAPE));
        fluid.advance(at(100));
        assert_eq!(
            fluid.read(at(100), ReplicaId(0)).cpu_cores.to_bits(),
            1.0_f64.to_bits()
        );
        (5..10).for_each(|id| fluid.add(at(100), ReplicaId(id), SHAPE));
        fluid.advance(at(200));
        let reading = fluid.read(at(200), ReplicaId(0));
        assert!((reading.cpu_cores - 0.8).abs() < 1e-12);
        assert!((reading.cpu_core_ns - 180e9).abs() < 1.0);
        assert_eq!(fluid.drain(at(200), ReplicaId(9)), at(200));
        fluid.kill(at(200), ReplicaId(8));
        fluid.advance(at(300));
        assert!((fluid.read(at(300), ReplicaId(0)).cpu_cores - 1.0).abs() < 1e-12);
        assert!(fluid.read(at(300), ReplicaId(9)).cpu_cores.abs() < 1e-12);
    }

    #[test]
    fn the_part_of_a_paused_replica_is_not_served_and_a_resized_one_serves_more() {
        let mut fluid = fluid(true);
        (0..4).for_each(|id| fluid.add(at(0), ReplicaId(id), SHAPE));
        fluid.advance(at(10));
        fluid.pause(at(10), ReplicaId(0));
        fluid.resize(at(10), ReplicaId(1), 3000);
        fluid.advance(at(30));
        let read = |fluid: &Fluid, id| fluid.read(at(30), ReplicaId(id));
        assert!(read(&fluid, 0).cpu_cores.abs() < 1e-12);
        assert!((read(&fluid, 0).cpu_core_ns - 10e9).abs() < 1.0);
        // 8 cores over 4 replicas that are routed to.
        assert!((read(&fluid, 1).cpu_core_ns - 50e9).abs() < 1.0);
        fluid.resume(at(30), ReplicaId(0));
        assert!((read(&fluid, 0).cpu_cores - 1.0).abs() < 1e-12);
    }

    #[test]
    fn steps_follow_each_other_and_cycle_or_end() {
        for (cycle, after) in [(true, 8.0), (false, 0.0)] {
            let mut fluid = fluid(cycle);
            (0..10).for_each(|id| fluid.add(at(0), ReplicaId(id), SHAPE));
            let total = |fluid: &Fluid, secs| {
                (0..10)
                    .map(|id| fluid.read(at(secs), ReplicaId(id)).cpu_cores)
                    .sum::<f64>()
            };
            // State is that just before: a step that begins at 500 s shows after it.
            for (secs, cores) in [(500, 8.0), (501, 2.0), (700, 2.0), (701, after)] {
                fluid.advance(at(secs));
                assert!((total(&fluid, secs) - cores).abs() < 1e-9, "{secs} s");
            }
            let offered = 4_400.0 + after;
            assert_eq!(fluid.ledger().work_ns(), (offered * 1e9) as u128);
        }
    }

    #[test]
    fn cutting_an_advance_changes_nothing() {
        let run = |cuts: &[u64]| {
            let mut fluid = fluid(true);
            (0..3).for_each(|id| fluid.add(at(0), ReplicaId(id), SHAPE));
            for secs in cuts {
                fluid.advance(at(*secs));
            }
            (
                fluid.read(at(900), ReplicaId(1)).cpu_core_ns.to_bits(),
                fluid.ledger().work_ns(),
            )
        };
        assert_eq!(run(&[900]), run(&[1, 2, 500, 650, 700, 899, 900]));
    }
}
