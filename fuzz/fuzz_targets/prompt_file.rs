#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| rehearsal_fuzz::bodies::prompt_file(text));
