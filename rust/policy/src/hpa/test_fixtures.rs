//! Pods, configurations and observations that several test files start from.

use super::*;
use crate::{Span, Timestamp};

/// Pods that have been ready for an hour, with what they report; `None` reports nothing.
pub(super) struct Fleet {
    pub(super) pods: Vec<Pod>,
    pub(super) samples: Vec<Sample>,
}

pub(super) fn fleet(usage: &[Option<i64>]) -> Fleet {
    let hour_ago = Timestamp::from_secs(-3600);
    let ready = ReadyCondition {
        status: ReadyStatus::True,
        last_transition: hour_ago,
    };
    let pod = |id| Pod {
        id: PodId(id),
        phase: Phase::Running,
        deleted: false,
        start: Some(hour_ago),
        ready: Some(ready),
    };
    let sample = |(id, usage): (u64, &Option<i64>)| {
        let value_milli = (*usage)?;
        Some(Sample {
            pod: PodId(id),
            value_milli,
            timestamp: Timestamp::ZERO,
            window: Span::from_secs(15),
        })
    };
    Fleet {
        pods: (0..usage.len() as u64).map(pod).collect(),
        samples: (0..).zip(usage).filter_map(sample).collect(),
    }
}

/// `usage` plus `pending` pods that are not running yet.
pub(super) fn with_pending(usage: &[i64], pending: u64) -> Fleet {
    let usage: Vec<_> = usage.iter().copied().map(Some).collect();
    let mut fleet = fleet(&usage);
    let first = fleet.pods.len() as u64;
    fleet.pods.extend((first..first + pending).map(|id| Pod {
        id: PodId(id),
        phase: Phase::Pending,
        deleted: false,
        start: None,
        ready: None,
    }));
    fleet
}

pub(super) fn config(metrics: Vec<MetricSpec>) -> Config {
    Config {
        min_replicas: 1,
        max_replicas: 100,
        metrics,
        behavior: None,
        tolerance: TOLERANCE,
        cpu_initialization_period: CPU_INITIALIZATION_PERIOD,
        initial_readiness_delay: INITIAL_READINESS_DELAY,
        downscale_stabilization: DOWNSCALE_STABILIZATION,
        scale_up_limit_factor: SCALE_UP_LIMIT_FACTOR,
        scale_up_limit_minimum: SCALE_UP_LIMIT_MINIMUM,
        gates: Gates {
            scale_to_zero: true,
            configurable_tolerance: true,
        },
    }
}

pub(super) fn cpu(percent: i32) -> MetricSpec {
    MetricSpec::Resource {
        resource: Resource::Cpu,
        target: ResourceTarget::UtilizationPercent(percent),
    }
}

pub(super) fn object(target: ValueTarget) -> MetricSpec {
    MetricSpec::Object {
        name: "queue".to_owned(),
        target,
    }
}

pub(super) fn see<'a>(
    current: i32,
    pods: &'a [Pod],
    readings: &'a [Reading<'a>],
) -> Observation<'a> {
    Observation {
        now: Timestamp::ZERO,
        current_replicas: current,
        status_replicas: current,
        pods,
        readings,
        obstacle: Obstacle::None,
    }
}

/// A metric that asks for as many pods as its reading says, whatever the tolerance.
pub(super) fn wanting(behavior: Option<Behavior>, max_replicas: i32) -> Config {
    let metrics = vec![object(ValueTarget::AverageValueMilli(1))];
    Config {
        max_replicas,
        behavior,
        tolerance: 0.0,
        ..config(metrics)
    }
}

/// Reconciles at `secs` with `wanted` as the metric's proposal.
pub(super) fn step(
    config: &Config,
    memory: &mut Memory,
    secs: f64,
    current: i32,
    wanted: i64,
) -> i32 {
    let readings = [Reading::Object(wanted)];
    let now = Timestamp::from_nanos((secs * 1e9) as i64);
    let observation = Observation {
        now,
        ..see(current, &[], &readings)
    };
    reconcile(config, memory, &observation).desired_replicas
}

/// Ready pods that all report.
pub(super) fn all(usage: &[i64]) -> Fleet {
    with_pending(usage, 0)
}
