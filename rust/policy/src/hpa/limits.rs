//! Sections 6.1 and 6.2: how far the scale may move in one step.

use std::cmp::Ordering;

use super::conditions::ConditionReason;
use super::config::{Behavior, PolicyKind, ScalingPolicy, ScalingRules, SelectPolicy};
use super::memory::{ScaleEvent, changed_within};
use crate::Timestamp;

/// The smallest and largest number of replicas of the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Smallest.
    pub min: i32,
    /// Largest.
    pub max: i32,
}

/// A count after the limits, and which of them acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// The count.
    pub replicas: i32,
    /// The limit that acted, or `DesiredWithinRange`.
    pub reason: ConditionReason,
}

/// Where the target is and where it should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The current count.
    pub current: i32,
    /// The count wanted, already stabilised.
    pub wanted: i32,
    /// The moment of the reconcile.
    pub now: Timestamp,
}

/// The scale events of both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Events<'a> {
    /// Scale-ups.
    pub up: &'a [ScaleEvent],
    /// Scale-downs.
    pub down: &'a [ScaleEvent],
}

/// The legacy scale-up limit: `factor` times the current count, but at least `minimum`.
pub fn legacy_scale_up_limit(current: i32, factor: f64, minimum: f64) -> i32 {
    (factor * f64::from(current)).max(minimum) as i32
}

/// Without behaviour: both bounds of the spec, and the legacy scale-up limit.
pub fn legacy_limits(scale_up_limit: i32, bounds: Bounds, wanted: i32) -> Limited {
    let (upper, reason) = upper(scale_up_limit, bounds.max);
    if wanted < bounds.min {
        Limited {
            replicas: bounds.min,
            reason: ConditionReason::TooFewReplicas,
        }
    } else {
        at_most(wanted, upper, reason)
    }
}

/// With behaviour: the bound and the rate limit of the direction of travel. The other bound is not enforced.
pub fn behavior_limits(
    behavior: &Behavior,
    bounds: Bounds,
    events: Events<'_>,
    step: Step,
) -> Limited {
    let Step {
        current,
        wanted,
        now,
    } = step;
    match wanted.cmp(&current) {
        Ordering::Greater => {
            let limit = scale_up_limit(&behavior.scale_up, current, events, now).max(current);
            let (upper, reason) = upper(limit, bounds.max);
            at_most(wanted, upper, reason)
        }
        Ordering::Less => {
            let limit = scale_down_limit(&behavior.scale_down, current, events, now).min(current);
            let (lower, reason) = lower(limit, bounds.min);
            at_least(wanted, lower, reason)
        }
        Ordering::Equal => unlimited(wanted),
    }
}

/// The largest count that the policies allow on the way up. Not yet held to be at least the current count.
///
/// Without policies, which the API server does not accept, there is no limit under `Min` and no growth under `Max`.
pub fn scale_up_limit(
    rules: &ScalingRules,
    current: i32,
    events: Events<'_>,
    now: Timestamp,
) -> i32 {
    let proposals = rules.policies.iter().map(|policy| {
        let base = base(policy, current, events, now);
        match policy.kind {
            PolicyKind::Pods => saturate(base + i64::from(policy.value)),
            PolicyKind::Percent => {
                (base as f64 * (1.0 + f64::from(policy.value) / 100.0)).ceil() as i32
            }
        }
    });
    match rules.select_policy {
        SelectPolicy::Disabled => current,
        SelectPolicy::Max => proposals.fold(i32::MIN, i32::max),
        SelectPolicy::Min => proposals.fold(i32::MAX, i32::min),
    }
}

/// The smallest count that the policies allow on the way down. Not yet held to be at most the current count.
///
/// Without policies, which the API server does not accept, there is no limit under `Min` and no shrinking under `Max`.
pub fn scale_down_limit(
    rules: &ScalingRules,
    current: i32,
    events: Events<'_>,
    now: Timestamp,
) -> i32 {
    let proposals = rules.policies.iter().map(|policy| {
        let base = base(policy, current, events, now);
        match policy.kind {
            PolicyKind::Pods => saturate(base - i64::from(policy.value)),
            PolicyKind::Percent => (base as f64 * (1.0 - f64::from(policy.value) / 100.0)) as i32,
        }
    });
    match rules.select_policy {
        SelectPolicy::Disabled => current,
        SelectPolicy::Max => proposals.fold(i32::MAX, i32::min),
        SelectPolicy::Min => proposals.fold(i32::MIN, i32::max),
    }
}

