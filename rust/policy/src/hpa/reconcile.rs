//! Section 4: one reconcile, step by step.

use super::conditions::{Condition, ConditionReason, Conditions};
use super::config::{Config, MetricSpec};
use super::limits::{
    Bounds, Events, Limited, Step, behavior_limits, legacy_limits, legacy_scale_up_limit,
};
use super::memory::{Memory, store_event};
use super::observation::{Observation, Obstacle};
use super::outcome::{Branch, Evaluation, MetricError, Outcome, Steps};
use super::replicas::{Scene, Tolerances};
use super::stabilize::{Windows, stabilize_legacy, stabilize_with_behavior};

/// Decides once. The caller writes the new scale if the outcome says so; the memory already counts it as written, unless the
/// observation's obstacle says that writing fails.
///
/// Where nothing is decided, the outcome's count is the current one. (Upstream's status keeps the count of the last decision.)
pub fn reconcile(config: &Config, memory: &mut Memory, observation: &Observation<'_>) -> Outcome {
    reconcile_in(config, memory, observation, Vec::new())
}

/// The same for a caller that decides very often: the outcome's evaluations take up the `room` of former ones.
pub fn reconcile_in(
    config: &Config,
    memory: &mut Memory,
    observation: &Observation<'_>,
    room: Vec<Evaluation>,
) -> Outcome {
    let current = observation.current_replicas;
    if observation.obstacle == Obstacle::ScaleUnreadable {
        memory.conditions.able_to_scale = Some(Condition::no(ConditionReason::FailedGetScale));
        return finish(memory, current, Draft::stopped(Branch::ScaleUnreadable));
    }
    memory.conditions.able_to_scale = Some(Condition::yes(ConditionReason::SucceededGetScale));
    memory.seeded_recommendations(current, observation.now);
    let was_zeroed = was_zeroed(config, memory.conditions);
    let mut draft = if current == 0 && !wakes(config, was_zeroed) {
        pause(config, memory)
    } else if current != 0 && current > config.max_replicas {
        Draft::to(Branch::AboveMaximum, config.max_replicas)
    } else if current != 0 && current < config.min_replicas {
        Draft::to(Branch::BelowMinimum, config.min_replicas)
    } else {
        follow_metrics(config, memory, observation, (was_zeroed, room))
    };
    write_scale(config, memory, observation, &mut draft);
    finish(memory, current, draft)
}

/// An outcome in the making.
struct Draft {
    branch: Branch,
    /// The count decided on, if any.
    decided: Option<i32>,
    written: bool,
    error: bool,
    evaluations: Vec<Evaluation>,
}

impl Draft {
    const fn to(branch: Branch, replicas: i32) -> Self {
        Self {
            branch,
            decided: Some(replicas),
            written: false,
            error: false,
            evaluations: Vec::new(),
        }
    }

    const fn stopped(branch: Branch) -> Self {
        Self {
            branch,
            decided: None,
            written: false,
            error: true,
            evaluations: Vec::new(),
        }
    }
}

fn finish(memory: &Memory, current: i32, draft: Draft) -> Outcome {
    Outcome {
        current_replicas: current,
        desired_replicas: draft.decided.unwrap_or(current),
        scale_written: draft.written,
        error: draft.error,
        conditions: memory.conditions,
        branch: draft.branch,
        evaluations: draft.evaluations,
    }
}

fn was_zeroed(config: &Config, conditions: Conditions) -> bool {
    config.gates.scale_to_zero
        && conditions
            .scaled_to_zero
            .is_some_and(|condition| condition.status)
}

/// Whether a workload at zero is looked at: only if this HPA put it there, and something can bring it back.
fn wakes(config: &Config, was_zeroed: bool) -> bool {
    was_zeroed && (config.min_replicas != 0 || config.wakes_from_zero())
}

fn pause(config: &Config, memory: &mut Memory) -> Draft {
    memory.conditions.scaling_active = Some(Condition::no(ConditionReason::ScalingDisabled));
    if !config.gates.scale_to_zero {
        memory.conditions.scaled_to_zero = None;
    }
    Draft::to(Branch::Paused, 0)
}

