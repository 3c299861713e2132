//! Runs recorded cases of the original controllers against this crate's decisions.
//!
//! A file is a JSON object with a `kind` and one or more lists of cases; a case has an `id`, an `input` and what to `expect`.
//! [`KINDS`] says which kinds are known. Nothing is skipped: a file that no controller claims, a list that is not known, a case
//! with a missing or unknown field are failures, and so is a file without cases.

mod compare;
mod hpa_inputs;
mod hpa_limits;
mod hpa_pods;
mod hpa_reconcile;
mod hpa_replicas;
mod hpa_rules;
mod json;
mod report;
mod runner;

pub use report::{CaseFailure, FileReport};
pub use runner::{Kind, run_file};

use runner::Section;

/// Every kind of file that can be checked.
pub static KINDS: &[Kind] = &[
    Kind {
        kind: "hpa.behavior_rate",
        checks: "how far the scale moves under scaling policies, and which limit acts",
        sections: &[
            Section {
                key: "cases",
                expects: &["replicas", "reason"],
                run: hpa_limits::behavior_rate,
            },
            Section {
                key: "limit_cases",
                expects: &["limit"],
                run: hpa_limits::policy_limit,
            },
        ],
    },
    Kind {
        kind: "hpa.convert_rules_legacy",
        checks: "how far the scale moves without scaling policies, and which limit acts",
        sections: &[Section {
            key: "cases",
            expects: &["replicas", "reason"],
            run: hpa_limits::legacy,
        }],
    },
    Kind {
        kind: "hpa.group_pods",
        checks: "which pods count, are unready, miss a sample or are ignored",
        sections: &[Section {
            key: "cases",
            expects: &["ready_count", "unready", "missing", "ignored"],
            run: hpa_pods::group_pods,
        }],
    },
    Kind {
        kind: "hpa.metric_replicas",
        checks: "the proposal of a pods, object or external metric",
        sections: &[Section {
            key: "cases",
            expects: &["replicas", "error_contains"],
            run: hpa_replicas::metric_replicas,
        }],
    },
    Kind {
        kind: "hpa.pod_requests",
        checks: "requests of pods with several containers, and usage per pod",
        sections: &[
            Section {
                key: "cases",
                expects: &["requests_milli", "error_contains"],
                run: hpa_pods::pod_requests,
            },
            Section {
                key: "per_pod_usage_cases",
                expects: &["per_pod_milli"],
                run: hpa_pods::per_pod_usage,
            },
        ],
    },
    Kind {
        kind: "hpa.reconcile",
        checks: "a whole reconcile: the decision and the conditions",
        sections: &[Section {
            key: "cases",
            expects: &["desired_replicas"],
            run: hpa_reconcile::reconcile,
        }],
    },
    Kind {
        kind: "hpa.resource_replicas",
        checks: "the proposal of a resource or container resource metric",
        sections: &[Section {
            key: "cases",
            expects: &["replicas", "error_contains"],
            run: hpa_replicas::resource_replicas,
        }],
    },
    Kind {
        kind: "hpa.scale_events",
        checks: "which scale events are kept, and what they add up to",
        sections: &[Section {
            key: "cases",
            expects: &["change_in_probe_period_before", "events_after"],
            run: hpa_limits::scale_events,
        }],
    },
    Kind {
        kind: "hpa.stabilization",
        checks: "how past recommendations hold back a change, and which are kept",
        sections: &[
            Section {
                key: "legacy_cases",
                expects: &["stabilized"],
                run: hpa_limits::stabilization_legacy,
            },
            Section {
                key: "behavior_cases",
                expects: &["stabilized"],
                run: hpa_limits::stabilization_behavior,
            },
        ],
    },
];
