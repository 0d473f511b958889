//! Bound parameters: bytes of a client to values.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use bytes::{Buf, Bytes};
use datafusion::common::ScalarValue;
use pgwire::api::Type;
use pgwire::api::portal::Portal;
use pgwire::error::PgWireError;

use crate::cell::{EPOCH_DAYS, EPOCH_MICROS};
use crate::errors::{error, malformed};
use crate::numeric::read_numeric;
use crate::types::parameter_type;

/// The values of a portal's parameters, of the types the statement was described with.
pub(crate) fn values<S>(portal: &Portal<S>, types: &[DataType]) -> Result<Vec<ScalarValue>, PgWireError> {
    let given = &portal.statement.parameter_types;
    let value = |(idx, (bytes, data_type)): (usize, (&Option<Bytes>, &DataType))| {
        let Some(bytes) = bytes else {
            return ScalarValue::try_new_null(data_type).map_err(|_| unreadable(idx));
        };
        let pg = given.get(idx).cloned().flatten().unwrap_or_else(|| crate::types::told_type(data_type));
        let read =
            if portal.parameter_format.is_binary(idx) { of_binary(bytes, &pg) } else { of_text(bytes, data_type) };
        // A text stays a text where the statement asks for none: the engine's own conversions of literals apply.
        read.and_then(|value| value.cast_to(data_type).ok()).ok_or_else(|| unreadable(idx))
    };
    portal.parameters.iter().zip(types).enumerate().map(value).collect()
}

fn unreadable(idx: usize) -> PgWireError {
    let n = idx + 1;
    error("22P02", format!("参数 ${n} 的值无法读取"), format!("the value of parameter ${n} cannot be read"))
}

fn of_text(bytes: &Bytes, data_type: &DataType) -> Option<ScalarValue> {
    let text = std::str::from_utf8(bytes).ok()?;
    match data_type {
        DataType::List(item) => array_of_text(text, item),
        DataType::Binary => hex_bytes(text.strip_prefix("\\x")?).map(|bytes| ScalarValue::Binary(Some(bytes))),
        _ => Some(ScalarValue::Utf8(Some(text.to_owned()))),
    }
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? * 16 + digit(*low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

fn of_binary(bytes: &Bytes, pg: &Type) -> Option<ScalarValue> {
    let mut rest = bytes.clone();
    let sized = |n: usize| (bytes.len() == n).then_some(());
    let value = match *pg {
        Type::BOOL => sized(1).map(|()| ScalarValue::Boolean(Some(rest.get_u8() != 0)))?,
        Type::INT2 => sized(2).map(|()| ScalarValue::Int16(Some(rest.get_i16())))?,
        Type::INT4 => sized(4).map(|()| ScalarValue::Int32(Some(rest.get_i32())))?,
        Type::OID => sized(4).map(|()| ScalarValue::Int64(Some(i64::from(rest.get_u32()))))?,
        Type::INT8 => sized(8).map(|()| ScalarValue::Int64(Some(rest.get_i64())))?,
        Type::FLOAT4 => sized(4).map(|()| ScalarValue::Float32(Some(rest.get_f32())))?,
        Type::FLOAT8 => sized(8).map(|()| ScalarValue::Float64(Some(rest.get_f64())))?,
        Type::DATE => {
            sized(4).and_then(|()| Some(ScalarValue::Date32(Some(rest.get_i32().checked_add(EPOCH_DAYS)?))))?
        }
        Type::TIME => sized(8).map(|()| ScalarValue::Time64Microsecond(Some(rest.get_i64())))?,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            sized(8)?;
            let zone: Option<Arc<str>> = (*pg == Type::TIMESTAMPTZ).then(|| "UTC".into());
            ScalarValue::TimestampMicrosecond(Some(rest.get_i64().checked_add(EPOCH_MICROS)?), zone)
        }
        Type::NUMERIC => ScalarValue::Utf8(Some(read_numeric(bytes)?)),
        Type::BYTEA => ScalarValue::Binary(Some(bytes.to_vec())),
        Type::UUID => ScalarValue::Utf8(Some(uuid_text(bytes)?)),
        _ => match pg.kind() {
            postgres_types::Kind::Array(element) => array_of_binary(bytes, element)?,
            _ => ScalarValue::Utf8(Some(std::str::from_utf8(bytes).ok()?.to_owned())),
        },
    };
    Some(value)
}

fn uuid_text(bytes: &[u8]) -> Option<String> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |range| hex.get(range);
    (bytes.len() == 16).then_some(())?;
    Some([part(0..8)?, part(8..12)?, part(12..16)?, part(16..20)?, part(20..32)?].join("-"))
}

fn list_of(items: Vec<ScalarValue>, item: DataType) -> Option<ScalarValue> {
    let field = Arc::new(Field::new("item", item.clone(), true));
    let values: ArrayRef = match items.is_empty() {
        true => arrow::array::new_empty_array(&item),
        false => ScalarValue::iter_to_array(items).ok()?,
    };
    let list = ListArray::try_new(field, OffsetBuffer::from_lengths([values.len()]), values, None).ok()?;
    Some(ScalarValue::List(Arc::new(list)))
}

