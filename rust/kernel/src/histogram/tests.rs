use super::*;
use crate::splitmix;
use proptest::prelude::*;

type Fine = Histogram<7>;

const MOST: usize = (65 - 7) << 7;

fn run_count(histogram: &Fine, index: usize) -> u64 {
    histogram.settled().run_count(index)
}

fn window_count(histogram: &Fine, index: usize) -> u64 {
    match &*histogram.settled() {
        Buckets::Sparse(sparse) => sparse.window_count(index),
        Buckets::Dense(dense) => dense.window_count(index),
    }
}

#[test]
fn buckets_tile_the_whole_range() {
    let mut expected_low = 0;
    for index in 0..MOST {
        let (low, width) = range_of::<7>(index);
        assert_eq!(low, expected_low, "bucket {index}");
        assert_eq!(bucket_of::<7>(low), index);
        assert_eq!(bucket_of::<7>(low + (width - 1)), index);
        expected_low = low.wrapping_add(width);
    }
    assert_eq!(expected_low, 0, "the last bucket ends with u64::MAX");
}

#[test]
fn quantiles_are_within_half_a_bucket() {
    let mut histogram = Fine::new();
    for value in 1..=1_000_000 {
        histogram.record(value);
    }
    for (q, expected) in [(0.5, 500_000.0), (0.99, 990_000.0), (0.999, 999_000.0)] {
        let got = histogram.quantile(q).unwrap() as f64;
        assert!((got / expected - 1.0).abs() <= 1.0 / 256.0, "{q}: {got}");
    }
    assert_eq!(
        (histogram.min(), histogram.max()),
        (Some(1), Some(1_000_000))
    );
    assert_eq!(histogram.quantile(0.0), Some(1));
    assert!(histogram.quantile(1.0) <= histogram.max());
}

#[test]
fn buckets_hold_every_value_between_the_exact_extremes() {
    let mut histogram = Fine::new();
    for value in [3, 1000, 1001, 1_000_003] {
        histogram.record(value);
    }
    let found: Vec<_> = histogram
        .buckets()
        .map(|b| (b.low, b.high, b.count))
        .collect();
    assert_eq!(found, [(3, 3, 1), (1000, 1003, 2), (999_424, 1_000_003, 1)]);
}

#[test]
fn small_values_are_exact_and_nothing_is_not_zero() {
    let mut histogram = Fine::new();
    assert_eq!(histogram.quantile(0.5), None);
    assert_eq!(histogram.take_window([0.5]), None);
    for value in [3, 200, 255] {
        histogram.record(value);
    }
    assert_eq!(histogram.quantile(0.5), Some(200));
    assert_eq!(histogram.quantile(1.0), Some(255));
    histogram.clear();
    assert_eq!(histogram, Fine::new());
}

#[test]
fn a_bucket_counts_beyond_32_bits() {
    let mut histogram = Fine::new();
    histogram.record_many(1, 10);
    histogram.record_many(9, u64::from(u32::MAX));
    histogram.record(9);
    histogram.record_many(9, 5_000_000_000);
    assert_eq!(histogram.count(), 9_294_967_306);
    assert_eq!(run_count(&histogram, 9), 9_294_967_296);
    assert_eq!(window_count(&histogram, 9), 1);
    let mut merged = histogram.clone();
    merged.merge(&histogram);
    assert_eq!(run_count(&merged, 9), 18_589_934_592);
    assert_eq!(merged.quantile(1e-9), Some(1));
    assert_eq!(merged.quantile(0.5), Some(9));
    merged.record_all(&[9, 1, 9]);
    assert_eq!(run_count(&merged, 9), 18_589_934_594);
    assert_eq!((window_count(&merged, 9), window_count(&merged, 1)), (3, 1));
}

