//! Signals: what would end the process in the middle of something is noted instead.

use super::error::UsageError;
use crate::base::error::{Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

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

/// A file that may not grow is an error of the write, and no signal that ends the process.
pub(super) fn no_file_too_large() -> Result<()> {
    flag::register(SIGXFSZ, Arc::default()).map(drop).map_err(failed)
}
