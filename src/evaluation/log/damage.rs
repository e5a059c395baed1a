//! Damaged logs of every format are read, or refused with their place.

use super::columns::Columns;
use super::csv::CsvLog;
use super::dsjson::DsjsonLog;
use super::format::ReadOptions;
use super::lines::LogLines;
use super::rehearsal::RehearsalLog;
use super::so_far::SoFar;
use super::testing::read_all;
use super::vw::VwLog;
use crate::base::error::Result;
use proptest::prelude::*;
use std::io::Cursor;

const GOOD: [&str; 4] = [
    "action,reward,propensity,timestamp\na,1,0.5,2019-11-24 00:00:17\n\"b,\",0,0.25,2019-11-24 00:00\n",
    "{\"_label_cost\":-1,\"_label_probability\":0.8,\"_label_Action\":2,\"a\":[2,1],\"c\":{\"_multi\":[{},{\"_tag\":\"b\"}]},\"p\":[0.8,0.2]}\n",
    "shared |u a\n'first |i x:1\n0:-1.5:0.25 'second |i y\n\n|i z\n",
    "{\"decision_id\":\"d\",\"user\":\"u\",\"shadow\":false,\"chosen\":\"b\",\"propensity\":0.05,\"propensities\":[0.95,0.05],\"request\":{\"context\":{\"hour\":8.5,\"weekday\":0},\"candidates\":[{\"id\":\"a\"},{\"id\":\"b\"}]},\"time_ms\":1}\n",
];

/// Reads `text` in the format of [`GOOD`] with this number.
fn read(format: usize, text: Vec<u8>) -> Result<usize> {
    let rewards = "{\"op\":\"reward\",\"decision_id\":\"d\",\"reward\":1,\"time_ms\":2}\n";
    let lines = LogLines::new(Box::new(Cursor::new(text)), "log");
    let rows = match format {
        0 => read_all(&mut CsvLog::new(lines, Columns::plain())?),
        1 => read_all(&mut DsjsonLog::new(lines, &ReadOptions::default(), &SoFar::default())),
        2 => read_all(&mut VwLog::new(lines, &ReadOptions::default(), &SoFar::default())),
        _ => {
            let rewards = LogLines::new(Box::new(Cursor::new(rewards)), "rewards");
            let (lines, rewards) = (Box::new(|| Ok(lines)), Box::new(|| Ok(rewards)));
            read_all(&mut RehearsalLog::new("log".to_owned(), vec![lines], vec![rewards])?)
        }
    };
    rows.map(|rows| rows.len())
}

#[test]
fn what_is_good_is_read() {
    for (format, text) in GOOD.iter().enumerate() {
        assert!(read(format, text.as_bytes().to_vec()).unwrap() >= 1, "{text}");
    }
}

proptest! {
    #[test]
    fn damage_is_read_or_refused_with_its_place(format in 0usize..4, at in 0usize..400, byte: u8,
                                                cut in 0usize..400, other: Vec<u8>) {
        let mut damaged = GOOD[format].as_bytes().to_vec();
        let at = at % damaged.len();
        damaged[at] = byte;
        let mut shortened = damaged.clone();
        shortened.truncate(cut);
        shortened.extend(&other);
        for text in [damaged, shortened, other] {
            if let Err(error) = read(format, text) {
                let message = error.to_string();
                prop_assert!(message.contains("log, line ") && message.contains(", column "), "{message}");
            }
        }
    }
}
