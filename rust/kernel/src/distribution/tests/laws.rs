//! Gamma, Weibull, Pareto and empirical draws against their laws, in closed form.

use super::*;
use crate::portable::ln_gamma;

const MEAN_NS: u64 = 1_000_000_000;
const DRAWS: u32 = 200_000;

const fn gamma(shape: f64) -> Distribution {
    Distribution::Gamma {
        mean_ns: MEAN_NS,
        shape,
    }
}

const fn weibull(shape: f64) -> Distribution {
    Distribution::Weibull {
        mean_ns: MEAN_NS,
        shape,
    }
}

/// From 0.1 s to `high` seconds.
const fn pareto(high: u64, shape: f64) -> Distribution {
    Distribution::Pareto {
        low_ns: MEAN_NS / 10,
        high_ns: high * MEAN_NS,
        shape,
    }
}

fn empirical(seconds: &[u64], weights: &[f64]) -> Distribution {
    Distribution::Empirical {
        values_ns: seconds.iter().map(|s| s * MEAN_NS).collect(),
        weights: weights.to_vec(),
    }
}

/// Draws in seconds.
fn draws(distribution: &Distribution) -> Vec<f64> {
    let sampler = distribution.sampler().unwrap();
    let mut rng = StreamKey::new(11, "test", "laws", 0).generator();
    let seconds = |_| sampler.sample(&mut rng) as f64 / MEAN_NS as f64;
    (0..DRAWS).map(seconds).collect()
}

/// Mean of the draws and its standard error.
fn mean_of(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = f64::from(DRAWS);
    let mean = values.clone().sum::<f64>() / n;
    let variance = values.map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    (mean, (variance / n).sqrt())
}

/// Integral of x^(power - 1 - shape) over that of x^(-1 - shape), from 0.1 to `high`.
fn pareto_moment(high: f64, shape: f64, power: f64) -> f64 {
    let integral = |p: f64| {
        if p == 0.0 {
            (high / 0.1).ln()
        } else {
            (high.powf(p) - 0.1_f64.powf(p)) / p
        }
    };
    integral(power - shape) / integral(-shape)
}

/// First and second moment within 5 standard errors of their formulas; the stated mean exactly that of the formula.
#[test]
fn moments_are_those_of_the_law() {
    use std::f64::consts::PI;
    let mut cases = vec![
        (weibull(0.5), 1.0, 6.0),
        (weibull(1.0), 1.0, 2.0),
        (weibull(2.0), 1.0, 4.0 / PI),
        (empirical(&[1, 2, 9], &[1.0, 1.0, 1.0]), 4.0, 86.0 / 3.0),
        (empirical(&[5, 7, 1], &[3.0, 0.0, 1.0]), 4.0, 19.0),
    ];
    for shape in [0.1, 0.5, 1.0, 2.5, 40.0] {
        cases.push((gamma(shape), 1.0, 1.0 + 1.0 / shape));
    }
    for (high, shape) in [(10_u64, 0.5), (10, 1.0), (30, 1.5), (10, 2.0), (10, 3.0)] {
        let moment = |power| pareto_moment(high as f64, shape, power);
        cases.push((pareto(high, shape), moment(1.0), moment(2.0)));
    }
    for (distribution, mean, square) in cases {
        let stated = distribution.mean_ns() / MEAN_NS as f64;
        assert!(
            (stated / mean - 1.0).abs() < 1e-12,
            "{distribution:?}: {stated}"
        );
        let draws = draws(&distribution);
        let (got, error) = mean_of(draws.iter().copied());
        assert!(
            (got - mean).abs() <= 5.0 * error,
            "{distribution:?}: mean {got}"
        );
        let (got, error) = mean_of(draws.iter().map(|x| x * x));
        assert!(
            (got - square).abs() <= 5.0 * error,
            "{distribution:?}: square {got}"
        );
    }
}

/// The share of a gamma distribution with scale 1 below x, by the power series of the incomplete gamma function.
fn gamma_share(shape: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (1.0, 1.0, shape);
    while term > 1e-17 * sum {
        n += 1.0;
        term *= x / n;
        sum += term;
    }
    (shape * x.ln() - x - ln_gamma(shape + 1.0)).exp() * sum
}

