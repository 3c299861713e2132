//! The worked examples of the specification (section 7), each by its letter, and the sentences that explain them.

use super::test_fixtures::*;
use super::*;
use crate::{Span, Timestamp};

fn proposal(metric: MetricSpec, fleet: &Fleet, reading: Reading<'_>) -> Proposal {
    let current = fleet.pods.len() as i32;
    evaluate(
        &config(vec![metric]),
        &see(current, &fleet.pods, &[reading]),
    )[0]
    .result
    .unwrap()
}

fn cpu_proposal(percent: i32, request: i64, fleet: &Fleet) -> i32 {
    let reading = Reading::PerPod {
        samples: &fleet.samples,
        requests: Requests::Uniform(request),
    };
    proposal(cpu(percent), fleet, reading).replicas
}

#[test]
fn a_five_pods_at_88_percent_of_70_become_7() {
    assert_eq!(cpu_proposal(70, 500, &all(&[380, 420, 510, 460, 430])), 7);
}

#[test]
fn b_utilization_is_cut_to_a_whole_percent_before_the_ratio() {
    let mut usage = vec![669; 30];
    usage[0] += 20;
    assert_eq!(usage.iter().sum::<i64>(), 20_090);
    assert_eq!(cpu_proposal(60, 1000, &all(&usage)), 30);
}

#[test]
fn c_a_missing_pod_counts_nothing_on_the_way_up() {
    assert_eq!(
        cpu_proposal(60, 1000, &fleet(&[Some(900), Some(900), Some(900), None])),
        5
    );
}

#[test]
fn d_unready_pods_count_nothing_on_the_way_up() {
    assert_eq!(
        cpu_proposal(60, 1000, &with_pending(&[900, 900, 900], 2)),
        5
    );
}

#[test]
fn e_a_missing_pod_counts_its_request_or_the_target_on_the_way_down() {
    assert_eq!(
        cpu_proposal(60, 1000, &fleet(&[Some(200), Some(200), Some(200), None])),
        3
    );
    assert_eq!(
        cpu_proposal(150, 1000, &fleet(&[Some(600), Some(600), Some(600), None])),
        3
    );
}

#[test]
fn f_a_pods_metric_is_averaged_and_cut() {
    let fleet = all(&[150_000, 100_000, 130_000]);
    let metric = MetricSpec::Pods {
        name: "requests".to_owned(),
        average_value_milli: 90_000,
    };
    let reading = Reading::PerPod {
        samples: &fleet.samples,
        requests: Requests::None,
    };
    let proposal = proposal(metric, &fleet, reading);
    assert_eq!(proposal.replicas, 5);
    assert_eq!(
        proposal.measure,
        Measure::Average {
            average_milli: 126_666,
            target_milli: 90_000
        }
    );
}

#[test]
fn g_h_an_object_value_scales_the_ready_pods_and_its_average_does_not() {
    let fleet = all(&[0; 7]);
    let value = object(ValueTarget::ValueMilli(100_000));
    assert_eq!(
        proposal(value, &fleet, Reading::Object(900_000)).replicas,
        63
    );
    let average = object(ValueTarget::AverageValueMilli(100_000));
    assert_eq!(
        proposal(average, &fleet, Reading::Object(900_000)).replicas,
        9
    );
}

/// Two object metrics per pod, so that each asks for as many pods as its reading says; `None` fails.
fn two_metrics(first: i32, second: Option<i32>) -> Outcome {
    let one_each = object(ValueTarget::AverageValueMilli(1));
    let config = config(vec![one_each.clone(), one_each]);
    let fleet = all(&[0; 5]);
    let second = second.map_or(Reading::Failed, |count| Reading::Object(i64::from(count)));
    let readings = [Reading::Object(i64::from(first)), second];
    let mut memory = Memory {
        recommendations: Some(RecommendationLog::default()),
        ..Memory::default()
    };
    reconcile(&config, &mut memory, &see(5, &fleet.pods, &readings))
}

