//! Checks of services.

use super::{PlanError, require, require_at_most, require_positive, require_time};
use crate::plan::{
    ClassPlan, Discipline, Fidelity, QuotaPlan, ReplicaPlan, Routing, ServicePlan, SloPlan,
    WarmupStep, WhenFull,
};
use crate::replica::stage_index;

/// Most replicas to begin with.
const REPLICAS_MAX: u64 = 10_000_000;
/// Largest replica: a million cores, a pebibyte.
const CPU_MAX_MILLICORES: u64 = 1_000_000_000;
const MEMORY_MAX_BYTES: u64 = 1 << 50;
/// Most slots of a replica that serves first come, first served; each takes memory.
const SLOTS_MAX: u64 = 1_000_000;
/// Most replicas that one request may compare.
const CHOICES_MAX: u32 = 32;
/// Steepest law of sessions: beyond it nearly all requests are of one session.
const ZIPF_EXPONENT_MAX: f64 = 20.0;
const SESSIONS_MAX: u64 = 1 << 40;
/// Most classes of one service: each may have a queue in every replica.
const CLASSES_MAX: u64 = 64;
/// Most times that a class multiplies work, and how far shares may be off 1.
const WORK_FACTOR_MAX: f64 = 1e6;
const SHARE_TOLERANCE: f64 = 1e-9;
/// Least quota and period, and longest period, that the kernel takes.
const QUOTA_MIN_NS: u64 = 1_000_000;
const PERIOD_MAX_NS: u64 = 1_000_000_000;
/// Stages that the engine works out itself.
const COMPUTED: [&str; 2] = ["place", "pull"];

pub(super) fn validate(service: &ServicePlan) -> Result<(), PlanError> {
    let invalid = |field: &str, problem: String| PlanError::invalid(field, problem);
    let work = service.work.validate();
    work.map_err(|problem| invalid("work", format!("is invalid: {problem}")))?;
    require_time(service.created_at_ns, "created_at_ns")?;
    require_at_most(
        u64::from(service.initial_replicas),
        REPLICAS_MAX,
        "initial_replicas",
    )?;
    for stage in &service.startup {
        let problem = stage.duration.validate().err();
        if let Some(problem) = problem {
            let text = format!("has an invalid stage `{}`: {problem}", stage.stage);
            return Err(invalid("startup", text));
        }
    }
    let names = service.startup.iter().map(|s| s.stage.as_str());
    require_order(names).map_err(|text| invalid("startup", text))?;
    require_slo(service.slo)?;
    require_warmup(&service.warmup)?;
    require_routing(service)?;
    require_classes(&service.classes)?;
    require_levels(service)?;
    require_quota(service)?;
    require_replica(&service.replica, service.queue.discipline).map_err(|e| e.inside("replica"))
}

/// Stages come in their order, each at most once, and none that the engine works out itself.
pub(super) fn require_order<'a>(stages: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut least = 0;
    for stage in stages {
        let index =
            stage_index(stage).ok_or_else(|| format!("names `{stage}`, which is no stage"))?;
        if COMPUTED.contains(&stage) {
            return Err(format!(
                "names `{stage}`, which is worked out and not drawn"
            ));
        }
        if index < least {
            return Err(format!("has `{stage}` twice, or after a later stage"));
        }
        least = index + 1;
    }
    Ok(())
}

fn require_warmup(steps: &[WarmupStep]) -> Result<(), PlanError> {
    let begins = steps.first().is_none_or(|step| step.age_ns == 0);
    let ordered = steps.is_sorted_by(|a, b| a.age_ns < b.age_ns);
    require(begins && ordered, "warmup", "does not ascend from age 0")?;
    let mut steps = steps.iter();
    steps.try_for_each(|step| {
        require_time(step.age_ns, "warmup.age_ns")?;
        require_positive(step.speed_ratio, "warmup.speed_ratio")
    })
}

fn require_slo(slo: Option<SloPlan>) -> Result<(), PlanError> {
    let share = slo.is_none_or(|slo| (0.0..=1.0).contains(&slo.target_ratio));
    require(share, "slo.target_ratio", "is not between 0 and 1")
}