#[test]
fn a_bucket_is_met_more_often_than_a_word_can_count() {
    let (mut singly, mut together) = (Fine::new(), Fine::new());
    let values: Vec<u64> = (0..300_000).map(|i| [9, 9, 9, 1_000_000][i % 4]).collect();
    for round in 1..=2 {
        for some in values.chunks(128) {
            together.record_all(some);
            for value in some {
                singly.record(*value);
            }
        }
        for histogram in [&mut singly, &mut together] {
            assert_eq!(run_count(histogram, 9), round * 225_000);
            assert_eq!(window_count(histogram, 9), 225_000);
            assert_eq!(
                histogram.take_window([0.75, 1.0]),
                Some(([9, 1_000_000], 1_000_000))
            );
            assert_eq!(window_count(histogram, 9), 0);
        }
    }
    together.record_all(&values);
    singly.record_all(&values);
    assert_eq!(singly, together);
    assert_eq!(run_count(&singly, 9), 675_000);
}

#[test]
fn windows_add_up_to_more_than_a_narrow_count() {
    let mut histogram = Fine::new();
    for round in 1..=6 {
        // One group of buckets alone, then with its whole part.
        let others = if round % 2 == 0 { 1000..1064 } else { 0..0 };
        for block in vec![1000; 30_000].chunks(BLOCK) {
            histogram.record_all(block);
        }
        histogram.record_all(&others.collect::<Vec<_>>());
        let median = histogram.take_window([0.5]).unwrap().0[0];
        let bucket = bucket_of::<7>(1000);
        assert_eq!(bucket_of::<7>(median), bucket);
        assert_eq!(
            run_count(&histogram, bucket),
            round * 30_000 + round / 2 * 4
        );
        assert_eq!(run_count(&histogram, bucket + 1), round / 2 * 4);
        let counts: u64 = histogram.settled().run_counts().map(|(_, n)| n).sum();
        assert_eq!(counts, histogram.count());
    }
}

#[test]
fn one_window_takes_half_the_room() {
    let mut histogram = Fine::new();
    let values: Vec<u64> = (0..3000).map(|i| splitmix(i) >> 40).collect();
    histogram.record_all(&values);
    histogram.record_all(&values);
    let rooms = |histogram: &Fine| match &histogram.buckets {
        Buckets::Dense(dense) => dense.rooms(),
        Buckets::Sparse(_) => unreachable!("there are many values"),
    };
    let all = rooms(&histogram).0;
    assert_eq!(rooms(&histogram), (all, 0));
    let whole = histogram.clone();
    histogram.take_window([0.5]).unwrap();
    assert_eq!((rooms(&histogram), &histogram), ((0, all), &whole));
    histogram.record_all(&values);
    assert_eq!(rooms(&histogram), (all, all));
}

#[test]
fn crowded_windows_have_the_quantiles_of_their_values() {
    let mut histogram = Fine::new();
    for window in 0..40_u64 {
        // From a few buckets of a part to all of them, some several times.
        let values: Vec<u64> = (0..20 + 40 * window)
            .map(|i| 1000 + (i * 7919 + window) % (64 + 80 * window))
            .collect();
        let mut alone = Fine::new();
        for value in &values {
            alone.record(*value);
        }
        histogram.record_all(&values);
        let quantiles = [0.01, 0.5, 0.95, 0.99];
        let expected = quantiles.map(|q| alone.quantile(q).unwrap());
        assert_eq!(
            histogram.take_window(quantiles),
            Some((expected, alone.max().unwrap()))
        );
    }
    assert_eq!(histogram.take_window([0.5]), None);
    assert!((0..MOST).all(|index| window_count(&histogram, index) == 0));
}

#[test]
fn few_values_take_little_room() {
    let mut histogram = Fine::new();
    for i in 0..2000_u64 {
        histogram.record(1_000_000 + 997 * i);
    }
    let Buckets::Sparse(sparse) = &histogram.buckets else {
        unreachable!("no count has run over")
    };
    assert!(sparse.run_counts().count() <= 4 * PART);
    let all = histogram.clone();
    for _ in 0..200 {
        histogram.merge(&all);
    }
    assert!(matches!(histogram.buckets, Buckets::Dense(_)));
    assert_eq!(histogram.count(), 402_000);
    assert_eq!(histogram.quantile(0.5), all.quantile(0.5));
}

