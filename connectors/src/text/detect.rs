//! Which encoding a text is in: mark, then strict UTF-8, then how plausible it is as GB 18030.

use chardetng::EncodingDetector;

use crate::TextEncoding;
use crate::sniff::{ByteOrder, is_utf16};

/// A recognised encoding, and the length of the mark before the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Detected {
    pub(crate) encoding: TextEncoding,
    pub(crate) mark_bytes: usize,
}

/// The first byte that fits no encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unrecognised {
    pub(crate) offset: u64,
    pub(crate) line: u64,
}

/// Of the two-byte characters of real GB 18030 text, nearly all lie in the GB 2312 part.
const COMMON_SHARE_MIN: f64 = 0.7;
/// Broken characters tolerated, as a share: such rows are rejected one by one.
const BROKEN_SHARE_MAX: f64 = 0.1;

/// Recognises the encoding of a text that begins with `head`; `head` may end within a character. A `declared` encoding
/// is taken as it is.
pub(crate) fn detect(head: &[u8], declared: Option<TextEncoding>) -> Result<Detected, Unrecognised> {
    let (marked, mark_bytes) = mark(head);
    if let Some(encoding) = declared.or(marked) {
        let mark_bytes = if marked == Some(encoding) { mark_bytes } else { 0 };
        return Ok(Detected { encoding, mark_bytes });
    }
    let plain = |encoding| Ok(Detected { encoding, mark_bytes: 0 });
    match is_utf16(head) {
        Some(ByteOrder::Little) => return plain(TextEncoding::Utf16Le),
        Some(ByteOrder::Big) => return plain(TextEncoding::Utf16Be),
        None => {}
    }
    let utf8 = count_utf8(head);
    if utf8.broken == 0 {
        return plain(TextEncoding::Utf8);
    }
    // A few broken rows do not make another encoding of a UTF-8 text: of GBK text, less than a fifth passes as UTF-8.
    if utf8.good > 10 * utf8.broken {
        return plain(TextEncoding::Utf8);
    }
    let gb = count_gb18030(head);
    if gb.broken_share() <= BROKEN_SHARE_MAX && gb.common_share() >= COMMON_SHARE_MIN && !looks_foreign(head) {
        return plain(TextEncoding::Gb18030);
    }
    let offset = utf8.first_broken.unwrap_or_default();
    let before = head.get(..offset).unwrap_or_default();
    let line = 1 + before.iter().filter(|b| **b == b'\n').count() as u64;
    Err(Unrecognised { offset: offset as u64, line })
}

fn mark(head: &[u8]) -> (Option<TextEncoding>, usize) {
    match head {
        [0xef, 0xbb, 0xbf, ..] => (Some(TextEncoding::Utf8), 3),
        [0xff, 0xfe, ..] => (Some(TextEncoding::Utf16Le), 2),
        [0xfe, 0xff, ..] => (Some(TextEncoding::Utf16Be), 2),
        [0x84, 0x31, 0x95, 0x33, ..] => (Some(TextEncoding::Gb18030), 4),
        _ => (None, 0),
    }
}

/// Big5, Shift_JIS and EUC-KR text can pass for GB 18030; a detector trained on real text tells them apart.
fn looks_foreign(head: &[u8]) -> bool {
    let mut detector = EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(head, true);
    let guess = detector.guess(None, chardetng::Utf8Detection::Deny);
    guess == encoding_rs::BIG5 || guess == encoding_rs::SHIFT_JIS || guess == encoding_rs::EUC_KR
}

#[derive(Debug, Default)]
struct Count {
    good: usize,
    broken: usize,
    /// Two-byte characters, and those of them in common use.
    two_byte: usize,
    common: usize,
    first_broken: Option<usize>,
}

impl Count {
    #[expect(clippy::cast_precision_loss, reason = "shares of at most some million characters")]
    fn broken_share(&self) -> f64 {
        self.broken as f64 / (self.good + self.broken).max(1) as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "shares of at most some million characters")]
    fn common_share(&self) -> f64 {
        if self.two_byte == 0 { 1.0 } else { self.common as f64 / self.two_byte as f64 }
    }

    fn broke(&mut self, at: usize) {
        self.broken += 1;
        self.first_broken.get_or_insert(at);
    }
}

/// Counts characters beyond ASCII. One cut off at the end does not count.
fn count_utf8(text: &[u8]) -> Count {
    let mut count = Count::default();
    let mut rest = text;
    loop {
        let at = text.len() - rest.len();
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                count.good += valid.chars().filter(|c| !c.is_ascii()).count();
                return count;
            }
            Err(e) => {
                let (valid, after) = rest.split_at(e.valid_up_to());
                let non_ascii =
                    std::str::from_utf8(valid).unwrap_or_default().chars().filter(|c| !c.is_ascii()).count();
                count.good += non_ascii;
                let Some(len) = e.error_len() else { return count };
                count.broke(at + valid.len());
                rest = after.get(len..).unwrap_or_default();
            }
        }
    }
}

