//! Who is who: which record belongs to which entity, kept from run to run.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray, StringBuilder};
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;
use schemas::{Authority, Column, ColumnName, FieldType, Identifiability, Relation, RelationName, Sensitivity};

use crate::LinkError;

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKind {
    /// A natural person. Records: mentions of persons, `KEY` or `KEY#role`.
    Person,
    /// A flat or other dwelling. Records: addresses, `KEY`, or `KEY#registered` for a registered address.
    House,
    /// A building. Records: its elements as text.
    Building,
    /// A household of the police register. Records: its household number.
    Household,
    /// An event. Records: the departments' own case records.
    Event,
}

impl EntityKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Person, Self::House, Self::Building, Self::Household, Self::Event];

    /// The word in the membership table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::House => "house",
            Self::Building => "building",
            Self::Household => "household",
            Self::Event => "event",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Id of an entity: 128 random bits. It says nothing of the person, house or event it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityId(u128);

impl EntityId {
    /// A new id.
    ///
    /// # Errors
    /// [`LinkError::Random`] if the operating system gives no random bytes.
    pub fn random() -> Result<Self, LinkError> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(|_| LinkError::Random)?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }

    /// An id that follows from other ids: the same for the same ones in every run, and as unguessable as they are.
    /// `kind` keeps ids of different tables apart.
    pub(crate) fn derived(kind: &str, parents: &[EntityId], further: &str) -> Self {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        hash.update(kind.as_bytes());
        for parent in parents {
            hash.update(parent.0.to_be_bytes());
        }
        hash.update(further.as_bytes());
        let mut bytes = [0_u8; 16];
        for (to, from) in bytes.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(u128::from_be_bytes(bytes))
    }

    fn parse(text: &str) -> Option<Self> {
        (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

impl std::fmt::Display for EntityId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// One row of the membership: this record belongs to this entity. `Debug` hides the record key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// What the entity is.
    pub kind: EntityKind,
    /// Where the record comes from, usually a dataset: `police.resident`.
    pub source: &'a str,
    /// Key of the record within its source, with a suffix such as `#husband` where a record has several roles.
    pub record_key: &'a str,
    /// The entity.
    pub entity: EntityId,
}

impl std::fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Member({} of {} in {})", self.kind.as_str(), self.source, self.entity)
    }
}

#[derive(Clone, PartialEq, Eq)]
struct Row {
    record_key: Box<str>,
    source: u16,
    kind: EntityKind,
    entity: EntityId,
}

/// The membership of every record, in the order of record keys.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identities {
    sources: Vec<String>,
    rows: Vec<Row>,
}

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identities({} records)", self.rows.len())
    }
}

/// The columns of the membership table.
const COLUMNS: [(&str, &str, &str, Sensitivity, Identifiability); 4] = [
    ("record_key", "记录主键", "record key", Sensitivity::P, Identifiability::Direct),
    ("source", "来源数据集", "source dataset", Sensitivity::None, Identifiability::Attribute),
    ("kind", "实体类别", "entity kind", Sensitivity::None, Identifiability::Attribute),
    ("entity_id", "实体编码", "entity id", Sensitivity::P, Identifiability::Direct),
];

impl Identities {
    /// The table the membership is kept in: `gateway.membership`, sorted by `record_key`.
    ///
    /// # Panics
    /// Never: the names are constants, and a test builds the relation.
    #[must_use]
    #[expect(clippy::expect_used, reason = "constant names in the form the name types demand; covered by a test")]
    pub fn relation() -> Relation {
        let name = |text: &str| ColumnName::try_from(text).expect("a lower-case name");
        Relation {
            name: RelationName::new("gateway", "membership").expect("two lower-case names"),
            zh: "记录归属".to_owned(),
            en: "Which record belongs to which entity".to_owned(),
            key: name("record_key"),
            columns: COLUMNS
                .iter()
                .map(|(column, zh, en, class, ident)| Column {
                    name: name(column),
                    zh: (*zh).to_owned(),
                    en: (*en).to_owned(),
                    field_type: FieldType::Text,
                    class: *class,
                    ident: *ident,
                    authority: vec![Authority::Gateway],
                    code_list: None,
                })
                .collect(),
        }
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Every row, in the order of record keys.
    pub fn iter(&self) -> impl Iterator<Item = Member<'_>> {
        self.rows.iter().map(|row| Member {
            kind: row.kind,
            source: self.sources.get(usize::from(row.source)).map_or("", String::as_str),
            record_key: &row.record_key,
            entity: row.entity,
        })
    }

