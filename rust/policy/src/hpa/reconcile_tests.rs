//! The branches of a reconcile that neither the recorded cases nor the worked examples reach.

use super::test_fixtures::*;
use super::*;
use crate::Timestamp;

#[test]
fn a_scale_that_cannot_be_written_is_an_error_without_event() {
    let config = wanting(
        Some(BehaviorSpec::default().fill(DOWNSCALE_STABILIZATION)),
        50,
    );
    let mut memory = Memory::default();
    let readings = [Reading::Object(8)];
    let observation = Observation {
        obstacle: Obstacle::UpdateFails,
        ..see(5, &[], &readings)
    };
    let outcome = reconcile(&config, &mut memory, &observation);
    assert_eq!(
        (
            outcome.desired_replicas,
            outcome.scale_written,
            outcome.error
        ),
        (5, false, true)
    );
    assert_eq!(
        outcome.conditions.able_to_scale,
        Some(Condition::no(ConditionReason::FailedUpdateScale))
    );
    assert!(memory.up_events.is_empty());
}

#[test]
fn an_unusable_target_or_selector_stops_with_an_error() {
    let config = wanting(None, 50);
    let readings = [Reading::Object(8)];
    let blocked = |obstacle| {
        let mut memory = Memory::default();
        reconcile(
            &config,
            &mut memory,
            &Observation {
                obstacle,
                ..see(5, &[], &readings)
            },
        )
    };
    let unreadable = blocked(Obstacle::ScaleUnreadable);
    assert_eq!(
        unreadable.conditions.able_to_scale,
        Some(Condition::no(ConditionReason::FailedGetScale))
    );
    let ambiguous = blocked(Obstacle::AmbiguousSelector);
    assert_eq!(
        ambiguous.conditions.scaling_active,
        Some(Condition::no(ConditionReason::AmbiguousSelector))
    );
    let invalid = blocked(Obstacle::InvalidSelector);
    assert_eq!(
        invalid.conditions.scaling_active,
        Some(Condition::no(ConditionReason::InvalidSelector))
    );
    assert!(
        [unreadable, ambiguous, invalid]
            .iter()
            .all(|o| o.error && !o.scale_written && o.desired_replicas == 5)
    );
}

#[test]
fn a_restart_of_the_controller_keeps_only_the_conditions() {
    let config = wanting(None, 50);
    let mut memory = Memory::default();
    step(&config, &mut memory, 0.0, 5, 8);
    let conditions = memory.conditions;
    memory.forget_on_restart();
    assert_eq!(
        memory,
        Memory {
            conditions,
            ..Memory::default()
        }
    );
    assert_eq!(step(&config, &mut memory, 15.0, 8, 2), 8);
}

#[test]
fn a_missing_reading_is_a_failure_of_that_metric() {
    let config = wanting(None, 50);
    let outcome = reconcile(&config, &mut Memory::default(), &see(5, &[], &[]));
    assert_eq!(
        outcome.evaluations[0].result,
        Err(MetricError::WrongReading)
    );
    assert_eq!(
        outcome.conditions.scaling_active,
        Some(Condition::no(ConditionReason::FailedGetObjectMetric))
    );
}

/// A workload at zero that this HPA put there, if `zeroed`.
fn at_zero(zeroed: bool) -> Memory {
    let condition = if zeroed {
        Condition::yes(ConditionReason::ScaledToZero)
    } else {
        Condition::no(ConditionReason::NotScaledToZero)
    };
    Memory {
        conditions: Conditions {
            scaled_to_zero: Some(condition),
            ..Conditions::default()
        },
        ..Memory::default()
    }
}

#[test]
fn a_workload_at_zero_wakes_only_if_this_hpa_put_it_there() {
    let config = Config {
        min_replicas: 0,
        ..wanting(None, 50)
    };
    assert_eq!(step(&config, &mut at_zero(true), 0.0, 0, 3), 3);
    assert_eq!(step(&config, &mut at_zero(false), 0.0, 0, 3), 0);
    let mut memory = Memory::default();
    assert_eq!(step(&config, &mut memory, 0.0, 0, 3), 0);
    assert_eq!(
        memory.conditions.scaling_active,
        Some(Condition::no(ConditionReason::ScalingDisabled))
    );
}

#[test]
fn a_resource_metric_alone_does_not_wake_a_workload_unless_the_smallest_size_was_raised() {
    let branch = |min_replicas| {
        let config = Config {
            min_replicas,
            ..config(vec![cpu(60)])
        };
        reconcile(
            &config,
            &mut at_zero(true),
            &see(0, &[], &[Reading::Failed]),
        )
        .branch
    };
    assert_eq!(branch(0), Branch::Paused);
    assert_eq!(branch(2), Branch::MetricsFailed);
}

#[test]
fn without_the_gate_nothing_wakes_and_the_condition_goes() {
    let gates = Gates {
        scale_to_zero: false,
        configurable_tolerance: true,
    };
    let config = Config {
        min_replicas: 0,
        gates,
        ..wanting(None, 50)
    };
    let mut memory = at_zero(true);
    assert_eq!(step(&config, &mut memory, 0.0, 0, 3), 0);
    assert_eq!(memory.conditions.scaled_to_zero, None);
}

