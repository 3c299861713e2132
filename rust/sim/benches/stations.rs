//! Time per request of each kind of station, driven as a simulation drives it: advanced from tick to tick (15 s), with
//! histogram, digest and window reads on. Load is 0.8 of capacity, mean work 1 s.

mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hookean_sim::plan::{Discipline, EngineKind, Routing};
use support::{Case, SECOND, run};

fn bench(criterion: &mut Criterion, group: &str, cases: &[(&str, Case)]) {
    let requests = 100_000;
    let mut group = criterion.benchmark_group(group);
    group.throughput(Throughput::Elements(requests));
    for (name, case) in cases {
        let (mut station, mut now) = (case.build(), 100 * SECOND);
        group.bench_function(BenchmarkId::new(*name, case.replicas), |bencher| {
            bencher.iter(|| run(&mut *station, &mut now, requests));
        });
    }
    group.finish();
}

fn central(criterion: &mut Criterion) {
    let lazy = [1, 10, 100, 1000].map(|replicas| ("lazy", Case::central(replicas)));
    bench(criterion, "central_fifo", &lazy);
    let bounded = |replicas: u32| Case {
        limit: Some(u64::from(replicas)),
        timeout_ns: Some(SECOND),
        ..Case::central(replicas)
    };
    bench(
        criterion,
        "central_fifo_bounded",
        &[("lazy", bounded(10)), ("lazy", bounded(100))],
    );
}

fn per_replica(criterion: &mut Criterion) {
    for (name, routing) in [
        ("random", Routing::Random),
        ("round_robin", Routing::RoundRobin),
        ("least_outstanding", Routing::LeastOutstanding),
        ("power_of_two", Routing::PowerOfChoices { choices: 2 }),
        ("weighted", Routing::Weighted),
        (
            "sticky",
            Routing::Sticky {
                sessions: 1_000_000,
                zipf_exponent: 0.5,
            },
        ),
        ("packing", Routing::Packing),
    ] {
        let of = |discipline, replicas| Case {
            discipline,
            routing,
            ..Case::central(replicas)
        };
        let cases = [
            ("fifo", of(Discipline::Fifo, 100)),
            ("fifo", of(Discipline::Fifo, 10_000)),
            ("processor_sharing", of(Discipline::ProcessorSharing, 100)),
        ];
        bench(criterion, name, &cases);
    }
}

fn reference(criterion: &mut Criterion) {
    let reference = Case {
        engine: EngineKind::Reference,
        ..Case::central(10)
    };
    bench(
        criterion,
        "central_fifo_reference",
        &[("event_list", reference)],
    );
}

criterion_group!(benches, central, per_replica, reference);
criterion_main!(benches);