    /// The entity a record belongs to.
    #[must_use]
    pub fn entity(&self, kind: EntityKind, source: &str, record_key: &str) -> Option<EntityId> {
        let source = self.sources.iter().position(|s| s == source)?;
        let wanted = (record_key, u16::try_from(source).ok()?, kind);
        let at = self.rows.binary_search_by(|row| (row.record_key.as_ref(), row.source, row.kind).cmp(&wanted)).ok()?;
        self.rows.get(at).map(|row| row.entity)
    }

    /// The table, as [`Identities::relation`] describes it.
    ///
    /// # Errors
    /// [`LinkError::Arrow`] if Arrow cannot build it.
    pub fn to_batch(&self) -> Result<RecordBatch, LinkError> {
        let mut columns: [StringBuilder; 4] = std::array::from_fn(|_| StringBuilder::new());
        let [keys, sources, kinds, entities] = &mut columns;
        for member in self.iter() {
            keys.append_value(member.record_key);
            sources.append_value(member.source);
            kinds.append_value(member.kind.as_str());
            entities.append_value(member.entity.to_string());
        }
        let arrays: Vec<ArrayRef> = columns.iter_mut().map(|c| Arc::new(c.finish()) as ArrayRef).collect();
        Ok(RecordBatch::try_new(Self::relation().arrow_schema(), arrays)?)
    }

    /// Reads the table that [`Identities::to_batch`] wrote, in any number of batches and any order of rows.
    ///
    /// # Errors
    /// [`LinkError::Membership`] if a column is missing, or a value is null or malformed.
    pub fn from_batches(batches: &[RecordBatch]) -> Result<Self, LinkError> {
        let mut out = IdentitiesBuilder::default();
        for batch in batches {
            let column = |name: &'static str| -> Result<StringArray, LinkError> {
                let fault = LinkError::Membership { column: name };
                let Some(array) = batch.column_by_name(name) else { return Err(fault) };
                let array = arrow::compute::cast(array, &arrow::datatypes::DataType::Utf8)?;
                let Some(texts) = array.as_any().downcast_ref::<StringArray>() else { return Err(fault) };
                if texts.null_count() > 0 { Err(fault) } else { Ok(texts.clone()) }
            };
            let (keys, sources) = (column("record_key")?, column("source")?);
            let (kinds, entities) = (column("kind")?, column("entity_id")?);
            for row in 0..batch.num_rows() {
                let kind = EntityKind::parse(kinds.value(row)).ok_or(LinkError::Membership { column: "kind" })?;
                let entity =
                    EntityId::parse(entities.value(row)).ok_or(LinkError::Membership { column: "entity_id" })?;
                out.add(kind, sources.value(row), keys.value(row), entity);
            }
        }
        Ok(out.finish())
    }

    /// A lookup by kind, source and record key.
    pub(crate) fn by_record(&self, kind: EntityKind) -> HashMap<(&str, &str), EntityId> {
        self.iter().filter(|m| m.kind == kind).map(|m| ((m.source, m.record_key), m.entity)).collect()
    }
}

/// Collects a membership.
#[derive(Debug, Default)]
pub(crate) struct IdentitiesBuilder {
    found: Identities,
}

