//! Calls between services against queueing theory.

use super::support::{Read, Scene, cluster, constant, ns, service};
use hookean_sim::run::RunOutput;
use serde_json::{Value, json};

pub(super) fn exponential(mean: f64) -> Value {
    json!({"distribution": "exponential", "mean_ns": ns(mean)})
}

fn call(from: usize, to: &[usize]) -> Value {
    json!({
        "service": from, "to": to, "probability": 1.0, "copies": 1, "hold": false, "delay": constant(0.0),
        "wait_for": {"wait": "all"}, "deadline_ns": null, "retry": null,
    })
}

fn latency_mean(output: &RunOutput) -> f64 {
    output.secs("end_to_end", "latency_mean")[0].expect("answers")
}

/// Mean and its standard error.
pub(super) fn estimate(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0) / n).sqrt())
}

/// Departures of M/M/1 are Poisson (P. J. Burke 1956), and the times of a request in the queues of a series are independent
/// (E. Reich 1957): from end to end, exponential times with the rates mu - lambda are added up.
#[test]
fn queues_in_series_are_as_burke_and_reich_say() {
    let (rate, means) = (0.5, [1.0, 1.25, 0.5]);
    let run = |seed: u64| {
        let services = ["a", "b", "c"].iter().zip(means);
        let services = services.map(|(name, mean)| {
            let mut one = service(name, 1);
            one["work"] = exponential(mean);
            one
        });
        let horizon = 40_000.0;
        let mut scene = Scene::new(horizon, cluster(4, 1), services.collect())
            .poisson(0, &[rate * horizon], horizon)
            .calls(vec![call(0, &[1]), call(1, &[2])]);
        scene.document["seed"] = json!(seed);
        scene.run()
    };
    let runs: Vec<RunOutput> = (0..20).map(run).collect();
    let expected = means.map(|mean| 1.0 / (1.0 / mean - rate));
    let (mean, error) = estimate(&runs.iter().map(latency_mean).collect::<Vec<_>>());
    let whole: f64 = expected.iter().sum();
    assert!((mean - whole).abs() < 4.0 * error, "{mean} not {whole}");
    assert!(error < 0.02 * whole, "{error}");
    for (row, expected) in expected.into_iter().enumerate() {
        let times = runs
            .iter()
            .map(|run| run.secs("critical_path", "time_mean")[row].expect("a mean"));
        let (mean, error) = estimate(&times.collect::<Vec<_>>());
        assert!(
            (mean - expected).abs() < 4.0 * error,
            "{mean} not {expected}"
        );
    }
}

/// The k-th of n independent exponential times of mean 1 has the mean 1/n + 1/(n-1) + ... + 1/(n-k+1), and the sum of the
/// squares of these as its variance.
#[test]
fn the_first_some_and_all_of_many_calls_are_order_statistics() {
    let (heads, copies) = (40_000.0, 5_u64);
    for needed in 1..=copies {
        let mut behind = service("b", 1);
        behind["work"] = exponential(1.0);
        behind["queue"]["discipline"] = json!("central_fifo");
        behind["replica"]["cpu_millicores"] = json!(1_000_000);
        behind["replica"]["concurrency"] = json!(1000);
        let mut front = behind.clone();
        front["name"] = json!("a");
        front["work"] = constant(0.0);
        let mut calls = call(0, &[1]);
        calls["copies"] = json!(copies);
        calls["wait_for"] = json!({"wait": "some", "count": needed});
        // Nobody waits: about 100 of 1000 places are taken.
        let output = Scene::new(heads / 20.0 + 100.0, cluster(2000, 1), vec![front, behind])
            .poisson(0, &[heads], heads / 20.0)
            .calls(vec![calls])
            .run();
        let answered = output.counts("end_to_end", "answered")[0] as f64;
        let of = |power: i32| {
            (0..needed)
                .map(|k| ((copies - k) as f64).powi(-power))
                .sum::<f64>()
        };
        let (expected, error) = (of(1), (of(2) / answered).sqrt());
        let mean = latency_mean(&output);
        assert!(
            (mean - expected).abs() < 4.0 * error,
            "{needed}: {mean} not {expected}"
        );
    }
}
