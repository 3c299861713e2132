//! Numbers of a workload, wherever they are kept.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Numbers that several may read and nobody changes. They may be lent: then whoever made them keeps them, and they are
/// in memory once.
pub struct Values<T>(Arc<dyn AsRef<[T]> + Send + Sync>);

impl<T> Values<T> {
    /// Those of an owner, which gives the same each time it is asked.
    pub fn of(owner: impl AsRef<[T]> + Send + Sync + 'static) -> Self {
        Self(Arc::new(owner))
    }
}

impl<T> Clone for Values<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Values<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.len())
    }
}

impl<T> Deref for Values<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        (*self.0).as_ref()
    }
}

impl<T: Send + Sync + 'static> From<Vec<T>> for Values<T> {
    fn from(values: Vec<T>) -> Self {
        Self::of(values)
    }
}

impl<T: Clone + Send + Sync + 'static> From<&[T]> for Values<T> {
    fn from(values: &[T]) -> Self {
        Self::of(values.to_vec())
    }
}

impl<T: Send + Sync + 'static, const N: usize> From<[T; N]> for Values<T> {
    fn from(values: [T; N]) -> Self {
        Self::of(values)
    }
}

impl<T: Send + Sync + 'static> FromIterator<T> for Values<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::of(values.into_iter().collect::<Vec<T>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_reads_the_numbers_of_the_same_owner() {
        let owner: Arc<[u64]> = Arc::from([3, 4]);
        let values = Values::of(Arc::clone(&owner));
        let copy = values.clone();
        assert_eq!(copy.as_ptr(), owner.as_ptr());
        drop(values);
        assert_eq!(*copy, [3, 4]);
        assert_eq!(format!("{copy:?}"), "2 values");
    }
}
