//! Section 1: the constants of the controller, and how an incomplete spec is completed.

use super::config::{
    Behavior, MetricSpec, PolicyKind, Resource, ResourceTarget, ScalingPolicy, ScalingRules,
    SelectPolicy,
};
use crate::Span;

/// Time from the end of one reconcile to the next.
pub const SYNC_PERIOD: Span = Span::from_secs(15);
/// Tolerance of the cluster.
pub const TOLERANCE: f64 = 0.1;
/// See [`super::Config::cpu_initialization_period`].
pub const CPU_INITIALIZATION_PERIOD: Span = Span::from_secs(300);
/// See [`super::Config::initial_readiness_delay`].
pub const INITIAL_READINESS_DELAY: Span = Span::from_secs(30);
/// See [`super::Config::downscale_stabilization`]; also the scale-down window of a behaviour that sets none.
pub const DOWNSCALE_STABILIZATION: Span = Span::from_secs(300);
/// See [`super::Config::scale_up_limit_factor`].
pub const SCALE_UP_LIMIT_FACTOR: f64 = 2.0;
/// See [`super::Config::scale_up_limit_minimum`].
pub const SCALE_UP_LIMIT_MINIMUM: f64 = 4.0;
/// `minReplicas` where the spec says nothing.
pub const MIN_REPLICAS: i32 = 1;

const POLICY_PERIOD: Span = Span::from_secs(15);
const CPU_TARGET_PERCENT: i32 = 80;

/// The metrics of a spec that lists none: CPU at 80 % of the request.
pub fn default_metrics() -> Vec<MetricSpec> {
    vec![MetricSpec::Resource {
        resource: Resource::Cpu,
        target: ResourceTarget::UtilizationPercent(CPU_TARGET_PERCENT),
    }]
}

/// A behaviour block as written, possibly empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BehaviorSpec {
    /// Rules on the way up.
    pub scale_up: RulesSpec,
    /// Rules on the way down.
    pub scale_down: RulesSpec,
}

/// Rules of one direction as written: each part that is absent takes its default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RulesSpec {
    /// Stabilisation window.
    pub stabilization_window: Option<Span>,
    /// Which policy wins.
    pub select_policy: Option<SelectPolicy>,
    /// The rate limits; a list given by the user replaces the default list as a whole.
    pub policies: Option<Vec<ScalingPolicy>>,
    /// Tolerance of this direction.
    pub tolerance: Option<f64>,
}

impl BehaviorSpec {
    /// Completes the behaviour. `downscale_stabilization` is the controller's window, used where scale-down sets none.
    pub fn fill(self, downscale_stabilization: Span) -> Behavior {
        let percent = ScalingPolicy {
            kind: PolicyKind::Percent,
            value: 100,
            period: POLICY_PERIOD,
        };
        let pods = ScalingPolicy {
            kind: PolicyKind::Pods,
            value: 4,
            period: POLICY_PERIOD,
        };
        Behavior {
            scale_up: self.scale_up.fill(Span::ZERO, vec![pods, percent]),
            scale_down: self.scale_down.fill(downscale_stabilization, vec![percent]),
        }
    }
}

impl RulesSpec {
    fn fill(self, window: Span, policies: Vec<ScalingPolicy>) -> ScalingRules {
        ScalingRules {
            stabilization_window: self.stabilization_window.unwrap_or(window),
            select_policy: self.select_policy.unwrap_or(SelectPolicy::Max),
            policies: self.policies.unwrap_or(policies),
            tolerance: self.tolerance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_behavior_gets_the_documented_defaults() {
        let behavior = BehaviorSpec::default().fill(DOWNSCALE_STABILIZATION);
        assert_eq!(behavior.scale_up.stabilization_window, Span::ZERO);
        assert_eq!(
            behavior.scale_down.stabilization_window,
            Span::from_secs(300)
        );
        assert_eq!(behavior.scale_up.policies.len(), 2);
        assert_eq!(behavior.scale_down.policies.len(), 1);
        assert_eq!(behavior.scale_up.select_policy, SelectPolicy::Max);
    }

    #[test]
    fn a_users_policies_replace_the_whole_list() {
        let mine = ScalingPolicy {
            kind: PolicyKind::Pods,
            value: 1,
            period: Span::from_secs(60),
        };
        let spec = BehaviorSpec {
            scale_up: RulesSpec {
                policies: Some(vec![mine]),
                ..RulesSpec::default()
            },
            ..BehaviorSpec::default()
        };
        let behavior = spec.fill(DOWNSCALE_STABILIZATION);
        assert_eq!(behavior.scale_up.policies, vec![mine]);
        assert_eq!(behavior.scale_up.stabilization_window, Span::ZERO);
    }
}
