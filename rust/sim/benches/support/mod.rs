//! Stations that the benches drive.

use hookean_kernel::{Distribution, SimTime};
use hookean_sim::plan::{
    ArrivalMode, DecisionRecord, Discipline, EngineKind, Fidelity, Plan, PlatformPlan, QueuePlan,
    RecordPlan, ReplicaPlan, RequestLog, Routing, ServicePlan, WhenFull, WorkloadPlan,
    WorkloadSource,
};
use hookean_sim::station::{self, ReplicaId, ReplicaShape, Station};
use hookean_sim::workload::WorkloadArrays;
use std::hint::black_box;

pub(crate) const SECOND: u64 = 1_000_000_000;
const TICK: u64 = 15 * SECOND;
/// Long enough that no bench comes to the end of its bins, whatever the measuring time.
const BIN_SECONDS: u64 = 3600;
const KEEP_ALL: u64 = 1 << 53;
const LOAD: f64 = 0.8;

#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) discipline: Discipline,
    pub(crate) routing: Routing,
    pub(crate) engine: EngineKind,
    pub(crate) replicas: u32,
    pub(crate) limit: Option<u64>,
    pub(crate) timeout_ns: Option<u64>,
}

impl Case {
    pub(crate) fn central(replicas: u32) -> Self {
        let (discipline, routing) = (Discipline::CentralFifo, Routing::Random);
        Self {
            discipline,
            routing,
            engine: EngineKind::Lazy,
            replicas,
            limit: None,
            timeout_ns: None,
        }
    }

    fn service(&self) -> ServicePlan {
        ServicePlan {
            name: "web".into(),
            created_at_ns: 0,
            work: Distribution::Exponential { mean_ns: SECOND },
            classes: vec![],
            replica: ReplicaPlan {
                cpu_millicores: 1000,
                memory_bytes: 0,
                concurrency: Some(1),
                image_bytes: 0,
                memory_idle_bytes: 0,
                memory_per_request_bytes: 0,
                cpu_quota: None,
            },
            initial_replicas: 0,
            warm_start: true,
            queue: QueuePlan {
                discipline: self.discipline,
                routing: self.routing,
                limit: self.limit,
                when_full: WhenFull::Reject,
                timeout_ns: self.timeout_ns,
                total_timeout_ns: None,
            },
            fidelity: Fidelity::Exact,
            slo: None,
            startup: vec![],
            warmup: vec![],
            termination_grace_ns: 0,
        }
    }

    fn plan(&self, rate: f64) -> (Plan, WorkloadArrays) {
        let arrays = WorkloadArrays {
            f64s: vec![vec![rate * BIN_SECONDS as f64; 1 << 20].into()],
            u64s: vec![],
        };
        let arrivals = ArrivalMode::Poisson;
        let source = WorkloadSource::Counts {
            counts: 0,
            step_ns: BIN_SECONDS * SECOND,
            arrivals,
            keep_2_53: KEEP_ALL,
            batch: None,
        };
        let plan = Plan {
            plan_version: 1,
            name: "bench".into(),
            seed: 1,
            horizon_ns: u64::MAX,
            engine: self.engine,
            services: vec![self.service()],
            workloads: vec![WorkloadPlan::open(0, 0, source)],
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
                series_step_ns: 60 * SECOND,
                requests: RequestLog::Off,
                decisions: DecisionRecord::All,
                latencies: false,
            },
        };
        (plan, arrays)
    }

    /// A station that has run for a while.
    pub(crate) fn build(&self) -> Box<dyn Station> {
        let (plan, arrays) = self.plan(f64::from(self.replicas) * LOAD);
        let built = station::build(&plan, &plan.services[0], plan.workloads.first(), &arrays);
        let mut station = built.expect("the plan of a bench is valid");
        let sharing = self.discipline == Discipline::ProcessorSharing;
        let concurrency = match (sharing, self.routing) {
            (true, Routing::Packing) => Some(4),
            (true, _) => None,
            (false, _) => Some(1),
        };
        for id in 0..self.replicas {
            let shape = ReplicaShape {
                cpu_millicores: 1000,
                concurrency,
                speed_ratio: 1.0,
            };
            station.add(SimTime::ZERO, ReplicaId(id), shape);
        }
        station.advance(SimTime::from_nanos(100 * SECOND));
        station
    }
}

/// Runs a station for at least `requests` requests from tick to tick; returns how many they were.
pub(crate) fn run(station: &mut dyn Station, now: &mut u64, requests: u64) -> u64 {
    let before = station.ledger().counts().arrivals;
    loop {
        *now += TICK;
        station.advance(SimTime::from_nanos(*now));
        black_box(station.ledger_mut().take_window());
        let done = station.ledger().counts().arrivals - before;
        if done >= requests {
            return done;
        }
    }
}
