//! The long call: simulate with the interpreter released, progress and Ctrl-C every 100 ms.

mod lent;
mod outlet;

use crate::guard::{broken, detached};
use crate::memory::{give_back, give_back_python};
use crate::policy::PythonPolicies;
use crate::table::ArrowTable;
use hookean_sim::control::external::ExternalPolicies;
use hookean_sim::plan::Plan;
use hookean_sim::record::LazyTable;
use hookean_sim::run::{Heartbeat, Outlet, RunOptions, RunOutput};
use hookean_sim::workload::WorkloadArrays;
use lent::values;
use numpy::PyReadonlyArray1;
use outlet::PythonSink;
use pyo3::exceptions::{PyKeyError, PyKeyboardInterrupt};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of the document of some hundred services: making it may have left much memory behind.
const LONG_DOCUMENT: usize = 1 << 18;

/// Least time between two calls of the progress function or looks for signals.
const PROGRESS_PERIOD: Duration = Duration::from_millis(100);

/// What a simulation left behind. Tables wait here until they are asked for.
#[pyclass(frozen, module = "hookean._core")]
pub struct RawResult {
    output: RunOutput,
    /// Whether Ctrl-C was pressed, be it too late to stop anything.
    interrupted: bool,
    tables: Mutex<Vec<(&'static str, LazyTable)>>,
}

#[pymethods]
impl RawResult {
    /// Hands a table over, once: it is not kept twice.
    fn take_table(&self, py: Python<'_>, name: &str) -> PyResult<ArrowTable> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let found = tables.iter().position(|(n, _)| *n == name);
        let at = found.ok_or_else(|| PyKeyError::new_err(name.to_owned()))?;
        let (_, table) = tables.swap_remove(at);
        drop(tables);
        let table = detached(py, || ArrowTable::new(table.into_table()))?;
        table.map_err(|e| broken(&e.to_string()))
    }

    /// The exception with which a policy, or what takes the rows, ended the run, if one did.
    fn failure<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match &self.output.failure {
            None => Ok(None),
            Some(failure) => match failure.downcast_ref::<PyErr>() {
                Some(error) => Ok(Some(error.value(py).clone().into_any())),
                None => Err(broken(&failure.to_string())),
            },
        }
    }

    /// Digest, end, checks and the like.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let checks = PyList::empty(py);
        for each in &self.output.checks {
            let check = PyDict::new(py);
            check.set_item("check", each.check)?;
            check.set_item("passed", true)?;
            check.set_item("detail", &each.detail)?;
            checks.append(check)?;
        }
        let info = PyDict::new(py);
        info.set_item("result_digest", &self.output.digest)?;
        info.set_item("partial", self.output.interrupted)?;
        info.set_item("interrupted", self.interrupted)?;
        info.set_item("simulated_ns", self.output.end.as_nanos())?;
        info.set_item("requests", self.output.requests)?;
        info.set_item("warnings", PyList::empty(py))?;
        info.set_item("checks", checks)?;
        Ok(info)
    }
}

/// Runs a plan. `plan` gives its document, which is read and kept no longer. `policies` are the functions that decide for services and for pools; `outlet` is a function that takes rows while the run goes on, and how many make a part.
#[pyfunction]
#[pyo3(signature = (plan, f64_arrays, u64_arrays, threads, progress, policies=None, outlet=None))]
#[expect(
    clippy::too_many_arguments,
    reason = "the interpreter and the seven arguments of the Python function"
)]
pub(crate) fn simulate(
    py: Python<'_>,
    plan: &Bound<'_, PyAny>,
    f64_arrays: Vec<PyReadonlyArray1<'_, f64>>,
    u64_arrays: Vec<PyReadonlyArray1<'_, u64>>,
    threads: usize,
    progress: Option<Py<PyAny>>,
    policies: Option<(Py<PyAny>, Py<PyAny>)>,
    outlet: Option<(Py<PyAny>, usize)>,
) -> PyResult<RawResult> {
    let plan = read(plan)?;
    let arrays = WorkloadArrays {
        f64s: values(f64_arrays)?,
        u64s: values(u64_arrays)?,
    };
    let interrupted = Arc::new(AtomicBool::new(false));
    let mut hook = Hook {
        progress,
        last: now(),
        raised: None,
        interrupted: Arc::clone(&interrupted),
    };
    let outlet = outlet.map(|(take, part_rows)| {
        let sink = PythonSink::new(take, Arc::clone(&interrupted));
        Outlet::new(Box::new(sink), part_rows)
    });
    let output = detached(py, || {
        let mut heartbeat =
            |at: hookean_kernel::SimTime, requests| hook.beat(at.as_nanos(), requests);
        hookean_sim::run::simulate(
            plan,
            &arrays,
            &mut RunOptions {
                threads,
                in_order: false,
                heartbeat: &mut heartbeat,
                policies: policies.map(|(decide, decide_nodes)| {
                    let policies = PythonPolicies {
                        decide,
                        decide_nodes,
                    };
                    Box::new(policies) as Box<dyn ExternalPolicies>
                }),
                outlet,
            },
        )
    });
    give_back();
    if let Some(error) = hook.raised {
        return Err(error);
    }
    let mut output = output?.map_err(|e| broken(&e.to_string()))?;
    let tables = Mutex::new(std::mem::take(&mut output.tables));
    Ok(RawResult {
        interrupted: output.interrupted || interrupted.load(Ordering::Relaxed),
        output,
        tables,
    })
}

/// Reads a plan. Its document is gone with this: of very many services it is large.
fn read(plan: &Bound<'_, PyAny>) -> PyResult<Plan> {
    let document = plan.call0()?;
    let document = document.cast_into::<PyBytes>()?;
    let size = document.as_bytes().len();
    let plan = Plan::from_json(document.as_bytes()).map_err(|e| broken(&e.to_string()))?;
    drop(document);
    if size >= LONG_DOCUMENT {
        give_back_python();
    }
    Ok(plan)
}

/// Ctrl-C stops a run and keeps its result; any other exception of the progress function ends the call.
struct Hook {
    progress: Option<Py<PyAny>>,
    last: Instant,
    raised: Option<PyErr>,
    /// Whether Ctrl-C came while rows were handed over.
    interrupted: Arc<AtomicBool>,
}

impl Hook {
    fn beat(&mut self, simulated_ns: u64, requests: u64) -> Heartbeat {
        if self.interrupted.load(Ordering::Relaxed) {
            return Heartbeat::Stop;
        }
        if self.last.elapsed() < PROGRESS_PERIOD {
            return Heartbeat::Continue;
        }
        self.last = now();
        Python::attach(|py| {
            let called = match &self.progress {
                Some(progress) => progress.call1(py, (simulated_ns, requests)).map(drop),
                None => Ok(()),
            };
            match called.and_then(|()| py.check_signals()) {
                Ok(()) => Heartbeat::Continue,
                Err(error) => {
                    if !error.is_instance_of::<PyKeyboardInterrupt>(py) {
                        self.raised = Some(error);
                    }
                    Heartbeat::Stop
                }
            }
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "paces progress and signals; no result depends on it"
)]
fn now() -> Instant {
    Instant::now()
}
