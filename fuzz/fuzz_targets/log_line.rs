#![no_main]

use rehearsal_fuzz::{as_it_is, bodies::log_line};

libfuzzer_sys::fuzz_target!(|text: &[u8]| as_it_is(text, log_line));