#[test]
fn i_the_largest_proposal_wins_and_a_failure_blocks_scaling_down() {
    assert_eq!(two_metrics(7, Some(5)).desired_replicas, 7);
    let blocked = two_metrics(3, None);
    assert_eq!(
        (
            blocked.desired_replicas,
            blocked.error,
            blocked.scale_written
        ),
        (5, true, false)
    );
    let partial = two_metrics(9, None);
    assert_eq!(
        (
            partial.desired_replicas,
            partial.error,
            partial.scale_written
        ),
        (9, true, true)
    );
}

#[test]
fn j_the_legacy_limit_doubles() {
    let (config, mut memory) = (wanting(None, 50), Memory::default());
    assert_eq!(step(&config, &mut memory, 0.0, 10, 35), 20);
    assert_eq!(
        memory.conditions.scaling_limited.unwrap().reason,
        ConditionReason::ScaleUpLimit
    );
    assert_eq!(step(&config, &mut memory, 15.0, 20, 35), 35);
}

#[test]
fn k_an_empty_behavior_doubles_per_15_seconds() {
    let config = wanting(
        Some(BehaviorSpec::default().fill(DOWNSCALE_STABILIZATION)),
        50,
    );
    let mut memory = Memory::default();
    assert_eq!(step(&config, &mut memory, 0.0, 10, 35), 20);
    assert_eq!(step(&config, &mut memory.clone(), 15.0, 20, 35), 35);
    assert_eq!(step(&config, &mut memory, 14.9, 20, 35), 20);
    assert_eq!(step(&config, &mut Memory::default(), 0.0, 2, 35), 6);
}

#[test]
fn l_the_legacy_window_holds_the_largest_recent_recommendation() {
    let config = wanting(None, 50);
    let past = |replicas, secs| Recommendation {
        replicas,
        at: Timestamp::from_secs(secs),
    };
    let log = vec![past(12, -290), past(6, -100), past(5, -15)];
    let mut memory = Memory {
        recommendations: Some(log.into_iter().collect()),
        ..Memory::default()
    };
    assert_eq!(step(&config, &mut memory, 0.0, 12, 4), 12);
    assert_eq!(step(&config, &mut memory, 15.0, 12, 4), 6);
}

#[test]
fn m_scaling_down_by_the_smaller_of_two_policies() {
    let minute = Span::from_secs(60);
    let policies = vec![
        ScalingPolicy {
            kind: PolicyKind::Percent,
            value: 10,
            period: minute,
        },
        ScalingPolicy {
            kind: PolicyKind::Pods,
            value: 5,
            period: minute,
        },
    ];
    let scale_down = RulesSpec {
        stabilization_window: Some(Span::ZERO),
        select_policy: Some(SelectPolicy::Min),
        policies: Some(policies),
        tolerance: None,
    };
    let spec = BehaviorSpec {
        scale_down,
        ..BehaviorSpec::default()
    };
    let config = wanting(Some(spec.fill(DOWNSCALE_STABILIZATION)), 100);
    let mut memory = Memory::default();
    assert_eq!(step(&config, &mut memory, 0.0, 80, 20), 75);
    assert_eq!(step(&config, &mut memory, 15.0, 75, 20), 75);
    assert_eq!(step(&config, &mut memory, 60.0, 75, 20), 70);
}

#[test]
fn the_reason_is_one_sentence_with_the_numbers() {
    let fleet = with_pending(&[920, 920, 920, 920], 1);
    let config = Config {
        max_replicas: 6,
        ..config(vec![cpu(40)])
    };
    let reading = [Reading::PerPod {
        samples: &fleet.samples,
        requests: Requests::Uniform(1000),
    }];
    let outcome = reconcile(
        &config,
        &mut Memory::default(),
        &see(4, &fleet.pods, &reading),
    );
    assert_eq!(
        outcome.reason(&config).to_string(),
        "cpu at 92 % of request, target 40 %, 4 ready of 5 pods: 10 wanted, counting all pods; held at 6, the largest size"
    );
    let config = Config {
        max_replicas: 60,
        ..config
    };
    let outcome = reconcile(
        &config,
        &mut Memory::default(),
        &see(4, &fleet.pods, &reading),
    );
    assert!(
        outcome
            .reason(&config)
            .to_string()
            .ends_with("10 wanted, counting all pods; held at 8 by the scale-up limit")
    );
}

