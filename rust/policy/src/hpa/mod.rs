//! The Kubernetes Horizontal Pod Autoscaler, decision for decision.
//!
//! Follows the HPA specification (Kubernetes `pkg/controller/podautoscaler`, development of v1.38) and calls things by
//! upstream's names; section numbers in this module's comments are those of that specification:
//!
//! | section | what | file |
//! | --- | --- | --- |
//! | 1 | constants, filling of defaults | `defaults` |
//! | 4 | one reconcile, conditions | `reconcile`, `conditions` |
//! | 5.1 | which pods count | `pods` |
//! | 5.2 to 5.5 | a proposal per metric | `replicas`, `containers` |
//! | 6.1, 6.3 | stabilisation | `stabilize` |
//! | 6.1, 6.2 | limits, scale events | `limits`, `memory` |
//!
//! Not here: the loop and its timing (section 3), the metrics pipeline and pod life cycle (8, 9), external-metric fallback.
//!
//! # Numbers
//!
//! Metric values are `i64` in milli-units, ratios are `f64` in the order of operations the specification gives. It says where
//! upstream saturates and is silent elsewhere; there, upstream's integers would wrap around. A wrapped sum means nothing, so
//! here every integer result is computed exactly and saturates at the ends of its type. The two differ only beyond `i64` or
//! `i32` (for example a total memory usage above 92 TB, counted in milli-bytes times 100).

mod conditions;
mod config;
mod containers;
mod defaults;
mod limits;
mod memory;
mod observation;
mod outcome;
mod pods;
mod reason;
mod reconcile;
mod replicas;
mod stabilize;

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod reconcile_tests;
#[cfg(test)]
mod test_fixtures;
#[cfg(test)]
mod worked_examples;

pub use conditions::{Condition, ConditionReason, Conditions};
pub use config::{
    Behavior, Config, ConfigError, Gates, MetricSpec, PolicyKind, Resource, ResourceTarget,
    ScalingPolicy, ScalingRules, SelectPolicy, ValueTarget,
};
pub use containers::{
    Container, MissingContainerRequest, PodRequests, container_usage, pod_request, pod_usage,
};
pub use defaults::{
    BehaviorSpec, CPU_INITIALIZATION_PERIOD, DOWNSCALE_STABILIZATION, INITIAL_READINESS_DELAY,
    MIN_REPLICAS, RulesSpec, SCALE_UP_LIMIT_FACTOR, SCALE_UP_LIMIT_MINIMUM, SYNC_PERIOD, TOLERANCE,
    default_metrics,
};
pub use limits::{
    Bounds, Events, Limited, Step, behavior_limits, legacy_limits, legacy_scale_up_limit,
    scale_down_limit, scale_up_limit,
};
pub use memory::{
    Memory, Recommendation, RecommendationLog, ScaleEvent, changed_within, store_event,
};
pub use observation::{
    Observation, Obstacle, Phase, Pod, PodId, Reading, ReadyCondition, ReadyStatus, Requests,
    Sample,
};
pub use outcome::{
    Branch, Evaluation, Measure, MetricError, MetricsApi, Outcome, Proposal, Rule, Steps,
};
pub use pods::{
    PodClass, ReadinessRules, Standing, classify, counts_with_sample, readiness_is_nothing_from,
};
pub use reason::Reason;
pub use reconcile::{evaluate, reconcile, reconcile_in};
pub use replicas::{Tolerances, per_pod_usage};
pub use stabilize::{Windows, stabilize_legacy, stabilize_with_behavior};
