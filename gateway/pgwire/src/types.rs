//! Arrow types on the wire: each column is sent as one PostgreSQL type, after a cast to the few Arrow types that have a form there.

use arrow::datatypes::{DataType, Field, IntervalUnit, Schema, TimeUnit};
use pgwire::api::Type;
use pgwire::api::results::{FieldFormat, FieldInfo};
use std::sync::Arc;

/// How a column is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WireType {
    /// Its type for the client.
    pub(crate) pg: Type,
    /// The Arrow type it is cast to first.
    pub(crate) arrow: DataType,
}

/// The wire type of an Arrow type. Types without an own form are sent as text, as the engine displays them.
pub(crate) fn wire_type(data_type: &DataType) -> WireType {
    let is = |pg: Type, arrow: DataType| WireType { pg, arrow };
    match data_type {
        DataType::Boolean => is(Type::BOOL, DataType::Boolean),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => is(Type::INT2, DataType::Int16),
        DataType::Int32 | DataType::UInt16 => is(Type::INT4, DataType::Int32),
        DataType::Int64 | DataType::UInt32 => is(Type::INT8, DataType::Int64),
        DataType::UInt64 => is(Type::NUMERIC, DataType::Decimal128(20, 0)),
        DataType::Float16 | DataType::Float32 => is(Type::FLOAT4, DataType::Float32),
        DataType::Float64 => is(Type::FLOAT8, DataType::Float64),
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
            is(Type::NUMERIC, DataType::Decimal128(*p, *s))
        }
        DataType::Decimal256(p, s) => is(Type::NUMERIC, DataType::Decimal256(*p, *s)),
        DataType::Date32 | DataType::Date64 => is(Type::DATE, DataType::Date32),
        DataType::Time32(_) | DataType::Time64(_) => is(Type::TIME, DataType::Time64(TimeUnit::Microsecond)),
        DataType::Timestamp(_, None) => is(Type::TIMESTAMP, DataType::Timestamp(TimeUnit::Microsecond, None)),
        DataType::Timestamp(_, zone) => is(Type::TIMESTAMPTZ, DataType::Timestamp(TimeUnit::Microsecond, zone.clone())),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            is(Type::BYTEA, DataType::Binary)
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => list_type(item),
        DataType::Dictionary(_, values) => wire_type(values),
        other => is(Type::TEXT, if is_text(other) { DataType::Utf8 } else { other.clone() }),
    }
}

/// Lists of plain values are arrays; lists of lists and of structs are texts.
fn list_type(item: &Arc<Field>) -> WireType {
    let of = wire_type(item.data_type());
    let arrow = DataType::List(Arc::new(Field::new("item", of.arrow, true)));
    match array_of(&of.pg) {
        Some(pg) if !item.data_type().is_nested() => WireType { pg, arrow },
        _ => WireType { pg: Type::TEXT, arrow: DataType::List(Arc::clone(item)) },
    }
}

fn array_of(element: &Type) -> Option<Type> {
    let arrays = [
        (Type::BOOL, Type::BOOL_ARRAY),
        (Type::INT2, Type::INT2_ARRAY),
        (Type::INT4, Type::INT4_ARRAY),
        (Type::INT8, Type::INT8_ARRAY),
        (Type::FLOAT4, Type::FLOAT4_ARRAY),
        (Type::FLOAT8, Type::FLOAT8_ARRAY),
        (Type::NUMERIC, Type::NUMERIC_ARRAY),
        (Type::DATE, Type::DATE_ARRAY),
        (Type::TIME, Type::TIME_ARRAY),
        (Type::TIMESTAMP, Type::TIMESTAMP_ARRAY),
        (Type::TIMESTAMPTZ, Type::TIMESTAMPTZ_ARRAY),
        (Type::BYTEA, Type::BYTEA_ARRAY),
        (Type::TEXT, Type::TEXT_ARRAY),
    ];
    arrays.into_iter().find(|(of, _)| of == element).map(|(_, array)| array)
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null)
}