/// Steps 5 to 7.
fn follow_metrics(
    config: &Config,
    memory: &mut Memory,
    observation: &Observation<'_>,
    (was_zeroed, room): (bool, Vec<Evaluation>),
) -> Draft {
    if let Some(reason) = selector_problem(observation.obstacle) {
        memory.conditions.scaling_active = Some(Condition::no(reason));
        return Draft::stopped(Branch::SelectorRejected(reason));
    }
    let evaluations = evaluate_in(config, observation, room);
    let winner = best(&evaluations);
    let best = winner.map_or(0, |(_, replicas)| replicas);
    let failed = evaluations
        .iter()
        .find(|evaluation| evaluation.result.is_err());
    let current = observation.current_replicas;
    let usable = winner.filter(|_| failed.is_none() || best >= current);
    let Some((winner, _)) = usable else {
        let reason = failed
            .and_then(|failed| config.metrics.get(failed.metric))
            .map(failure_reason);
        // No metric at all is not foreseen upstream; it is reported like a metric of unknown type.
        memory.conditions.scaling_active = Some(Condition::no(
            reason.unwrap_or(ConditionReason::InvalidMetricSourceType),
        ));
        return Draft {
            evaluations,
            ..Draft::stopped(Branch::MetricsFailed)
        };
    };
    memory.conditions.scaling_active = Some(Condition::yes(ConditionReason::ValidMetricFound));
    let mut steps = normalize(config, memory, observation, best.max(0));
    steps.winner = winner;
    if current == 0 && was_zeroed && steps.result < config.min_replicas {
        steps.result = config.min_replicas;
    }
    Draft {
        error: failed.is_some(),
        evaluations,
        ..Draft::to(Branch::Normalized(steps), steps.result)
    }
}

const fn selector_problem(obstacle: Obstacle) -> Option<ConditionReason> {
    match obstacle {
        Obstacle::InvalidSelector => Some(ConditionReason::InvalidSelector),
        Obstacle::AmbiguousSelector => Some(ConditionReason::AmbiguousSelector),
        Obstacle::None | Obstacle::ScaleUnreadable | Obstacle::UpdateFails => None,
    }
}

/// What every metric of the configuration asks for, in its order.
pub fn evaluate(config: &Config, observation: &Observation<'_>) -> Vec<Evaluation> {
    evaluate_in(config, observation, Vec::new())
}

fn evaluate_in(
    config: &Config,
    observation: &Observation<'_>,
    mut room: Vec<Evaluation>,
) -> Vec<Evaluation> {
    let scene = Scene {
        config,
        observation,
        tolerances: Tolerances::of(config),
    };
    let readings = observation
        .readings
        .iter()
        .copied()
        .map(Some)
        .chain(std::iter::repeat(None));
    let evaluations = config.metrics.iter().zip(readings).enumerate();
    room.clear();
    room.reserve_exact(config.metrics.len());
    room.extend(evaluations.map(|(metric, (spec, reading))| {
        Evaluation {
            metric,
            result: reading
                .ok_or(MetricError::WrongReading)
                .and_then(|reading| scene.propose(spec, reading)),
        }
    }));
    room
}

/// The largest proposal and its place. As upstream, a proposal of 0 gives way to any later one.
fn best(evaluations: &[Evaluation]) -> Option<(usize, i32)> {
    let mut best = None;
    for (place, evaluation) in evaluations.iter().enumerate() {
        if let Ok(proposal) = &evaluation.result {
            let replicas = proposal.replicas;
            if best.is_none_or(|(_, so_far)| so_far == 0 || replicas > so_far) {
                best = Some((place, replicas));
            }
        }
    }
    best
}

