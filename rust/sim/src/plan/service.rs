//! Services: what receives requests.

use super::StagePlan;
use hookean_kernel::Distribution;
use serde::Deserialize;

/// How requests share the replicas of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discipline {
    /// One queue for the service; a free slot of any replica takes its head.
    CentralFifo,
    /// One queue for the service; a free slot of any replica takes its newest request.
    CentralLifo,
    /// One queue for the service; a free slot of any replica takes the oldest request of the first level that has one.
    CentralPriority,
    /// A queue for each replica; each of its slots serves one request at a time.
    Fifo,
    /// As [`Discipline::Fifo`], but a slot takes the newest waiting request.
    Lifo,
    /// As [`Discipline::Fifo`], but a slot takes the oldest waiting request of the first level that has one.
    Priority,
    /// A queue for each replica; admitted requests share its cores equally, none gets more than one core.
    ProcessorSharing,
}

impl Discipline {
    /// Whether all replicas take requests from one queue.
    pub const fn is_central(self) -> bool {
        matches!(
            self,
            Self::CentralFifo | Self::CentralLifo | Self::CentralPriority
        )
    }

    /// Whether levels of classes decide who is served next.
    pub const fn has_levels(self) -> bool {
        matches!(self, Self::CentralPriority | Self::Priority)
    }
}

/// Who goes when a request arrives at a full queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// The arriving request.
    Reject,
    /// The newest waiting request of the last level, if the arriving one is of an earlier level; else the arriving one.
    PushOut,
}

/// How an arriving request finds its replica. From a central queue the next request takes the place that has been free
/// longest, or, by [`Routing::Newest`], one of the newest replica; the other rules are unused there.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Routing {
    /// Uniformly at random.
    Random,
    /// In turn, in slot order.
    RoundRobin,
    /// The replica with the fewest requests waiting or in service; ties go to the lowest slot.
    LeastOutstanding,
    /// Of some different replicas drawn at random, the one with the fewest requests waiting or in service; ties go to the
    /// one drawn first.
    PowerOfChoices {
        /// How many replicas are drawn (all, when there are no more).
        choices: u32,
    },
    /// In turn, each replica as often as its speed times its CPU demands (weighted round robin).
    Weighted,
    /// By the session of the request, on a ring of hashes (consistent hashing): a session moves only when its replica goes
    /// or a new one takes its place on the ring.
    Sticky {
        /// Number of sessions.
        sessions: u64,
        /// Session k is drawn with a probability proportional to k^-exponent; 0 draws all alike.
        zipf_exponent: f64,
    },
    /// The replica with the most requests of those with fewer than their concurrency; when all are full, the one where the
    /// fewest wait. Ties go to the lowest slot.
    Packing,
    /// The replica created last of those with fewer requests than their concurrency, so that old ones idle; when all are
    /// full, the one where the fewest wait.
    Newest,
}

/// The queue of a service.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueuePlan {
    /// Queue discipline.
    pub discipline: Discipline,
    /// Routing to replicas.
    pub routing: Routing,
    /// Most requests that may wait (in the central queue, or in each replica's own); `None` is unbounded.
    pub limit: Option<u64>,
    /// Who goes when the queue is full.
    pub when_full: WhenFull,
    /// Longest time a request waits before its service starts; `None` waits for ever.
    pub timeout_ns: Option<u64>,
    /// Longest time from the arrival of an attempt to its end, in service or not; `None` is for ever.
    pub total_timeout_ns: Option<u64>,
}

/// A limit of CPU time in each period, as the quota of the CFS scheduler (`cpu.max`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaPlan {
    /// CPU time that a replica may use in a period, on all cores together.
    pub quota_ns: u64,
    /// Length of a period.
    pub period_ns: u64,
    /// Cores that it runs on while the quota lasts.
    pub cores_millicores: u64,
}

/// Shape of one replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplicaPlan {
    /// CPU requested and usable.
    pub cpu_millicores: u64,
    /// Memory requested.
    pub memory_bytes: u64,
    /// Most requests in service at once; `None` is unbounded (processor sharing only).
    pub concurrency: Option<u32>,
    /// Uncompressed size of the image to pull.
    pub image_bytes: u64,
    /// Memory in use with no request.
    pub memory_idle_bytes: u64,
    /// Memory in use for each request waiting or in service.
    pub memory_per_request_bytes: u64,
    /// Limit of the CPU time it uses, if any.
    pub cpu_quota: Option<QuotaPlan>,
}

/// A class of a service's requests.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassPlan {
    /// Name.
    pub name: String,
    /// Its share of the requests; those of all classes make 1.
    pub share: f64,
    /// Requests of the lowest level are served first, where the discipline has levels.
    pub level: u32,
    /// Its requests need this many times the work drawn for them.
    pub work_factor: f64,
}

/// Service-level objective.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SloPlan {
    /// A request is good when it completes within this time.
    pub latency_ns: u64,
    /// Wanted share of good requests.
    pub target_ratio: f64,
}

/// How closely a service is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "tier", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fidelity {
    /// Request by request.
    Exact,
    /// In numbers of requests per bin, waits by conservation and formulas: approximate.
    Binned {
        /// Width of a bin.
        bin_ns: u64,
    },
}

impl Fidelity {
    /// What tables call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Binned { .. } => "binned",
        }
    }
}

/// A step of a warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmupStep {
    /// Time since the replica became ready; the first is 0.
    pub age_ns: u64,
    /// Speed of its cores from then on, relative to a warm replica.
    pub speed_ratio: f64,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServicePlan {
    /// Name; its hash keys the service's random streams.
    pub name: String,
    /// When the service is created; its initial replicas are ready then (after their start-up if `warm_start` is false).
    pub created_at_ns: u64,
    /// CPU time of one request on one full core.
    pub work: Distribution,
    /// Classes of requests, sorted by name; empty when all are alike.
    pub classes: Vec<ClassPlan>,
    /// Shape of a replica.
    pub replica: ReplicaPlan,
    /// Replicas at creation.
    pub initial_replicas: u32,
    /// Whether the initial replicas are ready at once.
    pub warm_start: bool,
    /// Queue and routing.
    pub queue: QueuePlan,
    /// How closely it is simulated.
    pub fidelity: Fidelity,
    /// Objective, if any.
    pub slo: Option<SloPlan>,
    /// Stages between placement and readiness of a replica, in order (`create`, `init`, …); the image pull comes first.
    pub startup: Vec<StagePlan>,
    /// How fast the cores of a replica are while it warms up, by age; empty when at once. What is ready when the service is
    /// created is warm.
    pub warmup: Vec<WarmupStep>,
    /// Longest time a draining replica may finish its requests.
    pub termination_grace_ns: u64,
}
