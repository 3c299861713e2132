//! The ideal pipeline: exact, immediate, averaged over a window that ends now.

use super::{NextSample, PodMetric, PodSample, ReplicaSample, milli_up};
use crate::plan::ControllerPlan;
use hookean_kernel::{SimDuration, SimTime};
use std::collections::VecDeque;

/// Remembers the counters one window ago.
#[derive(Debug)]
pub struct IdealPipeline {
    window: SimDuration,
    period: SimDuration,
    first_tick: SimTime,
    created_at: SimTime,
    /// Counters at the start of the windows of the coming ticks, oldest first.
    snapshots: VecDeque<(SimTime, Vec<ReplicaSample>)>,
}

impl IdealPipeline {
    pub(super) fn new(plan: &ControllerPlan, window_ns: u64, created_at: SimTime) -> Self {
        Self {
            window: SimDuration::from_nanos(window_ns),
            period: SimDuration::from_nanos(plan.period_ns),
            first_tick: created_at + SimDuration::from_nanos(plan.phase_ns),
            created_at,
            snapshots: VecDeque::new(),
        }
    }

    /// The window of tick k starts at `first_tick + k * period - window`; the first that lies in the service's life.
    pub(super) fn first_samples(&mut self) -> Vec<NextSample> {
        if self.window == SimDuration::ZERO {
            return Vec::new();
        }
        let mut tick = self.first_tick;
        while tick.as_nanos()
            < self
                .created_at
                .as_nanos()
                .saturating_add(self.window.as_nanos())
        {
            tick += self.period;
        }
        vec![NextSample {
            at: SimTime::from_nanos(tick.as_nanos() - self.window.as_nanos()),
            clock: 0,
        }]
    }

    pub(super) fn sample(&mut self, now: SimTime, replicas: &[ReplicaSample]) -> NextSample {
        // the windows that start in the future need only the snapshots of the last window's length
        while self
            .snapshots
            .front()
            .is_some_and(|(at, _)| *at + self.window < now)
        {
            self.snapshots.pop_front();
        }
        self.snapshots.push_back((now, replicas.to_vec()));
        NextSample {
            at: now + self.period,
            clock: 0,
        }
    }

    pub(super) fn pod_samples(
        &self,
        metric: PodMetric,
        now: SimTime,
        live: &[ReplicaSample],
        out: &mut Vec<PodSample>,
    ) {
        let window_start = now.saturating_since(SimTime::ZERO + self.window);
        let then = self
            .snapshots
            .iter()
            .find(|(at, _)| at.as_nanos() == window_start.as_nanos());
        let then = then.map_or(&[][..], |(_, replicas)| replicas);
        for replica in live.iter().filter(|r| r.ready_since.is_some()) {
            let before = then
                .binary_search_by_key(&replica.replica, |r| r.replica)
                .ok()
                .map(|i| then[i]);
            if let Some(value) = self.value(metric, now, replica, before) {
                let value_milli = milli_up(value);
                out.push(PodSample {
                    replica: replica.replica,
                    at: now,
                    window: self.window,
                    value_milli,
                });
            }
        }
    }

    fn value(
        &self,
        metric: PodMetric,
        now: SimTime,
        replica: &ReplicaSample,
        before: Option<ReplicaSample>,
    ) -> Option<f64> {
        if metric == PodMetric::Memory {
            return Some(replica.memory_bytes as f64);
        }
        if metric == PodMetric::Cpu && self.window == SimDuration::ZERO {
            return Some(replica.cpu_cores);
        }
        // a replica younger than the window is averaged over its ready life
        let ready = replica.ready_since?;
        let start = before.map_or(ready, |_| {
            SimTime::from_nanos(now.as_nanos() - self.window.as_nanos()).max(ready)
        });
        let span = now.saturating_since(start).as_nanos() as f64;
        if span == 0.0 {
            return None;
        }
        Some(match metric {
            PodMetric::Cpu => (replica.cpu_core_ns - before.map_or(0.0, |b| b.cpu_core_ns)) / span,
            _ => (replica.completed - before.map_or(0, |b| b.completed)) as f64 * 1e9 / span,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PipelinePlan;
    use crate::station::ReplicaId;

    const S: u64 = 1_000_000_000;

    fn at(secs: u64) -> SimTime {
        SimTime::from_nanos(secs * S)
    }

    fn pipeline(window_s: u64, phase_s: u64) -> IdealPipeline {
        let plan = ControllerPlan {
            kind: "hpa".into(),
            service: 0,
            period_ns: 15 * S,
            phase_ns: phase_s * S,
            metrics: PipelinePlan::Ideal {
                window_ns: window_s * S,
            },
            config: serde_json::Value::Null,
        };
        IdealPipeline::new(&plan, window_s * S, SimTime::ZERO)
    }

    fn sample(replica: u32, ready: u64, cpu_core_s: f64) -> ReplicaSample {
        ReplicaSample {
            replica: ReplicaId(replica),
            running_since: at(ready),
            ready_since: Some(at(ready)),
            initial: false,
            cpu_core_ns: cpu_core_s * 1e9,
            cpu_cores: 0.25,
            memory_bytes: 64,
            completed: 0,
        }
    }

    #[test]
    fn windows_begin_where_the_ticks_need_them() {
        assert_eq!(
            pipeline(15, 0).first_samples(),
            [NextSample {
                at: at(0),
                clock: 0
            }]
        );
        assert_eq!(
            pipeline(20, 5).first_samples(),
            [NextSample {
                at: at(0),
                clock: 0
            }]
        );
        assert!(
            pipeline(0, 0).first_samples().is_empty(),
            "an instantaneous reading needs no past"
        );
    }

    #[test]
    fn a_young_replica_is_averaged_over_its_life() {
        let mut p = pipeline(15, 0);
        p.sample(at(30), &[sample(1, 0, 10.0)]);
        let mut out = Vec::new();
        p.pod_samples(
            PodMetric::Cpu,
            at(45),
            &[sample(1, 0, 16.0), sample(2, 40, 5.0)],
            &mut out,
        );
        let values: Vec<i64> = out.iter().map(|s| s.value_milli).collect();
        assert_eq!(values, [400, 1000]);
    }
}