const fn failure_reason(spec: &MetricSpec) -> ConditionReason {
    match spec {
        MetricSpec::Resource { .. } => ConditionReason::FailedGetResourceMetric,
        MetricSpec::ContainerResource { .. } => ConditionReason::FailedGetContainerResourceMetric,
        MetricSpec::Pods { .. } => ConditionReason::FailedGetPodsMetric,
        MetricSpec::Object { .. } => ConditionReason::FailedGetObjectMetric,
        MetricSpec::External { .. } => ConditionReason::FailedGetExternalMetric,
        MetricSpec::Unsupported { .. } => ConditionReason::InvalidMetricSourceType,
    }
}

/// Step 6: stabilises, then limits, and sets the conditions that say so.
fn normalize(
    config: &Config,
    memory: &mut Memory,
    observation: &Observation<'_>,
    metric_desired: i32,
) -> Steps {
    let (current, now) = (observation.current_replicas, observation.now);
    let bounds = Bounds {
        min: config.min_replicas,
        max: config.max_replicas,
    };
    let log = memory.seeded_recommendations(current, now);
    let (stabilized, limited) = if let Some(behavior) = &config.behavior {
        let windows = Windows {
            up: behavior.scale_up.stabilization_window,
            down: behavior.scale_down.stabilization_window,
        };
        let stabilized = stabilize_with_behavior(log, current, metric_desired, windows, now);
        let events = Events {
            up: &memory.up_events,
            down: &memory.down_events,
        };
        (
            stabilized,
            behavior_limits(
                behavior,
                bounds,
                events,
                Step {
                    current,
                    wanted: stabilized,
                    now,
                },
            ),
        )
    } else {
        let stabilized = stabilize_legacy(log, metric_desired, config.downscale_stabilization, now);
        let limit = legacy_scale_up_limit(
            current,
            config.scale_up_limit_factor,
            config.scale_up_limit_minimum,
        );
        (stabilized, legacy_limits(limit, bounds, stabilized))
    };
    let stabilization = stabilization_reason(config, current, metric_desired, stabilized);
    memory.conditions.able_to_scale = Some(Condition::yes(stabilization));
    let Limited {
        replicas: result,
        reason: limit,
    } = limited;
    memory.conditions.scaling_limited = Some(Condition {
        status: result != stabilized,
        reason: limit,
    });
    Steps {
        winner: 0,
        metric_desired,
        stabilized,
        limit,
        result,
    }
}

const fn stabilization_reason(
    config: &Config,
    current: i32,
    metric_desired: i32,
    stabilized: i32,
) -> ConditionReason {
    if stabilized == metric_desired {
        ConditionReason::ReadyForNewScale
    } else if config.behavior.is_some() && metric_desired >= current {
        ConditionReason::ScaleUpStabilized
    } else {
        ConditionReason::ScaleDownStabilized
    }
}

/// Step 8.
fn write_scale(
    config: &Config,
    memory: &mut Memory,
    observation: &Observation<'_>,
    draft: &mut Draft,
) {
    let current = observation.current_replicas;
    let Some(result) = draft.decided.filter(|&result| result != current) else {
        return;
    };
    if observation.obstacle == Obstacle::UpdateFails {
        memory.conditions.able_to_scale = Some(Condition::no(ConditionReason::FailedUpdateScale));
        draft.decided = None;
        draft.error = true;
        return;
    }
    draft.written = true;
    memory.conditions.able_to_scale = Some(Condition::yes(ConditionReason::SucceededRescale));
    if let Some(behavior) = &config.behavior {
        let change = i32::try_from(result.abs_diff(current)).unwrap_or(i32::MAX);
        if result > current {
            store_event(
                &mut memory.up_events,
                &behavior.scale_up,
                change,
                observation.now,
            );
        } else {
            store_event(
                &mut memory.down_events,
                &behavior.scale_down,
                change,
                observation.now,
            );
        }
    }
    let to_zero =
        current > 0 && result == 0 && config.min_replicas == 0 && config.wakes_from_zero();
    memory.conditions.scaled_to_zero = match (config.gates.scale_to_zero, to_zero) {
        (false, _) => None,
        (true, true) => Some(Condition::yes(ConditionReason::ScaledToZero)),
        (true, false) => Some(Condition::no(ConditionReason::NotScaledToZero)),
    };
}
