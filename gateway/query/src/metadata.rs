//! Tables about tables: `catalog.tables`, `catalog.columns` and an `information_schema`, computed for one principal and
//! holding nothing that principal may not know of.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::MemTable;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use policies::{AggregateRule, DeniedColumn, Grant};
use schemas::{Relation, RelationName};

use crate::session::CATALOG;
use crate::{PolicyTable, QueryError};

/// A relation as one principal sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleRelation {
    /// Name in SQL.
    pub name: RelationName,
    /// Chinese title.
    pub zh: String,
    /// English title.
    pub en: String,
    /// Whether a row filter is in force.
    pub rows_filtered: bool,
    /// If set, rows cannot be read, only groups of enough persons.
    pub aggregate: Option<Arc<AggregateRule>>,
    /// Visible columns in order.
    pub columns: Vec<VisibleColumn>,
    /// Columns that a deny takes away from what a rule shows, with the reason. They cannot be queried.
    pub denied: Vec<VisibleColumn>,
}

/// A column as one principal sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleColumn {
    /// Name in SQL.
    pub name: String,
    /// Arrow type as released.
    pub data_type: DataType,
    /// Chinese title.
    pub zh: String,
    /// English title.
    pub en: String,
    /// Name of the mask, with that of a lift (`clear_under_14_surname_only`); none if shown in clear in every row; `denied` if a deny
    /// takes the column away.
    pub mask: Option<String>,
    /// The rule that decided.
    pub rule: String,
    /// The rule in words, Chinese.
    pub reason_zh: String,
    /// The rule in words, English.
    pub reason_en: String,
}

impl VisibleRelation {
    pub(crate) fn new(relation: &Relation, table: &PolicyTable, grant: &Grant) -> Self {
        let columns = table
            .schema()
            .fields()
            .iter()
            .filter_map(|field| {
                let granted = grant.columns.iter().find(|column| &column.name == field.name())?;
                let declared = relation.column(field.name());
                Some(VisibleColumn {
                    name: field.name().clone(),
                    data_type: field.data_type().clone(),
                    zh: declared.map(|column| column.zh.clone()).unwrap_or_default(),
                    en: declared.map(|column| column.en.clone()).unwrap_or_default(),
                    mask: granted.mask_name(),
                    rule: granted.rule.clone(),
                    reason_zh: granted.reason.zh.clone(),
                    reason_en: granted.reason.en.clone(),
                })
            })
            .collect();
        Self {
            name: relation.name.clone(),
            zh: relation.zh.clone(),
            en: relation.en.clone(),
            rows_filtered: grant.rows != policies::RowPredicate::All,
            aggregate: grant.aggregate.clone(),
            columns,
            denied: grant.denied.iter().filter_map(|denied| denied_column(relation, denied)).collect(),
        }
    }
}

/// What is told of a column that a deny takes away.
fn denied_column(relation: &Relation, denied: &DeniedColumn) -> Option<VisibleColumn> {
    let declared = relation.column(&denied.name)?;
    Some(VisibleColumn {
        name: denied.name.clone(),
        data_type: declared.field_type.arrow_type(),
        zh: declared.zh.clone(),
        en: declared.en.clone(),
        mask: Some("denied".to_owned()),
        rule: denied.rule.clone(),
        reason_zh: denied.reason.zh.clone(),
        reason_en: denied.reason.en.clone(),
    })
}

/// A table of metadata. Marks itself so that gate 2 knows it from a raw table.
#[derive(Debug)]
pub(crate) struct MetadataTable(MemTable);

#[async_trait]
impl TableProvider for MetadataTable {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.0.scan(state, projection, filters, limit).await
    }
}

/// Whether a plan's leaf is a metadata table.
pub(crate) fn is_metadata_table(provider: &Arc<dyn TableProvider>) -> bool {
    let any: &dyn Any = provider.as_ref();
    any.is::<MetadataTable>()
}

/// A metadata table with its schema and name.
pub(crate) type NamedTable = (&'static str, &'static str, Arc<dyn TableProvider>);

/// All metadata tables over the visible relations.
pub(crate) fn tables(visible: &[VisibleRelation]) -> std::result::Result<Vec<NamedTable>, QueryError> {
    Ok(vec![
        ("catalog", "tables", catalog_tables(visible)?),
        ("catalog", "columns", catalog_columns(visible)?),
        ("information_schema", "schemata", schemata(visible)?),
        ("information_schema", "tables", information_tables(visible)?),
        ("information_schema", "columns", information_columns(visible)?),
        ("information_schema", "views", no_views()?),
    ])
}

fn table(columns: Vec<(&str, ArrayRef)>) -> std::result::Result<Arc<dyn TableProvider>, QueryError> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let build = RecordBatch::try_new(Arc::clone(&schema), arrays)
        .map_err(datafusion::error::DataFusionError::from)
        .and_then(|batch| MemTable::try_new(schema, vec![vec![batch]]));
    match build {
        Ok(rows) => Ok(Arc::new(MetadataTable(rows))),
        Err(_) => Err(QueryError::internal("metadata table")),
    }
}