/// Kolmogorov-Smirnov at the 99.9 % level (1.95 / sqrt(n)).
#[test]
fn draws_follow_the_law() {
    type Share = Box<dyn Fn(f64) -> f64>;
    let erlang =
        |x: f64| 1.0 - (-4.0 * x).exp() * (1.0 + 4.0 * x + 8.0 * x * x + 32.0 * x * x * x / 3.0);
    let mut cases: Vec<(Distribution, Share)> = vec![
        (gamma(1.0), Box::new(|x: f64| -(-x).exp_m1())),
        (gamma(4.0), Box::new(erlang)),
    ];
    for shape in [0.1, 0.5, 1.7, 30.0] {
        cases.push((
            gamma(shape),
            Box::new(move |x| gamma_share(shape, shape * x)),
        ));
    }
    // Scale over mean: 1 / gamma(1 + 1/shape), for 1/2, 1 and 2 without the gamma function.
    for (shape, scale) in [
        (0.5, 0.5),
        (1.0, 1.0),
        (2.0, 2.0 / std::f64::consts::PI.sqrt()),
    ] {
        let share = move |x: f64| -(-(x / scale).powf(shape)).exp_m1();
        cases.push((weibull(shape), Box::new(share)));
    }
    for (high, shape) in [(10_u64, 0.5), (10, 1.0), (1_000, 1.5), (10, 8.0)] {
        let span = 1.0 - (0.1 / high as f64).powf(shape);
        let share = move |x: f64| (1.0 - (0.1 / x).powf(shape)) / span;
        cases.push((pareto(high, shape), Box::new(share)));
    }
    for (distribution, share) in cases {
        let mut draws = draws(&distribution);
        draws.sort_by(f64::total_cmp);
        let n = f64::from(DRAWS);
        // A draw of k ns stands for all that rounds to it, so the steps of the sample are compared half a nanosecond away.
        let half = 0.5 / MEAN_NS as f64;
        let mut distance = 0.0_f64;
        let (mut below, mut least) = (0.0, 0.0);
        for (i, &x) in draws.iter().enumerate() {
            if x > least {
                distance = distance.max((below - share(x - half)).abs());
                least = x;
            }
            below = (i as f64 + 1.0) / n;
            if draws.get(i + 1) != Some(&x) {
                distance = distance.max((below - share(x + half)).abs());
            }
        }
        assert!(distance < 1.95 / n.sqrt(), "{distribution:?}: {distance}");
    }
}

/// The series that stands in for the error function in the test above: half a squared normal is gamma of shape 1/2.
#[test]
fn series_of_the_test_gives_the_normal_law() {
    for (edge, inside) in [
        (1.0_f64, 0.682_689_492_137_086),
        (2.0, 0.954_499_736_103_642),
    ] {
        assert!((gamma_share(0.5, edge * edge / 2.0) - inside).abs() < 1e-13);
    }
}

#[test]
fn values_are_chosen_by_weight_and_never_without_weight() {
    let weights = [0.0, 2.0, 0.0, 1.0, 1.0, 0.0];
    let draws = draws(&empirical(&[1, 2, 3, 2, 5, 6], &weights));
    let share = |value: f64| {
        draws.iter().filter(|x| (**x - value).abs() < 0.5).count() as f64 / f64::from(DRAWS)
    };
    let error = (0.75 * 0.25 / f64::from(DRAWS)).sqrt();
    assert!((share(2.0) - 0.75).abs() < 5.0 * error, "{}", share(2.0));
    assert!((share(5.0) - 0.25).abs() < 5.0 * error, "{}", share(5.0));
    assert!((share(2.0) + share(5.0) - 1.0).abs() < 1e-12);
}

