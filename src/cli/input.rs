//! Reading: one request, or many lines of them.

use super::error::UsageError;
use super::line_reader::{LineReader, MAX_BYTES, TOO_LONG, open, too_long};
use crate::base::error::{Error, Fault, Result};
use crate::base::read::without_mark;
use crate::base::threads::MANY;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// Whoever sends so much at once sends more than can be answered meanwhile.
const MUCH: usize = 32 << 10;
/// About how much is worked on at once, where nothing speaks for more: enough for all threads, little for the caches.
pub(super) const CHUNK_BYTES: usize = 4 << 20;
/// About so many lines at most: short ones take more memory when they are parsed than their bytes.
const CHUNK_LINES: usize = 1 << 16;

/// How often a wait for lines looks whether it should stop.
const LOOK: Duration = Duration::from_millis(50);

/// So many chunks wait to be finished at most.
const AHEAD: usize = 2;

/// The whole of FILE, or of stdin, and what errors call it.
pub(super) fn whole(file: Option<&Path>) -> Result<(Vec<u8>, String)> {
    let (source, origin) = open(file)?;
    let mut bytes = Vec::new();
    source.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(Error::io("read", &origin))?;
    if bytes.len() > MAX_BYTES {
        return Err(too_long().at(&origin));
    }
    Ok((bytes, origin))
}

/// Lines that arrived together.
pub(super) struct Chunk {
    /// Number of the first one, from 1.
    first: u64,
    bytes: Vec<u8>,
    /// How many end in it.
    ended: usize,
}

/// A line's text, if it is no longer than is read.
pub(super) type LineText<'a> = Result<&'a [u8], Fault>;

impl Chunk {
    /// Every line with its number, those without content left out.
    pub(super) fn lines(&self) -> impl Iterator<Item = (u64, LineText<'_>)> {
        let mut begin = 0;
        let ends = memchr::memchr_iter(b'\n', &self.bytes).chain([self.bytes.len()]);
        let lines =
            ends.map(move |end| without_mark(&self.bytes[std::mem::replace(&mut begin, end + 1)..end]));
        let with_content =
            (self.first..).zip(lines).filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace));
        with_content.map(|(number, line)| (number, if line == TOO_LONG { Err(too_long()) } else { Ok(line) }))
    }
}

/// Lines as they arrive: whatever is there is handed on together, at once, so that one line is answered
/// before the next is written, and many lines are worked on together.
pub(super) struct Lines {
    read_by: ReadBy,
    /// About so many bytes are worked on at once.
    chunk: usize,
    next: u64,
    /// Memory of a chunk that is done with, for the next one.
    spare: Vec<u8>,
}

/// Who reads lines.
enum ReadBy {
    /// Who works on them, as long as they come a few at a time: to wake somebody would take longer.
    Us(LineReader),
    /// A thread of its own, once they are many.
    Thread(Arc<Arrived>),
    /// Nobody: there are no more.
    Nobody,
}

/// What one thread reads and another one takes.
struct Arrived {
    /// With so many bytes waiting, or [`CHUNK_LINES`], there is no room for more.
    room: usize,
    waiting: Mutex<Waiting>,
    /// Something arrived, or was taken.
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// Whole lines; at the end, perhaps one that is not ended.
    bytes: Vec<u8>,
    /// How many are ended.
    lines: usize,
    /// Nothing more will come, and why.
    ended: Option<Result<()>>,
    /// Nobody takes it any more.
    unwanted: bool,
}

impl Arrived {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("nothing panics with it")
    }

    /// Hands on lines, when there is room for them; false if nobody wants them.
    fn add(&self, lines: &[u8]) -> bool {
        let full = |waiting: &mut Waiting| {
            (waiting.bytes.len() >= self.room || waiting.lines >= CHUNK_LINES) && !waiting.unwanted
        };
        let mut waiting = self.changed.wait_while(self.lock(), full).expect("nothing panics with it");
        waiting.bytes.extend_from_slice(lines);
        waiting.lines += memchr::memchr_iter(b'\n', lines).count();
        let wanted = !waiting.unwanted;
        // Whoever wakes up needs it.
        drop(waiting);
        self.changed.notify_all();
        wanted
    }

    fn end(&self, how: Result<()>) {
        self.lock().ended = Some(how);
        self.changed.notify_all();
    }
}

impl Lines {
    /// The lines of FILE, or of stdin, about `chunk` bytes of which are worked on at once if they are there.
    pub(super) fn open(file: Option<&Path>, chunk: usize) -> Result<Self> {
        let reader = LineReader::open(file)?;
        Ok(Self { read_by: ReadBy::Us(reader), chunk, next: 1, spare: Vec::new() })
    }

