//! One running program: it is written a line, and answers with one, within a time limit.

use super::error::{Failure, cleaned};
use super::passing_on::StderrLines;
use super::protocol::MAX_REPLY_BYTES;
use super::spawning::spawn;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// So much is read at once.
const CHUNK: usize = 1 << 16;
/// How long a process may take to end after it has closed its output.
const ENDING: Duration = Duration::from_millis(300);

/// A time limit, and the field of the policy's file that sets it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeLimit {
    pub(super) seconds: f64,
    pub(super) field: &'static str,
}

/// A running program. It is ended when this is dropped, with whatever it has started.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: Option<ChildStderr>,
    errors: StderrLines,
    /// What it has written after the line that was answered with.
    rest: Vec<u8>,
    /// Number of the next call.
    pub(super) next: u64,
}

impl Process {
    /// Starts a command in `dir`, without a shell. Of the environment it does not have what is this program's own.
    pub(super) fn start(policy: &str, words: &[String], dir: &Path) -> Result<Self, Failure> {
        let refused =
            |error: io::Error| Failure::NotStarted { command: words[0].clone(), reason: error.to_string() };
        // A program without a '/' is looked up on the path; another one is relative to the policy's file.
        let program =
            if words[0].contains('/') { dir.join(&words[0]).into_os_string() } else { (&words[0]).into() };
        let mut command = Command::new(program);
        command.args(&words[1..]).current_dir(dir);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("REHEARSAL_") {
                command.env_remove(name);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command).map_err(refused)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else { unreachable!("all three are piped") };
        let errors = StderrLines::new(policy);
        let process = Self { child, stdin, stdout, stderr: Some(stderr), errors, rest: Vec::new(), next: 0 };
        process.never_wait().map_err(refused)?;
        Ok(process)
    }

    /// Reading and writing give back control where they would have to wait.
    fn never_wait(&self) -> io::Result<()> {
        let set = |fd: rustix::fd::BorrowedFd| fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK);
        set(self.stdin.as_fd())?;
        set(self.stdout.as_fd())?;
        self.stderr.as_ref().map_or(Ok(()), |stderr| set(stderr.as_fd()))?;
        Ok(())
    }

    /// Writes a line and reads the one that answers it, both without their ends.
    pub(super) fn exchange(&mut self, mut line: Vec<u8>, limit: TimeLimit) -> Result<Vec<u8>, Failure> {
        if !self.rest.is_empty() {
            return Err(Failure::Pipe(
                "it has written what nobody asked for: one line answers one line".to_owned(),
            ));
        }
        // Between the parts of JSON the end of a line is blank; in its texts there is none.
        line.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        line.push(b'\n');
        let deadline = Instant::now() + Duration::from_secs_f64(limit.seconds);
        let timed_out = || Failure::TimedOut { seconds: limit.seconds, limit: limit.field };
        let pipe = |error: io::Error| Failure::Pipe(error.to_string());
        let (mut unsent, mut answer, mut searched) = (&line[..], Vec::new(), 0);
        let mut chunk = vec![0; CHUNK];
        loop {
            if let Some(end) = memchr::memchr(b'\n', &answer[searched..]) {
                self.rest = answer.split_off(searched + end + 1);
                answer.truncate(searched + end);
                if unsent.is_empty() {
                    return Ok(answer);
                }
                return Err(Failure::Pipe("it answered before it had read what it was asked".to_owned()));
            }
            searched = answer.len();
            if searched > MAX_REPLY_BYTES {
                return Err(Failure::Pipe(format!("its answer is longer than {MAX_REPLY_BYTES} bytes")));
            }
            let left = deadline.checked_duration_since(Instant::now()).ok_or_else(timed_out)?;
            let ready = self.wait(!unsent.is_empty(), left).map_err(pipe)?;
            if ready.stderr {
                self.read_stderr(&mut chunk);
            }
            if ready.stdin {
                match self.stdin.write(unsent) {
                    Ok(count) => unsent = &unsent[count..],
                    Err(error) if is_for_later(&error) => {}
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(self.ended(&mut chunk)),
                    Err(error) => return Err(pipe(error)),
                }
            }
            if ready.stdout {
                match self.stdout.read(&mut chunk) {
                    Ok(0) => return Err(self.ended(&mut chunk)),
                    Ok(count) => answer.extend_from_slice(&chunk[..count]),
                    Err(error) if is_for_later(&error) => {}
                    Err(error) => return Err(pipe(error)),
                }
            }
        }
    }

    /// Waits until there is something to read, or room to write if that is wanted.
    fn wait(&self, writes: bool, left: Duration) -> io::Result<Ready> {
        let mut fds = vec![PollFd::new(&self.stdout, PollFlags::IN)];
        fds.extend(self.stderr.as_ref().map(|stderr| PollFd::new(stderr, PollFlags::IN)));
        if writes {
            fds.push(PollFd::new(&self.stdin, PollFlags::OUT));
        }
        // At least a millisecond, so that the end of the limit is not waited for in a circle.
        let left = Timespec::try_from(left.max(Duration::from_millis(1))).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&left)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let has = |i: usize| fds.get(i).is_some_and(|fd| !fd.revents().is_empty());
        let with_stderr = self.stderr.is_some();
        Ok(Ready {
            stdout: has(0),
            stderr: with_stderr && has(1),
            stdin: writes && has(1 + usize::from(with_stderr)),
        })
    }

    /// Passes on what there is to read of stderr now.
    fn read_stderr(&mut self, chunk: &mut [u8]) {
        let Some(stderr) = &mut self.stderr else { return };
        match stderr.read(chunk) {
            Ok(count @ 1..) => self.errors.take(&chunk[..count]),
            Err(error) if is_for_later(&error) => {}
            Ok(0) | Err(_) => self.stderr = None,
        }
    }

    /// How it ended, once it has closed its output.
    fn ended(&mut self, chunk: &mut [u8]) -> Failure {
        let pid = Pid::from_child(&self.child);
        let asked = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let since = Instant::now();
        // It is left as it is, so that nobody else gets its number before its group is ended.
        while matches!(waitid(WaitId::Pid(pid), asked), Ok(None)) && since.elapsed() < ENDING {
            thread::sleep(Duration::from_millis(2));
        }
        let has_ended = matches!(waitid(WaitId::Pid(pid), asked), Ok(Some(_)));
        let status = if has_ended {
            let _ = kill_process_group(pid, Signal::KILL);
            self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
        } else {
            "it closed its output".to_owned()
        };
        // What it wrote last says why, as far as it is there.
        for _ in 0..64 {
            if self.stderr.is_none() || !self.wait(false, Duration::ZERO).is_ok_and(|ready| ready.stderr) {
                break;
            }
            self.read_stderr(chunk);
        }
        self.errors.end_line();
        Failure::Ended { status: cleaned(&status), last_line: self.errors.last.clone() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Once it was waited for, its number may be somebody else's.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
        self.errors.end_line();
    }
}

/// What a process is ready for.
struct Ready {
    stdin: bool,
    stdout: bool,
    stderr: bool,
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