fn text<T: Into<String>>(values: impl Iterator<Item = T>) -> ArrayRef {
    let values: Vec<String> = values.map(Into::into).collect();
    Arc::new(StringArray::from(values))
}

fn optional_text(values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn catalog_tables(visible: &[VisibleRelation]) -> std::result::Result<Arc<dyn TableProvider>, QueryError> {
    table(vec![
        ("table_schema", text(visible.iter().map(|r| r.name.schema()))),
        ("table_name", text(visible.iter().map(|r| r.name.table()))),
        ("title_zh", text(visible.iter().map(|r| r.zh.as_str()))),
        ("title_en", text(visible.iter().map(|r| r.en.as_str()))),
        ("rows_filtered", Arc::new(visible.iter().map(|r| Some(r.rows_filtered)).collect::<BooleanArray>())),
    ])
}

fn each_column(visible: &[VisibleRelation]) -> impl Iterator<Item = (&VisibleRelation, usize, &VisibleColumn)> + Clone {
    visible
        .iter()
        .flat_map(|relation| relation.columns.iter().enumerate().map(move |(idx, column)| (relation, idx + 1, column)))
}

fn catalog_columns(visible: &[VisibleRelation]) -> std::result::Result<Arc<dyn TableProvider>, QueryError> {
    let columns = each_column(visible);
    table(vec![
        ("table_schema", text(columns.clone().map(|(r, _, _)| r.name.schema()))),
        ("table_name", text(columns.clone().map(|(r, _, _)| r.name.table()))),
        ("column_name", text(columns.clone().map(|(_, _, c)| c.name.as_str()))),
        ("data_type", text(columns.clone().map(|(_, _, c)| c.data_type.to_string()))),
        ("title_zh", text(columns.clone().map(|(_, _, c)| c.zh.as_str()))),
        ("title_en", text(columns.clone().map(|(_, _, c)| c.en.as_str()))),
        ("mask", optional_text(columns.clone().map(|(_, _, c)| c.mask.clone()))),
        ("rule", text(columns.clone().map(|(_, _, c)| c.rule.as_str()))),
        ("reason_zh", text(columns.clone().map(|(_, _, c)| c.reason_zh.as_str()))),
        ("reason_en", text(columns.map(|(_, _, c)| c.reason_en.as_str()))),
    ])
}

fn schemata(visible: &[VisibleRelation]) -> std::result::Result<Arc<dyn TableProvider>, QueryError> {
    let mut names: Vec<&str> = visible.iter().map(|r| r.name.schema()).collect();
    names.extend(["catalog", "information_schema", "public"]);
    names.sort_unstable();
    names.dedup();
    table(vec![
        ("catalog_name", text(names.iter().map(|_| CATALOG))),
        ("schema_name", text(names.iter().copied())),
        ("schema_owner", optional_text(names.iter().map(|_| None))),
    ])
}

fn information_tables(visible: &[VisibleRelation]) -> std::result::Result<Arc<dyn TableProvider>, QueryError> {
    table(vec![
        ("table_catalog", text(visible.iter().map(|_| CATALOG))),
        ("table_schema", text(visible.iter().map(|r| r.name.schema()))),
        ("table_name", text(visible.iter().map(|r| r.name.table()))),
        ("table_type", text(visible.iter().map(|_| "VIEW"))),
    ])
}

fn information_columns(visible: &[VisibleRelation]) -> std::result::Result<Arc<dyn TableProvider>, QueryError> {
    let columns = each_column(visible);
    let positions = columns.clone().map(|(_, position, _)| i64::try_from(position).unwrap_or(i64::MAX));
    table(vec![
        ("table_catalog", text(columns.clone().map(|_| CATALOG))),
        ("table_schema", text(columns.clone().map(|(r, _, _)| r.name.schema()))),
        ("table_name", text(columns.clone().map(|(r, _, _)| r.name.table()))),
        ("column_name", text(columns.clone().map(|(_, _, c)| c.name.as_str()))),
        ("ordinal_position", Arc::new(positions.map(Some).collect::<Int64Array>())),
        ("column_default", optional_text(columns.clone().map(|_| None))),
        ("is_nullable", text(columns.clone().map(|_| "YES"))),
        ("data_type", text(columns.map(|(_, _, c)| c.data_type.to_string()))),
    ])
}

/// Views have no text a client may read, so there are none.
fn no_views() -> std::result::Result<Arc<dyn TableProvider>, QueryError> {
    let none = || std::iter::empty::<&str>();
    table(vec![
        ("table_catalog", text(none())),
        ("table_schema", text(none())),
        ("table_name", text(none())),
        ("definition", text(none())),
    ])
}
