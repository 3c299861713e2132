use super::*;
use crate::workload::counts::rounded;
use hookean_kernel::Distribution;

const SECOND: u64 = 1_000_000_000;

fn arrays(counts: &[f64], times: &[u64], work: &[u64]) -> WorkloadArrays {
    WorkloadArrays {
        f64s: vec![counts.into()],
        u64s: vec![times.into(), work.into()],
    }
}

fn counts_plan(arrivals: ArrivalMode, keep_2_53: u64) -> WorkloadPlan {
    let source = WorkloadSource::Counts {
        counts: 0,
        step_ns: SECOND,
        arrivals,
        keep_2_53,
        batch: None,
    };
    WorkloadPlan::open(0, 5 * SECOND, source)
}

fn sampler() -> Sampler {
    Distribution::Exponential { mean_ns: 1_000_000 }
        .sampler()
        .unwrap()
}

fn all(plan: &WorkloadPlan, arrays: &WorkloadArrays) -> Vec<Request> {
    let mut arrivals = Arrivals::new(plan, arrays, 7, "web", sampler()).unwrap();
    std::iter::from_fn(|| (arrivals.peek_time() < SimTime::MAX).then(|| arrivals.next())).collect()
}

fn per_bin(requests: &[Request], bins: usize) -> Vec<u64> {
    let mut found = vec![0; bins];
    for request in requests {
        found[((request.time.as_nanos() - 5 * SECOND) / SECOND) as usize] += 1;
    }
    found
}

#[test]
fn exact_mode_gives_each_bin_its_rounded_count() {
    let counts = [0.0, 3.0, 1.0, 0.4, 2.5, 1000.0, 0.0, 0.0, 17.0];
    let requests = all(
        &counts_plan(ArrivalMode::Exact, KEEP_ALL),
        &arrays(&counts, &[], &[]),
    );
    assert_eq!(per_bin(&requests, counts.len()), counts.map(rounded));
    assert!(requests.is_sorted_by_key(|r| r.time));
}

/// Instants inside a bin are uniform: Kolmogorov-Smirnov at the 99.9 % level.
#[test]
fn exact_mode_spreads_arrivals_uniformly_over_the_bin() {
    let n = 100_000.0_f64;
    let requests = all(
        &counts_plan(ArrivalMode::Exact, KEEP_ALL),
        &arrays(&[n], &[], &[]),
    );
    let distance = requests.iter().enumerate().map(|(i, r)| {
        let at = (r.time.as_nanos() - 5 * SECOND) as f64 / SECOND as f64;
        ((i as f64 + 0.5) / n - at).abs()
    });
    assert!(distance.fold(0.0, f64::max) < 1.95 / n.sqrt());
}

/// Poisson counts: mean and variance of bins within 5 standard errors.
#[test]
fn poisson_mode_gives_poisson_counts_at_the_rate_of_each_bin() {
    let bins = 4_000;
    let counts: Vec<f64> = (0..bins).map(|i| [0.0, 2.0, 30.0, 0.25][i % 4]).collect();
    let found = per_bin(
        &all(
            &counts_plan(ArrivalMode::Poisson, KEEP_ALL),
            &arrays(&counts, &[], &[]),
        ),
        bins,
    );
    for (kind, rate) in [(0, 0.0), (1, 2.0), (2, 30.0), (3, 0.25_f64)] {
        let values: Vec<f64> = found
            .iter()
            .skip(kind)
            .step_by(4)
            .map(|&n| n as f64)
            .collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
        assert!(
            (mean - rate).abs() <= 5.0 * (rate / n).sqrt(),
            "rate {rate}: mean {mean}"
        );
        let of_variance = (rate + 2.0 * rate * rate) / n;
        assert!(
            (variance - rate).abs() <= 5.0 * of_variance.sqrt(),
            "rate {rate}: variance {variance}"
        );
    }
}

