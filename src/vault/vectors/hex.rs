//! Bytes as hexadecimal text and back, for tests.

use std::fmt::Write;

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The bytes of a hexadecimal text.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0);
    let pair = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(pair).collect()
}
