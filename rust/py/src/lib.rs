//! `hookean._core`: the simulator as seen from Python. Thin: extract, call, map errors, wrap.

mod guard;
mod memory;
mod policy;
mod run;
mod table;

use mimalloc::MiMalloc;
use pyo3::prelude::*;
use serde_json::json;

/// Keeps the memory of a run for the next one: the system's gives it back and takes it again, page by page.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[pymodule]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::run::{RawResult, simulate};
    #[pymodule_export]
    use crate::table::ArrowTable;

    /// Git revision of the build.
    #[pyfunction]
    fn git_revision() -> &'static str {
        env!("HOOKEAN_GIT_REVISION")
    }

    /// Runs the cases of one vector file; returns a JSON report.
    #[pyfunction]
    fn conformance(py: Python<'_>, name: &str, text: &str) -> PyResult<Vec<u8>> {
        crate::conformance(py, name, text)
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let kinds = hookean_sim::control::CONTROLLERS
            .iter()
            .map(|(kind, _)| *kind);
        let external = std::iter::once(hookean_sim::control::external::KIND);
        let mut kinds: Vec<_> = kinds.chain(external).collect();
        kinds.sort_unstable();
        module.add("CONTROLLERS", kinds)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

fn conformance(py: Python<'_>, name: &str, text: &str) -> PyResult<Vec<u8>> {
    let report = guard::detached(py, || hookean_policy::conformance::run_file(name, text))?;
    let failures: Vec<_> = report
        .failures
        .iter()
        .map(|f| json!({"case": f.case, "expected": f.expected, "got": f.got}))
        .collect();
    let document = json!({
        "file": report.name,
        "kind": report.kind,
        "passed": report.passed,
        "failed": report.failures.len(),
        "failures": failures,
    });
    serde_json::to_vec(&document).map_err(|e| guard::broken(&e.to_string()))
}
