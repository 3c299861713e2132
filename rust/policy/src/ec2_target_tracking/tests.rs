//! What the user guide says, as cases.

use super::*;
use crate::{Span, Timestamp};

fn policy(target: f64) -> TargetPolicy {
    TargetPolicy {
        metric: Metric::Cpu,
        target,
        disable_scale_in: false,
    }
}

fn config(policies: &[TargetPolicy]) -> Config {
    Config {
        min: 1,
        max: 20,
        policies: policies.to_vec(),
        period: Span::from_secs(60),
        high_datapoints: 3,
        low_datapoints: 15,
        low_factor: 0.9,
        alarm_repeat: Span::from_secs(60),
        instance_warmup: Span::from_secs(300),
    }
}

fn at(now: i64, desired: i32) -> Observation<'static> {
    Observation {
        now: Timestamp::from_secs(now),
        desired,
        warmed: desired,
        warming: 0,
        datapoints: &[],
    }
}

fn decide_once(config: &Config, observation: &Observation<'_>) -> Decision {
    decide(config, &mut Memory::default(), observation)
}

#[test]
fn worked_values_of_the_documentation() {
    let worked = [
        (2, 87.5, 50.0, 4),
        (10, 60.0, 50.0, 12),
        (10, 40.0, 50.0, 8),
        (10, 33.0, 50.0, 7),
        (3, 49.0, 50.0, 3),
    ];
    for (warmed, value, target, new) in worked {
        assert_eq!(proportional_capacity(warmed, value, target), new);
    }
    assert_eq!(proportional_capacity(10, 150.0, 100.0), 15);
}

#[test]
fn noise_of_a_mean_asks_for_no_instance() {
    for requests in 1..2000 {
        for warmed in 1..60 {
            let mean = f64::from(requests * 100) / f64::from(warmed);
            assert_eq!(proportional_capacity(warmed, mean, 100.0), requests);
        }
    }
    assert_eq!(proportional_capacity(7, 3600.001 / 7.0, 100.0), 37);
    assert_eq!(proportional_capacity(3, 0.0, 50.0), 0);
    assert_eq!(proportional_capacity(3, f64::INFINITY, 50.0), i32::MAX);
}

#[test]
fn scales_out_after_three_datapoints_above_the_target() {
    let config = config(&[policy(50.0)]);
    let two = [Some(40.0), Some(60.0), Some(60.0)];
    let decision = decide_once(
        &config,
        &Observation {
            datapoints: &[&two],
            ..at(0, 10)
        },
    );
    assert_eq!((decision.desired, decision.reason), (10, Reason::Steady));
    let three = [Some(60.0); 3];
    let decision = decide_once(
        &config,
        &Observation {
            datapoints: &[&three],
            ..at(0, 10)
        },
    );
    assert_eq!(decision.desired, 12);
    assert_eq!(
        decision.reason.to_string(),
        "scale-out: cpu at 60.0 %, target 50 %, 10 warmed instances: 12 wanted"
    );
}

#[test]
fn warming_instances_count_as_capacity_on_the_way_out() {
    let config = config(&[policy(50.0)]);
    let points = [Some(60.0); 3];
    let warming = Observation {
        desired: 14,
        warmed: 10,
        warming: 4,
        datapoints: &[&points],
        ..at(0, 14)
    };
    assert_eq!(decide_once(&config, &warming).desired, 14);
    let steeper = [Some(90.0); 3];
    assert_eq!(
        decide_once(
            &config,
            &Observation {
                datapoints: &[&steeper],
                ..warming
            }
        )
        .desired,
        18
    );
}

#[test]
fn scales_in_after_fifteen_datapoints_and_only_when_nothing_warms() {
    let config = config(&[policy(50.0)]);
    let low = [Some(33.0); 15];
    let calm = Observation {
        datapoints: &[&low],
        ..at(0, 10)
    };
    assert_eq!(decide_once(&config, &calm).desired, 7);
    let warming = decide_once(&config, &Observation { warming: 1, ..calm });
    assert_eq!(
        (warming.desired, warming.reason),
        (10, Reason::Warming { warming: 1 })
    );
    let almost = decide_once(
        &config,
        &Observation {
            datapoints: &[&low[1..]],
            ..calm
        },
    );
    assert_eq!(almost.reason, Reason::InsufficientData);
}

#[test]
fn between_the_thresholds_nothing_happens() {
    let config = config(&[policy(50.0)]);
    for value in [45.0, 47.0, 50.0] {
        let points = [Some(value); 15];
        let decision = decide_once(
            &config,
            &Observation {
                datapoints: &[&points],
                ..at(0, 10)
            },
        );
        assert_eq!((decision.desired, decision.reason), (10, Reason::Steady));
    }
}

