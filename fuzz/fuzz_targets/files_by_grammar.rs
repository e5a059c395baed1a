#![no_main]

use rehearsal_fuzz::{by_grammar, grammar::files};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| by_grammar(bytes, files));
