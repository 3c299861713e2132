//! Scaling rules and scale events as the HPA's cases write them.

use serde::Deserialize;

use super::json::Secs;
use crate::hpa::{BehaviorSpec, PolicyKind, RulesSpec, ScaleEvent, ScalingPolicy, SelectPolicy};

/// Both directions of a behaviour before its defaults are filled in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct BehaviorInput {
    scale_up: Option<RulesInput>,
    scale_down: Option<RulesInput>,
}

/// Rules of one direction.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RulesInput {
    stabilization_window_seconds: Option<Secs>,
    select_policy: Option<SelectInput>,
    policies: Option<Vec<PolicyInput>>,
    tolerance: Option<f64>,
}

#[derive(Deserialize)]
enum SelectInput {
    Max,
    Min,
    Disabled,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PolicyInput {
    r#type: PolicyTypeInput,
    value: i32,
    period_seconds: Secs,
}

#[derive(Deserialize)]
enum PolicyTypeInput {
    Pods,
    Percent,
}

impl From<BehaviorInput> for BehaviorSpec {
    fn from(input: BehaviorInput) -> Self {
        let spec =
            |rules: Option<RulesInput>| rules.map_or_else(RulesSpec::default, RulesSpec::from);
        Self {
            scale_up: spec(input.scale_up),
            scale_down: spec(input.scale_down),
        }
    }
}

impl From<RulesInput> for RulesSpec {
    fn from(input: RulesInput) -> Self {
        Self {
            stabilization_window: input.stabilization_window_seconds.map(Secs::span),
            select_policy: input.select_policy.map(|select| match select {
                SelectInput::Max => SelectPolicy::Max,
                SelectInput::Min => SelectPolicy::Min,
                SelectInput::Disabled => SelectPolicy::Disabled,
            }),
            policies: input
                .policies
                .map(|policies| policies.iter().map(PolicyInput::policy).collect()),
            tolerance: input.tolerance,
        }
    }
}

impl RulesInput {
    /// Complains about parts that a case with complete rules must have.
    pub(super) fn check_complete(&self) -> Result<(), String> {
        if self.select_policy.is_none() {
            return Err("missing field `selectPolicy`".to_owned());
        }
        self.policies
            .as_ref()
            .map(|_| ())
            .ok_or_else(|| "missing field `policies`".to_owned())
    }
}

impl PolicyInput {
    fn policy(&self) -> ScalingPolicy {
        ScalingPolicy {
            kind: match self.r#type {
                PolicyTypeInput::Pods => PolicyKind::Pods,
                PolicyTypeInput::Percent => PolicyKind::Percent,
            },
            value: self.value,
            period: self.period_seconds.span(),
        }
    }
}

/// A past change of scale.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventInput {
    change: i32,
    t: Secs,
}

/// The scale events of a case, none of them outdated.
pub(super) fn events(inputs: &[EventInput]) -> Vec<ScaleEvent> {
    inputs
        .iter()
        .map(|event| ScaleEvent {
            change: event.change,
            at: event.t.timestamp(),
            outdated: false,
        })
        .collect()
}