/// One dimension; nulls within.
fn array_of_binary(bytes: &Bytes, element: &Type) -> Option<ScalarValue> {
    let item = parameter_type(element)?;
    let mut rest = bytes.clone();
    if rest.remaining() < 12 {
        return None;
    }
    let n_dimensions = rest.get_i32();
    rest.advance(8);
    if n_dimensions == 0 {
        return list_of(Vec::new(), item);
    }
    if n_dimensions != 1 || rest.remaining() < 8 {
        return None;
    }
    let n_items = usize::try_from(rest.get_i32()).ok()?;
    rest.advance(4);
    let mut items = Vec::new();
    for _ in 0..n_items {
        if rest.remaining() < 4 {
            return None;
        }
        let value = match usize::try_from(rest.get_i32()) {
            Err(_) => ScalarValue::try_new_null(&item).ok()?,
            Ok(length) if length <= rest.remaining() => {
                of_binary(&rest.split_to(length), element)?.cast_to(&item).ok()?
            }
            Ok(_) => return None,
        };
        items.push(value);
    }
    list_of(items, item)
}

/// `{a,"b c",NULL}`, one dimension.
fn array_of_text(text: &str, item: &Arc<Field>) -> Option<ScalarValue> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut items = Vec::new();
    let mut characters = inner.chars().peekable();
    while characters.peek().is_some() {
        let (mut word, mut is_quoted) = (String::new(), false);
        loop {
            match characters.next() {
                None => break,
                Some(',') => break,
                Some('\\') => word.push(characters.next()?),
                Some('"') => {
                    is_quoted = true;
                    loop {
                        match characters.next()? {
                            '"' => break,
                            '\\' => word.push(characters.next()?),
                            other => word.push(other),
                        }
                    }
                }
                Some('{' | '}') => return None,
                Some(other) => word.push(other),
            }
        }
        let is_null = !is_quoted && word.eq_ignore_ascii_case("null");
        let value = if is_null { ScalarValue::Utf8(None) } else { ScalarValue::Utf8(Some(word)) };
        items.push(value.cast_to(item.data_type()).ok()?);
    }
    list_of(items, item.data_type().clone())
}

/// Refuses a binding whose counts do not fit the statement.
pub(crate) fn check_counts(
    n_given: usize,
    n_needed: usize,
    (n_formats, n_result_formats): (usize, usize),
    n_columns: usize,
) -> Result<(), PgWireError> {
    if n_given != n_needed {
        return Err(malformed(
            format!("语句需要 {n_needed} 个参数,收到 {n_given} 个"),
            format!("the statement has {n_needed} parameters, {n_given} were given"),
        ));
    }
    if !(n_formats <= 1 || n_formats == n_given) || !(n_result_formats <= 1 || n_result_formats == n_columns) {
        return Err(malformed(
            "格式代码的数目与参数或字段不符".to_owned(),
            "the number of format codes fits neither parameters nor columns".to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], pg: &Type) -> Option<ScalarValue> {
        of_binary(&Bytes::copy_from_slice(bytes), pg)
    }

    #[test]
    fn binary_values_of_a_wrong_length_are_unreadable() {
        assert_eq!(read(&7_i32.to_be_bytes(), &Type::INT4), Some(ScalarValue::Int32(Some(7))));
        assert_eq!(read(&[0, 1], &Type::INT4), None);
        assert_eq!(read(&[], &Type::BOOL), None);
        assert_eq!(read(&[0xff, 0xfe], &Type::TEXT), None, "no UTF-8");
        assert_eq!(read(&i32::MAX.to_be_bytes(), &Type::DATE), None, "beyond the calendar");
    }

    #[test]
    fn arrays_are_read_in_both_forms() {
        let item = Arc::new(Field::new("item", DataType::Utf8, true));
        let text = array_of_text("{a,\"b c\",NULL,\"NULL\"}", &item).unwrap();
        let list = list_of(
            vec![Some("a"), Some("b c"), None, Some("NULL")]
                .into_iter()
                .map(|v| ScalarValue::Utf8(v.map(str::to_owned)))
                .collect(),
            DataType::Utf8,
        );
        assert_eq!(Some(text), list);
        assert_eq!(array_of_text("{{a}}", &item), None);
        assert_eq!(array_of_text("{\"a", &item), None);
        let bytes =
            [&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 1, 0, 0, 0, 1][..], &[0, 0, 0, 4, 0, 0, 0, 9]].concat();
        let expected = list_of(vec![ScalarValue::Int32(Some(9))], DataType::Int32);
        assert_eq!(read(&bytes, &Type::INT4_ARRAY), expected);
        let (whole, cut) = (bytes.len(), bytes.get(..bytes.len() - 1).unwrap());
        assert_eq!(read(cut, &Type::INT4_ARRAY), None, "{whole} bytes less one");
    }

    #[test]
    fn counts_that_do_not_fit_are_refused() {
        assert!(check_counts(2, 2, (1, 0), 3).is_ok());
        assert!(check_counts(2, 2, (2, 3), 3).is_ok());
        assert!(check_counts(1, 2, (0, 0), 3).is_err());
        assert!(check_counts(2, 2, (3, 0), 3).is_err());
        assert!(check_counts(2, 2, (0, 2), 3).is_err(), "a column without a format code");
    }
}
