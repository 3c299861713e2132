//! EC2 target tracking in the engine: instances from replicas, datapoints from CloudWatch.
//!
//! An instance is warm once it has been in service for the warm-up time. Instances that the group started with count as
//! warm from the beginning of the run.

use super::{Account, Controller, Verdict, View, config};
use crate::metrics::Reads;
use crate::plan::{ControllerPlan, PipelinePlan};
use crate::replica::{Replica, ReplicaState};
use hookean_kernel::{SimDuration, SimTime};
use hookean_policy::ec2_target_tracking::{
    AlarmState, Config, Decision, Evaluation, Memory, Metric, Observation, Reason, decide,
};
use hookean_policy::{Span, Timestamp};
use serde_json::json;

struct TargetTracking {
    config: Config,
    memory: Memory,
    warmup: SimDuration,
}

pub(super) fn build(plan: &ControllerPlan) -> Result<Box<dyn Controller>, String> {
    let config: Config = config(plan)?;
    check(&config, plan.metrics)?;
    let warmup = u64::try_from(config.instance_warmup.as_nanos())
        .map_err(|_| "has a negative warm-up".to_owned())?;
    Ok(Box::new(TargetTracking {
        config,
        memory: Memory::default(),
        warmup: SimDuration::from_nanos(warmup),
    }))
}

fn check(config: &Config, metrics: PipelinePlan) -> Result<(), String> {
    let sound = |target: f64| target > 0.0 && target.is_finite();
    let datapoints = u64::try_from(config.period.as_nanos()).ok();
    let published = match metrics {
        PipelinePlan::Cloudwatch { period_ns, .. } => Some(period_ns),
        PipelinePlan::Ideal { .. } | PipelinePlan::Kubernetes { .. } => datapoints,
    };
    let rules = [
        (
            config.min >= 0 && config.min <= config.max,
            "bounds that are negative or crossed",
        ),
        (!config.policies.is_empty(), "no policy"),
        (
            config.policies.iter().all(|p| sound(p.target)),
            "a target that is not a positive number",
        ),
        (
            config.high_datapoints > 0 && config.low_datapoints > 0,
            "an alarm without datapoints",
        ),
        (
            config.low_factor > 0.0 && config.low_factor <= 1.0,
            "a low factor outside 0 to 1",
        ),
        (
            config.alarm_repeat > Span::ZERO,
            "an alarm that repeats without end",
        ),
        (
            datapoints == published,
            "a period that differs from that of its pipeline",
        ),
    ];
    let broken = rules.iter().find(|(holds, _)| !holds);
    broken.map_or(Ok(()), |(_, what)| Err(format!("has {what}")))
}

impl Controller for TargetTracking {
    fn reads(&self) -> Reads {
        let datapoints = self.config.high_datapoints.max(self.config.low_datapoints);
        Reads::Group {
            warmup: self.warmup,
            datapoints: datapoints as usize,
        }
    }

    fn decide(&mut self, view: &View<'_>, account: &mut Account<'_>) -> Verdict {
        let is_warm = |replica: &&Replica| self.is_warm(replica, view.now);
        let warmed = view.existing().filter(is_warm).count() as i32;
        let existing = i32::try_from(view.wanted).unwrap_or(i32::MAX);
        let datapoints: Vec<Vec<Option<f64>>> = self
            .config
            .policies
            .iter()
            .map(|p| datapoints(p.metric, view))
            .collect();
        let slices: Vec<&[Option<f64>]> = datapoints.iter().map(Vec::as_slice).collect();
        let observation = Observation {
            now: Timestamp::from_nanos(i64::try_from(view.now.as_nanos()).unwrap_or(i64::MAX)),
            desired: i32::try_from(view.desired).unwrap_or(i32::MAX),
            warmed,
            warming: existing - warmed,
            datapoints: &slices,
        };
        let decision = decide(&self.config, &mut self.memory, &observation);
        give_account(account, &observation, &decision);
        verdict(&decision)
    }
}

impl TargetTracking {
    fn is_warm(&self, replica: &Replica, now: SimTime) -> bool {
        let in_service = replica
            .ready
            .filter(|_| replica.state == ReplicaState::Ready);
        in_service.is_some_and(|since| since + self.warmup <= now || replica.initial)
    }
}

/// The published datapoints of a metric, oldest first, in the unit of its target.
fn datapoints(metric: Metric, view: &View<'_>) -> Vec<Option<f64>> {
    let cores = view.cpu_millicores as f64 / 1000.0;
    let points = view.pipeline.group_points(view.now).iter();
    match metric {
        Metric::Cpu => points
            .map(|p| p.cpu_cores.map(|used| used / cores * 100.0))
            .collect(),
        Metric::RequestCountPerTarget => points.map(|p| p.requests_per_minute).collect(),
    }
}

fn give_account(account: &mut Account<'_>, observation: &Observation<'_>, decision: &Decision) {
    let policies: Vec<_> = decision.evaluations.iter().map(evaluation).collect();
    let inputs = json!({
        "current": observation.desired,
        "warmed": observation.warmed,
        "warming": observation.warming,
        "policies": policies,
    });
    account.inputs.push_str(&inputs.to_string());
    account.reason.push_str(&decision.reason.to_string());
}

fn verdict(decision: &Decision) -> Verdict {
    let decisive = match decision.reason {
        Reason::Tracked { policy, .. } => decision.evaluations.iter().find(|e| e.policy == policy),
        _ => decision.evaluations.first(),
    };
    Verdict {
        desired: u32::try_from(decision.desired).unwrap_or(0),
        metric: decisive.map(|e| e.policy.metric.as_str().into()),
        value: decisive.and_then(|e| e.value),
        target: decisive.map(|e| e.policy.target),
    }
}

fn evaluation(evaluation: &Evaluation) -> serde_json::Value {
    json!({
        "metric": evaluation.policy.metric.as_str(),
        "value": evaluation.value,
        "target": evaluation.policy.target,
        "high": alarm(evaluation.high),
        "low": alarm(evaluation.low),
        "candidate": evaluation.candidate,
    })
}

/// CloudWatch's name of the state.
fn alarm(state: AlarmState) -> &'static str {
    match state {
        AlarmState::Ok => "OK",
        AlarmState::Alarm => "ALARM",
        AlarmState::InsufficientData => "INSUFFICIENT_DATA",
    }
}
