//! The rows of both worlds.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::util::display::array_value_to_string;
use datafusion::datasource::MemTable;
use policies::{ColumnGrant, Grant, Mask, MaskContext, RowPredicate, column_of_texts};
use query::{PublishedData, PublishedTable};
use schemas::{CitizenId, Column, FieldType, Relation};

use crate::Failure;

/// What every attribute of a principal of the self-test holds; rows that compare with it hold it too.
pub(super) const ATTRIBUTE_VALUE: &str = "290102001001001";
/// What rows that are filtered out hold instead.
const ELSEWHERE: &str = "370303009009009";
/// Rows that the role's predicate admits: enough that a group of them may be released.
const ADMITTED: usize = 24;
/// Rows it does not admit, in either world.
const FILTERED: [usize; 2] = [6, 11];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    A,
    B,
}

/// One relation in both worlds.
pub(super) struct Pair {
    relation: Relation,
    batches: [RecordBatch; 2],
    /// Cells of admitted rows that differ.
    pub(super) hidden_cells: u64,
    /// Rows that are in one world only.
    pub(super) hidden_rows: u64,
}

impl Pair {
    /// The relation as one principal may see it; `None` if a sample is no value of its type.
    pub(super) fn of(relation: &Relation, grant: Option<&Grant>, today: i32) -> Option<Self> {
        let maker = Maker { relation, grant, today };
        let (batches, hidden_cells) = maker.batches()?;
        let admitted = if grant.is_some() { ADMITTED } else { 0 };
        let further: usize = batches.iter().map(|batch| batch.num_rows().saturating_sub(admitted)).sum();
        let hidden_rows = u64::try_from(further).unwrap_or(u64::MAX);
        Some(Self { relation: relation.clone(), batches, hidden_cells, hidden_rows })
    }

    /// One world as published data.
    pub(super) fn published(&self, side: Side, version: u64) -> Result<PublishedData, Failure> {
        let mut data = PublishedData { version, ..PublishedData::default() };
        let batch = self.batch(side);
        let table = MemTable::try_new(batch.schema(), vec![vec![batch.clone()]])
            .map_err(|error| Failure::caused_by("无法建表", "a table cannot be made", &error))?;
        let table = PublishedTable { relation: self.relation.clone(), provider: Arc::new(table) };
        data.tables.insert(self.relation.name.clone(), table);
        Ok(data)
    }

    /// The stored value of a column in the first row of the first world.
    pub(super) fn stored_text(&self, column: &str) -> Option<String> {
        array_value_to_string(self.batch(Side::A).column_by_name(column)?, 0).ok()
    }

    fn batch(&self, side: Side) -> &RecordBatch {
        let [a, b] = &self.batches;
        if side == Side::A { a } else { b }
    }
}

/// Makes the rows of one relation.
struct Maker<'m> {
    relation: &'m Relation,
    grant: Option<&'m Grant>,
    today: i32,
}

