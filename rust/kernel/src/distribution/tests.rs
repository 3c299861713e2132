//! Every distribution: moments, bounds, errors and documents.

mod laws;

use super::*;
use crate::StreamKey;

fn moments(distribution: &Distribution, n: u32) -> (f64, f64) {
    let sampler = distribution.sampler().unwrap();
    let mut rng = StreamKey::new(3, "test", "moments", 0).generator();
    let draws: Vec<f64> = (0..n).map(|_| sampler.sample(&mut rng) as f64).collect();
    let mean = draws.iter().sum::<f64>() / f64::from(n);
    let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(n);
    (mean, variance.sqrt() / mean)
}

/// Mean within 5 standard errors of the stated mean, coefficient of variation within 3 %.
#[test]
fn samples_have_the_stated_moments() {
    let ms = 1_000_000;
    let sigma = 0.8_f64;
    let lognormal_cv = ((sigma * sigma).exp() - 1.0_f64).sqrt();
    let cases = [
        (Distribution::Constant { value_ns: 7 }, 0.0),
        (
            Distribution::Uniform {
                low_ns: 0,
                high_ns: ms,
            },
            1.0 / 3.0_f64.sqrt(),
        ),
        (Distribution::Exponential { mean_ns: ms }, 1.0),
        (
            Distribution::Lognormal {
                median_ns: ms,
                sigma,
            },
            lognormal_cv,
        ),
        (
            Distribution::Erlang {
                mean_ns: ms,
                stages: 4,
            },
            0.5,
        ),
        (
            Distribution::Hyperexponential {
                means_ns: vec![ms, 5 * ms],
                weights: vec![0.75, 0.25],
            },
            2.5_f64.sqrt(),
        ),
    ];
    for (distribution, cv) in cases {
        let n = 100_000;
        let (mean, got_cv) = moments(&distribution, n);
        let error = (mean / distribution.mean_ns() - 1.0).abs();
        assert!(
            error <= 5.0 * cv / f64::from(n).sqrt(),
            "{distribution:?}: mean {mean}"
        );
        assert!(
            (got_cv - cv).abs() <= 0.03 * cv,
            "{distribution:?}: cv {got_cv}, expected {cv}"
        );
    }
}

#[test]
fn uniform_reaches_both_ends() {
    let sampler = Distribution::Uniform {
        low_ns: 10,
        high_ns: 12,
    }
    .sampler()
    .unwrap();
    let mut rng = StreamKey::new(3, "test", "uniform", 0).generator();
    let mut seen = [0; 3];
    for _ in 0..1_000 {
        seen[(sampler.sample(&mut rng) - 10) as usize] += 1;
    }
    assert!(seen.iter().all(|&n| n > 250), "{seen:?}");
    let whole = Distribution::Uniform {
        low_ns: 0,
        high_ns: u64::MAX,
    }
    .sampler()
    .unwrap();
    assert!(whole.sample(&mut rng) > 0);
}

#[test]
fn bad_parameters_are_named() {
    let hyper = |means_ns: &[u64], weights: &[f64]| Distribution::Hyperexponential {
        means_ns: means_ns.to_vec(),
        weights: weights.to_vec(),
    };
    let lognormal = |sigma| Distribution::Lognormal {
        median_ns: 1,
        sigma,
    };
    assert_eq!(
        lognormal(-1.0).validate(),
        Err(DistributionError::Sigma { sigma: -1.0 })
    );
    assert!(matches!(
        lognormal(f64::NAN).validate(),
        Err(DistributionError::Sigma { .. })
    ));
    assert_eq!(
        Distribution::Uniform {
            low_ns: 2,
            high_ns: 1
        }
        .validate(),
        Err(DistributionError::Range {
            low_ns: 2,
            high_ns: 1
        })
    );
    assert_eq!(
        Distribution::Erlang {
            mean_ns: 1,
            stages: 0
        }
        .validate(),
        Err(DistributionError::Stages)
    );
    assert_eq!(
        hyper(&[1], &[0.5, 0.5]).validate(),
        Err(DistributionError::Lengths {
            branches: 1,
            weights: 2
        })
    );
    assert_eq!(
        hyper(&[1, 2], &[0.5, 0.4]).validate(),
        Err(DistributionError::WeightSum { sum: 0.9 })
    );
    assert_eq!(
        hyper(&[1, 2], &[1.5, -0.5]).validate(),
        Err(DistributionError::Weight {
            index: 1,
            weight: -0.5
        })
    );
    assert!(matches!(
        hyper(&[], &[]).validate(),
        Err(DistributionError::WeightSum { .. })
    ));
}

#[test]
fn documents_name_the_distribution_and_refuse_unknown_fields() {
    let text = r#"{"distribution":"lognormal","median_ns":40000000,"sigma":0.83}"#;
    let parsed: Distribution = serde_json::from_str(text).unwrap();
    assert_eq!(
        parsed,
        Distribution::Lognormal {
            median_ns: 40_000_000,
            sigma: 0.83
        }
    );
    assert_eq!(serde_json::to_string(&parsed).unwrap(), text);
    assert!(
        serde_json::from_str::<Distribution>(r#"{"distribution":"constant","value_ns":1,"x":2}"#)
            .is_err()
    );
}
