//! Checks of platforms.

use super::service::require_order;
use super::{PlanError, each, require, require_at_most, require_positive, require_time};
use crate::plan::{BillingPlan, PlatformPlan, PoolPlan, PullPlan, ServicePlan};

/// Most nodes of a pool.
const NODES_MAX: u64 = 10_000_000;
/// Speeds that have a meaning: a millionth to a million times a bare-metal core.
const SPEEDS: std::ops::RangeInclusive<f64> = 1e-6..=1e6;

pub(super) fn validate(platform: &PlatformPlan, services: &[ServicePlan]) -> Result<(), PlanError> {
    let (PlatformPlan::Fleet { pools, .. } | PlatformPlan::Cluster { pools, .. }) = platform;
    require(!pools.is_empty(), "platform.pools", "is empty")?;
    each("platform.pools", pools, validate_pool)?;
    match platform {
        PlatformPlan::Fleet { pools, .. } => each("services", services, |s| fits(s, &pools[0])),
        PlatformPlan::Cluster { pull, .. } => {
            let checked = pull.as_ref().map_or(Ok(()), validate_pull);
            checked.map_err(|e| e.inside("platform.pull"))
        }
    }
}

/// A machine of a fleet is bought for one replica, so it has to hold it.
fn fits(service: &ServicePlan, pool: &PoolPlan) -> Result<(), PlanError> {
    let (replica, problem) = (&service.replica, "is more than a machine of the fleet has");
    let cpu = replica.cpu_millicores <= pool.allocatable_cpu_millicores;
    require(cpu, "replica.cpu_millicores", problem)?;
    let memory = replica.memory_bytes <= pool.allocatable_memory_bytes;
    require(memory, "replica.memory_bytes", problem)?;
    require(
        pool.max_replicas > 0,
        "replica",
        "has no room on a machine of the fleet",
    )
}

/// Nodes have to have room for what replicas are to become.
pub(super) fn validate_resize(
    platform: &PlatformPlan,
    cpu_millicores: u64,
) -> Result<(), PlanError> {
    let PlatformPlan::Cluster { pools, .. } = platform else {
        let problem = "is of a fleet, where a replica is a machine: its CPU is that of its kind";
        return Err(PlanError::invalid("service", problem));
    };
    let mut pools = pools.iter();
    let fits = pools.any(|pool| cpu_millicores <= pool.allocatable_cpu_millicores);
    require(fits, "cpu_millicores", "is more than any node has")
}

fn validate_pool(pool: &PoolPlan) -> Result<(), PlanError> {
    require(
        SPEEDS.contains(&pool.speed_ratio),
        "speed_ratio",
        "is not between 1e-6 and 1e6",
    )?;
    require_at_most(u64::from(pool.nodes), NODES_MAX, "nodes")?;
    let within = pool.allocatable_cpu_millicores <= pool.cpu_millicores
        && pool.allocatable_memory_bytes <= pool.memory_bytes;
    require(within, "allocatable", "exceeds the node's capacity")?;
    let names = pool.startup.iter().map(|s| s.stage.as_str());
    require_order(names).map_err(|text| PlanError::invalid("startup", text))?;
    validate_billing(&pool.billing).map_err(|e| e.inside("billing"))
}

fn validate_billing(billing: &BillingPlan) -> Result<(), PlanError> {
    require(billing.granularity_ns > 0, "granularity_ns", "is zero")?;
    require_time(billing.granularity_ns, "granularity_ns")?;
    require_time(billing.minimum_ns, "minimum_ns")
}

fn validate_pull(pull: &PullPlan) -> Result<(), PlanError> {
    require_positive(pull.node_bytes_per_s, "node_bytes_per_s")?;
    require_positive(pull.registry_bytes_per_s, "registry_bytes_per_s")?;
    require_positive(pull.unpack_bytes_per_s, "unpack_bytes_per_s")?;
    require_positive(pull.compression_ratio, "compression_ratio")?;
    require_time(pull.rtt_ns, "rtt_ns")
}
