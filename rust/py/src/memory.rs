//! Memory of a run that is over, and of what came before it.

use std::ptr::null_mut;

/// A process that holds less is left as it is: the next run is quicker with memory that is there already.
const MUCH: usize = 16 << 20;

/// Gives memory that is free back to the system if there may be much of it: what comes after the run needs memory, too, and
/// does not ask this allocator for it.
pub(crate) fn give_back() {
    if committed() >= MUCH {
        collect();
    }
}

/// Gives back what Python has freed before a run. A scenario of many services leaves some MiB in the system's allocator, which
/// keeps them, and the run asks another one.
pub(crate) fn give_back_python() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc::malloc_trim(0);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "a function of glibc that the standard library does not wrap"
)]
mod glibc {
    unsafe extern "C" {
        pub(super) safe fn malloc_trim(pad: usize) -> std::ffi::c_int;
    }
}

#[expect(
    unsafe_code,
    reason = "mimalloc's own functions, which its crate does not wrap"
)]
mod mimalloc {
    unsafe extern "C" {
        pub(super) safe fn mi_collect(force: bool);
        pub(super) fn mi_process_info(
            elapsed_msecs: *mut usize,
            user_msecs: *mut usize,
            system_msecs: *mut usize,
            current_rss: *mut usize,
            peak_rss: *mut usize,
            current_commit: *mut usize,
            peak_commit: *mut usize,
            page_faults: *mut usize,
        );
    }
}

fn collect() {
    mimalloc::mi_collect(true);
}

/// Bytes that this allocator holds.
#[expect(unsafe_code, reason = "it writes through pointers")]
fn committed() -> usize {
    let mut committed = 0;
    let rest = null_mut();
    // SAFETY: it writes through pointers that are not null, and the one that is not is of a number here.
    unsafe {
        mimalloc::mi_process_info(rest, rest, rest, rest, rest, &raw mut committed, rest, rest);
    }
    committed
}
