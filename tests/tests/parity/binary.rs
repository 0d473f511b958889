//! Binary values of PostgreSQL's protocol, decoded by the documentation of their formats and nothing of ours.

use std::error::Error;

use chrono::{DateTime, Days, NaiveDate, TimeDelta};
use tokio_postgres::types::{FromSql, Type};

use super::forms::{float, list};

/// A value in its written form.
#[derive(Debug)]
pub(crate) struct Decoded(pub(crate) String);

impl<'a> FromSql<'a> for Decoded {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(decoded(of, raw)))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn decoded(of: &Type, raw: &[u8]) -> String {
    match *of {
        Type::BOOL => (number(raw, 1) == 1).to_string(),
        Type::INT2 => number(raw, 2).to_string(),
        Type::INT4 => number(raw, 4).to_string(),
        Type::INT8 => number(raw, 8).to_string(),
        Type::FLOAT4 => float(f64::from(f32::from_be_bytes(raw.try_into().expect("four bytes")))),
        Type::FLOAT8 => float(f64::from_be_bytes(raw.try_into().expect("eight bytes"))),
        Type::NUMERIC => numeric(raw),
        Type::DATE => day(number(raw, 4)).to_string(),
        Type::TIMESTAMP => micros(raw).naive_utc().format("%Y-%m-%dT%H:%M:%S%.f").to_string(),
        Type::TIMESTAMPTZ => micros(raw).to_rfc3339(),
        Type::TEXT => String::from_utf8(raw.to_vec()).expect("UTF-8"),
        Type::TEXT_ARRAY => array(&Type::TEXT, raw),
        Type::INT8_ARRAY => array(&Type::INT8, raw),
        Type::DATE_ARRAY => array(&Type::DATE, raw),
        ref other => panic!("no binary form of {other} is declared"),
    }
}

/// A signed number of so many bytes.
fn number(raw: &[u8], n_bytes: usize) -> i64 {
    assert_eq!(raw.len(), n_bytes);
    let sign = if raw[0] & 0x80 == 0 { 0 } else { 0xff };
    let mut bytes = [sign; 8];
    bytes[8 - n_bytes..].copy_from_slice(raw);
    i64::from_be_bytes(bytes)
}

/// Days since 2000-01-01.
fn day(days: i64) -> NaiveDate {
    let first = NaiveDate::from_ymd_opt(2000, 1, 1).expect("a day");
    let distance = Days::new(days.unsigned_abs());
    if days < 0 { first - distance } else { first + distance }
}

/// Microseconds since 2000-01-01 in UTC.
fn micros(raw: &[u8]) -> DateTime<chrono::Utc> {
    DateTime::from_timestamp(946_684_800, 0).expect("a moment") + TimeDelta::microseconds(number(raw, 8))
}

/// Groups of four digits, the weight of the first, sign, digits after the point.
fn numeric(raw: &[u8]) -> String {
    let words: Vec<i64> = raw.chunks(2).map(|word| number(word, 2)).collect();
    let [n_groups, weight, sign, scale] = words[..4] else { panic!("a short numeric") };
    let groups = &words[4..];
    assert_eq!(groups.len(), usize::try_from(n_groups).expect("a count"));
    let group = |at: i64| usize::try_from(weight - at).ok().and_then(|idx| groups.get(idx)).copied().unwrap_or(0);
    let whole: String = (0..=weight.max(0)).rev().map(|at| format!("{:04}", group(at))).collect();
    let whole = whole.trim_start_matches('0');
    let fraction: String = (1..=scale.div_euclid(4) + 1).map(|at| format!("{:04}", group(-at))).collect();
    let fraction = &fraction[..usize::try_from(scale).expect("a scale")];
    let minus = if sign == 0 { "" } else { "-" };
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() { format!("{minus}{whole}") } else { format!("{minus}{whole}.{fraction}") }
}

/// Dimensions, a flag for nulls, the type of the items, the length of the one dimension, its first number, and the items.
fn array(of: &Type, raw: &[u8]) -> String {
    let word = |at: usize| number(&raw[at..at + 4], 4);
    if word(0) == 0 {
        return list(std::iter::empty());
    }
    assert_eq!((word(0), word(8)), (1, i64::from(of.oid())));
    let (mut items, mut at) = (Vec::new(), 20);
    for _ in 0..word(12) {
        let length = word(at);
        at += 4;
        let Ok(n_bytes) = usize::try_from(length) else {
            items.push(None);
            continue;
        };
        items.push(Some(decoded(of, &raw[at..at + n_bytes])));
        at += n_bytes;
    }
    assert_eq!(at, raw.len());
    list(items.into_iter())
}

#[test]
fn numerics_are_read_with_their_scale() {
    let numeric = |words: &[i16]| numeric(&words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>());
    assert_eq!(numeric(&[2, 0, 0, 2, 1200, 5000]), "1200.50");
    assert_eq!(numeric(&[1, -1, 0x4000, 2, 100]), "-0.01");
    assert_eq!(numeric(&[0, 0, 0, 2]), "0.00");
    assert_eq!(numeric(&[1, 1, 0, 0, 1]), "10000");
}