#[test]
fn with_the_gate_a_paused_workload_keeps_its_condition() {
    let config = Config {
        min_replicas: 0,
        ..wanting(None, 50)
    };
    let mut memory = at_zero(false);
    step(&config, &mut memory, 0.0, 0, 3);
    assert_eq!(
        memory.conditions.scaled_to_zero,
        Some(Condition::no(ConditionReason::NotScaledToZero))
    );
}

#[test]
fn waking_goes_at_least_to_the_smallest_size_whatever_the_rate_limit() {
    let one_a_minute = ScalingPolicy {
        kind: PolicyKind::Pods,
        value: 1,
        period: crate::Span::from_secs(60),
    };
    let scale_up = RulesSpec {
        policies: Some(vec![one_a_minute]),
        ..RulesSpec::default()
    };
    let spec = BehaviorSpec {
        scale_up,
        ..BehaviorSpec::default()
    };
    let config = Config {
        min_replicas: 3,
        ..wanting(Some(spec.fill(DOWNSCALE_STABILIZATION)), 50)
    };
    let mut memory = at_zero(true);
    let outcome = reconcile(&config, &mut memory, &see(0, &[], &[Reading::Object(9)]));
    assert_eq!(outcome.desired_replicas, 3);
    assert_eq!(
        outcome.conditions.scaled_to_zero,
        Some(Condition::no(ConditionReason::NotScaledToZero))
    );
}

#[test]
fn zero_by_a_resource_metric_alone_is_not_called_scaled_to_zero() {
    let fleet = all(&[0; 3]);
    let reading = [Reading::PerPod {
        samples: &fleet.samples,
        requests: Requests::Uniform(1000),
    }];
    let config = Config {
        min_replicas: 0,
        ..config(vec![cpu(60)])
    };
    let mut memory = Memory {
        recommendations: Some(RecommendationLog::default()),
        ..Memory::default()
    };
    let outcome = reconcile(&config, &mut memory, &see(3, &fleet.pods, &reading));
    assert_eq!(outcome.desired_replicas, 0);
    assert_eq!(
        outcome.conditions.scaled_to_zero,
        Some(Condition::no(ConditionReason::NotScaledToZero))
    );
}

#[test]
fn a_partial_failure_may_keep_the_size() {
    let one_each = object(ValueTarget::AverageValueMilli(1));
    let config = Config {
        tolerance: 0.0,
        ..config(vec![one_each.clone(), one_each])
    };
    let outcome = reconcile(
        &config,
        &mut Memory::default(),
        &see(5, &[], &[Reading::Object(5), Reading::Failed]),
    );
    assert_eq!(
        (
            outcome.desired_replicas,
            outcome.error,
            outcome.scale_written
        ),
        (5, true, false)
    );
    assert_eq!(
        outcome.conditions.scaling_active,
        Some(Condition::yes(ConditionReason::ValidMetricFound))
    );
    assert!(matches!(outcome.branch, Branch::Normalized(_)));
}

#[test]
fn the_first_failure_is_reported() {
    let metrics = vec![
        MetricSpec::Unsupported {
            name: "CheddarCheese".to_owned(),
        },
        cpu(60),
    ];
    let outcome = reconcile(
        &config(metrics),
        &mut Memory::default(),
        &see(5, &[], &[Reading::Failed, Reading::Failed]),
    );
    assert_eq!(
        outcome.conditions.scaling_active,
        Some(Condition::no(ConditionReason::InvalidMetricSourceType))
    );
}

#[test]
fn fewer_pods_than_replicas_never_turn_a_filled_in_scale_up_into_a_scale_down() {
    let fleet = fleet(&[Some(1000), Some(1000), Some(1000), None]);
    let reading = [Reading::PerPod {
        samples: &fleet.samples,
        requests: Requests::Uniform(1000),
    }];
    let evaluations = evaluate(&config(vec![cpu(50)]), &see(10, &fleet.pods, &reading));
    let proposal = evaluations[0].result.unwrap();
    assert_eq!((proposal.replicas, proposal.rule), (10, Rule::Reversed));
}

#[test]
fn fewer_pods_than_replicas_do_turn_a_plain_scale_up_into_a_scale_down() {
    let fleet = all(&[1000; 3]);
    let reading = [Reading::PerPod {
        samples: &fleet.samples,
        requests: Requests::Uniform(1000),
    }];
    let evaluations = evaluate(&config(vec![cpu(50)]), &see(10, &fleet.pods, &reading));
    assert_eq!(evaluations[0].result.unwrap().replicas, 6);
}

#[test]
fn a_clamp_stores_an_event_and_leaves_metrics_and_recommendations_alone() {
    let config = wanting(
        Some(BehaviorSpec::default().fill(DOWNSCALE_STABILIZATION)),
        5,
    );
    let mut memory = Memory {
        recommendations: Some(RecommendationLog::default()),
        ..Memory::default()
    };
    let outcome = reconcile(&config, &mut memory, &see(8, &[], &[Reading::Object(9)]));
    assert_eq!(
        (outcome.desired_replicas, outcome.branch),
        (5, Branch::AboveMaximum)
    );
    assert_eq!(
        memory.down_events,
        [ScaleEvent {
            change: 3,
            at: Timestamp::ZERO,
            outdated: false
        }]
    );
    assert_eq!(memory.recommendations, Some(RecommendationLog::default()));
    assert_eq!(memory.conditions.scaling_active, None);
}
