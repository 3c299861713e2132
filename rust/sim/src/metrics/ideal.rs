//! The ideal pipeline: exact, immediate, averaged over a window that ends now.

use super::{Figures, NextSample, PodMetric, PodSample, ReplicaSample, milli_up};
use crate::plan::ControllerPlan;
use crate::station::ReplicaId;
use hookean_kernel::portable::float;
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
    snapshots: VecDeque<(SimTime, Vec<Counters>)>,
    /// What of the replicas the metrics of its controller are made of.
    figures: Figures,
}

/// What is remembered of a replica.
#[derive(Debug, Clone, Copy)]
struct Counters {
    replica: ReplicaId,
    cpu_core_ns: f64,
    completed: u64,
}

impl Counters {
    const fn of(sample: &ReplicaSample) -> Self {
        Self {
            replica: sample.replica,
            cpu_core_ns: sample.cpu_core_ns,
            completed: sample.completed,
        }
    }
}

impl IdealPipeline {
    pub(super) fn new(plan: &ControllerPlan, window_ns: u64, created_at: SimTime) -> Self {
        Self {
            window: SimDuration::from_nanos(window_ns),
            period: SimDuration::from_nanos(plan.period_ns),
            first_tick: created_at + SimDuration::from_nanos(plan.phase_ns),
            created_at,
            snapshots: VecDeque::new(),
            figures: Figures::All,
        }
    }

    /// Leaves out what none of `metrics` needs.
    pub(super) fn measuring(self, metrics: &[PodMetric]) -> Self {
        let figures = Figures::counted_for(metrics);
        // Without a window, CPU is what is in use at the instant.
        let instantaneous = self.window == SimDuration::ZERO && figures == Figures::Cpu;
        Self {
            figures: if instantaneous { Figures::All } else { figures },
            ..self
        }
    }

    pub(super) const fn figures(&self) -> Figures {
        self.figures
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
        let mut spare = Vec::new();
        while let Some((at, _)) = self.snapshots.front()
            && *at + self.window < now
        {
            spare = self.snapshots.pop_front().map_or(spare, |(_, old)| old);
        }
        spare.clear();
        spare.reserve_exact(replicas.len());
        spare.extend(replicas.iter().map(Counters::of));
        self.snapshots.push_back((now, spare));
        NextSample {
            at: now + self.period,
            clock: 0,
        }
    }

    /// The samples of the running replicas. One that does not serve yet uses no CPU, and has no request rate to tell.
    #[inline]
    pub(super) fn pod_samples(
        &self,
        metric: PodMetric,
        now: SimTime,
        live: &[ReplicaSample],
        each: &mut impl FnMut(PodSample),
    ) {
        match metric {
            PodMetric::Memory => self.walk(now, live, each, |replica, _| {
                Some((replica.memory_bytes as f64, self.window))
            }),
            PodMetric::Cpu if self.window == SimDuration::ZERO => {
                self.walk(now, live, each, |replica, _| {
                    Some((replica.cpu_cores, self.window))
                });
            }
            PodMetric::Cpu => self.walk(now, live, each, |replica, before| {
                let since = before.map_or(0.0, |b| b.cpu_core_ns);
                let since = since.max(replica.cpu_before_core_ns);
                self.mean(now, replica, replica.cpu_core_ns - since)
            }),
            PodMetric::RequestRate => self.walk(now, live, each, |replica, before| {
                let since = before.map_or(0, |b| b.completed);
                let since = since.max(replica.completed_before);
                let completed = replica.completed.saturating_sub(since);
                let serves = replica.ready_since.is_some();
                let mean = self.mean(now, replica, float(completed) * 1e9);
                mean.filter(|_| serves)
            }),
        }
    }

    /// Passes on what is `measured` of each replica and its counters at the beginning of the window, if it has any.
    #[inline]
    fn walk(
        &self,
        now: SimTime,
        live: &[ReplicaSample],
        each: &mut impl FnMut(PodSample),
        measured: impl Fn(&ReplicaSample, Option<&Counters>) -> Option<(f64, SimDuration)>,
    ) {
        // both by number of the replica
        let mut then = self.snapshot(now);
        for replica in live {
            while let [next, rest @ ..] = then
                && next.replica < replica.replica
            {
                then = rest;
            }
            let before = then.first().filter(|b| b.replica == replica.replica);
            if let Some((value, window)) = measured(replica, before) {
                each(PodSample {
                    replica: replica.replica,
                    at: now,
                    window,
                    value_milli: milli_up(value),
                });
            }
        }
    }