/// The Arrow type that a parameter of a PostgreSQL type is read as; `None` for types that are left to the statement.
pub(crate) fn parameter_type(pg: &Type) -> Option<DataType> {
    let element = |pg: &Type| match *pg {
        Type::BOOL => Some(DataType::Boolean),
        Type::INT2 => Some(DataType::Int16),
        Type::INT4 => Some(DataType::Int32),
        Type::INT8 | Type::OID => Some(DataType::Int64),
        Type::FLOAT4 => Some(DataType::Float32),
        Type::FLOAT8 => Some(DataType::Float64),
        Type::NUMERIC => Some(DataType::Decimal128(38, 10)),
        Type::DATE => Some(DataType::Date32),
        Type::TIME => Some(DataType::Time64(TimeUnit::Microsecond)),
        Type::TIMESTAMP => Some(DataType::Timestamp(TimeUnit::Microsecond, None)),
        Type::TIMESTAMPTZ => Some(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        Type::INTERVAL => Some(DataType::Interval(IntervalUnit::MonthDayNano)),
        Type::BYTEA => Some(DataType::Binary),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::CHAR | Type::UUID | Type::JSON => {
            Some(DataType::Utf8)
        }
        _ => None,
    };
    match pg.kind() {
        postgres_types::Kind::Array(of) => element(of).map(|of| DataType::List(Arc::new(Field::new("item", of, true)))),
        _ => element(pg),
    }
}

/// The PostgreSQL type that a client is told for a parameter of an Arrow type.
pub(crate) fn told_type(data_type: &DataType) -> Type {
    wire_type(data_type).pg
}

/// The row description of an answer.
pub(crate) fn fields(schema: &Schema, format: impl Fn(usize) -> FieldFormat) -> Vec<FieldInfo> {
    let field = |(idx, field): (usize, &Arc<Field>)| {
        let pg = wire_type(field.data_type()).pg;
        let (size, modifier) = (size_of(&pg), modifier_of(field.data_type()));
        FieldInfo::new(field.name().clone(), None, None, pg, format(idx))
            .with_type_size(size)
            .with_type_modifier(modifier)
    };
    schema.fields().iter().enumerate().map(field).collect()
}

/// `pg_type.typlen`.
fn size_of(pg: &Type) -> i16 {
    match *pg {
        Type::BOOL => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ => 8,
        _ => -1,
    }
}

/// `pg_attribute.atttypmod`: precision and scale of a decimal.
fn modifier_of(data_type: &DataType) -> i32 {
    match data_type {
        DataType::Decimal128(precision, scale) if *scale >= 0 => {
            ((i32::from(*precision) << 16) | i32::from(*scale)) + 4
        }
        _ => -1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_one_on_the_wire() {
        let list = |of| DataType::List(Arc::new(Field::new("item", of, true)));
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let cases = [
            (DataType::Utf8View, Type::TEXT),
            (dictionary, Type::TEXT),
            (DataType::UInt32, Type::INT8),
            (DataType::UInt64, Type::NUMERIC),
            (DataType::Decimal128(12, 2), Type::NUMERIC),
            (DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), Type::TIMESTAMPTZ),
            (list(DataType::Utf8View), Type::TEXT_ARRAY),
            (list(list(DataType::Int32)), Type::TEXT),
            (DataType::Duration(TimeUnit::Second), Type::TEXT),
            (DataType::Null, Type::TEXT),
        ];
        for (arrow, pg) in cases {
            assert_eq!(wire_type(&arrow).pg, pg, "{arrow}");
        }
    }

    #[test]
    fn a_decimal_tells_its_precision_and_scale() {
        assert_eq!(modifier_of(&DataType::Decimal128(12, 2)), (12 << 16) + 2 + 4);
        assert_eq!(modifier_of(&DataType::Utf8), -1);
    }
}
