//! Laws as tables of quantiles, for the latencies of a crowd: that of work, and the exponential one.

use crate::plan::PlanError;
use hookean_kernel::portable::ln;
use hookean_kernel::{Distribution, StreamKey};
use std::sync::{Arc, LazyLock};

/// Values of a table: each stands for an equal share of requests.
const STRATA: usize = 512;
/// So many neighbours stand side by side wherever they begin: a table goes on with its beginning.
pub(super) const ROW: usize = 64;
/// Draws behind each value.
const DRAWS: usize = 64;
/// Mean of a law whose size does not matter.
const UNIT_NS: u64 = 1_000_000_000;

/// Quantiles of work relative to its mean: the mean of each 512th of the law. They are not in their order, but in the one
/// in which places are asked for (see [`at`]).
pub(super) type Quantiles = Arc<[f32]>;

/// Tables by law: services that differ in their mean work alone share one.
#[derive(Debug, Default)]
pub(crate) struct Laws {
    known: Vec<(Distribution, Quantiles)>,
}

impl Laws {
    /// The table of a law.
    pub(super) fn quantiles(&mut self, law: &Distribution) -> Result<Quantiles, PlanError> {
        let law = of_unit_size(law);
        if let Some((_, found)) = self.known.iter().find(|(known, _)| *known == law) {
            return Ok(found.clone());
        }
        let invalid =
            |problem| PlanError::invalid("services.work", format!("is invalid: {problem}"));
        let sampler = law.sampler().map_err(invalid)?;
        let mut rng = StreamKey::new(0, "work", "quantiles", 0).generator();
        let mut draws: Vec<u64> = (0..STRATA * DRAWS)
            .map(|_| sampler.sample(&mut rng))
            .collect();
        let table = of_values(&mut draws);
        self.known.push((law, table.clone()));
        Ok(table)
    }
}

/// The same law at a size of its own, if its size is a single number.
fn of_unit_size(law: &Distribution) -> Distribution {
    let mut law = law.clone();
    match &mut law {
        Distribution::Constant { value_ns: size }
        | Distribution::Exponential { mean_ns: size }
        | Distribution::Lognormal {
            median_ns: size, ..
        }
        | Distribution::Erlang { mean_ns: size, .. }
        | Distribution::Gamma { mean_ns: size, .. }
        | Distribution::Weibull { mean_ns: size, .. } => {
            if *size > 0 {
                *size = UNIT_NS;
            }
        }
        Distribution::Uniform { .. }
        | Distribution::Hyperexponential { .. }
        | Distribution::Pareto { .. }
        | Distribution::Empirical { .. } => {}
    }
    law
}

/// The table of recorded values.
pub(super) fn of_values(values: &mut [u64]) -> Quantiles {
    values.sort_unstable();
    let mean = values.iter().map(|v| *v as f64).sum::<f64>() / values.len().max(1) as f64;
    let stratum = |index: usize| {
        let (from, to) = (
            index * values.len() / STRATA,
            (index + 1) * values.len() / STRATA,
        );
        // With fewer values than strata some have one value in common.
        let of = &values[from..to.max(from + 1).min(values.len())];
        let sum: f64 = of.iter().map(|v| *v as f64).sum();
        if mean > 0.0 {
            (sum / of.len() as f64 / mean) as f32
        } else {
            1.0
        }
    };
    (0..STRATA + ROW)
        .map(|place| stratum(mirrored(place % STRATA)))
        .collect()
}

/// The least and the largest value of a table.
pub(super) fn extremes(quantiles: &[f32]) -> [f32; 2] {
    let values = || quantiles.iter().copied();
    [
        values().fold(f32::INFINITY, f32::min),
        values().fold(0.0, f32::max),
    ]
}

/// The bits of a place in a table in their reverse order.
const fn mirrored(place: usize) -> usize {
    place.reverse_bits() >> (usize::BITS - STRATA.trailing_zeros())
}

/// The value for the request, or cohort, with a number: that at the place of van der Corput's sequence, which fills the
/// law evenly.
#[inline]
pub(super) fn at(quantiles: &[f32], number: u64) -> f32 {
    quantiles[number as usize % STRATA]
}

/// The values for neighbouring numbers, at most [`ROW`].
#[inline]
pub(super) fn row(quantiles: &[f32], first: u64, count: u64) -> &[f32] {
    let begin = first as usize % STRATA;
    &quantiles[begin..begin + count as usize]
}

