//! The published version a query reads: one consistent set of raw tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use schemas::{Relation, RelationName};

/// One raw table and its declaration.
#[derive(Debug, Clone)]
pub struct PublishedTable {
    /// Titles, classes, key.
    pub relation: Relation,
    /// The rows as stored, unmasked. Only [`crate::PolicyTable`] ever scans it.
    pub provider: Arc<dyn TableProvider>,
}

/// Every table of one published version.
#[derive(Debug, Clone, Default)]
pub struct PublishedData {
    /// The published version: grows with every publication.
    pub version: u64,
    /// Whether another version is published by now: what is open to statistics only is not open in it.
    pub is_past: bool,
    /// Tables by name.
    pub tables: BTreeMap<RelationName, PublishedTable>,
}
