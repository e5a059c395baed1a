//! How long the csv crate takes to read a file, record by record: `cargo run --release --bin read_csv FILE` prints the
//! seconds that five turns had a core. What `benches/compare_obp.py` holds `rehearsal evaluate` against.

/// Seconds for which this process had a core, from Linux.
fn seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("Linux");
    let nanoseconds: u64 = text.split(' ').next().and_then(|n| n.parse().ok()).expect("a number");
    nanoseconds as f64 / 1e9
}

fn main() {
    let Some(path) = std::env::args().nth(1) else { return };
    for _ in 0..5 {
        let begun = seconds();
        let mut reader = csv::Reader::from_path(&path).expect("a file that can be read");
        let (mut record, mut bytes) = (csv::ByteRecord::new(), 0);
        while reader.read_byte_record(&mut record).expect("a CSV") {
            bytes += record.as_slice().len();
        }
        assert!(bytes > 0, "{path} is empty");
        println!("{:.4}", seconds() - begun);
    }
}
