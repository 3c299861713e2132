//! Arrays of Python that the engine reads where they are: a copy of the rates of very many services would be large.

use hookean_sim::workload::Values;
use numpy::{Element, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// An array and where its numbers are.
struct Lent<T: 'static> {
    numbers: &'static [T],
    /// Keeps them there.
    _array: Py<PyArray1<T>>,
}

impl<T> AsRef<[T]> for Lent<T> {
    fn as_ref(&self) -> &[T] {
        self.numbers
    }
}

/// The numbers of arrays; an array that is given several times, for services that are alike, once. One that Python may write
/// to is copied.
pub(super) fn values<T: Element + Copy + Sync + 'static>(
    arrays: Vec<PyReadonlyArray1<'_, T>>,
) -> PyResult<Vec<Values<T>>> {
    let mut known: BTreeMap<(usize, usize), Values<T>> = BTreeMap::new();
    let take = |array: PyReadonlyArray1<'_, T>| {
        let numbers = array.as_slice()?;
        let place = (numbers.as_ptr().addr(), numbers.len());
        if let Some(same) = known.get(&place) {
            return Ok(same.clone());
        }
        let values = if is_writeable(&array)? {
            numbers.into()
        } else {
            Values::of(lent(&array)?)
        };
        known.insert(place, values.clone());
        Ok(values)
    };
    arrays.into_iter().map(take).collect()
}

fn is_writeable<T: Element>(array: &PyReadonlyArray1<'_, T>) -> PyResult<bool> {
    array.getattr("flags")?.getattr("writeable")?.extract()
}

#[expect(unsafe_code, reason = "the numbers outlive the call, with their array")]
fn lent<T: Element + 'static>(array: &PyReadonlyArray1<'_, T>) -> PyResult<Lent<T>> {
    let numbers = array.as_slice()?;
    // SAFETY: the array owns these numbers or keeps their owner, and is kept beside them. It is read-only, as plans leave
    // their arrays, so nothing writes to them or moves them.
    let numbers = unsafe { std::slice::from_raw_parts(numbers.as_ptr(), numbers.len()) };
    Ok(Lent {
        numbers,
        _array: (**array).clone().unbind(),
    })
}
