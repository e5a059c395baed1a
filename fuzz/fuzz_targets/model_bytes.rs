#![no_main]

use rehearsal_fuzz::{as_it_is, bodies::model_bytes};

libfuzzer_sys::fuzz_target!(|text: &[u8]| as_it_is(text, model_bytes));