fn require_routing(service: &ServicePlan) -> Result<(), PlanError> {
    let field = |name: &str| format!("queue.routing.{name}");
    match service.queue.routing {
        Routing::PowerOfChoices { choices } => {
            let compares = (1..=CHOICES_MAX).contains(&choices);
            let problem = format!("is {choices}, not 1 to {CHOICES_MAX}");
            require(compares, &field("choices"), &problem)
        }
        Routing::Sticky {
            sessions,
            zipf_exponent,
        } => {
            require(sessions > 0, &field("sessions"), "is zero")?;
            require_at_most(sessions, SESSIONS_MAX, &field("sessions"))?;
            let drawable = (0.0..=ZIPF_EXPONENT_MAX).contains(&zipf_exponent);
            let problem = format!("is {zipf_exponent}, not 0 to {ZIPF_EXPONENT_MAX}");
            require(drawable, &field("zipf_exponent"), &problem)
        }
        Routing::Packing | Routing::Newest => require(
            service.replica.concurrency.is_some(),
            "replica.concurrency",
            "is unbounded, so routing never fills a replica",
        ),
        Routing::Random | Routing::RoundRobin | Routing::LeastOutstanding | Routing::Weighted => {
            Ok(())
        }
    }
}

fn require_classes(classes: &[ClassPlan]) -> Result<(), PlanError> {
    require_at_most(classes.len() as u64, CLASSES_MAX, "classes")?;
    for class in classes {
        let share = (0.0..=1.0).contains(&class.share);
        require(share, "classes.share", "is not between 0 and 1")?;
        let factor = class.work_factor > 0.0 && class.work_factor <= WORK_FACTOR_MAX;
        let problem = format!("is {}, not above 0 and at most 1e6", class.work_factor);
        require(factor, "classes.work_factor", &problem)?;
    }
    let names = classes.windows(2).all(|pair| pair[0].name < pair[1].name);
    require(names, "classes", "are not sorted by name")?;
    let all: f64 = classes.iter().map(|class| class.share).sum();
    let whole = classes.is_empty() || (all - 1.0).abs() <= SHARE_TOLERANCE;
    require(whole, "classes.share", &format!("is {all} in all, not 1"))
}

fn require_quota(service: &ServicePlan) -> Result<(), PlanError> {
    let Some(quota) = service.replica.cpu_quota else {
        return Ok(());
    };
    let QuotaPlan {
        quota_ns,
        period_ns,
        cores_millicores,
    } = quota;
    let field = "replica.cpu_quota";
    let period = (QUOTA_MIN_NS..=PERIOD_MAX_NS).contains(&period_ns);
    require(period, field, "has a period outside of 1 ms to 1 s")?;
    require(quota_ns >= QUOTA_MIN_NS, field, "is below 1 ms")?;
    require_time(quota_ns, field)?;
    require(cores_millicores > 0, field, "has no cores")?;
    require_at_most(cores_millicores, CPU_MAX_MILLICORES, field)?;
    let own_queues = !service.queue.discipline.is_central();
    let single = service.fidelity == Fidelity::Exact;
    require(
        own_queues && single,
        field,
        "needs replicas with queues of their own, and requests one by one",
    )
}

fn require_levels(service: &ServicePlan) -> Result<(), PlanError> {
    let levels = service.queue.discipline.has_levels();
    require(
        !levels || !service.classes.is_empty(),
        "classes",
        "are missing, which the queue discipline orders by",
    )?;
    require(
        levels || service.queue.when_full == WhenFull::Reject,
        "queue.when_full",
        "pushes out by level, which the queue discipline does not have",
    )
}

fn require_replica(replica: &ReplicaPlan, discipline: Discipline) -> Result<(), PlanError> {
    validate_cpu(replica.cpu_millicores)?;
    require_at_most(replica.memory_bytes, MEMORY_MAX_BYTES, "memory_bytes")?;
    require_at_most(replica.image_bytes, MEMORY_MAX_BYTES, "image_bytes")?;
    let sharing = discipline == Discipline::ProcessorSharing;
    match replica.concurrency {
        Some(slots) => {
            require(slots > 0, "concurrency", "is zero")?;
            let most = if sharing { u64::MAX } else { SLOTS_MAX };
            require_at_most(u64::from(slots), most, "concurrency")
        }
        None => require(
            sharing,
            "concurrency",
            "is unbounded, which only processor sharing allows",
        ),
    }
}

pub(super) fn validate_cpu(millicores: u64) -> Result<(), PlanError> {
    require(millicores > 0, "cpu_millicores", "is zero")?;
    require_at_most(millicores, CPU_MAX_MILLICORES, "cpu_millicores")
}