    /// The counters at the beginning of the window that ends now.
    fn snapshot(&self, now: SimTime) -> &[Counters] {
        let start = now.as_nanos().checked_sub(self.window.as_nanos());
        let found = start.and_then(|start| {
            let at = self
                .snapshots
                .binary_search_by_key(&start, |(at, _)| at.as_nanos());
            at.ok().map(|i| self.snapshots[i].1.as_slice())
        });
        found.unwrap_or_default()
    }

    /// Mean of an `increase` per nanosecond, and over which time: a replica younger than the window is averaged over its
    /// life, which begins when it is ready, and anew when it has been restarted.
    #[inline]
    fn mean(
        &self,
        now: SimTime,
        replica: &ReplicaSample,
        increase: f64,
    ) -> Option<(f64, SimDuration)> {
        let begin = replica.ready_since.unwrap_or(replica.running_since);
        let start = begin.max(now.saturating_sub(self.window));
        let span = now.saturating_since(start);
        (span > SimDuration::ZERO).then(|| (increase / float(span.as_nanos()), span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PipelinePlan;

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
            config: crate::plan::Settings::default(),
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
            cpu_before_core_ns: 0.0,
            cpu_cores: 0.25,
            memory_bytes: 64,
            completed: 0,
            completed_before: 0,
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
            &mut |sample| out.push(sample),
        );
        let values: Vec<i64> = out.iter().map(|s| s.value_milli).collect();
        assert_eq!(values, [400, 1000]);
    }

    #[test]
    fn what_a_restarted_replica_did_before_is_not_counted() {
        let mut p = pipeline(60, 0);
        let before = ReplicaSample {
            completed: 500,
            ..sample(1, 0, 30.0)
        };
        p.sample(at(60), &[before]);
        let again = ReplicaSample {
            cpu_before_core_ns: 45e9,
            completed: 810,
            completed_before: 800,
            ..sample(1, 115, 46.0)
        };
        let down = ReplicaSample {
            running_since: at(115),
            ready_since: None,
            completed: 800,
            ..ReplicaSample {
                cpu_core_ns: 45e9,
                ..again
            }
        };
        for (metric, replica, expected) in [
            (PodMetric::Cpu, again, Some(200)),
            (PodMetric::RequestRate, again, Some(2000)),
            (PodMetric::Cpu, down, Some(0)),
            (PodMetric::RequestRate, down, None),
        ] {
            let mut out = Vec::new();
            p.pod_samples(metric, at(120), &[replica], &mut |s| out.push(s));
            assert_eq!(out.first().map(|s| s.value_milli), expected, "{metric:?}");
            assert!(out.iter().all(|s| s.window == SimDuration::from_secs(5)));
        }
    }

    #[test]
    fn the_window_of_an_early_tick_begins_with_the_service() {
        let mut p = pipeline(20, 5);
        p.sample(at(0), &[sample(1, 0, 0.0)]);
        let mut out = Vec::new();
        p.pod_samples(PodMetric::Cpu, at(5), &[sample(1, 0, 2.5)], &mut |s| {
            out.push(s);
        });
        let found: Vec<_> = out.iter().map(|s| (s.value_milli, s.window)).collect();
        assert_eq!(found, [(500, SimDuration::from_secs(5))]);
    }

    #[test]
    fn a_replica_that_runs_but_does_not_serve_uses_nothing() {
        let p = pipeline(15, 0);
        let starting = ReplicaSample {
            ready_since: None,
            ..sample(1, 10, 0.0)
        };
        for (metric, expected) in [
            (PodMetric::Cpu, Some(0)),
            (PodMetric::Memory, Some(64_000)),
            (PodMetric::RequestRate, None),
        ] {
            let mut out = Vec::new();
            p.pod_samples(metric, at(20), &[starting], &mut |s| out.push(s));
            assert_eq!(out.first().map(|s| s.value_milli), expected, "{metric:?}");
        }
    }
}
