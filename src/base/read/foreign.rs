//! Files that are no text, told by their first bytes: who gave one learns what it is and what to do.

/// What begins like this is of that sort, and that makes a text of it.
const SORTS: [(&[u8], &str); 18] = [
    (b"\x1f\x8b", "compressed with gzip, which is read of logs alone; `gunzip -k` makes a text of it"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd, which is read of logs alone; `unzstd` makes a text of it"),
    (b"VWFB", "a binary log of Vowpal Wabbit's client, which is not read; its converter writes dsjson"),
    (b"BZh", "compressed with bzip2, which is not read; `bunzip2 -k` makes a text of it"),
    (b"\xfd7zXZ\0", "compressed with xz, which is not read; `unxz -k` makes a text of it"),
    (b"]\0\0", "compressed with lzma, which is not read; `unlzma -k` makes a text of it"),
    (b"LZIP", "compressed with lzip, which is not read; `lzip -dk` makes a text of it"),
    (b"\x04\x22\x4d\x18", "compressed with lz4, which is not read; `unlz4` makes a text of it"),
    (b"\xff\x06\0\0sNaPpY", "compressed with snappy, which is not read; give the text that was compressed"),
    (b"\x1f\x9d", "compressed with compress, which is not read; `uncompress` makes a text of it"),
    (b"PK\x03\x04", "a zip archive, or a spreadsheet, which is not read; `unzip`, or save the sheet as CSV"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive, which is not read; `7z x` makes files of it"),
    (b"Rar!", "a RAR archive, which is not read; unpack it first"),
    (
        b"SQLite format 3\0",
        "a database of SQLite, not a text; a store of this program is named by its directory",
    ),
    (b"Obj\x01", "an Avro file, which is not read; write it as CSV or JSON Lines"),
    (b"\x89HDF", "an HDF5 file, which is not read; write it as CSV"),
    (b"\xff\xfe", "UTF-16, which is not read; save it as UTF-8"),
    (b"\xfe\xff", "UTF-16, which is not read; save it as UTF-8"),
];

/// Bytes in which a file that is no text shows it.
const LOOKED_AT: usize = 4096;

/// What a file is that begins like this and is no text, with what to do; `None` where nothing speaks against a text.
pub(crate) fn foreign(start: &[u8]) -> Option<&'static str> {
    let sort = SORTS.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, what)| *what);
    // A format of logs that is no text.
    if start.starts_with(b"PAR1") {
        return None;
    }
    let has_nul = || memchr::memchr(0, &start[..start.len().min(LOOKED_AT)]).is_some();
    sort.or_else(|| has_nul().then_some("no text: it has the character NUL near its beginning"))
}
