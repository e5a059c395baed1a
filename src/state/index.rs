//! Which events of the log were learned, and where states begin and end: a hash table on disk, so that no command
//! reads a whole log.
//!
//! It covers the log up to the checkpoint; what comes after is searched directly. Everything in it can be
//! made again from the log, and it is as soon as a page does not carry its checksum.
//!
//! The file is a header page and 2^n pages of 4 KiB. A page holds a checksum (CRC-32 of the rest), the
//! number of its slots, and up to 255 slots of 16 bytes: a hash, and the place of a record. A hash
//! belongs to the page that its first n bits name, or to the next one when that is full. Slots
//! are only ever added, so a page that was half written at a power cut differs from its checksum, and one
//! that was not written lacks slots of records after the checkpoint, which are added again.

use super::dir::{Dir, is_still_at};
use crate::base::error::{Error, Result};
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::RwLock;

/// Its file name.
pub(super) const INDEX: &str = "rewards.index";

const PAGE: usize = 4096;
const SLOT: usize = 16;
const HEAD: usize = 16;
const SLOTS: usize = (PAGE - HEAD) / SLOT;
const MAGIC: &[u8; 8] = b"rhIndex3";
/// Grows when there are more slots per page than this: pages then rarely overflow.
const CROWDED: u64 = 200;
/// A new one has at most so many per page, two thirds of that: room to grow.
const ROOMY: u64 = 133;

/// Why the lock of the pages is never poisoned.
const NEVER: &str = "nothing panics with it";

/// Where a record stands: number of the segment and byte offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) segment: u32,
    pub(super) offset: u64,
}

impl Place {
    fn pack(self) -> u64 {
        u64::from(self.segment) << 40 | self.offset
    }

    fn unpack(packed: u64) -> Self {
        Self { segment: (packed >> 40) as u32, offset: packed & ((1 << 40) - 1) }
    }
}

/// The index, as it was when it was opened. Only who holds the lock of the log changes it.
#[derive(Debug)]
pub(super) struct Index {
    file: File,
    path: PathBuf,
    bits: u32,
    slots: u64,
    covered: u64,
    /// Those that were read, by number.
    pages: RwLock<HashMap<u64, Page>>,
}

#[derive(Debug)]
struct Page {
    bytes: Box<[u8; PAGE]>,
    dirty: bool,
}

impl Index {
    /// Opens the index; `None` if it is not there, or is not what was written, and must be made anew.
    pub(super) fn open(dir: &Dir) -> Result<Option<Self>> {
        dir.open_to_write(INDEX)?.map_or(Ok(None), |file| Self::read(file, dir.join(INDEX)))
    }

    /// Opens the index for a reader, who holds no lock: a page that is being written looks damaged.
    pub(super) fn open_to_read(dir: &Dir) -> Result<Option<Self>> {
        dir.open(INDEX)?.map_or(Ok(None), |file| Self::read(file, dir.join(INDEX)))
    }

    fn read(file: File, path: PathBuf) -> Result<Option<Self>> {
        let length = file.metadata().map_err(Error::io("read", &path))?.len();
        let mut head = [0; PAGE];
        if length < PAGE as u64 {
            return Ok(None);
        }
        file.read_exact_at(&mut head, 0).map_err(Error::io("read", &path))?;
        let (bits, slots, covered) = (word(&head, 16) as u32, word(&head, 24), word(&head, 32));
        let whole = is_whole(&head) && head[8..16] == *MAGIC && bits < 40;
        if !whole || length != (PAGE as u64) * (1 + (1 << bits)) {
            return Ok(None);
        }
        Ok(Some(Self { file, path, bits, slots, covered, pages: RwLock::default() }))
    }

    /// A new index of these places, in the place of the old one, covering the log up to record `covered`.
    pub(super) fn create(dir: &Dir, slots: &[(u64, Place)], covered: u64) -> Result<()> {
        let bits = (0..40).find(|bits| slots.len() as u64 <= ROOMY << bits).unwrap_or(40);
        let mut pages: Vec<[u8; PAGE]> = vec![[0; PAGE]; 1 + (1 << bits)];
        head(&mut pages[0], bits, slots.len() as u64, covered);
        for (hash, place) in slots {
            let mut at = home(*hash, bits);
            while count(&pages[1 + at as usize]) == SLOTS {
                at = (at + 1) & ((1 << bits) - 1);
            }
            add(&mut pages[1 + at as usize], *hash, *place);
        }
        pages.iter_mut().for_each(seal);
        dir.prepare(INDEX, "index", pages.as_flattened())?.publish()
    }

