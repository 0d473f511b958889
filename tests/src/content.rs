//! What is in the tables of a lake, to be compared.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use lake::{Lake, Published};

/// Every row of every table as text, sorted, of the columns that are wanted.
///
/// # Panics
/// If a table cannot be read.
pub async fn content(
    lake: &Lake,
    published: &Published,
    is_wanted: impl Fn(&str) -> bool,
) -> BTreeMap<String, Vec<String>> {
    let snapshot = lake.snapshot(published);
    let mut content = BTreeMap::new();
    for relation in published.tables.keys() {
        let batches = snapshot.read(relation).await;
        let batches = batches.unwrap_or_else(|error| panic!("{relation} cannot be read: {error:?}"));
        let mut rows: Vec<String> = batches.iter().flat_map(|batch| rows_of(batch, &is_wanted)).collect();
        rows.sort_unstable();
        content.insert(relation.to_string(), rows);
    }
    content
}

/// Whether a column is the same in two sites that took in the same files: it is neither drawn at random nor read from the clock.
#[must_use]
pub fn is_lasting(column: &str) -> bool {
    let random = [
        "person_id",
        "household_id",
        "house_id",
        "building_id",
        "residence_id",
        "event_id",
        "step_id",
        "tag_id",
        "entity_id",
    ];
    let is_random = random.iter().any(|id| column.ends_with(id));
    !is_random && !["ingested_at", "updated_at", "source_batch", "batch_id"].contains(&column)
}

fn rows_of(batch: &RecordBatch, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let schema = batch.schema();
    let wanted = schema.fields().iter().zip(batch.columns()).filter(|(field, _)| is_wanted(field.name()));
    let columns: Vec<_> =
        wanted.map(|(_, column)| ArrayFormatter::try_new(column.as_ref(), &options).expect("a type")).collect();
    let row = |row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("\u{1f}");
    (0..batch.num_rows()).map(row).collect()
}
