#![no_main]

use rehearsal_fuzz::{by_grammar, grammar::logs};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| by_grammar(bytes, logs));