impl Maker<'_> {
    /// Both tables and how many cells of admitted rows differ; `None` if a sample is no value of its type.
    fn batches(&self) -> Option<([RecordBatch; 2], u64)> {
        let (mut a, mut b, mut n_differing) = (Vec::new(), Vec::new(), 0);
        for column in &self.relation.columns {
            let (of_a, of_b) = self.admitted(column)?;
            n_differing += of_a.iter().zip(&of_b).filter(|(a, b)| a != b).count();
            a.push(self.column(column, of_a, FILTERED[0], 1_000)?);
            b.push(self.column(column, of_b, FILTERED[1], 2_000)?);
        }
        let schema = self.relation.arrow_schema();
        let batches = [RecordBatch::try_new(Arc::clone(&schema), a).ok()?, RecordBatch::try_new(schema, b).ok()?];
        Some((batches, u64::try_from(n_differing).unwrap_or(u64::MAX)))
    }

    /// The values of a column in the rows that are admitted: equal where the role sees them, other where it does not.
    fn admitted(&self, column: &Column) -> Option<(Vec<String>, Vec<String>)> {
        let n_rows = if self.grant.is_some() { ADMITTED } else { 0 };
        let originals: Vec<String> = (0..n_rows).map(|row| sample(column, row, 0)).collect();
        let Some(grant) = self.grant else { return Some((originals.clone(), originals)) };
        if compared(&grant.rows).contains(column.name.as_str()) {
            let forced: Vec<String> = vec![self.admitting(column, &grant.rows); n_rows];
            return Some((forced.clone(), forced));
        }
        if self.decides_lift(column) {
            return Some((originals.clone(), originals));
        }
        let Some(granted) = grant.column(column.name.as_str()) else {
            let others = (0..n_rows).map(|row| sample(column, row, 500 + row)).collect();
            return Some((originals, others));
        };
        let others = self.others(column, granted, grant, &originals)?;
        Some((originals, others))
    }

    /// For each value another one that the masks of the column make the same; itself if none is found.
    fn others(
        &self,
        column: &Column,
        granted: &ColumnGrant,
        grant: &Grant,
        originals: &[String],
    ) -> Option<Vec<String>> {
        let context = MaskContext::new([7; 32], grant.token_scope.as_str(), self.today);
        let masks: Vec<&Mask> =
            std::iter::once(&granted.mask).chain(granted.lift.iter().map(|lift| &lift.mask)).collect();
        let masked = |values: &[String]| -> Option<Vec<Vec<String>>> {
            let array = column_of_texts(column.field_type, values)?;
            let shown = masks.iter().map(|mask| {
                let shown = mask.apply(&array, &context).ok()?;
                (0..shown.len()).map(|row| array_value_to_string(&shown, row).ok()).collect()
            });
            shown.collect()
        };
        let before = masked(originals)?;
        let mut chosen = originals.to_vec();
        for variant in 1..=VARIANTS {
            let varied: Vec<String> = (0..originals.len()).map(|row| sample(column, row, variant)).collect();
            let after = masked(&varied)?;
            for (row, other) in varied.into_iter().enumerate() {
                let same = before.iter().zip(&after).all(|(before, after)| before.get(row) == after.get(row));
                if let Some(place) = chosen.get_mut(row)
                    && same
                    && originals.get(row) == Some(place)
                {
                    *place = other;
                }
            }
        }
        Some(chosen)
    }

    fn decides_lift(&self, column: &Column) -> bool {
        let lifts = self.grant.into_iter().flat_map(|grant| &grant.columns).filter_map(|shown| shown.lift.as_ref());
        lifts.into_iter().any(|lift| lift.birth_date == column.name.as_str())
    }

    /// A value with which every comparison of this column holds.
    fn admitting(&self, column: &Column, rows: &RowPredicate) -> String {
        match rows {
            RowPredicate::In { column: name, values } if name == column.name.as_str() => {
                values.first().cloned().unwrap_or_default()
            }
            RowPredicate::Prefix { column: name, prefixes } if name == column.name.as_str() => {
                prefixes.first().cloned().unwrap_or_default()
            }
            RowPredicate::And(parts) | RowPredicate::Or(parts) => parts
                .iter()
                .find(|part| compared(part).contains(column.name.as_str()))
                .map_or_else(|| ATTRIBUTE_VALUE.to_owned(), |part| self.admitting(column, part)),
            _ => ATTRIBUTE_VALUE.to_owned(),
        }
    }

    /// The admitted rows and after them such that are not.
    fn column(&self, column: &Column, mut values: Vec<String>, n_filtered: usize, seed: usize) -> Option<ArrayRef> {
        let is_compared = self.grant.is_some_and(|grant| compared(&grant.rows).contains(column.name.as_str()));
        let filters = self.grant.is_none_or(|grant| grant.rows != RowPredicate::All);
        for row in 0..if filters { n_filtered } else { 0 } {
            values.push(if is_compared { ELSEWHERE.to_owned() } else { sample(column, seed + row, 0) });
        }
        column_of_texts(column.field_type, &values)
    }
}

/// Columns a predicate compares.
fn compared(rows: &RowPredicate) -> BTreeSet<&str> {
    rows.columns().into_iter().collect()
}

