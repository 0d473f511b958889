//! The tables of `pg_catalog` of one principal.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, RecordBatch, StringArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProviderList, MemTable, MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::prelude::SessionContext;
use datafusion_pg_catalog::pg_catalog::context::{PgCatalogContextProvider, Role};
use datafusion_pg_catalog::pg_catalog::{PgCatalogSchemaProvider, PgCatalogStaticTables};
use query::{VisibleColumn, VisibleRelation};

/// Comments on relations and their columns.
#[derive(Debug, Default)]
pub(crate) struct Comments {
    /// Object id of `pg_class`, whose rows they are about; it is given out like all others.
    class: i32,
    /// By object id and column number; 0 is the relation itself.
    pub(crate) texts: BTreeMap<(i32, i32), String>,
}

/// The schemas with what the principal sees in them: columns, and no row.
pub(crate) fn user_schemas(visible: &[VisibleRelation]) -> Result<Vec<(String, Arc<dyn SchemaProvider>)>> {
    let mut schemas: BTreeMap<String, Arc<MemorySchemaProvider>> = BTreeMap::new();
    schemas.insert("public".to_owned(), Arc::default());
    for relation in visible {
        let schema = schemas.entry(relation.name.schema().to_owned()).or_default();
        let columns = relation.columns.iter().map(|c| Field::new(&c.name, c.data_type.clone(), true));
        let columns: Vec<Field> = columns.collect();
        let table = EmptyTable::new(Arc::new(Schema::new(columns)));
        schema.register_table(relation.name.table().to_owned(), Arc::new(table))?;
    }
    Ok(schemas.into_iter().map(|(name, schema)| (name, schema as Arc<dyn SchemaProvider>)).collect())
}

/// The only role that its reader may know of: its own.
#[derive(Debug, Clone)]
struct OwnRole(String);

#[async_trait]
impl PgCatalogContextProvider for OwnRole {
    async fn roles(&self) -> Vec<String> {
        vec![self.0.clone()]
    }

    async fn role(&self, name: &str) -> Option<Role> {
        (name == self.0).then(|| Role {
            name: self.0.clone(),
            is_superuser: false,
            can_login: true,
            can_create_db: false,
            can_create_role: false,
            can_create_user: false,
            can_replication: false,
            grants: Vec::new(),
            inherited_roles: Vec::new(),
        })
    }
}

