#![no_main]

use rehearsal_fuzz::{as_it_is, bodies::state_line};

libfuzzer_sys::fuzz_target!(|text: &[u8]| as_it_is(text, state_line));