#[test]
fn the_reason_names_stabilization_and_failures() {
    let config = wanting(None, 50);
    let readings = [Reading::Object(3)];
    let mut memory = Memory::default();
    let outcome = reconcile(&config, &mut memory, &see(5, &[], &readings));
    let reason = outcome.reason(&config).to_string();
    assert_eq!(
        reason,
        "queue at 0.001 per pod, target 0.001: 3 wanted; held at 5 by scale-down stabilisation"
    );
    let outcome = reconcile(&config, &mut memory, &see(5, &[], &[Reading::Failed]));
    let reason = outcome.reason(&config).to_string();
    assert_eq!(
        reason,
        "kept at 5: queue failed (no metrics returned from custom metrics API)"
    );
}

#[test]
fn samples_of_unknown_pods_count_as_samples_only() {
    let mut fleet = fleet(&[Some(100), Some(100), Some(100), None]);
    // 10 % of 64 %, with the missing pod at its whole request 32 %: half of 4 samples.
    assert_eq!(cpu_proposal(64, 1000, &fleet), 2);
    fleet.samples.push(Sample {
        pod: PodId(9),
        value_milli: 9000,
        ..fleet.samples[0]
    });
    // The stray sample changes no sum: half of 5 samples.
    assert_eq!(cpu_proposal(64, 1000, &fleet), 3);
}

#[test]
fn a_configuration_is_checked_as_the_api_server_does() {
    let good = config(vec![cpu(60)]);
    assert_eq!(good.validate(), Ok(()));
    let bounds = Config {
        min_replicas: 5,
        max_replicas: 4,
        ..good.clone()
    };
    assert_eq!(
        bounds.validate(),
        Err(ConfigError::Bounds { min: 5, max: 4 })
    );
    assert_eq!(
        Config {
            min_replicas: 0,
            ..good.clone()
        }
        .validate(),
        Err(ConfigError::ZeroWithoutWakeUp)
    );
    let wakes = Config {
        min_replicas: 0,
        ..config(vec![object(ValueTarget::ValueMilli(1))])
    };
    assert_eq!(wakes.validate(), Ok(()));
    assert_eq!(config(vec![]).validate(), Err(ConfigError::NoMetrics));
    assert_eq!(
        config(vec![cpu(60), cpu(0)]).validate(),
        Err(ConfigError::Target { index: 1 })
    );
    assert_eq!(
        Config {
            tolerance: -0.1,
            ..good.clone()
        }
        .validate(),
        Err(ConfigError::Tolerance(-0.1))
    );
    let mut behavior = BehaviorSpec::default().fill(Span::from_secs(3601));
    let with = |behavior: &Behavior| {
        Config {
            behavior: Some(behavior.clone()),
            ..good.clone()
        }
        .validate()
    };
    assert_eq!(with(&behavior), Err(ConfigError::Window));
    behavior.scale_down.stabilization_window = Span::from_secs(3600);
    assert_eq!(with(&behavior), Ok(()));
    behavior.scale_up.policies[0].period = Span::from_secs(1801);
    assert_eq!(with(&behavior), Err(ConfigError::Policy));
}

#[test]
fn a_configuration_reads_from_json_and_accepts_nothing_unknown() {
    let text = r#"{"min_replicas": 1, "max_replicas": 9, "metrics": [
        {"type": "resource", "resource": "cpu", "target": {"utilization_percent": 60}},
        {"type": "external", "name": "queue", "target": {"average_value_milli": 5000}}],
        "behavior": null, "tolerance": 0.1, "cpu_initialization_period_ns": 300000000000,
        "initial_readiness_delay_ns": 30000000000, "downscale_stabilization_ns": 300000000000,
        "scale_up_limit_factor": 2.0, "scale_up_limit_minimum": 4.0,
        "gates": {"scale_to_zero": true, "configurable_tolerance": true}}"#;
    let read: Config = serde_json::from_str(text).unwrap();
    assert_eq!(read.metrics[0], cpu(60));
    assert_eq!(read.cpu_initialization_period, CPU_INITIALIZATION_PERIOD);
    for (known, unknown) in [
        ("max_replicas", "maximum"),
        ("\"name\": \"queue\",", "\"name\": \"q\", \"more\": 1,"),
    ] {
        assert!(serde_json::from_str::<Config>(&text.replace(known, unknown)).is_err());
    }
}
