#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| -> libfuzzer_sys::Corpus { pierhead_fuzz::check("location", input) });
