//! Checks of faults.

use super::{PlanError, require, require_time};
use crate::plan::{FaultEffect, FaultPlan, FaultTarget, FaultTimes};

pub(super) fn validate(fault: &FaultPlan, services: usize) -> Result<(), PlanError> {
    let replica = matches!(fault.target, FaultTarget::Replica { .. });
    match fault.effect {
        FaultEffect::NodeLoss { .. } => require(!replica, "target", "is no node")?,
        FaultEffect::ReplicaCrash { .. } => require(replica, "target", "is no replica")?,
        FaultEffect::SlowDown { speed_ratio } => {
            let sound = speed_ratio > 0.0 && speed_ratio.is_finite();
            require(sound, "effect.speed_ratio", "is not a positive number")?;
        }
        FaultEffect::Pause => {}
    }
    if let FaultTarget::Replica { service, .. } = fault.target {
        require(service < services, "target.service", "does not exist")?;
    }
    if let FaultTimes::At { at_ns } = fault.times {
        require_time(at_ns, "times.at_ns")?;
    }
    Ok(())
}
