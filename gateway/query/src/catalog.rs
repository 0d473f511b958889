//! What one principal's session can name: policy tables of the visible relations, and metadata about exactly those.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};
use policies::{Decision, PolicySet, Principal};

use crate::metadata::{self, VisibleRelation};
use crate::{PolicyTable, PublishedData, QueryError, TokenKey};

/// The catalog of one principal. Built from the decision on every published relation; holds no raw table by name.
#[derive(Debug)]
pub(crate) struct PrincipalCatalog {
    schemas: BTreeMap<String, Arc<PrincipalSchema>>,
    visible: Vec<VisibleRelation>,
}

impl PrincipalCatalog {
    /// Decides every relation for the principal.
    pub(crate) fn new(
        data: &PublishedData,
        policies: &PolicySet,
        principal: &Principal,
        token_key: &TokenKey,
        today: i32,
    ) -> std::result::Result<Self, QueryError> {
        let mut schemas: BTreeMap<String, PrincipalSchema> = BTreeMap::new();
        let mut visible = Vec::new();
        for (name, table) in &data.tables {
            let entry = match policies.decide_on(principal, &table.relation, today) {
                Decision::Invisible => continue,
                Decision::Refused { reason } => Entry::Refused(reason.to_string()),
                Decision::Visible(grant) => {
                    let policy_table = Arc::new(PolicyTable::try_new(
                        name.clone(),
                        Arc::clone(&table.provider),
                        &grant,
                        Arc::new(token_key.mask_context(&grant.token_scope, today)),
                    )?);
                    visible.push(VisibleRelation::new(&table.relation, &policy_table, &grant));
                    Entry::Table(policy_table)
                }
            };
            schemas.entry(name.schema().to_owned()).or_default().tables.insert(name.table().to_owned(), entry);
        }
        for (schema, table, provider) in metadata::tables(&visible)? {
            let entry = Entry::Table(provider);
            schemas.entry(schema.to_owned()).or_default().tables.insert(table.to_owned(), entry);
        }
        schemas.entry("public".to_owned()).or_default();
        let schemas = schemas.into_iter().map(|(name, schema)| (name, Arc::new(schema))).collect();
        Ok(Self { schemas, visible })
    }

    /// What the principal may see, for the catalog endpoints.
    pub(crate) fn visible(&self) -> &[VisibleRelation] {
        &self.visible
    }
}

impl CatalogProvider for PrincipalCatalog {
    fn schema_names(&self) -> Vec<String> {
        self.schemas.keys().cloned().collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        // An unknown schema answers like an empty one, so that the error names the table either way.
        let schema = self.schemas.get(name).map_or_else(|| Arc::new(PrincipalSchema::default()), Arc::clone);
        Some(schema)
    }
}

#[derive(Debug, Default)]
struct PrincipalSchema {
    tables: HashMap<String, Entry>,
}

#[derive(Debug)]
enum Entry {
    Table(Arc<dyn TableProvider>),
    Refused(String),
}

#[async_trait]
impl SchemaProvider for PrincipalSchema {
    fn table_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.tables.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.tables.get(name) {
            None => Ok(None),
            Some(Entry::Table(table)) => Ok(Some(Arc::clone(table))),
            Some(Entry::Refused(reason)) => {
                Err(DataFusionError::External(Box::new(QueryError::Refused { reason: reason.clone() })))
            }
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.contains_key(name)
    }
}
