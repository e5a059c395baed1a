#![no_main]

use rehearsal_fuzz::{as_it_is, whole_files::prior};

libfuzzer_sys::fuzz_target!(|text: &[u8]| as_it_is(text, prior));