/// The count at the start of the policy's period, as far as this HPA's own changes explain it.
fn base(policy: &ScalingPolicy, current: i32, events: Events<'_>, now: Timestamp) -> i64 {
    let up = changed_within(events.up, policy.period, now);
    let down = changed_within(events.down, policy.period, now);
    i64::from(current) - up + down
}

fn upper(limit: i32, max: i32) -> (i32, ConditionReason) {
    if max > limit {
        (limit, ConditionReason::ScaleUpLimit)
    } else {
        (max, ConditionReason::TooManyReplicas)
    }
}

fn lower(limit: i32, min: i32) -> (i32, ConditionReason) {
    if min < limit {
        (limit, ConditionReason::ScaleDownLimit)
    } else {
        (min, ConditionReason::TooFewReplicas)
    }
}

fn at_least(wanted: i32, lower: i32, reason: ConditionReason) -> Limited {
    if wanted < lower {
        Limited {
            replicas: lower,
            reason,
        }
    } else {
        unlimited(wanted)
    }
}

fn at_most(wanted: i32, upper: i32, reason: ConditionReason) -> Limited {
    if wanted > upper {
        Limited {
            replicas: upper,
            reason,
        }
    } else {
        unlimited(wanted)
    }
}

fn unlimited(replicas: i32) -> Limited {
    Limited {
        replicas,
        reason: ConditionReason::DesiredWithinRange,
    }
}

fn saturate(replicas: i64) -> i32 {
    replicas.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    const NONE: Events<'_> = Events { up: &[], down: &[] };

    fn percent(select_policy: SelectPolicy, value: i32) -> ScalingRules {
        let period = Span::from_secs(60);
        let policies = vec![ScalingPolicy {
            kind: PolicyKind::Percent,
            value,
            period,
        }];
        ScalingRules {
            stabilization_window: Span::ZERO,
            select_policy,
            policies,
            tolerance: None,
        }
    }

    #[test]
    fn binary_floating_point_is_visible() {
        let up = |base, value| {
            scale_up_limit(
                &percent(SelectPolicy::Max, value),
                base,
                NONE,
                Timestamp::ZERO,
            )
        };
        let down = |base, value| {
            scale_down_limit(
                &percent(SelectPolicy::Max, value),
                base,
                NONE,
                Timestamp::ZERO,
            )
        };
        assert_eq!(up(50, 10), 56);
        assert_eq!(up(100, 10), 111);
        assert_eq!(down(20, 80), 3);
        assert_eq!(down(5, 80), 0);
    }

    #[test]
    fn a_disabled_direction_stays() {
        let rules = percent(SelectPolicy::Disabled, 100);
        assert_eq!(scale_up_limit(&rules, 7, NONE, Timestamp::ZERO), 7);
        assert_eq!(scale_down_limit(&rules, 7, NONE, Timestamp::ZERO), 7);
    }

    #[test]
    fn the_legacy_limit_is_cut_not_rounded() {
        assert_eq!(legacy_scale_up_limit(3, 1.5, 4.0), 4);
        assert_eq!(legacy_scale_up_limit(5, 1.5, 4.0), 7);
        assert_eq!(legacy_scale_up_limit(i32::MAX, 2.0, 4.0), i32::MAX);
    }

    #[test]
    fn bounds_act_only_in_the_direction_of_travel() {
        let behavior = Behavior {
            scale_up: percent(SelectPolicy::Max, 100),
            scale_down: percent(SelectPolicy::Max, 100),
        };
        let bounds = Bounds { min: 3, max: 5 };
        let limited = |current, wanted| {
            let step = Step {
                current,
                wanted,
                now: Timestamp::ZERO,
            };
            behavior_limits(&behavior, bounds, NONE, step).replicas
        };
        assert_eq!([limited(9, 9), limited(1, 1)], [9, 1]);
        assert_eq!([limited(4, 9), limited(4, 1)], [5, 3]);
        assert_eq!([limited(9, 8), limited(1, 2)], [8, 2]);
    }
}
