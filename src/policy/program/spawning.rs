//! Starting processes that do not outlive this one.
//!
//! Linux ends a child when the *thread* that started it ends, if the child asks for that; so all of them are started by one
//! thread, which lives as long as this process. Elsewhere they end when their stdin is closed.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, OnceLock};
use std::thread;

/// A command, and where to put what was started.
type Order = (Command, SyncSender<io::Result<Child>>);

/// The thread's queue.
static STARTER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();

/// Starts a command in a process group of its own.
///
/// # Errors
/// Those of the system.
pub(super) fn spawn(mut command: Command) -> io::Result<Child> {
    command.process_group(0);
    end_with_parent(&mut command);
    let (reply, child) = sync_channel(1);
    starter().lock().map_err(|_| gone())?.send((command, reply)).map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

fn starter() -> &'static Mutex<Sender<Order>> {
    STARTER.get_or_init(|| {
        let (orders, queue) = channel::<Order>();
        let start = move || {
            for (mut command, reply) in queue {
                let _ = reply.send(command.spawn());
            }
        };
        // Where no thread can be had, whoever asks is told so.
        let _ = thread::Builder::new().name("programs".to_owned()).spawn(start);
        Mutex::new(orders)
    })
}

fn gone() -> io::Error {
    io::Error::other("the thread that starts programs is not there")
}

#[cfg(target_os = "linux")]
fn end_with_parent(command: &mut Command) {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    let parent = rustix::process::getpid();
    let ask = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have ended before that was asked.
        if getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::NotConnected.into()) }
    };
    // SAFETY: between fork and exec it makes two system calls, and neither allocates nor takes a lock.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(ask);
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_parent(_: &mut Command) {}
