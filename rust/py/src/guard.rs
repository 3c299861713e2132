//! The border that no panic crosses: one inside the engine becomes an error that says whose mistake it is.

use pyo3::prelude::*;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

pyo3::import_exception!(hookean.errors, SimulationError);

/// Runs `work` with the interpreter released.
///
/// # Errors
/// `SimulationError` when it panics. What it was working on is lost.
pub(crate) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    py.detach(|| caught(work))
        .map_err(|problem| broken(&problem))
}

/// A mistake of ours.
pub(crate) fn broken(message: &str) -> PyErr {
    SimulationError::new_err(message.to_owned())
}

/// The result of `work`, or what it panicked with and how to report that.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // nothing that `work` borrows is looked at after a panic
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let (version, revision) = (env!("CARGO_PKG_VERSION"), env!("HOOKEAN_GIT_REVISION"));
        format!(
            "the engine came to a state that must not exist: {}\n\nhint: this is a mistake in hookean {version} ({revision}): \
             please report it with the scenario, its seed and the lines on stderr before this one",
            text(panic.as_ref())
        )
    })
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let text = owned.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[test]
    fn a_panic_becomes_a_message_that_says_how_to_report_it() {
        assert_eq!(caught(|| 3), Ok(3));
        let empty: &[u32] = &[];
        let message = caught(|| empty[3]).unwrap_err();
        assert!(message.contains("index out of bounds"), "{message}");
        assert!(
            message.contains("please report it with the scenario"),
            "{message}"
        );
        let message = caught(|| panic!("slot {}", 7)).map(|()| 0).unwrap_err();
        assert!(message.contains("slot 7"), "{message}");
    }
}
