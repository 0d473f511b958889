//! What one principal's session can name: policy tables of the visible relations, and metadata about exactly those.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};
use policies::{Decision, Grant, PolicySet, Principal, RevealRule};
use schemas::{Relation, RelationName};

use crate::metadata::{self, VisibleRelation};
use crate::person_search::{self, PersonSearch, Searcher};
use crate::reveal::RevealTarget;
use crate::{PolicyTable, PublishedData, PublishedTable, QueryError, TokenKey};

/// The catalog of one principal. Built from the decision on every published relation; holds no raw table by name.
#[derive(Debug, Default)]
pub(crate) struct PrincipalCatalog {
    schemas: BTreeMap<String, Arc<PrincipalSchema>>,
    visible: Vec<VisibleRelation>,
}

/// For whom a catalog is built, under what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Viewer<'v> {
    pub(crate) policies: &'v PolicySet,
    pub(crate) principal: &'v Principal,
    pub(crate) token_key: &'v TokenKey,
    /// Days since 1970-01-01.
    pub(crate) today: i32,
}

impl Viewer<'_> {
    /// What is granted of a relation; `None` if it is not to be known of.
    pub(crate) fn grant(&self, relation: &Relation) -> std::result::Result<Option<Grant>, QueryError> {
        match self.policies.decide_on(self.principal, relation, self.today) {
            Decision::Visible(grant) => Ok(Some(*grant)),
            Decision::Refused { reason } => Err(QueryError::Refused { reason: reason.to_string() }),
            Decision::Invisible => Ok(None),
        }
    }

    /// A published table under a grant.
    pub(crate) fn table(
        &self,
        name: &RelationName,
        table: &PublishedTable,
        grant: &Grant,
    ) -> std::result::Result<PolicyTable, QueryError> {
        let context = Arc::new(self.token_key.mask_context(&grant.token_scope, self.today));
        PolicyTable::try_new(name.clone(), Arc::clone(&table.provider), grant, context)
    }
}

impl PrincipalCatalog {
    /// Decides every relation for the principal.
    pub(crate) fn new(data: &PublishedData, viewer: Viewer<'_>) -> std::result::Result<Self, QueryError> {
        let Viewer { policies, principal, today, .. } = viewer;
        let mut schemas: BTreeMap<String, PrincipalSchema> = BTreeMap::new();
        let mut visible = Vec::new();
        for (name, table) in &data.tables {
            let entry = match policies.decide_on(principal, &table.relation, today) {
                Decision::Invisible => continue,
                Decision::Refused { reason } => Entry::Refused(QueryError::Refused { reason: reason.to_string() }),
                Decision::Visible(grant) if data.is_past && grant.aggregate.is_some() => {
                    Entry::Refused(QueryError::PastOfCounts)
                }
                Decision::Visible(grant) => {
                    let policy_table = Arc::new(viewer.table(name, table, &grant)?);
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

    /// Adds a table for each person looked for, and counts the tries.
    pub(crate) fn add_searches(
        &mut self,
        searches: &[PersonSearch],
        searcher: &Searcher,
        data: &PublishedData,
        viewer: Viewer<'_>,
    ) -> std::result::Result<(), QueryError> {
        searcher.note(searches);
        if data.is_past && !searches.is_empty() {
            return Err(QueryError::ConstructNotAllowed { construct: "find_person in an earlier version".to_owned() });
        }
        for (idx, search) in searches.iter().enumerate() {
            let absent = || QueryError::RelationNotFound { name: "catalog.find_person".to_owned() };
            let person = data.tables.iter().find(|(name, _)| name.to_string() == person_search::RELATION);
            let (name, table) = person.ok_or_else(absent)?;
            let grant = viewer.grant(&table.relation)?.ok_or_else(absent)?;
            searcher.allow(search, &grant)?;
            let found = viewer.table(name, table, &search.narrow(&grant))?;
            let (schema, table) = PersonSearch::table(idx);
            self.add(schema, table, Entry::Table(Arc::new(found)));
        }
        Ok(())
    }

    /// Adds the table that a revealed field is shown of.
    pub(crate) fn add_reveal(
        &mut self,
        (target, asked_under): (&RevealTarget, &RevealRule),
        data: &PublishedData,
        viewer: Viewer<'_>,
    ) -> std::result::Result<(), QueryError> {
        let absent = || QueryError::RelationNotFound { name: target.relation.to_string() };
        let table = data.tables.get(&target.relation).ok_or_else(absent)?;
        let grant = viewer.grant(&table.relation)?.ok_or_else(absent)?;
        target.check_still_given(asked_under, &grant)?;
        let narrowed = target.narrow(&grant, table.relation.key.as_str());
        let revealed = viewer.table(&target.relation, table, &narrowed)?;
        let (schema, name) = RevealTarget::TABLE;
        self.add(schema, name.to_owned(), Entry::Table(Arc::new(revealed)));
        Ok(())
    }

    fn add(&mut self, schema: &str, table: String, entry: Entry) {
        let mut of_schema = self.schemas.get(schema).map(|schema| schema.tables.clone()).unwrap_or_default();
        of_schema.insert(table, entry);
        self.schemas.insert(schema.to_owned(), Arc::new(PrincipalSchema { tables: of_schema }));
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

#[derive(Debug, Clone)]
enum Entry {
    Table(Arc<dyn TableProvider>),
    Refused(QueryError),
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
            Some(Entry::Refused(error)) => Err(DataFusionError::External(Box::new(error.clone()))),
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.contains_key(name)
    }
}
