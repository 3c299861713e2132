//! Policies written in Python: the interpreter is attached once for all that decide at one instant.
//!
//! What they see, call by call, and every check of what they return, is in `hookean.policies.runner`.

use hookean_kernel::SimTime;
use hookean_sim::control::external::{
    Choice, ExternalPolicies, Failure, METRICS, NodeRow, ReplicaRow, Row,
};
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

/// The `decide` and `decide_nodes` of a `hookean.policies.runner.Runner`.
pub(crate) struct PythonPolicies {
    pub(crate) decide: Py<PyAny>,
    pub(crate) decide_nodes: Py<PyAny>,
}

impl ExternalPolicies for PythonPolicies {
    fn decide(&mut self, now: SimTime, rows: &[Row]) -> Result<Vec<Choice>, Failure> {
        Python::attach(|py| self.call(py, now, rows)).map_err(Failure::from)
    }

    fn decide_nodes(&mut self, now: SimTime, row: &NodeRow) -> Result<Choice, Failure> {
        let arguments = (now.as_nanos(), row.controller, figures(row));
        let called = Python::attach(|py| self.decide_nodes.call1(py, arguments)?.extract(py));
        let (wanted, reason) = called.map_err(Failure::from)?;
        Ok(Choice { wanted, reason })
    }
}

/// Whole numbers of a row, in the order of `hookean.policies.runner.COUNTS`.
fn counts(row: &Row) -> [i64; 8] {
    [
        // as every count of a plan, far below the limit
        i64::try_from(row.controller).unwrap_or(i64::MAX),
        row.desired.into(),
        row.ready.into(),
        row.starting.into(),
        row.pending.into(),
        row.draining.into(),
        row.samples.into(),
        nanos(row.sampled).unwrap_or(-1),
    ]
}

/// What a policy sees of a pool, in the order of `hookean.policies.runner.NODE_FIGURES`.
fn figures(row: &NodeRow) -> [u64; 14] {
    [
        row.desired.into(),
        row.ready.into(),
        row.starting.into(),
        row.lost.into(),
        row.leaving.into(),
        row.replicas.into(),
        row.allocatable_cpu_millicores,
        row.allocatable_memory_bytes,
        row.requested_cpu_millicores,
        row.requested_memory_bytes,
        row.pending.into(),
        row.pending_cpu_millicores,
        row.pending_memory_bytes,
        row.pending_longest.as_nanos(),
    ]
}

fn nanos(at: Option<SimTime>) -> Option<i64> {
    // plans end before the range of i64 does
    at.map(|at| at.as_nanos().cast_signed())
}

impl PythonPolicies {
    fn call(&self, py: Python<'_>, now: SimTime, rows: &[Row]) -> PyResult<Vec<Choice>> {
        let n = rows.len();
        let lines: Vec<[i64; 8]> = rows.iter().map(counts).collect();
        let whole: Vec<i64> = (0..8)
            .flat_map(|k| lines.iter().map(move |line| line[k]))
            .collect();
        let means: Vec<f64> = (0..METRICS.len())
            .flat_map(|k| rows.iter().map(move |row| row.means[k]))
            .collect();
        let whole = PyArray1::from_vec(py, whole).reshape([8, n])?;
        let means = PyArray1::from_vec(py, means).reshape([METRICS.len(), n])?;
        let replicas = if rows.iter().any(|row| !row.replicas.is_empty()) {
            let rows = rows.iter().map(|row| replicas(py, &row.replicas));
            Some(PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)?)
        } else {
            None
        };
        let arguments = (now.as_nanos(), whole, means, replicas);
        let (wanted, reasons): (Vec<u32>, Option<Vec<Option<String>>>) =
            self.decide.call1(py, arguments)?.extract(py)?;
        let reasons = reasons.unwrap_or_else(|| vec![None; n]);
        let choices = wanted.into_iter().zip(reasons);
        Ok(choices
            .map(|(wanted, reason)| Choice { wanted, reason })
            .collect())
    }
}

/// Replicas as plain tuples, in the order of the fields of `hookean.policies.ReplicaObservation`.
fn replicas<'py>(py: Python<'py>, rows: &[ReplicaRow]) -> PyResult<Bound<'py, PyList>> {
    let one = |row: &ReplicaRow| -> PyResult<Bound<'py, PyTuple>> {
        let samples = row
            .samples
            .map(|sample| sample.map(|s| (s.value_milli, s.at.as_nanos(), s.window.as_nanos())));
        let [cpu, memory, requests] = samples;
        (
            row.id.0,
            row.running,
            row.ready,
            row.leaving,
            nanos(row.placed),
            nanos(row.ready_changed),
            cpu,
            memory,
            requests,
        )
            .into_pyobject(py)
    };
    PyList::new(py, rows.iter().map(one).collect::<PyResult<Vec<_>>>()?)
}
