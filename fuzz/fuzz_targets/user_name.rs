#![no_main]

use rehearsal_fuzz::{as_it_is, bodies::user_name};

libfuzzer_sys::fuzz_target!(|text: &[u8]| as_it_is(text, user_name));
