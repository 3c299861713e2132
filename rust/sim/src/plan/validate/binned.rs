//! Checks of what the binned tier can do.

use super::{PlanError, require, require_time};
use crate::plan::{
    EngineKind, Fidelity, Plan, RequestLog, ServicePlan, WorkloadPlan, WorkloadSource,
};
use crate::station::describes_in_bins;

pub(super) fn validate(plan: &Plan) -> Result<(), PlanError> {
    let mut binned = false;
    for (index, service) in plan.services.iter().enumerate() {
        if let Fidelity::Binned { bin_ns } = service.fidelity {
            binned = true;
            validate_service(service, bin_ns)
                .map_err(|e| e.inside(&format!("services.{index}")))?;
        }
    }
    for (index, workload) in plan.workloads.iter().enumerate() {
        if plan.services[workload.service].fidelity != Fidelity::Exact {
            validate_workload(workload).map_err(|e| e.inside(&format!("workloads.{index}")))?;
        }
    }
    for controller in &plan.controllers {
        if let Fidelity::Binned { bin_ns } = plan.services[controller.service].fidelity {
            let fits = bin_ns <= controller.period_ns;
            require(fits, "controllers.period_ns", "is shorter than a bin")?;
        }
    }
    let single = plan.record.requests != RequestLog::Off;
    require(
        !(binned && single),
        "record.requests",
        "keeps single requests, which bins do not have",
    )?;
    let reference = plan.engine == EngineKind::Reference;
    require(
        !(binned && reference),
        "engine",
        "is `reference`, which has no bins",
    )
}

fn validate_workload(workload: &WorkloadPlan) -> Result<(), PlanError> {
    let one_by_one = "knows single requests, which bins do not have";
    require(workload.retry.is_none(), "retry", one_by_one)?;
    require(workload.deadline_ns.is_none(), "deadline_ns", one_by_one)?;
    require(workload.clients.is_none(), "clients", one_by_one)?;
    let batches = matches!(
        workload.source,
        WorkloadSource::Counts { batch: Some(_), .. }
    );
    require(!batches, "source.batch", one_by_one)
}

fn validate_service(service: &ServicePlan, bin_ns: u64) -> Result<(), PlanError> {
    require(bin_ns > 0, "fidelity.bin_ns", "is zero")?;
    require_time(bin_ns, "fidelity.bin_ns")?;
    require(
        describes_in_bins(&service.queue),
        "queue",
        "is of a kind that bins do not describe",
    )
}
