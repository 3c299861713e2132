//! Cases about stabilisation, limits and scale events.

use serde::Deserialize;
use serde_json::{Value, json};

use super::hpa_pods::computed;
use super::hpa_rules::{EventInput, RulesInput, events};
use super::json::{Secs, nullable, read};
use super::runner::Computed;
use crate::Timestamp;
use crate::hpa::{
    BehaviorSpec, Bounds, DOWNSCALE_STABILIZATION, Events, Limited, Recommendation,
    RecommendationLog, RulesSpec, ScalingRules, Step, Windows, behavior_limits, changed_within,
    legacy_limits, legacy_scale_up_limit, scale_down_limit, scale_up_limit, stabilize_legacy,
    stabilize_with_behavior, store_event,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LegacyInput {
    current: i32,
    desired: i32,
    min: i32,
    max: i32,
    scale_up_limit_factor: f64,
    scale_up_limit_minimum: f64,
}

pub(super) fn legacy(input: Value) -> Result<Computed, String> {
    let input: LegacyInput = read(input)?;
    let limit = legacy_scale_up_limit(
        input.current,
        input.scale_up_limit_factor,
        input.scale_up_limit_minimum,
    );
    let bounds = Bounds {
        min: input.min,
        max: input.max,
    };
    Ok(report_limited(legacy_limits(limit, bounds, input.desired)))
}

fn report_limited(limited: Limited) -> Computed {
    computed([
        ("replicas", json!(limited.replicas)),
        ("reason", json!(limited.reason.as_str())),
    ])
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateInput {
    current: i32,
    desired: i32,
    min: i32,
    max: i32,
    now: Secs,
    scale_up: RulesInput,
    scale_down: RulesInput,
    scale_up_events: Vec<EventInput>,
    scale_down_events: Vec<EventInput>,
}

pub(super) fn behavior_rate(input: Value) -> Result<Computed, String> {
    let input: RateInput = read(input)?;
    input.scale_up.check_complete()?;
    input.scale_down.check_complete()?;
    let spec = BehaviorSpec {
        scale_up: input.scale_up.into(),
        scale_down: input.scale_down.into(),
    };
    let behavior = spec.fill(DOWNSCALE_STABILIZATION);
    let events = Events {
        up: &events(&input.scale_up_events),
        down: &events(&input.scale_down_events),
    };
    let bounds = Bounds {
        min: input.min,
        max: input.max,
    };
    let step = Step {
        current: input.current,
        wanted: input.desired,
        now: input.now.timestamp(),
    };
    Ok(report_limited(behavior_limits(
        &behavior, bounds, events, step,
    )))
}

/// Complete rules of one direction; which one does not matter where nothing is left to fill in.
fn complete(rules: RulesInput) -> Result<ScalingRules, String> {
    rules.check_complete()?;
    let spec = BehaviorSpec {
        scale_up: rules.into(),
        scale_down: RulesSpec::default(),
    };
    Ok(spec.fill(DOWNSCALE_STABILIZATION).scale_up)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyLimitInput {
    direction: DirectionInput,
    current: i32,
    rules: RulesInput,
    scale_up_events: Vec<EventInput>,
    scale_down_events: Vec<EventInput>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DirectionInput {
    Up,
    Down,
}

pub(super) fn policy_limit(input: Value) -> Result<Computed, String> {
    let input: PolicyLimitInput = read(input)?;
    let rules = complete(input.rules)?;
    let events = Events {
        up: &events(&input.scale_up_events),
        down: &events(&input.scale_down_events),
    };
    let limit = match input.direction {
        DirectionInput::Up => scale_up_limit(&rules, input.current, events, Timestamp::ZERO),
        DirectionInput::Down => scale_down_limit(&rules, input.current, events, Timestamp::ZERO),
    };
    Ok(computed([("limit", json!(limit))]))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecommendationInput {
    replicas: i32,
    t: Secs,
}

fn log(inputs: &[RecommendationInput]) -> RecommendationLog {
    inputs
        .iter()
        .map(|past| Recommendation {
            replicas: past.replicas,
            at: past.t.timestamp(),
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LegacyStabilizationInput {
    downscale_window_s: Secs,
    now: Secs,
    desired: i32,
    recommendations: Vec<RecommendationInput>,
}

pub(super) fn stabilization_legacy(input: Value) -> Result<Computed, String> {
    let input: LegacyStabilizationInput = read(input)?;
    let mut log = log(&input.recommendations);
    let stabilized = stabilize_legacy(
        &mut log,
        input.desired,
        input.downscale_window_s.span(),
        input.now.timestamp(),
    );
    Ok(report_stabilized(stabilized, &log))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BehaviorStabilizationInput {
    now: Secs,
    current: i32,
    desired: i32,
    scale_up_window_s: Secs,
    scale_down_window_s: Secs,
    recommendations: Vec<RecommendationInput>,
}

pub(super) fn stabilization_behavior(input: Value) -> Result<Computed, String> {
    let input: BehaviorStabilizationInput = read(input)?;
    let mut log = log(&input.recommendations);
    let windows = Windows {
        up: input.scale_up_window_s.span(),
        down: input.scale_down_window_s.span(),
    };
    let stabilized = stabilize_with_behavior(
        &mut log,
        input.current,
        input.desired,
        windows,
        input.now.timestamp(),
    );
    Ok(report_stabilized(stabilized, &log))
}

fn report_stabilized(stabilized: i32, log: &RecommendationLog) -> Computed {
    let replicas = log.replicas();
    computed([
        ("stabilized", json!(stabilized)),
        ("log_length", json!(replicas.len())),
        ("recommendations_after", json!(replicas)),
    ])
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScaleEventsInput {
    now: Secs,
    replica_change: i32,
    #[serde(deserialize_with = "nullable")]
    rules: Option<RulesInput>,
    events_before: Vec<EventInput>,
    probe_period_s: Secs,
}

/// Both directions store their events in the same way, so that a case stands for both.
pub(super) fn scale_events(input: Value) -> Result<Computed, String> {
    let input: ScaleEventsInput = read(input)?;
    let now = input.now.timestamp();
    let mut events = events(&input.events_before);
    let before = changed_within(&events, input.probe_period_s.span(), now);
    if let Some(rules) = input.rules {
        store_event(&mut events, &complete(rules)?, input.replica_change, now);
    }
    let after: Vec<_> = events
        .iter()
        .map(|event| json!({"change": event.change, "outdated": event.outdated}))
        .collect();
    Ok(computed([
        ("change_in_probe_period_before", json!(before)),
        ("events_after", json!(after)),
    ]))
}
