#![no_main]

use rehearsal_fuzz::{as_it_is, bodies::prompt_file};

libfuzzer_sys::fuzz_target!(|text: &[u8]| as_it_is(text, prompt_file));
