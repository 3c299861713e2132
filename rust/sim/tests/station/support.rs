//! Stations for tests: one service, one workload, no control plane.

use hookean_kernel::{Digest, Distribution, SimTime};
use hookean_sim::plan::{
    ArrivalMode, BatchPlan, ClassPlan, ClientsPlan, DecisionRecord, Discipline, EngineKind,
    Fidelity, Plan, PlatformPlan, QueuePlan, QuotaPlan, RecordPlan, ReplicaPlan, RequestLog,
    RetryPlan, Routing, ServicePlan, SloPlan, WhenFull, WorkloadPlan, WorkloadSource,
};
use hookean_sim::station::reference::Reference;
use hookean_sim::station::{self, Ledger, ReplicaShape, RequestRow, Station};
use hookean_sim::workload::WorkloadArrays;

pub(crate) const SECOND: u64 = 1_000_000_000;
const KEEP_ALL: u64 = 1 << 53;

/// Where the requests of a [`Case`] come from.
#[derive(Debug, Clone)]
pub(crate) enum Traffic {
    /// Times and work.
    Table(Vec<(u64, u64)>),
    /// Poisson arrivals: expected number in each bin, width of a bin, law of work.
    Poisson(Vec<f64>, u64, Distribution),
    /// Clients alone: law of work.
    Clients(Distribution),
}

/// A station under test.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) queue: QueuePlan,
    pub(crate) classes: Vec<ClassPlan>,
    pub(crate) traffic: Traffic,
    pub(crate) seed: u64,
    pub(crate) requests: RequestLog,
    pub(crate) slo_ns: u64,
    pub(crate) batch: Option<BatchPlan>,
    pub(crate) deadline_ns: Option<u64>,
    pub(crate) retry: Option<RetryPlan>,
    pub(crate) clients: Option<ClientsPlan>,
    pub(crate) cpu_quota: Option<QuotaPlan>,
}

impl Case {
    pub(crate) fn new(discipline: Discipline, traffic: Traffic) -> Self {
        let queue = QueuePlan {
            discipline,
            routing: Routing::Random,
            limit: None,
            when_full: WhenFull::Reject,
            timeout_ns: None,
            total_timeout_ns: None,
        };
        Self {
            queue,
            classes: vec![],
            traffic,
            seed: 1,
            requests: RequestLog::Off,
            slo_ns: SECOND,
            batch: None,
            deadline_ns: None,
            retry: None,
            clients: None,
            cpu_quota: None,
        }
    }

    fn plan(&self, engine: EngineKind) -> (Plan, WorkloadArrays) {
        let mut arrays = WorkloadArrays::default();
        let (source, work) = match &self.traffic {
            Traffic::Table(rows) => {
                arrays.u64s = vec![
                    rows.iter().map(|r| r.0).collect(),
                    rows.iter().map(|r| r.1).collect(),
                ];
                let source = WorkloadSource::Table {
                    times: 0,
                    work: Some(1),
                    keep_2_53: KEEP_ALL,
                };
                (source, Distribution::Constant { value_ns: 0 })
            }
            Traffic::Clients(work) => (WorkloadSource::Clients, work.clone()),
            Traffic::Poisson(counts, step_ns, work) => {
                arrays.f64s = vec![counts.as_slice().into()];
                let arrivals = ArrivalMode::Poisson;
                (
                    WorkloadSource::Counts {
                        counts: 0,
                        step_ns: *step_ns,
                        arrivals,
                        keep_2_53: KEEP_ALL,
                        batch: self.batch.clone(),
                    },
                    work.clone(),
                )
            }
        };
        let plan = Plan {
            plan_version: 1,
            name: "test".into(),
            seed: self.seed,
            horizon_ns: u64::MAX,
            engine,
            services: vec![self.service(work)],
            workloads: vec![self.workload(source)],
            platform: PlatformPlan::Fleet {
                preset: "none".into(),
                pools: vec![],
            },
            controllers: vec![],
            node_controllers: vec![],
            calls: vec![],
            faults: vec![],
            resizes: vec![],
            record: RecordPlan {
                series_step_ns: SECOND,
                requests: self.requests,
                decisions: DecisionRecord::All,
                latencies: false,
            },
        };
        (plan, arrays)
    }

    fn workload(&self, source: WorkloadSource) -> WorkloadPlan {
        WorkloadPlan {
            service: 0,
            start_ns: 0,
            source,
            deadline_ns: self.deadline_ns,
            retry: self.retry,
            clients: self.clients.clone(),
        }
    }

    fn service(&self, work: Distribution) -> ServicePlan {
        ServicePlan {
            name: "web".into(),
            created_at_ns: 0,
            work,
            classes: self.classes.clone(),
            replica: ReplicaPlan {
                cpu_millicores: 1000,
                memory_bytes: 0,
                concurrency: Some(1),
                image_bytes: 0,
                memory_idle_bytes: 0,
                memory_per_request_bytes: 0,
                cpu_quota: self.cpu_quota,
            },
            initial_replicas: 0,
            warm_start: true,
            queue: self.queue,
            fidelity: Fidelity::Exact,
            slo: Some(SloPlan {
                latency_ns: self.slo_ns,
                target_ratio: 0.99,
            }),
            startup: vec![],
            warmup: vec![],
            termination_grace_ns: 0,
        }
    }

    pub(crate) fn build(&self, engine: EngineKind) -> Box<dyn Station> {
        let (plan, arrays) = self.plan(engine);
        station::build(&plan, &plan.services[0], plan.workloads.first(), &arrays)
            .expect("the case is valid")
    }
    pub(crate) fn build_binned(&self, bin_ns: u64) -> Box<dyn Station> {
        let (mut plan, arrays) = self.plan(EngineKind::Lazy);
        plan.services[0].fidelity = Fidelity::Binned { bin_ns };
        station::build(&plan, &plan.services[0], plan.workloads.first(), &arrays)
            .expect("the case is valid")
    }
    pub(crate) fn build_reference(&self) -> Reference {
        let (plan, arrays) = self.plan(EngineKind::Reference);
        station::build_reference(&plan, &plan.services[0], plan.workloads.first(), &arrays)
            .expect("the case is valid")
    }
}

pub(crate) fn at(nanos: u64) -> SimTime {
    SimTime::from_nanos(nanos)
}

pub(crate) fn shape(
    cpu_millicores: u64,
    concurrency: Option<u32>,
    speed_ratio: f64,
) -> ReplicaShape {
    ReplicaShape {
        cpu_millicores,
        concurrency,
        speed_ratio,
    }
}
pub(crate) fn digest(ledger: &Ledger) -> String {
    let mut digest = Digest::new();
    ledger.digest(&mut digest);
    digest.hex()
}
pub(crate) fn rows(station: &mut dyn Station, now: SimTime) -> Vec<RequestRow> {
    station.close_log(now);
    station
        .ledger()
        .requests()
        .expect("the case keeps a log")
        .iter()
        .collect()
}

/// Every order of service.
pub(crate) const DISCIPLINES: [Discipline; 7] = [
    Discipline::CentralFifo,
    Discipline::CentralLifo,
    Discipline::CentralPriority,
    Discipline::Fifo,
    Discipline::Lifo,
    Discipline::Priority,
    Discipline::ProcessorSharing,
];