    /// Works on all lines in order, in two steps: while many are finished, by a thread of their own, the next ones are
    /// prepared. Ends with the lines, and when `stop` becomes true: whatever was handed on is finished then.
    ///
    /// # Errors
    /// Of a step, or of reading; what was read before that is finished. A closed stdout is an error, for input is left
    /// that nobody was answered for.
    pub(super) fn in_two_steps<P: Send>(
        &mut self,
        stop: &AtomicBool,
        mut prepare: impl FnMut(&Chunk) -> Result<P>,
        finish: impl FnMut(P) -> Result<()> + Send,
    ) -> Result<()> {
        let failed = AtomicBool::new(false);
        let (finish, waiting) = (Mutex::new(finish), AtomicUsize::new(0));
        let finish = |prepared: P| (*finish.lock().unwrap_or_else(PoisonError::into_inner))(prepared);
        let (sender, receiver) = mpsc::sync_channel(AHEAD);
        let (prepared, finished) = thread::scope(|scope| {
            let finisher = thread::Builder::new().spawn_scoped(scope, || {
                // It is dropped here: who would hand on more then learns that nobody takes it.
                let finished = receiver.into_iter().try_for_each(|prepared| {
                    finish(prepared)?;
                    waiting.fetch_sub(1, Ordering::Release);
                    Ok(())
                });
                failed.store(finished.is_err(), Ordering::Relaxed);
                finished
            });
            let finisher = match finisher {
                Ok(finisher) => finisher,
                Err(refused) => return (Err(UsageError::system("start a thread")(refused)), Ok(())),
            };
            let mut finished_here = Ok(());
            let mut prepare_all = || {
                while let Some(chunk) = self.next_chunk(&[stop, &failed])? {
                    let prepared = prepare(&chunk)?;
                    let few = chunk.ended < MANY;
                    self.spare = chunk.bytes;
                    if few && waiting.load(Ordering::Acquire) == 0 {
                        // Whoever sends a few waits for their answers: to wake a thread would keep them longer.
                        finished_here = finish(prepared);
                        if finished_here.is_err() {
                            break;
                        }
                        continue;
                    }
                    waiting.fetch_add(1, Ordering::Relaxed);
                    if sender.send(prepared).is_err() {
                        break;
                    }
                }
                Ok(())
            };
            let prepared = prepare_all();
            drop(sender);
            (prepared, finisher.join().expect("a step does not panic").and(finished_here))
        });
        match finished.and(prepared) {
            Err(error) if error.is_broken_pipe() => {
                Err(Error::because(UsageError::Closed { lines: self.handed_on() + 1 }))
            }
            done => done,
        }
    }

    /// The lines that are there, at least one, which is waited for; `None` at the end, and when one of `stops` becomes
    /// true.
    fn next_chunk(&mut self, stops: &[&AtomicBool]) -> Result<Option<Chunk>> {
        let stopped = || stops.iter().any(|stop| stop.load(Ordering::Relaxed));
        while let ReadBy::Us(reader) = &mut self.read_by {
            if stopped() {
                return Ok(None);
            }
            if !reader.arrives(LOOK)? {
                continue;
            }
            let read = reader.read()?;
            if read >= MUCH {
                self.start_thread(read)?;
                break;
            }
            let mut bytes = std::mem::take(&mut self.spare);
            bytes.clear();
            reader.hand_on(read, |lines| bytes.extend_from_slice(lines));
            if read == 0 {
                self.read_by = ReadBy::Nobody;
            }
            if !bytes.is_empty() {
                let ended = memchr::memchr_iter(b'\n', &bytes).count();
                return Ok(Some(self.numbered(bytes, ended)));
            }
            self.spare = bytes;
        }
        let ReadBy::Thread(arrived) = &self.read_by else { return Ok(None) };
        let mut waiting = arrived.lock();
        while waiting.bytes.is_empty() {
            // What arrived before a failure is answered first; the failure then ends the run.
            if let Some(ended) = &mut waiting.ended {
                return std::mem::replace(ended, Ok(())).map(|()| None);
            }
            if stopped() {
                return Ok(None);
            }
            let woken = arrived.changed.wait_timeout(waiting, LOOK);
            waiting = woken.expect("nothing panics with it").0;
        }
        if stopped() {
            return Ok(None);
        }
        self.spare.clear();
        let bytes = std::mem::replace(&mut waiting.bytes, std::mem::take(&mut self.spare));
        let ended = std::mem::take(&mut waiting.lines);
        drop(waiting);
        arrived.changed.notify_all();
        Ok(Some(self.numbered(bytes, ended)))
    }

    /// The next lines, so many of which are ended.
    fn numbered(&mut self, bytes: Vec<u8>, ended: usize) -> Chunk {
        let chunk = Chunk { first: self.next, bytes, ended };
        let unended = chunk.bytes.last().is_some_and(|last| *last != b'\n');
        self.next += ended as u64 + u64::from(unended);
        chunk
    }

    /// Leaves it to a thread to read, which begins with so many bytes that were just read.
    fn start_thread(&mut self, read: usize) -> Result<()> {
        let waiting = Mutex::default();
        let arrived = Arc::new(Arrived { room: self.chunk, waiting, changed: Condvar::new() });
        if let ReadBy::Us(reader) = std::mem::replace(&mut self.read_by, ReadBy::Thread(Arc::clone(&arrived)))
        {
            let started = thread::Builder::new().spawn(move || arrived.end(read_all(reader, read, &arrived)));
            started.map_err(UsageError::system("start a thread"))?;
        }
        Ok(())
    }
}

