//! Logs that are compressed, cut short, or one endless line.

use super::own::{DECISION, REWARD};
use super::vowpal_wabbit::DSJSON;
use super::{complaint, file, refused};
use crate::evaluation::{json, plain_log};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use tempfile::TempDir;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
}

#[test]
fn compressed_logs() {
    let dir = TempDir::new().unwrap();
    let text = plain_log(20_000);
    for (name, compress) in [("log.csv.gz", gzip as fn(&[u8]) -> Vec<u8>), ("log.csv.zst", zstd)] {
        // What is wrong in a line is said of the line as it was before compression.
        let bad = compress(format!("{text}a,1,0\n").as_bytes());
        refused(&dir, name, &bad, &["line 20002, column 5: propensity is 0"]);
        let whole = compress(text.as_bytes());
        for kept in [1, 2, whole.len() / 3, whole.len() / 2, whole.len() - 5, whole.len() - 1] {
            let kept = kept.max(6);
            refused(
                &dir,
                name,
                &whole[..kept],
                &[", line ", ", column ", "the compressed data cannot be read on"],
            );
        }
        for from_end in [2, 6] {
            let mut damaged = whole.clone();
            damaged[whole.len() - from_end] ^= 0x55;
            refused(&dir, name, &damaged, &["the compressed data cannot be read on"]);
        }
        let trailing = [&whole[..], b"more"].concat();
        refused(&dir, name, &trailing, &["line 20002, column 1: the compressed data cannot be read on"]);
        // Several pieces, one after the other, are one log.
        let (first, second) = text.split_at(text.len() / 2);
        let pieces = [compress(first.as_bytes()), compress(second.as_bytes())].concat();
        let log = file(&dir, name, &pieces);
        assert_eq!(json(&[&log, "--policy", "uniform"], 0)["rows"], 20_000, "{name}");
    }
    // A frame that is no content.
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd(text.as_bytes())].concat();
    let log = file(&dir, "log.csv.zst", &skipped);
    assert_eq!(json(&[&log, "--policy", "uniform"], 0)["rows"], 20_000);
    refused(&dir, "log.csv.zst", &skipped[..9], &["line 1, column 1: the compressed data cannot be read on"]);
}

/// Every log that is cut anywhere ends in an error, in whatever format, and so do the rewards beside one.
#[test]
fn compressed_logs_of_every_format_cut_anywhere() {
    let dir = TempDir::new().unwrap();
    let vw = "0:-1:0.5 'a |f x\n'b |f x\n\n".repeat(9);
    for (name, text) in [
        ("log.csv.gz", plain_log(9)),
        ("obd.csv.gz", "item_id,click,propensity_score\n7,1,0.5\n8,0,0.5\n".to_owned()),
        ("log.json.gz", format!("{DSJSON}\n{DSJSON}\n")),
        ("log.vw.gz", vw),
        ("decisions.jsonl.gz", format!("{DECISION}\n")),
    ] {
        file(&dir, "rewards.jsonl.gz", &gzip(format!("{REWARD}\n").as_bytes()));
        let zstd_name = name.replace(".gz", ".zst");
        // With fewer bytes neither is known for what it is.
        for (name, whole, shortest) in
            [(name.to_owned(), gzip(text.as_bytes()), 2), (zstd_name, zstd(text.as_bytes()), 4)]
        {
            for kept in
                [shortest, shortest + 1, shortest + 3, whole.len() / 2, whole.len() - 9, whole.len() - 1]
            {
                refused(
                    &dir,
                    &name,
                    &whole[..kept],
                    &[", line ", ", column ", "the compressed data cannot be read on"],
                );
            }
        }
    }
    let log = file(&dir, "decisions.jsonl", format!("{DECISION}\n").as_bytes());
    let whole = gzip(format!("{REWARD}\n").as_bytes());
    for kept in [2, 9, whole.len() / 2, whole.len() - 1] {
        file(&dir, "rewards.jsonl.gz", &whole[..kept]);
        let said = complaint(&[&log, "--policy", "uniform"]);
        let parts = ["rewards.jsonl.gz, line ", ", column ", "the compressed data cannot be read on"];
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    }
}

#[test]
fn lines_that_never_end() {
    let dir = TempDir::new().unwrap();
    let endless = "x".repeat(65 << 20);
    for (name, start) in [
        ("log.csv.gz", "action,reward,propensity\na,1,0.5\n"),
        ("log.csv.gz", "action,reward,propensity\na,1,0.5\n\""),
        ("log.vw.gz", "0:1:0.5 |i x\n|"),
        ("log.json.gz", &format!("{DSJSON}\n{{\"")),
    ] {
        let log = gzip(format!("{start}{endless}").as_bytes());
        refused(&dir, name, &log, &["column 1: a line of more than 67108864 bytes"]);
    }
}
