//! Everything declared, read once.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::{CodeList, CodeListId, Dataset, DatasetId, Divisions, Relation, RelationName, declaration, shipped};

/// Why a declaration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// A declaration file has a fault.
    #[error("{}", with_file(file, reason))]
    Declaration {
        /// The file within `schemas/data`, or the path given by the site.
        file: String,
        /// What is wrong: one line per fault, each starting with `line:column: ` where these are known.
        reason: String,
    },
}

/// Puts the file before every fault: `file:line:column: fault`.
fn with_file(file: &str, reason: &str) -> String {
    let lines: Vec<String> = reason
        .lines()
        .map(|line| {
            let gap = if line.starts_with(|c: char| c.is_ascii_digit()) { "" } else { " " };
            format!("{file}:{gap}{line}")
        })
        .collect();
    lines.join("\n")
}

/// All datasets, linked relations, code lists and divisions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Registry {
    datasets: Arc<BTreeMap<DatasetId, Dataset>>,
    linked: Arc<BTreeMap<RelationName, Relation>>,
    live: Arc<BTreeMap<RelationName, Relation>>,
    code_lists: Arc<BTreeMap<CodeListId, CodeList>>,
    divisions: Arc<Divisions>,
}

impl Registry {
    /// The declarations shipped with the product, compiled in. Read on the first call, shared by all later ones.
    ///
    /// # Errors
    /// [`SchemaError::Declaration`] with every fault of the first faulty file; a test keeps the shipped ones sound.
    pub fn shipped() -> Result<Self, SchemaError> {
        static SHIPPED: OnceLock<Result<Registry, SchemaError>> = OnceLock::new();
        SHIPPED.get_or_init(Self::read_shipped).clone()
    }

    fn read_shipped() -> Result<Self, SchemaError> {
        let mut code_lists = BTreeMap::new();
        for (file, text) in shipped::CODE_LISTS {
            let list = CodeList::from_csv(file, text)
                .map_err(|reason| SchemaError::Declaration { file: (*file).to_owned(), reason })?;
            code_lists.insert(list.id.clone(), list);
        }
        let mut linked = BTreeMap::new();
        for (file, text) in shipped::LINKED {
            let relation = declaration::relation(file, text, &code_lists)?;
            linked.insert(relation.name.clone(), relation);
        }
        let mut datasets = BTreeMap::new();
        for (file, text) in shipped::DATASETS {
            let dataset = declaration::dataset(file, text, &code_lists)?;
            datasets.insert(dataset.id.clone(), dataset);
        }
        Ok(Self {
            datasets: Arc::new(datasets),
            linked: Arc::new(linked),
            live: Arc::default(),
            code_lists: Arc::new(code_lists),
            divisions: Arc::default(),
        })
    }

    /// Adds a site's own dataset, or replaces a shipped one of the same id.
    ///
    /// # Errors
    /// [`SchemaError::Declaration`] if the text is no sound declaration, with every fault and its place, or if linking makes a table
    /// of that name.
    pub fn with_dataset(mut self, file: &str, toml: &str) -> Result<Self, SchemaError> {
        let dataset = declaration::dataset(file, toml, &self.code_lists)?;
        if self.linked.contains_key(&dataset.id) {
            let reason = format!("`{}` is a table that linking makes", dataset.id);
            return Err(SchemaError::Declaration { file: file.to_owned(), reason });
        }
        Arc::make_mut(&mut self.datasets).insert(dataset.id.clone(), dataset);
        Ok(self)
    }

    /// Adds a relation that is read where it is. It takes the place of none that is stored.
    #[must_use]
    pub fn with_live(mut self, relation: Relation) -> Self {
        Arc::make_mut(&mut self.live).insert(relation.name.clone(), relation);
        self
    }

    /// Takes division codes that begin with `prefix` for assigned ones. Only a demonstration needs this: its persons
    /// carry a prefix that no edition ever assigned, so that no number can be a living person's.
    #[must_use]
    pub fn admit_division(mut self, prefix: &str) -> Self {
        Arc::make_mut(&mut self.divisions).admit(prefix);
        self
    }

    /// The dataset of that id.
    #[must_use]
    pub fn dataset(&self, id: &DatasetId) -> Option<&Dataset> {
        self.datasets.get(id)
    }

    /// All datasets, by id.
    pub fn datasets(&self) -> impl Iterator<Item = &Dataset> {
        self.datasets.values()
    }

    /// All relations that linking makes, by name: the unified base, and what follows from the sensitive lists.
    pub fn linked(&self) -> impl Iterator<Item = &Relation> {
        self.linked.values()
    }

    /// All relations that are read where they are, by name.
    pub fn live(&self) -> impl Iterator<Item = &Relation> {
        self.live.values()
    }

    /// A relation: one that linking makes, the landed table of a dataset, or one that is read where it is.
    #[must_use]
    pub fn relation(&self, name: &RelationName) -> Option<Relation> {
        let landed = || self.datasets.get(name).map(Dataset::landed_relation);
        self.linked.get(name).cloned().or_else(landed).or_else(|| self.live.get(name).cloned())
    }

    /// Every relation: those that linking makes, the landed ones, and those that are read where they are.
    #[must_use]
    pub fn relations(&self) -> Vec<Relation> {
        let landed = self.datasets.values().map(Dataset::landed_relation);
        self.linked.values().cloned().chain(landed).chain(self.live.values().cloned()).collect()
    }

    /// The code list of that name.
    #[must_use]
    pub fn code_list(&self, id: &str) -> Option<&CodeList> {
        self.code_lists.get(id)
    }

    /// All code lists, by name.
    pub fn code_lists(&self) -> impl Iterator<Item = &CodeList> {
        self.code_lists.values()
    }

    /// The division codes.
    #[must_use]
    pub fn divisions(&self) -> &Divisions {
        &self.divisions
    }
}
