//! What clients ask before they ask: catalogs, schemas, tables, types, and what the server can do. Everything is computed from
//! what the caller may see.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{
    SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder,
};
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetDbSchemas, CommandGetTableTypes, CommandGetTables, Nullable, Searchable, SqlInfo,
    XdbcDataType,
};
use query::VisibleRelation;

/// The one catalog there is.
pub(crate) const CATALOG: &str = "datong";
const TABLE: &str = "TABLE";

pub(crate) fn catalogs(command: CommandGetCatalogs) -> Result<RecordBatch, FlightError> {
    let mut builder = command.into_builder();
    builder.append(CATALOG);
    builder.build()
}

pub(crate) fn schemas(command: CommandGetDbSchemas, visible: &[VisibleRelation]) -> Result<RecordBatch, FlightError> {
    let mut builder = command.into_builder();
    let names: BTreeSet<&str> = visible.iter().map(|relation| relation.name.schema()).collect();
    for name in names {
        builder.append(CATALOG, name);
    }
    builder.build()
}

pub(crate) fn tables(command: CommandGetTables, visible: &[VisibleRelation]) -> Result<RecordBatch, FlightError> {
    let mut builder = command.into_builder();
    for relation in visible {
        builder.append(CATALOG, relation.name.schema(), relation.name.table(), TABLE, &columns(relation))?;
    }
    builder.build()
}

fn columns(relation: &VisibleRelation) -> Schema {
    let field = |column: &query::VisibleColumn| {
        let mut metadata = HashMap::from([("comment".to_owned(), column.zh.clone())]);
        if let Some(mask) = &column.mask {
            metadata.insert("datong.mask".to_owned(), mask.clone());
            metadata.insert("datong.reason".to_owned(), column.rule.clone());
        }
        Field::new(&column.name, column.data_type.clone(), true).with_metadata(metadata)
    };
    let metadata = HashMap::from([("comment".to_owned(), relation.zh.clone())]);
    Schema::new_with_metadata(relation.columns.iter().map(field).collect::<Vec<_>>(), metadata)
}

pub(crate) fn table_types(command: CommandGetTableTypes) -> Result<RecordBatch, FlightError> {
    let mut builder = command.into_builder();
    builder.append(TABLE);
    builder.build()
}

/// What the server can do.
pub(crate) static SQL_INFO: LazyLock<Result<SqlInfoData, String>> = LazyLock::new(|| {
    let mut builder = SqlInfoDataBuilder::new();
    builder.append(SqlInfo::FlightSqlServerName, "Datong 打通");
    builder.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    builder.append(SqlInfo::FlightSqlServerArrowVersion, arrow::ARROW_VERSION);
    builder.append(SqlInfo::FlightSqlServerReadOnly, true);
    builder.append(SqlInfo::FlightSqlServerSql, true);
    builder.append(SqlInfo::FlightSqlServerSubstrait, false);
    builder.append(SqlInfo::FlightSqlServerTransaction, 0_i32);
    builder.append(SqlInfo::FlightSqlServerCancel, true);
    builder.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    builder.append(SqlInfo::SqlDdlCatalog, false);
    builder.append(SqlInfo::SqlDdlSchema, false);
    builder.append(SqlInfo::SqlDdlTable, false);
    builder.build().map_err(|error| error.to_string())
});

/// The types that columns have.
pub(crate) static TYPES: LazyLock<Result<XdbcTypeInfoData, String>> = LazyLock::new(|| {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    let text = Some("'".to_owned());
    let types = [
        ("boolean", XdbcDataType::XdbcBit, Some(1), None),
        ("smallint", XdbcDataType::XdbcSmallint, Some(16), None),
        ("integer", XdbcDataType::XdbcInteger, Some(32), None),
        ("bigint", XdbcDataType::XdbcBigint, Some(64), None),
        ("double", XdbcDataType::XdbcDouble, Some(53), None),
        ("decimal", XdbcDataType::XdbcDecimal, Some(38), None),
        ("varchar", XdbcDataType::XdbcVarchar, None, text.clone()),
        ("date", XdbcDataType::XdbcDate, Some(10), text.clone()),
        ("timestamp", XdbcDataType::XdbcTimestamp, Some(32), text),
    ];
    for (name, data_type, column_size, quote) in types {
        builder.append(XdbcTypeInfo {
            type_name: name.to_owned(),
            data_type,
            column_size,
            literal_prefix: quote.clone(),
            literal_suffix: quote,
            nullable: Nullable::NullabilityNullable,
            case_sensitive: name == "varchar",
            searchable: Searchable::Full,
            ..XdbcTypeInfo::default()
        });
    }
    builder.build().map_err(|error| error.to_string())
});