impl Lines {
    /// Number of lines that were handed on.
    fn handed_on(&self) -> u64 {
        self.next - 1
    }

    /// Whether the lines came to their end; an answer stands for a line that is done, and what has none is not.
    ///
    /// # Errors
    /// [`UsageError::Interrupted`], if something was asked to stop before that.
    pub(super) fn check_end(&self, stop: &AtomicBool) -> Result<()> {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::because(UsageError::Interrupted { lines: self.handed_on() }));
        }
        Ok(())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if let ReadBy::Thread(arrived) = &self.read_by {
            arrived.lock().unwanted = true;
            arrived.changed.notify_all();
        }
    }
}

/// Reads to the end and hands on whole lines, as soon as they are there; so many bytes were read before.
fn read_all(mut reader: LineReader, mut read: usize, arrived: &Arrived) -> Result<()> {
    loop {
        let wanted = reader.hand_on(read, |lines| arrived.add(lines));
        if read == 0 || wanted == Some(false) {
            return Ok(());
        }
        read = reader.read()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::line_reader::READ_BYTES;
    use std::io::BufRead;

    /// The numbered lines of each chunk of this text. The first chunk takes its time: the rest arrives meanwhile.
    fn chunks(text: &[u8], chunk: usize) -> Vec<Vec<(u64, Vec<u8>)>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        std::fs::write(&path, text).unwrap();
        let mut lines = Lines::open(Some(&path), chunk).unwrap();
        let (mut all, mut first) = (Vec::new(), true);
        let prepare = |chunk: &Chunk| {
            if std::mem::take(&mut first) {
                thread::sleep(Duration::from_millis(100));
            }
            Ok(chunk.lines().map(|(number, line)| (number, line.unwrap().to_vec())).collect())
        };
        let finish = |lines| {
            all.push(lines);
            Ok(())
        };
        lines.in_two_steps(&AtomicBool::new(false), prepare, finish).unwrap();
        assert_eq!(lines.handed_on(), text.lines().count() as u64);
        all
    }

    #[test]
    fn lines_keep_their_numbers_across_chunks() {
        // Some empty, some longer than all that is read at once, the last one not ended.
        let line = |i: usize| "x".repeat(if i % 50 == 49 { READ_BYTES + i } else { i % 7 * 400 });
        let text = (0..2_000).map(line).collect::<Vec<_>>().join("\n") + "\nlast";
        let chunks = chunks(text.as_bytes(), 1 << 10);
        assert!(chunks.len() > 5, "{}", chunks.len());
        let found: Vec<_> = chunks.into_iter().flatten().collect();
        let numbered = text.lines().enumerate().map(|(i, line)| (i as u64 + 1, line.as_bytes().to_vec()));
        assert!(found.into_iter().eq(numbered.filter(|(_, line)| !line.is_empty())));
    }

    #[test]
    fn a_line_that_is_too_long_is_one_bad_line_among_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let long = vec![b'x'; MAX_BYTES + 2 * READ_BYTES];
        // In the middle, and as the last one, which nothing ends.
        std::fs::write(&path, [b"one\n", &long[..], b"\n", b"three\n", &long[..]].concat()).unwrap();
        let mut lines = Lines::open(Some(&path), 1 << 10).unwrap();
        let mut all = Vec::new();
        let prepare = |chunk: &Chunk| {
            Ok(chunk.lines().map(|(n, line)| (n, line.map(<[u8]>::to_vec))).collect::<Vec<_>>())
        };
        let finish = |lines: Vec<_>| {
            all.extend(lines);
            Ok(())
        };
        lines.in_two_steps(&AtomicBool::new(false), prepare, finish).unwrap();
        let (one, three) = (Ok(b"one".to_vec()), Ok(b"three".to_vec()));
        assert_eq!(all, [(1, one), (2, Err(too_long())), (3, three), (4, Err(too_long()))]);
        let said = too_long().at("line 2").to_string();
        assert_eq!(
            said,
            "line 2: the text is over 67108864 bytes; allowed: at most 67108864 bytes in one piece"
        );
    }

    #[test]
    fn a_chunk_has_room_for_so_many_bytes_and_so_many_lines() {
        let short = b"1\n".repeat(4 * READ_BYTES);
        let most = chunks(&short, 16 << 20).iter().map(Vec::len).max().unwrap();
        assert!(most <= CHUNK_LINES + READ_BYTES / 2, "{most}");
        let long = ("x".repeat(999) + "\n").repeat(4_000);
        let bytes = |lines: &Vec<(u64, Vec<u8>)>| lines.len() * 1_000;
        let most = chunks(long.as_bytes(), 1 << 20).iter().map(bytes).max().unwrap();
        assert!(most <= (1 << 20) + READ_BYTES + 1_000, "{most}");
    }
}