/// Values of the exponential table: a prime, so that all of them come to stand beside each value of a table of work.
const EXPONENTIAL_STRATA: usize = 509;
/// Above the largest of them, 1 + ln 509.
pub(super) const LARGEST_EXPONENTIAL: f32 = 7.25;
/// Coprime to it, and near its golden section: neighbouring numbers are far apart, and fill the law evenly.
const LEAP: usize = 315;

/// Quantiles of the exponential law of mean one, in the order in which they are asked for.
static EXPONENTIAL: LazyLock<Box<[f32]>> = LazyLock::new(|| {
    // The mean of -ln v between two places.
    let integral = |v: f64| if v > 0.0 { v - v * ln(v) } else { 0.0 };
    let edge = |at: usize| at as f64 / EXPONENTIAL_STRATA as f64;
    let stratum = |at: usize| {
        let mean = (integral(edge(at + 1)) - integral(edge(at))) * EXPONENTIAL_STRATA as f64;
        mean as f32
    };
    (0..EXPONENTIAL_STRATA + ROW)
        .map(|number| stratum(number * LEAP % EXPONENTIAL_STRATA))
        .collect()
});

/// Exponential values of mean one for neighbouring numbers, at most [`ROW`], independent of those of work.
#[inline]
pub(super) fn exponential(first: u64, count: u64) -> &'static [f32] {
    let begin = first as usize % EXPONENTIAL_STRATA;
    &EXPONENTIAL[begin..begin + count as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_mean_one_and_the_quantiles_of_their_law() {
        let mut laws = Laws::default();
        let table = laws
            .quantiles(&Distribution::Exponential { mean_ns: 40 })
            .unwrap();
        let mean = table[..STRATA].iter().map(|q| f64::from(*q)).sum::<f64>() / STRATA as f64;
        assert!((mean - 1.0).abs() < 1e-6, "{mean}");
        for (q, exact) in [
            (0.1, 0.105_4),
            (0.5, std::f64::consts::LN_2),
            (0.9, std::f64::consts::LN_10),
            (0.99, 4.605),
        ] {
            let found = f64::from(table[mirrored((q * STRATA as f64) as usize)]);
            assert!((found / exact - 1.0).abs() < 0.05, "{q}: {found}");
        }
    }

    #[test]
    fn exponential_values_have_their_law_and_nothing_to_do_with_work() {
        let values = |count| (0..count).map(|number| exponential(number, 1)[0]);
        let mut sorted: Vec<f32> = values(EXPONENTIAL_STRATA as u64).collect();
        sorted.sort_by(f32::total_cmp);
        let mean = sorted.iter().sum::<f32>() / sorted.len() as f32;
        assert!((mean - 1.0).abs() < 1e-5, "{mean}");
        let median = sorted[sorted.len() / 2];
        assert!((median - std::f32::consts::LN_2).abs() < 0.005, "{median}");
        assert_eq!(
            exponential(700, 64)[5].to_bits(),
            exponential(705, 1)[0].to_bits()
        );
        let work = Laws::default()
            .quantiles(&Distribution::Exponential { mean_ns: 1 })
            .unwrap();
        for few in [32, 600, 260_000_u64] {
            let products = values(few)
                .zip(0..)
                .map(|(value, number)| f64::from(value * at(&work, number)));
            let mean = products.sum::<f64>() / few as f64;
            let most = 1.0 / (few as f64).sqrt() + 0.005;
            assert!((mean - 1.0).abs() < most, "{few}: {mean}");
        }
    }

    #[test]
    fn laws_of_one_shape_share_a_table() {
        let mut laws = Laws::default();
        for mean_ns in [3, 5_000_000] {
            laws.quantiles(&Distribution::Gamma {
                mean_ns,
                shape: 2.0,
            })
            .unwrap();
        }
        assert_eq!(laws.known.len(), 1);
    }

    #[test]
    fn few_recorded_values_fill_a_table() {
        let table = of_values(&mut [30, 10]);
        assert_eq!(table[..ROW], table[STRATA..]);
        for (number, exact) in [(0, 0.5), (1, 1.5), (2, 0.5), (3, 1.5), (511, 1.5)] {
            assert!(
                (f64::from(at(&table, number)) - exact).abs() < 1e-6,
                "{number}"
            );
        }
        for mut values in [vec![5, 10, 15], (1..=200).collect()] {
            let table = of_values(&mut values);
            let mean = table[..STRATA].iter().map(|q| f64::from(*q)).sum::<f64>() / STRATA as f64;
            assert!((mean - 1.0).abs() < 2e-3, "{mean}");
        }
        assert_eq!(of_values(&mut [])[0].to_bits(), 1.0_f32.to_bits());
    }
}