/// Ways a sample is varied, from nearly the same to another altogether.
const VARIANTS: usize = 6;

/// A made-up value of a column. Variant 0 is the original of the row; others keep less and less of it.
fn sample(column: &Column, row: usize, variant: usize) -> String {
    let n = row * 37 + variant * 101;
    let one_of = |words: &[&'static str], idx: usize| words.get(idx % words.len()).copied().unwrap_or_default();
    match column.field_type {
        FieldType::CitizenId => match variant {
            0 | VARIANTS.. => citizen_id(n),
            _ => {
                let original = citizen_id(row * 37);
                kept_ends(&original, &format!("{:08}", (n * 7_919) % 100_000_000), 6, 4)
            }
        },
        FieldType::DisabilityCertNo => format!("{}{}{}", citizen_id(n), row % 7 + 1, variant % 4 + 1),
        FieldType::CreditCode => format!("{}{:010}AB", one_of(&["290102", "290103", "370303"], row), n % 1_000_000),
        FieldType::PersonName => {
            let given = one_of(&["小满", "立春", "谷雨", "白露", "寒露", "霜降", "大雪"], row + variant);
            let surname = one_of(&["赵", "钱", "孙", "李", "周", "吴"], if variant < VARIANTS { row } else { n });
            format!("{surname}{given}")
        }
        FieldType::Phone => format!("154{:04}{:04}", (n * 13) % 10_000, if variant < VARIANTS { row } else { n }),
        FieldType::Date => {
            let year = if variant < VARIANTS { 1950 + row } else { 1950 + n % 60 };
            format!("{year}-{:02}-{:02}", (variant * 5 + row) % 12 + 1, (variant * 3 + row) % 28 + 1)
        }
        FieldType::PartialDate => format!("{}-{:02}", 1950 + row, variant % 12 + 1),
        FieldType::Timestamp => format!("2026-{:02}-{:02}T08:00:00Z", n % 12 + 1, n % 28 + 1),
        FieldType::Boolean => n.is_multiple_of(2).to_string(),
        FieldType::Integer | FieldType::Floor => (n % 90 + variant).to_string(),
        FieldType::Float => format!("{}.{}", 100 + row, n),
        FieldType::Amount | FieldType::Area => format!("{}.{:02}", 1_000 * (row + 1), (n * 7) % 100),
        FieldType::Address => {
            format!("云州省云州市示范区自检街{}号自检小区{}幢{}室", row % 9 + 1, n % 20 + 1, 100 + n)
        }
        FieldType::DivisionCode => format!("290102{:03}{:03}", row % 9, variant % 1_000),
        FieldType::DiagnosisCode => format!("I{:02}.{:03}", 10 + row % 60, n % 1_000),
        FieldType::TextList => format!("自检{row}|154{:04}{:04}", (n * 13) % 10_000, row),
        FieldType::Text | FieldType::Code => format!("ST{:010}{n:08}", row % 4),
    }
}

fn citizen_id(n: usize) -> String {
    let seventeen = format!("290102{}{:02}{:02}{:03}", 1940 + n % 60, n % 12 + 1, n % 28 + 1, n % 1_000);
    let check = CitizenId::check_character(&seventeen).unwrap_or('0');
    format!("{seventeen}{check}")
}

/// The original with another middle, of the same length.
fn kept_ends(original: &str, middle: &str, first: usize, last: usize) -> String {
    let characters: Vec<char> = original.chars().collect();
    let head: String = characters.iter().take(first).collect();
    let tail: String = characters.iter().skip(characters.len().saturating_sub(last)).collect();
    format!("{head}{middle}{tail}")
}

/// Rows as texts, in their order.
pub(super) fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let line = |batch: &RecordBatch, row: usize| {
        let cells = batch.columns().iter().map(|column| {
            if column.is_null(row) { "∅".to_owned() } else { array_value_to_string(column, row).unwrap_or_default() }
        });
        cells.collect::<Vec<_>>().join("\u{1f}")
    };
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| line(batch, row))).collect()
}