#[test]
fn ends_of_the_parameters_are_drawable() {
    let whole = |shape| Distribution::Pareto {
        low_ns: 1,
        high_ns: u64::MAX,
        shape,
    };
    let mut rng = StreamKey::new(11, "test", "ends", 0).generator();
    for shape in [SHAPE_MIN, 1.0, SHAPE_MAX] {
        let point = Distribution::Pareto {
            low_ns: 7,
            high_ns: 7,
            shape,
        };
        assert!((point.mean_ns() - 7.0).abs() < 1e-12);
        assert_eq!(point.sampler().unwrap().sample(&mut rng), 7);
        assert!(whole(shape).mean_ns() >= 1.0);
        let samplers = [whole(shape), gamma(shape), weibull(shape)].map(|d| d.sampler().unwrap());
        for _ in 0..10_000 {
            assert!(samplers[0].sample(&mut rng) >= 1);
            let [_, gamma, weibull] = &samplers;
            let drawn = [gamma.sample(&mut rng), weibull.sample(&mut rng)];
            if shape == SHAPE_MAX {
                assert!(drawn.iter().all(|x| x.abs_diff(MEAN_NS) < MEAN_NS / 100));
            }
        }
    }
    let nothing = Distribution::Weibull {
        mean_ns: 0,
        shape: 0.5,
    };
    assert_eq!(nothing.sampler().unwrap().sample(&mut rng), 0);
}

/// The bits of a draw are part of the results of a seed: they may change in no release without a word in the changelog.
#[test]
fn draws_are_pinned() {
    let cases = [
        (gamma(0.5), [3_102_102_816, 199_978_273, 857_114_134]),
        (gamma(4.0), [1_234_299_148, 957_504_625, 479_171_669]),
        (weibull(0.7), [920_544_299, 1_245_892_613, 34_624_186]),
        (pareto(10, 1.5), [159_962_965, 551_466_508, 105_900_408]),
        (
            empirical(&[1, 2, 3], &[0.05, 0.03, 1.0]),
            [3_000_000_000, 3_000_000_000, 3_000_000_000],
        ),
    ];
    for (distribution, expected) in cases {
        let sampler = distribution.sampler().unwrap();
        let mut rng = StreamKey::new(1, "test", "pinned", 0).generator();
        assert_eq!(
            expected.map(|_: u64| sampler.sample(&mut rng)),
            expected,
            "{distribution:?}"
        );
    }
}

#[test]
fn bad_shapes_and_bounds_are_named() {
    for shape in [0.0, -1.0, 0.009, 1e7, f64::NAN, f64::INFINITY] {
        for distribution in [gamma(shape), weibull(shape), pareto(1, shape)] {
            assert!(
                matches!(
                    distribution.validate(),
                    Err(DistributionError::Shape { .. })
                ),
                "{distribution:?}"
            );
        }
    }
    let from_nothing = Distribution::Pareto {
        low_ns: 0,
        high_ns: 1,
        shape: 1.0,
    };
    assert_eq!(from_nothing.validate(), Err(DistributionError::Low));
    assert!(matches!(
        pareto(0, 1.0).validate(),
        Err(DistributionError::Range { .. })
    ));
}

#[test]
fn bad_weights_are_named() {
    assert!(matches!(
        empirical(&[], &[]).validate(),
        Err(DistributionError::NoWeight { .. })
    ));
    assert_eq!(
        empirical(&[1], &[0.0]).validate(),
        Err(DistributionError::NoWeight { sum: 0.0 })
    );
    assert!(matches!(
        empirical(&[1, 2], &[f64::MAX, f64::MAX]).validate(),
        Err(DistributionError::NoWeight { .. })
    ));
    assert_eq!(
        empirical(&[1, 2], &[1.0]).validate(),
        Err(DistributionError::Lengths {
            branches: 2,
            weights: 1
        })
    );
    assert_eq!(
        empirical(&[1, 2], &[1.0, -1.0]).validate(),
        Err(DistributionError::Weight {
            index: 1,
            weight: -1.0
        })
    );
}

#[test]
fn documents_read_back() {
    for distribution in [
        gamma(0.5),
        weibull(2.0),
        pareto(2, 1.1),
        empirical(&[1, 2], &[1.0, 3.0]),
    ] {
        let text = serde_json::to_string(&distribution).unwrap();
        assert_eq!(
            serde_json::from_str::<Distribution>(&text).unwrap(),
            distribution
        );
    }
}