#[test]
fn a_rate_that_doubles_keeps_the_draws_aligned() {
    let plan = counts_plan(ArrivalMode::Poisson, KEEP_ALL);
    let slow = all(&plan, &arrays(&[10.0, 0.0, 10.0, 0.0], &[], &[]));
    let fast = all(&plan, &arrays(&[20.0], &[], &[]));
    assert_eq!(slow.len(), fast.len());
    for (slow, fast) in slow.iter().zip(&fast) {
        assert_eq!(slow.work_ns, fast.work_ns);
        let (s, f) = (
            slow.time.as_nanos() - 5 * SECOND,
            fast.time.as_nanos() - 5 * SECOND,
        );
        let expected = if f < SECOND / 2 {
            2 * f
        } else {
            SECOND + 2 * f
        };
        assert!(s.abs_diff(expected) <= 2, "{s} {expected}");
    }
}

#[test]
fn thinning_keeps_a_subset_with_the_same_numbers_times_and_work() {
    let arrays = arrays(&[5_000.0, 5_000.0], &[], &[]);
    for mode in [ArrivalMode::Poisson, ArrivalMode::Exact] {
        let whole = all(&counts_plan(mode, KEEP_ALL), &arrays);
        let third = all(&counts_plan(mode, KEEP_ALL / 3), &arrays);
        assert!(third.iter().all(|r| whole[r.index as usize] == *r));
        let expected = whole.len() as f64 / 3.0;
        assert!((third.len() as f64 - expected).abs() < 5.0 * (expected * 2.0 / 3.0).sqrt());
        assert!(all(&counts_plan(mode, 0), &arrays).is_empty());
    }
}

