#![no_main]

use rehearsal_fuzz::{as_it_is, whole_files::feature_set};

libfuzzer_sys::fuzz_target!(|text: &[u8]| as_it_is(text, feature_set));
