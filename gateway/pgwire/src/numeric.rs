//! PostgreSQL's binary form of decimals: groups of four digits.

use bytes::{Buf, BufMut, BytesMut};

const NEGATIVE: u16 = 0x4000;
const NOT_A_NUMBER: u16 = 0xC000;

/// Appends a decimal given as digits, with a sign and a point if it has them.
pub(crate) fn put_numeric(text: &str, out: &mut BytesMut) {
    let unsigned = text.trim_start_matches('-');
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let whole = whole.trim_start_matches('0');
    let digits = format!(
        "{}{whole}{fraction}{}",
        "0".repeat((4 - whole.len() % 4) % 4),
        "0".repeat((4 - fraction.len() % 4) % 4)
    );
    let groups: Vec<i16> = digits
        .as_bytes()
        .chunks(4)
        .map(|group| group.iter().fold(0, |n, digit| n * 10 + i16::from(digit - b'0')))
        .collect();
    let first = groups.iter().position(|group| *group != 0).unwrap_or(groups.len());
    let last = groups.iter().rposition(|group| *group != 0).map_or(first, |idx| idx + 1);
    let groups = groups.get(first..last).unwrap_or_default();
    let n_whole = whole.len().div_ceil(4);
    let weight = if groups.is_empty() { 0 } else { small(n_whole) - small(first) - 1 };
    out.put_i16(small(groups.len()));
    out.put_i16(weight);
    out.put_u16(if text.starts_with('-') && !groups.is_empty() { NEGATIVE } else { 0 });
    out.put_i16(small(fraction.len()));
    for group in groups {
        out.put_i16(*group);
    }
}

/// Reads the binary form into digits; `None` if it is malformed or no number.
pub(crate) fn read_numeric(mut bytes: &[u8]) -> Option<String> {
    if bytes.len() < 8 {
        return None;
    }
    let n_groups = usize::try_from(bytes.get_i16()).ok()?;
    let weight = i32::from(bytes.get_i16());
    let sign = bytes.get_u16();
    let scale = usize::try_from(bytes.get_i16()).ok()?;
    if bytes.len() != n_groups * 2 || sign >= NOT_A_NUMBER || scale > 16_383 {
        return None;
    }
    let groups: Vec<i16> = (0..n_groups).map(|_| bytes.get_i16()).collect();
    if groups.iter().any(|group| !(0..10_000).contains(group)) || weight > 32 {
        return None;
    }
    let group_at = |place: i32| {
        let idx = usize::try_from(weight - place).ok()?;
        groups.get(idx).copied()
    };
    let mut text = if sign == NEGATIVE { "-".to_owned() } else { String::new() };
    let whole: String = (0..=weight.max(0)).rev().map(|place| format!("{:04}", group_at(place).unwrap_or(0))).collect();
    let trimmed = whole.trim_start_matches('0');
    text.push_str(if trimmed.is_empty() { "0" } else { trimmed });
    if scale > 0 {
        let n_places = i32::try_from(scale.div_ceil(4)).ok()?;
        let fraction: String = (1..=n_places).map(|place| format!("{:04}", group_at(-place).unwrap_or(0))).collect();
        text.push('.');
        text.push_str(fraction.get(..scale)?);
    }
    Some(text)
}

fn small(n: usize) -> i16 {
    i16::try_from(n).unwrap_or(i16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in ["0", "0.00", "1", "-1", "9999", "10000", "12345678.9", "0.0001", "-0.00010", "100000000", "1.50"] {
            let mut out = BytesMut::new();
            put_numeric(text, &mut out);
            assert_eq!(read_numeric(&out).as_deref(), Some(text), "{out:?}");
        }
    }

    #[test]
    fn the_bytes_are_those_of_postgresql() {
        let mut out = BytesMut::new();
        put_numeric("-12345.678", &mut out);
        assert_eq!(out.as_ref(), [0, 3, 0, 1, 0x40, 0, 0, 3, 0, 1, 0x09, 0x29, 0x1a, 0x7c]);
    }

    #[test]
    fn malformed_bytes_are_no_number() {
        assert_eq!(read_numeric(&[]), None);
        assert_eq!(read_numeric(&[0, 9, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(read_numeric(&[0, 1, 0x7f, 0xff, 0, 0, 0, 0, 0, 1]), None, "a weight that would fill the memory");
        assert_eq!(read_numeric(&[0, 1, 0, 0, 0xC0, 0, 0, 0, 0, 1]), None, "NaN");
    }
}