/// Counts characters beyond ASCII by the ranges of GB 18030. One cut off at the end does not count.
fn count_gb18030(text: &[u8]) -> Count {
    let mut count = Count::default();
    let mut rest = text;
    loop {
        let at = text.len() - rest.len();
        rest = match rest {
            [] | [0x80..=0xff] => return count,
            [0..=0x7f, after @ ..] => after,
            [0x81..=0xfe, 0x30..=0x39, 0x81..=0xfe, 0x30..=0x39, after @ ..] => {
                count.good += 1;
                after
            }
            [lead @ 0x81..=0xfe, trail @ (0x40..=0x7e | 0x80..=0xfe), after @ ..] => {
                count.good += 1;
                count.two_byte += 1;
                count.common += usize::from(matches!(lead, 0xa1..=0xf7) && *trail >= 0xa1);
                after
            }
            [0x81..=0xfe, 0x30..=0x39] | [0x81..=0xfe, 0x30..=0x39, 0x81..=0xfe] => return count,
            [_, after @ ..] => {
                count.broke(at);
                after
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        "姓名,公民身份号码,户籍地址\r\n张三,990101198407190019,云州市示范区翠苑街道翠苑小区3幢2单元502室\r\n";

    fn gb(text: &str) -> Vec<u8> {
        encoding_rs::GB18030.encode(text).0.into_owned()
    }

    fn check(head: &[u8], encoding: TextEncoding, mark_bytes: usize) {
        assert_eq!(detect(head, None), Ok(Detected { encoding, mark_bytes }));
    }

    #[test]
    fn marks_decide_first() {
        check(&[b"\xef\xbb\xbf", TABLE.as_bytes()].concat(), TextEncoding::Utf8, 3);
        check(b"\xff\xfea\x00", TextEncoding::Utf16Le, 2);
        check(b"\xfe\xff\x00a", TextEncoding::Utf16Be, 2);
        check(&[b"\x84\x31\x95\x33", gb(TABLE).as_slice()].concat(), TextEncoding::Gb18030, 4);
    }

    #[test]
    fn text_without_a_mark_is_recognised_also_when_cut_anywhere() {
        for cut in 0..8 {
            let utf8 = TABLE.as_bytes();
            check(&utf8[..utf8.len() - cut], TextEncoding::Utf8, 0);
            let gb = gb(TABLE);
            check(&gb[..gb.len() - cut], TextEncoding::Gb18030, 0);
        }
        check(b"name,id\n", TextEncoding::Utf8, 0);
    }

    #[test]
    fn the_shortest_real_cells_are_recognised() {
        check(b"\xd5\xc5\xc8\xfd", TextEncoding::Gb18030, 0);
        check(b"\xcd\xf5\x82\x30\xb7\x31", TextEncoding::Gb18030, 0);
    }

    #[test]
    fn one_broken_row_does_not_change_the_encoding_of_a_file() {
        let mut text = TABLE.repeat(20).into_bytes();
        text.extend(b"\xd5\xff,1,2\r\n");
        check(&text, TextEncoding::Utf8, 0);
        let mut text = gb(&TABLE.repeat(20));
        text.extend(b"\xd5\xff,1,2\r\n");
        check(&text, TextEncoding::Gb18030, 0);
    }

    #[test]
    fn a_declared_encoding_is_taken_as_it_is() {
        let found = detect(TABLE.as_bytes(), Some(TextEncoding::Gb18030)).unwrap();
        assert_eq!(found.encoding, TextEncoding::Gb18030);
        let marked = detect(b"\xef\xbb\xbfa", Some(TextEncoding::Utf8)).unwrap();
        assert_eq!(marked.mark_bytes, 3);
    }

    #[test]
    fn other_encodings_are_refused_with_the_place() {
        let big5 = encoding_rs::BIG5
            .encode(&"姓名,身分證字號,戶籍地址\n陳小明,臺北市信義區松仁路,電話號碼\n".repeat(8))
            .0
            .into_owned();
        let refused = detect(&[b"a,b\n".as_slice(), &big5].concat(), None).unwrap_err();
        assert_eq!(refused, Unrecognised { offset: 4, line: 2 });
        let latin = b"nom,pr\xe9nom\ncaf\xe9,\xe0 c\xf4t\xe9\n";
        assert!(detect(latin, None).is_err());
    }
}
