//! How long serde_json takes to parse and print the lines of a file: `cargo run --release --bin parse_print FILE` prints
//! the seconds of each of five turns. What `benches/commands.py` holds `rehearsal score --jsonl` against.

use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::time::Instant;

fn main() -> io::Result<()> {
    let Some(path) = std::env::args().nth(1) else { return Ok(()) };
    for _ in 0..5 {
        let begun = Instant::now();
        let mut out = BufWriter::new(std::fs::File::create("/dev/null")?);
        for line in BufReader::new(std::fs::File::open(&path)?).lines() {
            let value: serde_json::Value = serde_json::from_str(&line?)?;
            serde_json::to_writer(&mut out, &value)?;
            out.write_all(b"\n")?;
        }
        out.flush()?;
        println!("{:.4}", begun.elapsed().as_secs_f64());
    }
    Ok(())
}
