//! Text files: which encoding, and how a cell's bytes become text.

mod detect;
mod utf16;

pub(crate) use detect::detect;
pub(crate) use utf16::Utf16Reader;

/// Encodings departments send. GB18030 stands for GBK and GB 2312 too, which it contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextEncoding {
    /// UTF-8, with or without byte order mark.
    #[serde(rename = "utf-8")]
    Utf8,
    /// GB 18030, and so GBK and GB 2312.
    Gb18030,
    /// UTF-16, low byte first: what Excel calls "Unicode text".
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, high byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
}

impl TextEncoding {
    /// The name, as on receipts: `utf-8`, `gb18030`, `utf-16le`, `utf-16be`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Gb18030 => "gb18030",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
        }
    }

    /// Appends the text of a cell's bytes; false if some of them are no text, which are then replaced. Text of two-byte
    /// units arrives here as UTF-8 already, a broken unit as U+FFFD.
    pub(crate) fn decode(self, bytes: &[u8], text: &mut String) -> bool {
        if bytes.is_ascii() {
            text.push_str(std::str::from_utf8(bytes).unwrap_or_default());
            return true;
        }
        match self {
            Self::Gb18030 => {
                let (decoded, had_errors) = encoding_rs::GB18030.decode_without_bom_handling(bytes);
                text.push_str(&decoded);
                !had_errors
            }
            Self::Utf8 => match std::str::from_utf8(bytes) {
                Ok(valid) => {
                    text.push_str(valid);
                    true
                }
                Err(_) => {
                    text.push_str(&String::from_utf8_lossy(bytes));
                    false
                }
            },
            Self::Utf16Le | Self::Utf16Be => {
                let decoded = String::from_utf8_lossy(bytes);
                text.push_str(&decoded);
                !decoded.contains(char::REPLACEMENT_CHARACTER)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(encoding: TextEncoding, bytes: &[u8], expected: &str, whole: bool) {
        let mut text = String::new();
        assert_eq!(encoding.decode(bytes, &mut text), whole, "{encoding:?} {bytes:x?}");
        assert_eq!(text, expected);
    }

    #[test]
    fn cells_decode_or_say_that_they_did_not() {
        check(TextEncoding::Gb18030, b"\xd5\xc5\xc8\xfd", "张三", true);
        check(TextEncoding::Gb18030, b"\xcd\xf5\x82\x30\xb7\x31", "王㛃", true);
        check(TextEncoding::Gb18030, b"\xd5\xff", "\u{fffd}", false);
        check(TextEncoding::Utf8, "张三".as_bytes(), "张三", true);
        check(TextEncoding::Utf8, b"\xd5\xc5", "\u{fffd}\u{fffd}", false);
        check(TextEncoding::Utf8, b"plain", "plain", true);
        check(TextEncoding::Utf16Le, "张\u{fffd}".as_bytes(), "张\u{fffd}", false);
    }
}