    /// Whether it still is the file of that name: a rebuild puts another one in its place.
    pub(super) fn is_current(&self) -> bool {
        is_still_at(&self.file, &self.path).unwrap_or(false)
    }

    /// Number of the latest record that is in it.
    pub(super) fn covered(&self) -> u64 {
        self.covered
    }

    /// The places of this hash; `None` if a page is damaged.
    pub(super) fn find(&self, hash: u64) -> Result<Option<Vec<Place>>> {
        let mut at = home(hash, self.bits);
        let mut found = Vec::new();
        for _ in 0..1_u64 << self.bits {
            let full = self.page(at, |page| {
                let slots = page[HEAD..HEAD + SLOT * count(page)].chunks_exact(SLOT);
                found.extend(slots.filter(|s| word(s, 0) == hash).map(|s| Place::unpack(word(s, 8))));
                count(page) == SLOTS
            })?;
            match full {
                None => return Ok(None),
                Some(false) => break,
                Some(true) => at = (at + 1) & ((1 << self.bits) - 1),
            }
        }
        Ok(Some(found))
    }

    /// Adds places and makes them durable: the log up to record `covered` is then in it. False if it is
    /// damaged or too small and must be made anew.
    pub(super) fn extend(&mut self, slots: &[(u64, Place)], covered: u64) -> Result<bool> {
        if self.slots + slots.len() as u64 > CROWDED << self.bits {
            return Ok(false);
        }
        for (hash, place) in slots {
            match self.find(*hash)? {
                None => return Ok(false),
                Some(places) if places.contains(place) => continue,
                Some(_) => {}
            }
            let Some(at) = self.room(*hash)? else { return Ok(false) };
            let page = self.pages.get_mut().expect(NEVER).get_mut(&at).expect("just read");
            add(&mut page.bytes, *hash, *place);
            page.dirty = true;
            self.slots += 1;
        }
        let written = (|| {
            let dirty = self.pages.get_mut().expect(NEVER).iter_mut().filter(|(_, page)| page.dirty);
            let mut dirty: Vec<(&u64, &mut Page)> = dirty.collect();
            dirty.sort_unstable_by_key(|(at, _)| **at);
            for (at, page) in dirty {
                seal(&mut page.bytes);
                self.file.write_all_at(&page.bytes[..], PAGE as u64 * (1 + at))?;
                page.dirty = false;
            }
            // The header says less than the pages hold until they are on disk.
            self.file.sync_data()?;
            let mut first = [0; PAGE];
            head(&mut first, self.bits, self.slots, covered);
            seal(&mut first);
            self.file.write_all_at(&first, 0)?;
            self.file.sync_data()
        })();
        written.map_err(Error::io("write", &self.path))?;
        self.covered = covered;
        Ok(true)
    }

    /// The first page with room for this hash; `None` if a page is damaged or all are full. They can be, whatever the
    /// header says: a process may have died after it wrote pages.
    fn room(&self, hash: u64) -> Result<Option<u64>> {
        let mut at = home(hash, self.bits);
        for _ in 0..1_u64 << self.bits {
            match self.page(at, |page| count(page) < SLOTS)? {
                None => return Ok(None),
                Some(true) => return Ok(Some(at)),
                Some(false) => at = (at + 1) & ((1 << self.bits) - 1),
            }
        }
        Ok(None)
    }

    /// Everything that is in it; `None` if a page is damaged.
    pub(super) fn all(&self) -> Result<Option<Vec<(u64, Place)>>> {
        let mut all = Vec::new();
        for at in 0..1_u64 << self.bits {
            let added = self.page(at, |page| {
                let slots = page[HEAD..HEAD + SLOT * count(page)].chunks_exact(SLOT);
                all.extend(slots.map(|slot| (word(slot, 0), Place::unpack(word(slot, 8)))));
            })?;
            if added.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(all))
    }

    /// What there is to see in a page; `None` if it is damaged.
    fn page<T>(&self, at: u64, see: impl FnOnce(&[u8; PAGE]) -> T) -> Result<Option<T>> {
        if let Some(page) = self.pages.read().expect(NEVER).get(&at) {
            return Ok(Some(see(&page.bytes)));
        }
        let mut bytes = Box::new([0; PAGE]);
        let place = PAGE as u64 * (1 + at);
        self.file.read_exact_at(&mut bytes[..], place).map_err(Error::io("read", &self.path))?;
        if !is_whole(&bytes) || count(&bytes) > SLOTS {
            return Ok(None);
        }
        let mut pages = self.pages.write().expect(NEVER);
        let page = pages.entry(at).or_insert(Page { bytes, dirty: false });
        Ok(Some(see(&page.bytes)))
    }
}

