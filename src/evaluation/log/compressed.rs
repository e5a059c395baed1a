//! Files as they are or compressed with gzip or zstd, told apart by their first bytes.

use super::place::{malformed, place};
use crate::base::error::{Error, Result};
use crate::base::read::foreign;
use crate::service::log_files::{LogPart, of_store};
use crate::service::{LogExport, LogKind};
use crate::store::{self, Access, LogFilter, Pace};
use flate2::bufread::GzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Bytes looked at to tell formats apart; also the size of a read.
const BUFFER: usize = 1 << 17;

/// The content of the file at `path`, or of a store's log.
///
/// # Errors
/// A file that cannot be opened. What is wrong with compressed bytes is said when they are read.
pub(crate) fn decompressed(path: &Path) -> Result<Box<dyn BufRead + Send>> {
    if let Some((dir, part)) = of_store(path) {
        let kind = match part {
            LogPart::Decisions => LogKind::Decisions,
            LogPart::Rewards => LogKind::Rewards,
        };
        let store = store::open(dir, Access::Read, Pace::Single)?;
        let lines = LogExport::new(store, kind, LogFilter::default());
        return Ok(Box::new(BufReader::with_capacity(BUFFER, lines)));
    }
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut raw = BufReader::with_capacity(BUFFER, file);
    let magic = raw.fill_buf().map_err(Error::io("read", path))?;
    let reader: Box<dyn Read + Send> = if magic.starts_with(&[0x1f, 0x8b]) {
        Box::new(Members(Some(GzDecoder::new(raw))))
    } else if matches!(magic, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]) {
        Box::new(Frames { source: raw, decoder: FrameDecoder::new() })
    } else {
        if let Some(what) = foreign(magic) {
            return Err(malformed(place(&path.display().to_string(), 1, 1), format!("it is {what}")));
        }
        return Ok(Box::new(raw));
    };
    Ok(Box::new(BufReader::with_capacity(BUFFER, reader)))
}

/// The members of a gzip file, one after the other, up to its end or to zeros that pad it: tapes and archives write these.
struct Members<R: BufRead>(Option<GzDecoder<R>>);

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.0 {
            let read = member.read(out)?;
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            let mut source = self.0.take().expect("it was there").into_inner();
            if !is_padding(&mut source)? {
                self.0 = Some(GzDecoder::new(source));
            }
        }
        Ok(0)
    }
}

/// Whether nothing but zeros follows, up to the end; else they are there still, but for those that were read before
/// something else came.
fn is_padding(source: &mut impl BufRead) -> io::Result<bool> {
    let mut zeros = 0;
    loop {
        let next = source.fill_buf()?;
        if next.is_empty() {
            return Ok(true);
        }
        let many = next.iter().take_while(|byte| **byte == 0).count();
        if many < next.len() {
            let after_zeros = zeros + many > 0;
            return if after_zeros {
                Err(io::Error::other("something follows the zeros behind it"))
            } else {
                Ok(false)
            };
        }
        zeros += many;
        source.consume(many);
    }
}

/// The frames of a zstd file, one after the other: parallel compressors and `cat` write several.
struct Frames<R> {
    source: R,
    /// The decoder of the current frame; it is finished before the first.
    decoder: FrameDecoder,
}

impl<R: BufRead> Frames<R> {
    /// Begins the next frame; false at the end of the file.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !is_padding(&mut self.source)? {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                // Frames that are no content, such as an index for seeking.
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.source.by_ref().take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(damaged(&error)),
            }
        }
        Ok(false)
    }

    /// Whether the frame that was read is the one that was written, as far as it says.
    fn check(&self) -> io::Result<()> {
        let stated = self.decoder.get_checksum_from_data();
        if stated.is_some() && stated != self.decoder.get_calculated_checksum() {
            return Err(io::Error::other("the content is not that of the checksum"));
        }
        Ok(())
    }
}

/// What the decoder complains of, in words for who has the file and not the decoder.
fn damaged(error: &FrameDecoderError) -> io::Error {
    io::Error::other(match error {
        FrameDecoderError::ReadFrameHeaderError(_) | FrameDecoderError::FrameHeaderError(_) => {
            "what follows is no frame of zstd"
        }
        FrameDecoderError::DictNotProvided { .. } => "it needs a dictionary of zstd, which is not supported",
        FrameDecoderError::WindowSizeTooBig { .. } => "its window is larger than is supported",
        _ => "a block of zstd ends too early or is damaged",
    })
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 {
            if self.decoder.is_finished() {
                self.check()?;
                if !self.next_frame()? {
                    return Ok(0);
                }
            } else {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.source, one).map_err(|error| damaged(&error))?;
            }
        }
        self.decoder.read(out)
    }
}