impl IdentitiesBuilder {
    pub(crate) fn add(&mut self, kind: EntityKind, source: &str, record_key: impl Into<Box<str>>, entity: EntityId) {
        let sources = &mut self.found.sources;
        let at = sources.iter().position(|s| s == source).unwrap_or_else(|| {
            sources.push(source.to_owned());
            sources.len() - 1
        });
        // At most a few dozen sources exist: one per dataset.
        let source = u16::try_from(at).unwrap_or(u16::MAX);
        self.found.rows.push(Row { record_key: record_key.into(), source, kind, entity });
    }

    /// Puts the rows in order. Sources are numbered by name, so that equal memberships are equal values.
    pub(crate) fn finish(self) -> Identities {
        let Identities { sources, mut rows } = self.found;
        let mut order: Vec<usize> = (0..sources.len()).collect();
        order.sort_by_key(|at| sources.get(*at).cloned());
        let mut renumbered = vec![0_u16; sources.len()];
        for (new, old) in (0_u16..).zip(&order) {
            if let Some(slot) = renumbered.get_mut(*old) {
                *slot = new;
            }
        }
        for row in &mut rows {
            row.source = renumbered.get(usize::from(row.source)).copied().unwrap_or(row.source);
        }
        rows.sort_unstable_by(|a, b| {
            (&a.record_key, a.source, a.kind, a.entity).cmp(&(&b.record_key, b.source, b.kind, b.entity))
        });
        rows.dedup_by(|a, b| (&a.record_key, a.source, a.kind) == (&b.record_key, b.source, b.kind));
        let sources = order.iter().filter_map(|at| sources.get(*at).cloned()).collect();
        Identities { sources, rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Identities {
        let mut builder = IdentitiesBuilder::default();
        builder.add(EntityKind::Person, "police.resident", "2", EntityId(7));
        builder.add(EntityKind::Person, "civil.marriage", "1#wife", EntityId(7));
        builder.add(EntityKind::House, "police.resident", "2", EntityId(9));
        builder.finish()
    }

    #[test]
    fn a_membership_survives_its_table() {
        let identities = sample();
        let batch = identities.to_batch().unwrap();
        assert_eq!(batch.schema(), Identities::relation().arrow_schema());
        assert_eq!(Identities::from_batches(&[batch.slice(2, 1), batch.slice(0, 2)]).unwrap(), identities);
        assert_eq!(identities.entity(EntityKind::House, "police.resident", "2"), Some(EntityId(9)));
        assert_eq!(identities.entity(EntityKind::House, "civil.marriage", "2"), None);
        assert_eq!(EntityId(9).to_string(), "00000000000000000000000000000009");
    }

    #[test]
    fn a_spoilt_table_is_refused_by_column() {
        let batch = sample().to_batch().unwrap();
        let mut columns = batch.columns().to_vec();
        columns[3] = Arc::new(StringArray::from(vec!["x", "y", "z"]));
        let spoilt = RecordBatch::try_new(batch.schema(), columns).unwrap();
        assert!(matches!(Identities::from_batches(&[spoilt]), Err(LinkError::Membership { column: "entity_id" })));
        let cut = batch.project(&[0, 1, 3]).unwrap();
        assert!(matches!(Identities::from_batches(&[cut]), Err(LinkError::Membership { column: "kind" })));
    }

    #[test]
    fn nothing_of_a_record_shows_in_debug() {
        assert_eq!(format!("{:?}", sample()), "Identities(3 records)");
        assert!(!format!("{:?}", sample().iter().next().unwrap()).contains("wife"));
    }

    #[test]
    fn derived_ids_follow_from_their_parents() {
        let a = EntityId::derived("residence", &[EntityId(1), EntityId(2)], "10");
        assert_eq!(a, EntityId::derived("residence", &[EntityId(1), EntityId(2)], "10"));
        assert_ne!(a, EntityId::derived("residence", &[EntityId(2), EntityId(1)], "10"));
        assert_ne!(EntityId::random().unwrap(), EntityId::random().unwrap());
    }
}