/// PostgreSQL's own tables, with the principal's relations and their comments among their rows.
#[derive(Debug)]
pub(crate) struct PgCatalog {
    tables: PgCatalogSchemaProvider<Arc<dyn CatalogProviderList>, OwnRole>,
    shipped: Arc<PgCatalogStaticTables>,
    comments: OnceLock<Arc<dyn TableProvider>>,
    /// Views that the shipped tables lack.
    views: [(&'static str, Arc<dyn TableProvider>); 2],
}

impl PgCatalog {
    pub(crate) fn new(
        listed: Arc<dyn CatalogProviderList>,
        shipped: Arc<PgCatalogStaticTables>,
        subject: &str,
    ) -> Result<Self> {
        let role = OwnRole(subject.to_owned());
        let tables = PgCatalogSchemaProvider::try_new(listed, Arc::clone(&shipped), role)?;
        let views: [(&str, Arc<dyn TableProvider>); 2] =
            [("pg_user", Arc::new(users(subject)?)), ("pg_indexes", Arc::new(indexes()))];
        Ok(Self { tables, shipped, comments: OnceLock::new(), views })
    }

    /// Puts comments into `pg_description`. The first ones given stay.
    pub(crate) fn describe(&self, comments: &Comments) -> Result<()> {
        let schema = self.shipped.pg_description.schema();
        let n_rows = comments.texts.len();
        let column = |field: &Arc<Field>| -> Result<ArrayRef> {
            let array: ArrayRef = match field.name().as_str() {
                "objoid" => Arc::new(comments.texts.keys().map(|(oid, _)| Some(*oid)).collect::<Int32Array>()),
                "classoid" => Arc::new(Int32Array::from(vec![comments.class; n_rows])),
                "objsubid" => Arc::new(comments.texts.keys().map(|(_, column)| Some(*column)).collect::<Int32Array>()),
                "description" => Arc::new(comments.texts.values().map(Some).collect::<StringArray>()),
                _ => new_null_array(field.data_type(), n_rows),
            };
            Ok(cast(&array, field.data_type())?)
        };
        let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
        let table = MemTable::try_new(schema, vec![vec![batch]])?;
        let _is_first = self.comments.set(Arc::new(table));
        Ok(())
    }
}

#[async_trait]
impl SchemaProvider for PgCatalog {
    fn table_names(&self) -> Vec<String> {
        self.tables.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some((_, view)) = self.views.iter().find(|(view, _)| name.eq_ignore_ascii_case(view)) {
            return Ok(Some(Arc::clone(view)));
        }
        match self.comments.get() {
            Some(comments) if name.eq_ignore_ascii_case("pg_description") => Ok(Some(Arc::clone(comments))),
            _ => self.tables.table(name).await,
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.table_exist(name)
    }
}

/// No relation here has an index that a client could know of.
fn indexes() -> EmptyTable {
    let columns = ["schemaname", "tablename", "indexname", "tablespace", "indexdef"];
    EmptyTable::new(Arc::new(Schema::new(columns.map(|name| Field::new(name, DataType::Utf8, true)).to_vec())))
}

/// The one user its reader may know of.
fn users(subject: &str) -> Result<MemTable> {
    let no = || Arc::new(BooleanArray::from(vec![false])) as ArrayRef;
    let columns: [(&str, ArrayRef); 9] = [
        ("usename", Arc::new(StringArray::from(vec![subject]))),
        ("usesysid", Arc::new(Int32Array::from(vec![10]))),
        ("usecreatedb", no()),
        ("usesuper", no()),
        ("userepl", no()),
        ("usebypassrls", no()),
        ("passwd", new_null_array(&DataType::Utf8, 1)),
        ("valuntil", new_null_array(&DataType::Utf8, 1)),
        ("useconfig", new_null_array(&DataType::Utf8, 1)),
    ];
    let fields: Vec<Field> = columns.iter().map(|(name, of)| Field::new(*name, of.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.into_iter().map(|(_, array)| array).collect())?;
    MemTable::try_new(schema, vec![vec![batch]])
}

/// The comments of what the principal sees, under the object ids that the session gives.
pub(crate) async fn descriptions(state: &SessionState, visible: &[VisibleRelation]) -> Result<Comments> {
    const OIDS: &str = "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c \
                        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace";
    let batches = SessionContext::new_with_state(state.clone()).sql(OIDS).await?.collect().await?;
    let mut comments = Comments::default();
    for batch in &batches {
        let [oids, schemas, tables] = batch.columns() else { continue };
        let (oids, texts) = (cast(oids, &DataType::Int32)?, [schemas, tables].map(|a| cast(a, &DataType::Utf8)));
        let [schemas, tables] = texts;
        let (schemas, tables) = (schemas?, tables?);
        for row in 0..oids.len() {
            let name = (schemas.as_string::<i32>().value(row), tables.as_string::<i32>().value(row));
            if name == ("pg_catalog", "pg_class") {
                comments.class = oids.as_primitive::<Int32Type>().value(row);
            }
            let named = |relation: &&VisibleRelation| (relation.name.schema(), relation.name.table()) == name;
            if let Some(relation) = visible.iter().find(named) {
                comment(relation, oids.as_primitive::<Int32Type>().value(row), &mut comments);
            }
        }
    }
    Ok(comments)
}

fn comment(relation: &VisibleRelation, oid: i32, comments: &mut Comments) {
    let mut title = relation.zh.clone();
    if relation.aggregate.is_some() {
        title.push_str("(仅供统计)");
    }
    comments.texts.insert((oid, 0), title);
    let words = |column: &VisibleColumn| match &column.mask {
        Some(mask) => format!("{}(脱敏:{mask})", column.zh),
        None => column.zh.clone(),
    };
    let numbered = relation.columns.iter().zip(1_i32..);
    comments.texts.extend(numbered.map(|(column, number)| ((oid, number), words(column))));
}
