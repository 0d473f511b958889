//! What a file is, by its first bytes. Names are never asked.

/// The kind of content a file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Empty,
    Gzip,
    Zip,
    /// OLE compound file: BIFF workbook, or an encrypted one.
    Compound,
    Parquet,
    /// Text of some encoding, perhaps delimited, perhaps NDJSON.
    Text,
    /// Known, and not read.
    Unsupported(&'static str),
    Unknown,
}

/// Bytes to hand to [`kind`].
pub(crate) const SNIFF_BYTES: usize = 8192;

const MAGIC: &[(&[u8], Kind)] = &[
    (b"\x1f\x8b", Kind::Gzip),
    (b"PK\x03\x04", Kind::Zip),
    (b"PK\x05\x06", Kind::Zip),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind::Compound),
    (b"PAR1", Kind::Parquet),
    (b"PARE", Kind::Unsupported("encrypted Parquet")),
    (b"%PDF", Kind::Unsupported("PDF")),
    (b"Rar!\x1a\x07", Kind::Unsupported("RAR")),
    (b"7z\xbc\xaf\x27\x1c", Kind::Unsupported("7-Zip")),
    (b"\x28\xb5\x2f\xfd", Kind::Unsupported("Zstandard")),
    (b"\xfd7zXZ\x00", Kind::Unsupported("xz")),
    (b"BZh", Kind::Unsupported("bzip2")),
    (b"\x09\x08\x10\x00", Kind::Unsupported("a bare BIFF workbook")),
    (b"\x09\x04\x06\x00", Kind::Unsupported("an Excel 4 workbook")),
    (b"SQLite format 3\x00", Kind::Unsupported("SQLite")),
    (b"\x89PNG", Kind::Unsupported("an image")),
    (b"\xff\xd8\xff", Kind::Unsupported("an image")),
];

/// Recognises the content that begins with `head`.
pub(crate) fn kind(head: &[u8]) -> Kind {
    if head.is_empty() {
        return Kind::Empty;
    }
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return *kind;
    }
    if is_utf16(head).is_some() {
        return Kind::Text;
    }
    // Text has tabs, line breaks, form feeds, the end mark of DOS, escapes; nothing else below the space.
    let control =
        head.iter().filter(|b| **b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c | 0x1a | 0x1b)).count();
    if control * 200 > head.len() {
        return Kind::Unknown;
    }
    let bare = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if bare.is_empty() && head.len() < SNIFF_BYTES {
        return Kind::Empty;
    }
    match bare {
        [b'<', rest @ ..] => Kind::Unsupported(markup(rest)),
        [b'[', rest @ ..] if rest.trim_ascii_start().first() == Some(&b'{') => Kind::Unsupported("a JSON array"),
        _ => Kind::Text,
    }
}

fn markup(after_bracket: &[u8]) -> &'static str {
    if after_bracket.starts_with(b"?xml") { "XML" } else { "HTML" }
}

/// Which byte order a text of two-byte units has: by its mark, or by where its zero bytes are.
pub(crate) fn is_utf16(head: &[u8]) -> Option<ByteOrder> {
    match head {
        [0xff, 0xfe, ..] => return Some(ByteOrder::Little),
        [0xfe, 0xff, ..] => return Some(ByteOrder::Big),
        _ => {}
    }
    let pairs = head.as_chunks::<2>().0;
    let ascii = |order: ByteOrder| {
        let is_ascii = |pair: &&[u8; 2]| {
            let [high, low] = if order == ByteOrder::Big { **pair } else { [pair[1], pair[0]] };
            high == 0 && (low == b'\t' || low == b'\n' || low == b'\r' || (0x20..0x7f).contains(&low))
        };
        pairs.iter().filter(is_ascii).count()
    };
    let (little, big) = (ascii(ByteOrder::Little), ascii(ByteOrder::Big));
    let zero_pairs = pairs.iter().filter(|pair| **pair == [0, 0]).count();
    // Separators and digits make a good part of any table: one unit in fifty is far below the least seen.
    let enough = (pairs.len() / 50).max(1);
    if zero_pairs > 0 {
        None
    } else if little >= enough && big == 0 {
        Some(ByteOrder::Little)
    } else if big >= enough && little == 0 {
        Some(ByteOrder::Big)
    } else {
        None
    }
}

/// Byte order of two-byte units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_recognised_whatever_the_name() {
        for (head, wanted) in [
            (&b""[..], Kind::Empty),
            (b" \r\n\r\n", Kind::Empty),
            (b"\xef\xbb\xbf", Kind::Empty),
            (b"\x1f\x8b\x08\x00", Kind::Gzip),
            (b"PK\x03\x04....", Kind::Zip),
            (b"PAR1....", Kind::Parquet),
            (b"<html><table>", Kind::Unsupported("HTML")),
            (b"\xef\xbb\xbf<?xml version", Kind::Unsupported("XML")),
            (b"[ {\"a\": 1}]", Kind::Unsupported("a JSON array")),
            (b"[a],b\n", Kind::Text),
            (b"{\"a\": 1}\n", Kind::Text),
            (b"a,b\r\n1,2\r\n", Kind::Text),
            (b"\xd0\xd5\xc3\xfb,\xc9\xed\xb7\xdd\xd6\xa4\r\n", Kind::Text),
            (b"a\x00,\x00b\x00\n\x00", Kind::Text),
            (b"\x00a\x00,\x00b\x00\n", Kind::Text),
            (b"\x00\x00\x00\x00\x00\x00", Kind::Unknown),
            (b"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x03", Kind::Unknown),
        ] {
            assert_eq!(kind(head), wanted, "{head:?}");
        }
    }

    #[test]
    fn byte_order_is_seen_without_a_mark() {
        let text = "姓名\t年龄\r\n张三\t30\r\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(is_utf16(&little), Some(ByteOrder::Little));
        assert_eq!(is_utf16(&big), Some(ByteOrder::Big));
        assert_eq!(is_utf16(text.as_bytes()), None);
        assert_eq!(is_utf16(b"name,age\n"), None);
    }
}
