//! The CloudWatch pipeline: averages over the group, per period, published late.
//!
//! Each instance reports its mean over the period in which it was in service; the group's value is the mean over the
//! instances whose warm-up is over. A period without such an instance has no datapoint. Assumed, since the user guide does
//! not say: an instance whose warm-up ends within a period counts in that period, with all its time in service; one that has
//! been restarted, with its time in service since then.

use super::{NextSample, ReplicaSample};
use crate::station::ReplicaId;
use hookean_kernel::{SimDuration, SimTime};

/// One period's averages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupPoint {
    /// End of the period.
    pub end: SimTime,
    /// When it can be seen.
    pub published: SimTime,
    /// Mean CPU in cores per warmed instance.
    pub cpu_cores: Option<f64>,
    /// Completed requests per warmed instance and minute.
    pub requests_per_minute: Option<f64>,
}

/// State of the pipeline.
#[derive(Debug)]
pub struct CloudwatchPipeline {
    period: SimDuration,
    delay: SimDuration,
    created_at: SimTime,
    last: Vec<(ReplicaId, f64, u64)>,
    last_at: SimTime,
    points: Vec<GroupPoint>,
    warmup: SimDuration,
    /// Published datapoints that are still looked at.
    kept: usize,
}

impl CloudwatchPipeline {
    pub(super) fn new(period_ns: u64, delay_ns: u64, created_at: SimTime) -> Self {
        Self {
            period: SimDuration::from_nanos(period_ns),
            delay: SimDuration::from_nanos(delay_ns),
            created_at,
            last: Vec::new(),
            last_at: created_at,
            points: Vec::new(),
            warmup: SimDuration::ZERO,
            kept: 1,
        }
    }

    /// Leaves instances out of the averages until they have been ready for `warmup`, and keeps the newest `datapoints`.
    pub(super) fn reading(self, warmup: SimDuration, datapoints: usize) -> Self {
        Self {
            warmup,
            kept: datapoints.max(1),
            ..self
        }
    }

    pub(super) fn first_samples(&mut self) -> Vec<NextSample> {
        vec![NextSample {
            at: self.created_at + self.period,
            clock: 0,
        }]
    }

    pub(super) fn sample(&mut self, now: SimTime, replicas: &[ReplicaSample]) -> NextSample {
        let (mut cpu, mut requests, mut warmed) = (0.0, 0.0, 0u32);
        for replica in replicas {
            let Some(ready) = replica.ready_since else {
                continue;
            };
            let span = now.saturating_since(ready.max(self.last_at)).as_nanos() as f64;
            let warm = replica.initial || ready + self.warmup <= now;
            if span == 0.0 || !warm {
                continue;
            }
            let before = self
                .last
                .binary_search_by_key(&replica.replica, |l| l.0)
                .ok()
                .map(|i| self.last[i]);
            let (_, cpu_before, completed_before) = before.unwrap_or((replica.replica, 0.0, 0));
            let cpu_before = cpu_before.max(replica.cpu_before_core_ns);
            let completed_before = completed_before.max(replica.completed_before);
            cpu += (replica.cpu_core_ns - cpu_before) / span;
            requests += (replica.completed - completed_before) as f64 * 60e9 / span;
            warmed += 1;
        }
        let mean = |sum: f64| (warmed > 0).then(|| sum / f64::from(warmed));
        let seen = self.points.partition_point(|p| p.published <= now);
        if seen >= 2 * self.kept {
            self.points.drain(..seen - self.kept);
        }
        self.points.push(GroupPoint {
            end: now,
            published: now + self.delay,
            cpu_cores: mean(cpu),
            requests_per_minute: mean(requests),
        });
        self.last.clear();
        self.last.extend(
            replicas
                .iter()
                .map(|r| (r.replica, r.cpu_core_ns, r.completed)),
        );
        self.last_at = now;
        NextSample {
            at: now + self.period,
            clock: 0,
        }
    }

    pub(super) fn published(&self, now: SimTime) -> &[GroupPoint] {
        let seen = self.points.partition_point(|p| p.published <= now);
        &self.points[seen.saturating_sub(self.kept)..seen]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn at(secs: u64) -> SimTime {
        SimTime::from_nanos(secs * S)
    }

    fn sample(replica: u32, ready: u64, cpu_core_s: f64, completed: u64) -> ReplicaSample {
        ReplicaSample {
            replica: ReplicaId(replica),
            running_since: at(ready),
            ready_since: Some(at(ready)),
            initial: ready == 0,
            cpu_core_ns: cpu_core_s * 1e9,
            cpu_before_core_ns: 0.0,
            cpu_cores: 0.0,
            memory_bytes: 0,
            completed,
            completed_before: 0,
        }
    }

    #[test]
    fn averages_warmed_instances_and_publishes_late() {
        let mut pipeline = CloudwatchPipeline::new(60 * S, 60 * S, SimTime::ZERO)
            .reading(SimDuration::from_secs(90), 3);
        // replica 1 is ready at 30 s and warm from 120 s on
        pipeline.sample(at(60), &[sample(0, 0, 30.0, 60), sample(1, 30, 30.0, 30)]);
        pipeline.sample(at(120), &[sample(0, 0, 60.0, 120), sample(1, 30, 45.0, 60)]);
        assert!(
            pipeline.published(at(119)).is_empty(),
            "nothing is published before its delay"
        );
        let first = pipeline.published(at(120))[0];
        assert_eq!(
            (first.cpu_cores, first.requests_per_minute),
            (Some(0.5), Some(60.0))
        );
        let second = pipeline.published(at(180))[1];
        assert_eq!(
            second.cpu_cores,
            Some(0.375),
            "the mean of 0.5 and 0.25 cores"
        );
        assert_eq!(second.requests_per_minute, Some(45.0));
    }

    #[test]
    fn what_a_restarted_instance_did_before_is_not_counted() {
        let mut pipeline = CloudwatchPipeline::new(60 * S, 0, SimTime::ZERO);
        pipeline.sample(at(60), &[sample(0, 0, 12.0, 60)]);
        let restarted = ReplicaSample {
            initial: true,
            cpu_before_core_ns: 23.8e9,
            completed_before: 119,
            ..sample(0, 118, 24.0, 120)
        };
        pipeline.sample(at(120), &[restarted]);
        let point = pipeline.published(at(120))[0];
        assert!((point.cpu_cores.unwrap() - 0.1).abs() < 1e-9, "{point:?}");
        assert_eq!(point.requests_per_minute, Some(30.0));
    }

    #[test]
    fn a_period_without_warm_instances_has_no_value() {
        let mut pipeline = CloudwatchPipeline::new(60 * S, 0, SimTime::ZERO)
            .reading(SimDuration::from_secs(300), 1);
        pipeline.sample(at(60), &[sample(4, 10, 1.0, 1)]);
        assert_eq!(pipeline.published(at(60))[0].cpu_cores, None);
    }

    #[test]
    fn datapoints_that_are_not_published_yet_are_kept() {
        let mut pipeline =
            CloudwatchPipeline::new(10 * S, 100 * S, SimTime::ZERO).reading(SimDuration::ZERO, 2);
        for k in 1..=40 {
            pipeline.sample(at(10 * k), &[sample(0, 0, 0.0, 0)]);
            let ends: Vec<SimTime> = pipeline
                .published(at(10 * k))
                .iter()
                .map(|p| p.end)
                .collect();
            let expected: Vec<SimTime> = (k.saturating_sub(11).max(1)..=k.saturating_sub(10))
                .map(|e| at(10 * e))
                .collect();
            assert_eq!(ends, expected);
        }
    }
}
