#![no_main]

use rehearsal_fuzz::{as_it_is, bodies::request};

libfuzzer_sys::fuzz_target!(|text: &[u8]| as_it_is(text, request));