/// The page to which a hash belongs.
fn home(hash: u64, bits: u32) -> u64 {
    hash.checked_shr(64 - bits).unwrap_or(0)
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn head(page: &mut [u8; PAGE], bits: u32, slots: u64, covered: u64) {
    page[8..16].copy_from_slice(MAGIC);
    for (at, value) in [(16, u64::from(bits)), (24, slots), (32, covered)] {
        page[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
}

/// Number of slots in a page.
fn count(page: &[u8; PAGE]) -> usize {
    word(page, 8) as usize
}

fn add(page: &mut [u8; PAGE], hash: u64, place: Place) {
    let n = count(page);
    let at = HEAD + SLOT * n;
    page[at..at + 8].copy_from_slice(&hash.to_le_bytes());
    page[at + 8..at + SLOT].copy_from_slice(&place.pack().to_le_bytes());
    page[8..16].copy_from_slice(&(n as u64 + 1).to_le_bytes());
}

fn seal(page: &mut [u8; PAGE]) {
    let crc = crc32fast::hash(&page[4..]);
    page[..4].copy_from_slice(&crc.to_le_bytes());
}

fn is_whole(page: &[u8; PAGE]) -> bool {
    crc32fast::hash(&page[4..]).to_le_bytes() == page[..4]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::SplitMix64;

    fn events(n: usize, seed: u64) -> Vec<(u64, Place)> {
        let mut rng = SplitMix64::seed_from_u64(seed);
        let place = |i: usize| Place { segment: 1 + (i % 7) as u32, offset: (i as u64) << 9 };
        (0..n).map(|i| (rng.next_u64(), place(i))).collect()
    }

    #[test]
    fn what_was_added_is_found_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::new(folder.path());
        Index::create(&dir, &[], 0).unwrap();
        let all = events(4000, 1);
        let mut known = 0;
        for (i, part) in all.chunks(50).enumerate() {
            let mut index = Index::open(&dir).unwrap().unwrap();
            assert_eq!(index.covered(), i as u64);
            known += part.len();
            // Twice: a checkpoint that was cut short is repeated.
            if !index.extend(part, i as u64 + 1).unwrap() || !index.extend(part, i as u64 + 1).unwrap() {
                Index::create(&dir, &all[..known], i as u64 + 1).unwrap();
            }
        }
        let index = Index::open(&dir).unwrap().unwrap();
        for (hash, place) in &all {
            assert_eq!(index.find(*hash).unwrap().unwrap(), [*place]);
        }
        for (hash, _) in events(4000, 2) {
            assert_eq!(index.find(hash).unwrap().unwrap(), []);
        }
    }

    #[test]
    fn pages_that_overflow_go_on_in_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::new(folder.path());
        let same: Vec<(u64, Place)> =
            (0..600).map(|i| (u64::MAX - i, Place { segment: 1, offset: i })).chain(events(600, 3)).collect();
        Index::create(&dir, &same, 1).unwrap();
        let index = Index::open(&dir).unwrap().unwrap();
        for (hash, place) in &same {
            assert_eq!(index.find(*hash).unwrap().unwrap(), [*place]);
        }
    }

    /// A process that dies after it wrote pages leaves a header that knows less.
    #[test]
    fn a_header_that_lags_behind_is_no_endless_search() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::new(folder.path());
        Index::create(&dir, &[], 0).unwrap();
        let header = || std::fs::read(dir.join(INDEX)).unwrap()[..PAGE].to_vec();
        let old = header();
        let mut refused = false;
        for (i, part) in events(400, 5).chunks(100).enumerate() {
            let mut index = Index::open(&dir).unwrap().unwrap();
            refused |= !index.extend(part, i as u64 + 1).unwrap();
            let mut bytes = std::fs::read(dir.join(INDEX)).unwrap();
            bytes[..PAGE].copy_from_slice(&old);
            std::fs::write(dir.join(INDEX), bytes).unwrap();
        }
        assert!(refused);
    }

    #[test]
    fn damage_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::new(folder.path());
        let all = events(100, 4);
        Index::create(&dir, &all, 1).unwrap();
        let good = std::fs::read(dir.join(INDEX)).unwrap();
        for bit in (0..good.len() * 8).step_by(97) {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(dir.join(INDEX), &bad).unwrap();
            let seen = Index::open(&dir)
                .unwrap()
                .is_none_or(|index| all.iter().any(|(hash, _)| index.find(*hash).unwrap().is_none()));
            assert!(seen, "bit {bit}");
        }
        for length in [0, 1, 4095, 4096, good.len() - 1] {
            std::fs::write(dir.join(INDEX), &good[..length]).unwrap();
            assert!(Index::open(&dir).unwrap().is_none(), "length {length}");
        }
    }
}
