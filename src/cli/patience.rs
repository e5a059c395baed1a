//! Pipes that do not wait are waited for: who shares them with us, as Node does with its children, may have set them so.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// Waits until something can be read, or written.
fn wait(fd: &impl AsFd, what: PollFlags) -> io::Result<()> {
    match poll(&mut [PollFd::new(fd, what)], None) {
        Err(rustix::io::Errno::INTR) => Ok(()),
        done => done.map(drop).map_err(Into::into),
    }
}

/// Whether something can be read, or the end was reached; that is waited for so long, and not where a signal comes.
pub(super) fn arrives(fd: &impl AsFd, most: Duration) -> io::Result<bool> {
    let most = Timespec { tv_sec: most.as_secs().cast_signed(), tv_nsec: most.subsec_nanos().into() };
    match poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&most)) {
        Err(rustix::io::Errno::INTR) => Ok(false),
        ready => Ok(ready? > 0),
    }
}

/// A reader that waits for its bytes.
pub(super) struct Patient<R>(pub(super) R);

impl<R: AsFd> AsFd for Patient<R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl<R: Read + AsFd> Read for Patient<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => wait(&self.0, PollFlags::IN)?,
                read => return read,
            }
        }
    }
}

/// Writes and flushes all of it, however long its reader takes.
pub(super) fn write_all(out: &mut (impl Write + AsFd), mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait(out, PollFlags::OUT)?,
            Err(error) => return Err(error),
        }
    }
    loop {
        match out.flush() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait(out, PollFlags::OUT)?,
            done => return done,
        }
    }
}