#[test]
fn any_policy_scales_out_and_all_must_agree_to_scale_in() {
    let config = config(&[policy(50.0), policy(70.0)]);
    let (high, low, mid) = ([Some(60.0); 15], [Some(20.0); 15], [Some(68.0); 15]);
    let desired = |points: &[&[Option<f64>]]| {
        decide_once(
            &config,
            &Observation {
                datapoints: points,
                ..at(0, 10)
            },
        )
        .desired
    };
    assert_eq!(desired(&[&high, &low]), 12);
    assert_eq!(desired(&[&low, &mid]), 10);
    assert_eq!(desired(&[&low, &low]), 4);
    assert_eq!(desired(&[&low, &[]]), 10);
}

#[test]
fn a_policy_that_may_not_scale_in_has_no_say() {
    let only_out = TargetPolicy {
        disable_scale_in: true,
        ..policy(70.0)
    };
    let (low, mid) = ([Some(20.0); 15], [Some(68.0); 15]);
    let observation = Observation {
        datapoints: &[&low, &mid],
        ..at(0, 10)
    };
    assert_eq!(
        decide_once(&config(&[policy(50.0), only_out]), &observation).desired,
        4
    );
    let observation = Observation {
        datapoints: &[&low],
        ..at(0, 10)
    };
    assert_eq!(decide_once(&config(&[only_out]), &observation).desired, 10);
}

#[test]
fn an_alarm_that_stays_on_acts_once_a_minute() {
    let config = config(&[policy(50.0)]);
    let mut memory = Memory::default();
    let points = [Some(60.0); 3];
    let mut decide_at = |now| {
        decide(
            &config,
            &mut memory,
            &Observation {
                datapoints: &[&points],
                ..at(now, 10)
            },
        )
    };
    assert_eq!(decide_at(0).desired, 12);
    assert_eq!(decide_at(10).reason, Reason::Waiting);
    assert_eq!(decide_at(60).desired, 12);
    assert_eq!(decide_at(119).reason, Reason::Waiting);
}

#[test]
fn an_alarm_that_goes_off_and_on_acts_at_once() {
    let config = config(&[policy(50.0)]);
    let mut memory = Memory::default();
    let (high, calm) = ([Some(60.0); 3], [Some(50.0); 3]);
    let mut decide_at = |now, points: &[Option<f64>]| {
        decide(
            &config,
            &mut memory,
            &Observation {
                datapoints: &[points],
                ..at(now, 10)
            },
        )
        .desired
    };
    assert_eq!(decide_at(0, &high), 12);
    assert_eq!(decide_at(10, &calm), 10);
    assert_eq!(decide_at(20, &high), 12);
}

#[test]
fn the_group_bounds_hold() {
    let config = Config {
        max: 11,
        min: 5,
        ..config(&[policy(50.0)])
    };
    let (high, low) = ([Some(60.0); 15], [Some(1.0); 15]);
    assert_eq!(
        decide_once(
            &config,
            &Observation {
                datapoints: &[&high],
                ..at(0, 10)
            }
        )
        .desired,
        11
    );
    assert_eq!(
        decide_once(
            &config,
            &Observation {
                datapoints: &[&low],
                ..at(0, 10)
            }
        )
        .desired,
        5
    );
    let outside = decide_once(&config, &at(0, 2));
    assert_eq!(
        (outside.desired, outside.reason),
        (5, Reason::Clamped { from: 2, to: 5 })
    );
}

#[test]
fn real_zeros_may_scale_to_zero() {
    let config = Config {
        min: 0,
        ..config(&[policy(50.0)])
    };
    let zeros = [Some(0.0); 15];
    assert_eq!(
        decide_once(
            &config,
            &Observation {
                datapoints: &[&zeros],
                ..at(0, 3)
            }
        )
        .desired,
        0
    );
}

#[test]
fn the_configuration_reads_from_json() {
    let text = r#"{"min": 1, "max": 9, "policies": [{"metric": "request_count_per_target", "target": 1000.0,
        "disable_scale_in": true}], "period_ns": 60000000000, "high_datapoints": 3, "low_datapoints": 15,
        "low_factor": 0.9, "alarm_repeat_ns": 60000000000, "instance_warmup_ns": 300000000000}"#;
    let config: Config = serde_json::from_str(text).unwrap();
    assert_eq!(config.policies[0].metric, Metric::RequestCountPerTarget);
    assert!(serde_json::from_str::<Config>(&text.replace("low_factor", "high_factor")).is_err());
}
