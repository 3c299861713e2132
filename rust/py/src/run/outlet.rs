//! Rows on their way to Python while a run goes on.

use crate::guard::broken;
use crate::table::ArrowTable;
use hookean_sim::control::external::Failure;
use hookean_sim::record::Table;
use hookean_sim::run::Sink;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A Python function that takes the name of a table, the number of the part and its rows.
///
/// Ctrl-C may come anywhere in it. It is called with the same part again then, so that none is missing or torn, and the run
/// is told to stop.
pub(crate) struct PythonSink {
    take: Py<PyAny>,
    parts: BTreeMap<&'static str, u64>,
    interrupted: Arc<AtomicBool>,
}

impl PythonSink {
    pub(crate) fn new(take: Py<PyAny>, interrupted: Arc<AtomicBool>) -> Self {
        Self {
            take,
            parts: BTreeMap::new(),
            interrupted,
        }
    }

    fn call(&self, py: Python<'_>, table: &str, number: u64, rows: Table) -> PyResult<()> {
        let rows = ArrowTable::new(rows).map_err(|e| broken(&e.to_string()))?;
        let rows = Bound::new(py, rows)?;
        loop {
            match self.take.call1(py, (table, number, &rows)) {
                Err(error) if error.is_instance_of::<PyKeyboardInterrupt>(py) => {
                    self.interrupted.store(true, Ordering::Relaxed);
                }
                taken => return taken.map(drop),
            }
        }
    }
}

impl Sink for PythonSink {
    fn take(&mut self, table: &'static str, rows: Table) -> Result<(), Failure> {
        let number = *self.parts.entry(table).or_default();
        Python::attach(|py| self.call(py, table, number, rows))?;
        self.parts.insert(table, number + 1);
        Ok(())
    }
}