#[test]
fn a_table_is_replayed_as_it_is() {
    let source = WorkloadSource::Table {
        times: 0,
        work: Some(1),
        keep_2_53: KEEP_ALL,
    };
    let plan = WorkloadPlan::open(0, 100, source);
    let requests = all(&plan, &arrays(&[], &[0, 5, 5, 9], &[4, 3, 2, 1]));
    let expected = [(0, 100, 4), (1, 105, 3), (2, 105, 2), (3, 109, 1)];
    assert_eq!(
        requests
            .iter()
            .map(|r| (r.index, r.time.as_nanos(), r.work_ns))
            .collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn other_services_and_seeds_have_other_requests() {
    let (plan, arrays) = (
        counts_plan(ArrivalMode::Poisson, KEEP_ALL),
        arrays(&[50.0], &[], &[]),
    );
    let first = |seed, name| {
        Arrivals::new(&plan, &arrays, seed, name, sampler())
            .unwrap()
            .next()
    };
    assert_eq!(first(1, "web"), first(1, "web"));
    assert_ne!(first(1, "web").time, first(2, "web").time);
    assert_ne!(first(1, "web").time, first(1, "api").time);
}

#[test]
fn bad_arrays_are_named() {
    let error = |plan: &WorkloadPlan, arrays: &WorkloadArrays| {
        Arrivals::new(plan, arrays, 1, "web", sampler())
            .unwrap_err()
            .to_string()
    };
    let plan = counts_plan(ArrivalMode::Poisson, KEEP_ALL);
    assert!(error(&plan, &WorkloadArrays::default()).contains("array 0 of 0"));
    assert!(error(&plan, &arrays(&[1.0, f64::NAN], &[], &[])).contains("NaN in bin 1"));
    assert!(error(&plan, &arrays(&[-1.0], &[], &[])).contains("-1 in bin 0"));
    assert!(
        error(
            &counts_plan(ArrivalMode::Exact, KEEP_ALL + 1),
            &arrays(&[1.0], &[], &[])
        )
        .contains("2^53")
    );
    let table = |start_ns| {
        let source = WorkloadSource::Table {
            times: 0,
            work: Some(1),
            keep_2_53: KEEP_ALL,
        };
        WorkloadPlan::open(0, start_ns, source)
    };
    assert!(error(&table(0), &arrays(&[], &[2, 1], &[1, 1])).contains("goes back in row 1"));
    assert!(error(&table(0), &arrays(&[], &[1, 2], &[1])).contains("1 rows beside 2 times"));
    assert!(error(&table(u64::MAX), &arrays(&[], &[1], &[1])).contains("end of time"));
}

fn batch_plan(arrivals: ArrivalMode, law: BatchPlan) -> WorkloadPlan {
    let mut plan = counts_plan(arrivals, KEEP_ALL);
    if let WorkloadSource::Counts { batch, .. } = &mut plan.source {
        *batch = Some(law);
    }
    plan
}

/// Sizes of the groups of equal instants.
fn sizes(requests: &[Request]) -> Vec<u64> {
    let groups = requests.chunk_by(|a, b| a.time == b.time);
    groups.map(|group| group.len() as u64).collect()
}

#[test]
fn batches_come_at_one_instant_with_consecutive_numbers() {
    let plan = batch_plan(ArrivalMode::Poisson, BatchPlan::Fixed { size: 3 });
    let requests = all(&plan, &arrays(&[3000.0], &[], &[]));
    assert!(sizes(&requests).iter().all(|size| *size == 3));
    assert!(
        requests
            .iter()
            .enumerate()
            .all(|(i, r)| r.index == i as u64)
    );
    // A thousand batches are expected: within five standard deviations.
    let found = requests.len() as f64 / 3.0;
    assert!((found - 1000.0).abs() < 5.0 * 1000_f64.sqrt(), "{found}");
}

#[test]
fn batches_fill_exact_counts_of_requests() {
    let counts = [7.0, 0.0, 1.0, 300.0, 0.4, 12.0];
    let law = BatchPlan::Fixed { size: 5 };
    let requests = all(
        &batch_plan(ArrivalMode::Exact, law),
        &arrays(&counts, &[], &[]),
    );
    assert_eq!(per_bin(&requests, counts.len()), counts.map(rounded));
    assert_eq!(sizes(&requests)[..3], [5, 2, 1]);
}

#[test]
fn sizes_have_the_means_of_their_laws_and_counts_stay_those_of_requests() {
    let measured = BatchPlan::Measured {
        sizes: vec![1, 10],
        weights: vec![3.0, 1.0],
    };
    for (law, mean) in [(BatchPlan::Geometric { mean: 4.0 }, 4.0), (measured, 3.25)] {
        let requests = all(
            &batch_plan(ArrivalMode::Poisson, law.clone()),
            &arrays(&[400_000.0], &[], &[]),
        );
        let batches = sizes(&requests);
        let found = requests.len() as f64 / batches.len() as f64;
        assert!((found - mean).abs() < 0.06, "{law:?}: {found}");
        assert!((requests.len() as f64 / 400_000.0 - 1.0).abs() < 0.02);
    }
    let ones = all(
        &batch_plan(ArrivalMode::Poisson, BatchPlan::Geometric { mean: 1.0 }),
        &arrays(&[50.0], &[], &[]),
    );
    assert_eq!(
        ones,
        all(
            &counts_plan(ArrivalMode::Poisson, KEEP_ALL),
            &arrays(&[50.0], &[], &[])
        )
    );
}

#[test]
fn sizes_have_a_stream_of_their_own() {
    let plan = |law| batch_plan(ArrivalMode::Poisson, law);
    let instants = |law| {
        let mut requests = all(&plan(law), &arrays(&[1000.0], &[], &[]));
        requests.dedup_by_key(|r| r.time);
        requests.iter().map(|r| r.time).collect::<Vec<_>>()
    };
    let measured = BatchPlan::Measured {
        sizes: vec![1, 3],
        weights: vec![1.0, 1.0],
    };
    assert_eq!(instants(BatchPlan::Fixed { size: 2 }), instants(measured));
}
