//! Signals: what would end the process in the middle of something is noted instead.

use super::error::UsageError;
use crate::base::error::{Error, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

fn failed(error: io::Error) -> Error {
    UsageError::system("handle signals")(error)
}

/// Becomes true when the process is asked to end (SIGINT, SIGTERM); asked again, it ends at once.
pub(super) fn stop() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag down, and raises it.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop)).map_err(failed)?;
        flag::register(signal, Arc::clone(&stop)).map_err(failed)?;
    }
    Ok(stop)
}

/// Signals that end a process, and whether they came while that was held back.
struct HeldBack {
    /// Whether they end the process at once.
    at_once: Arc<AtomicBool>,
    came: Vec<(i32, Arc<AtomicBool>)>,
}

impl HeldBack {
    /// Those that whoever started the process did not want ignored, as `nohup` does.
    fn new() -> io::Result<Self> {
        let held = Self { at_once: Arc::new(AtomicBool::new(true)), came: Vec::new() };
        let ignored = ignored();
        let signals =
            [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| ignored & (1 << (signal - 1)) == 0);
        signals.into_iter().try_fold(held, |mut held, signal| {
            let came = Arc::new(AtomicBool::new(false));
            flag::register(signal, Arc::clone(&came))?;
            flag::register_conditional_default(signal, Arc::clone(&held.at_once))?;
            held.came.push((signal, came));
            Ok(held)
        })
    }
}

/// The signals that are ignored, by their bits, where the system says.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Does something that is to be whole: a signal to end (SIGHUP, SIGINT, SIGTERM) that comes meanwhile ends the process after
/// it.
pub(super) fn held_back<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    static HELD: OnceLock<io::Result<HeldBack>> = OnceLock::new();
    let Ok(held) = HELD.get_or_init(HeldBack::new) else { return work() };
    held.at_once.store(false, Ordering::SeqCst);
    let done = work();
    held.at_once.store(true, Ordering::SeqCst);
    for (signal, came) in &held.came {
        if came.load(Ordering::SeqCst) {
            signal_hook::low_level::emulate_default_handler(*signal).map_err(failed)?;
        }
    }
    done
}

/// A file that may not grow is an error of the write, and no signal that ends the process.
pub(super) fn no_file_too_large() -> Result<()> {
    flag::register(SIGXFSZ, Arc::default()).map(drop).map_err(failed)
}