#[test]
fn values_in_whole_blocks_are_soon_no_longer_few() {
    let values: Vec<u64> = (0..=FEW_AT_ONCE).map(|i| splitmix(i) >> 40).collect();
    let is_dense = |at_once| {
        let mut histogram = Fine::new();
        values
            .chunks(at_once)
            .for_each(|some| histogram.record_all(some));
        assert_eq!(histogram.count(), FEW_AT_ONCE + 1);
        matches!(histogram.buckets, Buckets::Dense(_))
    };
    assert!(!is_dense(BLOCK - 1), "they do not fill a block");
    assert!(!is_dense(BLOCK), "the last block is not whole");
    assert!(is_dense(values.len()));
}

#[test]
fn values_outside_of_the_window_stay_outside_while_there_are_few() {
    let mut histogram = Fine::new();
    histogram.record_all(&[5, 9]);
    histogram.record_many(9, 3);
    histogram.record_all(&[5]);
    assert!(matches!(histogram.buckets, Buckets::Sparse(_)));
    assert_eq!((run_count(&histogram, 5), run_count(&histogram, 9)), (2, 4));
    assert_eq!(
        (window_count(&histogram, 5), window_count(&histogram, 9)),
        (2, 1)
    );
    assert_eq!(histogram.take_window([0.5, 1.0]), Some(([5, 9], 9)));
    histogram.record_all(&[9]);
    assert_eq!(
        (window_count(&histogram, 5), window_count(&histogram, 9)),
        (0, 1)
    );
    assert_eq!(run_count(&histogram, 9), 5);
}

proptest! {
    #[test]
    fn prop_windows_add_up_to_the_whole(windows in prop::collection::vec(prop::collection::vec(any::<u64>(), 0..40), 0..8)) {
        let (mut whole, mut histogram) = (Fine::new(), Fine::new());
        for values in &windows {
            let mut alone = Fine::new();
            for &value in values {
                whole.record(value);
                alone.record(value);
            }
            histogram.record_all(values);
            prop_assert_eq!(&histogram, &whole);
            let expected = alone.max().map(|max| ([0.0, 0.5, 0.99].map(|q| alone.quantile(q).unwrap()), max));
            prop_assert_eq!(histogram.take_window([0.0, 0.5, 0.99]), expected);
            prop_assert_eq!(&histogram, &whole);
        }
        prop_assert_eq!(histogram, whole);
    }

    /// From few values, whose counts are narrow, to many.
    #[test]
    fn prop_windows_have_the_quantiles_of_their_values_whatever_their_number(
        windows in prop::collection::vec((0_u64..5000, 1_u64..200, 0_usize..700, any::<bool>()), 1..8)
    ) {
        let (mut histogram, mut all) = (Fine::new(), Vec::new());
        for (low, width, count, together) in windows {
            let values: Vec<u64> = (0..count as u64).map(|i| low + (i * i) % width).collect();
            if together {
                histogram.record_all(&values);
            } else {
                for value in &values {
                    histogram.record(*value);
                }
            }
            let quantiles = [0.0, 0.5, 0.99];
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let exact = quantiles.map(|q| {
                let rank = ((q * count as f64).ceil() as usize).max(1);
                sorted.get(rank - 1).map(|value| bucket_of::<7>(*value))
            });
            let found = histogram.take_window(quantiles);
            let found = quantiles.iter().enumerate().map(|(at, _)| found.map(|(q, _)| bucket_of::<7>(q[at])));
            prop_assert_eq!(found.collect::<Vec<_>>(), exact.to_vec());
            all.extend(values);
        }
        for bucket in 0..MOST {
            let count = all.iter().filter(|value| bucket_of::<7>(**value) == bucket).count();
            if count > 0 || bucket < 700 {
                prop_assert_eq!(run_count(&histogram, bucket), count as u64);
            }
        }
        prop_assert_eq!(histogram.count(), all.len() as u64);
    }
}
