//! What the targets run: the bodies that the ordinary tests run too, under limits of memory and processor time.

#[path = "../tests/store/mutations/bodies.rs"]
pub mod bodies;
#[path = "../tests/store/mutations/grammar.rs"]
pub mod grammar;
#[path = "../tests/store/mutations/whole_files.rs"]
pub mod whole_files;

use rustix::time::{ClockId, clock_gettime};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Memory that reading an input may take, in bytes.
const MOST_MEMORY: usize = 256 << 20;
/// Processor time for an input, whatever its length, and for each of its megabytes, in seconds.
const SECONDS: (f64, f64) = (1.0, 1.0);
/// Longest input that is built by a grammar, in bytes.
const LONGEST: usize = 1 << 20;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static ALLOWED: AtomicUsize = AtomicUsize::new(usize::MAX);

fn taken(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
    if live > ALLOWED.load(Relaxed) {
        ALLOWED.store(usize::MAX, Relaxed);
        panic!("an input takes more than {MOST_MEMORY} bytes of memory");
    }
}

/// The system's allocator, which ends the process where more is alive than allowed.
struct Limited;

// SAFETY: all of it is the system's allocator, which is one.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.fetch_sub(layout.size(), Relaxed);
        taken(size);
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Limited = Limited;

/// A body that reads an input and says how many bytes that has, within the limits.
pub fn within_limits(body: impl FnOnce() -> usize) {
    let seconds = || {
        let now = clock_gettime(ClockId::ProcessCPUTime);
        now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
    };
    let before = seconds();
    ALLOWED.store(LIVE.load(Relaxed) + MOST_MEMORY, Relaxed);
    let bytes = body();
    ALLOWED.store(usize::MAX, Relaxed);
    let (took, allowed) = (seconds() - before, SECONDS.0 + SECONDS.1 * bytes as f64 / 1e6);
    assert!(took <= allowed, "{bytes} bytes took {took} seconds of processor time; allowed: {allowed}");
}

/// An input that is read as it is.
pub fn as_it_is(bytes: &[u8], body: impl FnOnce(&[u8])) {
    within_limits(|| {
        body(bytes);
        bytes.len()
    });
}

/// An input that is built by a grammar; `body` says how long it has become.
pub fn by_grammar(bytes: &[u8], body: impl FnOnce(&[u8], usize) -> usize) {
    within_limits(|| body(bytes, LONGEST));
}
