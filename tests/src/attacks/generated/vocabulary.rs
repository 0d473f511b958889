//! What a principal can write about: the visible relations as the gateway tells them, and words worth comparing with.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use policies::Principal;
use query::{Gateway, QueryRequest, VisibleRelation};

use crate::attacks::rows::Rows;
use crate::attacks::tables::{Storage, stored};

/// The tables about tables, which everybody may read.
const METADATA: [&str; 5] = [
    "catalog.tables",
    "catalog.columns",
    "information_schema.schemata",
    "information_schema.tables",
    "information_schema.columns",
];

/// What an expression gives, as far as the grammar tells types apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Float,
    /// A day.
    Date,
    /// A moment.
    Moment,
    /// Yes or no.
    Boolean,
    /// A list of texts.
    List,
    /// Anything else: it can be put out, and nothing more is done with it.
    Other,
}

impl Kind {
    /// The kind of an Arrow type.
    #[must_use]
    pub fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Boolean => Self::Boolean,
            DataType::Float32 | DataType::Float64 => Self::Float,
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Timestamp(..) => Self::Moment,
            DataType::List(item) if Self::of(item.data_type()) == Self::Text => Self::List,
            other if other.is_integer() => Self::Integer,
            _ => Self::Other,
        }
    }
}

/// A column the principal may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, or an expression that stands for it.
    pub name: String,
    /// What it gives.
    pub kind: Kind,
    /// Whether rows of two relations are joined on it.
    pub is_key: bool,
}

/// A relation the principal may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// If set, its rows cannot be read.
    pub counted: Option<Counted>,
}

/// How a relation may be counted of which no row may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The column whose distinct values are counted.
    pub persons: String,
    /// What may be grouped by and compared with constants.
    pub keys: Vec<Column>,
    /// What may be summed.
    pub measures: Vec<Column>,
    /// Literals of the groups, for dates of the months, that are large enough to be shown.
    pub values: BTreeMap<String, Vec<String>>,
}

/// Everything the grammar puts into statements beside syntax.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    /// Relations; those about data first.
    pub relations: Vec<Named>,
    /// How many of them are about data.
    pub n_of_data: usize,
    /// Text literals, quoted.
    pub literals: Vec<String>,
}

impl Vocabulary {
    /// Asks a gateway what the principal may see. `worlds` lend values to compare with: a principal may guess, so hidden
    /// ones too.
    pub async fn ask(gateway: &Gateway, principal: &Principal, worlds: [&Rows; 2]) -> Self {
        let visible = gateway.visible_relations(principal).unwrap();
        let mut relations: Vec<Named> = Vec::new();
        for relation in &visible {
            relations.push(Named {
                name: relation.name.to_string(),
                columns: relation.columns.iter().map(|c| column(&c.name, &c.data_type)).collect(),
                counted: counted(gateway, principal, relation).await,
            });
        }
        let n_of_data = relations.len();
        for name in METADATA {
            let schema =
                gateway.query(request(principal, format!("SELECT * FROM {name} LIMIT 0"))).await.unwrap().schema();
            let columns = schema.fields().iter().map(|field| column(field.name(), field.data_type())).collect();
            relations.push(Named { name: name.to_owned(), columns, counted: None });
        }
        Self { relations, n_of_data, literals: literals(worlds).await }
    }

    /// The relations of which no row may be read.
    #[must_use]
    pub fn counted(&self) -> Vec<(&Named, &Counted)> {
        self.relations.iter().filter_map(|relation| Some((relation, relation.counted.as_ref()?))).collect()
    }
}

fn request(principal: &Principal, sql: String) -> QueryRequest {
    QueryRequest {
        principal: principal.clone(),
        sql,
        request_id: "vocabulary".to_owned(),
        protocol: "cli",
        kind: "query",
        client: None,
        token_id: None,
        parameters: Vec::new(),
        as_of: None,
    }
}

/// How the relation may be counted. Groups are asked for under a name of their own, so that no later question is held
/// against them.
async fn counted(gateway: &Gateway, principal: &Principal, relation: &VisibleRelation) -> Option<Counted> {
    let rule = relation.aggregate.as_ref()?;
    let of = |names: &BTreeSet<String>| -> Vec<Column> {
        let visible = relation.columns.iter().filter(|c| names.contains(&c.name));
        visible.map(|c| column(&c.name, &c.data_type)).collect()
    };
    let keys = of(&rule.keys);
    let reader = Principal { subject: "vocabulary".to_owned(), ..principal.clone() };
    let mut values = BTreeMap::new();
    for key in &keys {
        let group = match key.kind {
            Kind::Text => key.name.clone(),
            Kind::Date => format!("date_trunc('month', {})", key.name),
            _ => continue,
        };
        let sql = format!("SELECT {group} FROM {} GROUP BY {group}", relation.name);
        let mut rows = gateway.query(request(&reader, sql)).await.unwrap();
        let mut found = Vec::new();
        while let Some(batch) = rows.next().await {
            let column = cast(batch.unwrap().column(0), &DataType::Utf8).unwrap();
            let texts: &StringArray = column.as_string();
            found.extend(texts.iter().flatten().map(|text| match key.kind {
                Kind::Date => format!("DATE {}", quoted(&text[..10])),
                _ => quoted(text),
            }));
        }
        found.sort();
        values.insert(key.name.clone(), found);
    }
    Some(Counted { persons: rule.persons.clone(), keys, measures: of(&rule.measures), values })
}

fn column(name: &str, data_type: &DataType) -> Column {
    let is_key = name.ends_with("_id") || name.ends_with("id_number") || name.starts_with("table_");
    Column { name: name.to_owned(), kind: Kind::of(data_type), is_key }
}

/// Patterns and forms, then cells of both worlds, every seventh distinct one.
async fn literals(worlds: [&Rows; 2]) -> Vec<String> {
    let mut texts: Vec<String> =
        ["", "1%", "138%", "赵%", "%MARK%", "***", "2020-01-01", "42", "G0101", "G0202", "P0003", "[", "1990"]
            .map(str::to_owned)
            .to_vec();
    texts.extend(["110101199001011237", "13800000001"].map(str::to_owned));
    for rows in worlds {
        let cells: BTreeSet<String> = text_cells(rows).await.into_iter().collect();
        texts.extend(cells.into_iter().step_by(7));
    }
    texts.iter().map(|text| quoted(text)).collect()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Every text that stands in any relation of a world.
pub async fn text_cells(rows: &Rows) -> Vec<String> {
    let ctx = SessionContext::new();
    let mut cells = Vec::new();
    for table in stored(rows) {
        let provider = table.provider(Storage::Plain, 8_192);
        let schema = provider.schema();
        for batch in ctx.read_table(provider).unwrap().collect().await.unwrap() {
            for (array, field) in batch.columns().iter().zip(schema.fields()) {
                if field.data_type() == &DataType::Utf8 {
                    let texts: &StringArray = array.as_string();
                    cells.extend((0..texts.len()).filter(|i| texts.is_valid(*i)).map(|i| texts.value(i).to_owned()));
                }
            }
        }
    }
    cells
}
