//! Where in its files a table has the rows of given keys.
//!
//! Only the pages that may hold one of them are read: the time it takes follows the number of keys, until they are so many that
//! every page has one.

use std::ops::Range;
use std::sync::Arc;
use std::thread::available_parallelism;

use arrow::array::{Array, AsArray};
use futures::TryStreamExt;
use object_store::ObjectStore;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, RowSelection};
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use schemas::{ColumnName, RelationName};
use tokio::task::JoinSet;

use crate::LakeError;
use crate::pinned_table::PinnedFile;
use crate::table_file::TableFile;

/// A stretch of rows that may hold some of the keys.
#[derive(Debug, PartialEq)]
struct Stretch {
    /// Positions in the file.
    rows: Range<usize>,
    /// The keys that may be among them, as positions in the sorted keys.
    keys: Range<usize>,
}

/// For each file, in order, the positions of the rows that count and have one of `keys`, which are sorted.
pub(crate) async fn locate(
    store: &Arc<dyn ObjectStore>,
    relation: &RelationName,
    files: &[PinnedFile],
    key: &ColumnName,
    keys: &Arc<[String]>,
) -> Result<Vec<Vec<u64>>, LakeError> {
    let at_once = available_parallelism().map_or(1, usize::from);
    let mut positions = vec![Vec::new(); files.len()];
    for (files, positions) in files.chunks(at_once).zip(positions.chunks_mut(at_once)) {
        let mut searches = JoinSet::new();
        for (at, file) in files.iter().cloned().enumerate() {
            let (store, keys, key) = (Arc::clone(store), Arc::clone(keys), key.clone());
            searches.spawn(async move { (at, locate_in_file(store, file, &key, &keys).await) });
        }
        while let Some(found) = searches.join_next().await {
            let found =
                found.map_err(|panicked| LakeError::file(relation)(ParquetError::General(panicked.to_string())));
            let (at, found) = found?;
            let found = found.map_err(LakeError::file(relation))?;
            if let Some(place) = positions.get_mut(at) {
                *place = found;
            }
        }
    }
    Ok(positions)
}

async fn locate_in_file(
    store: Arc<dyn ObjectStore>,
    pinned: PinnedFile,
    key: &ColumnName,
    keys: &[String],
) -> Result<Vec<u64>, ParquetError> {
    let file = TableFile::new(store, pinned.path, pinned.size);
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let builder = ParquetRecordBatchStreamBuilder::new_with_options(file, options).await?;
    let column = builder.parquet_schema().columns().iter().position(|column| column.path().string() == key.as_str());
    let column = column.ok_or_else(|| ParquetError::General("the file has no key".to_owned()))?;
    let stretches = stretches(builder.metadata(), column, keys);
    let wanted = stretches.iter().map(|stretch| stretch.rows.clone());
    let selection = RowSelection::from_consecutive_ranges(wanted, pinned.n_rows);
    let mask = ProjectionMask::leaves(builder.parquet_schema(), [column]);
    let mut batches = builder.with_projection(mask).with_row_selection(selection).build()?;
    let mut positions = Vec::new();
    let mut rows = stretches.iter().flat_map(|stretch| stretch.rows.clone().map(|row| (row, &stretch.keys)));
    while let Some(batch) = batches.try_next().await? {
        let texts = batch.columns().first().and_then(|array| array.as_string_opt::<i32>());
        let texts = texts.ok_or_else(|| ParquetError::General("the key is no text".to_owned()))?;
        for (text, (row, candidates)) in texts.iter().zip(rows.by_ref().take(texts.len())) {
            let (Some(text), Some(candidates)) = (text, keys.get(candidates.clone())) else { continue };
            let position = row as u64;
            let counts = || !pinned.superseded.as_ref().is_some_and(|superseded| superseded.contains(position));
            if candidates.binary_search_by(|key| key.as_str().cmp(text)).is_ok() && counts() {
                positions.push(position);
            }
        }
    }
    Ok(positions)
}

/// The pages that may hold some of the keys, or whole row groups where the file has no index of its pages.
fn stretches(file: &ParquetMetaData, column: usize, keys: &[String]) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut first = 0;
    for (idx, group) in file.row_groups().iter().enumerate() {
        let n_rows = usize::try_from(group.num_rows()).unwrap_or_default();
        let pages = file.offset_index().and_then(|groups| groups.get(idx)?.get(column));
        let values = file.column_index().and_then(|groups| groups.get(idx)?.get(column));
        match (pages, values) {
            (Some(pages), Some(ColumnIndexMetaData::BYTE_ARRAY(values))) => {
                let starts: Vec<usize> = pages
                    .page_locations()
                    .iter()
                    .map(|page| usize::try_from(page.first_row_index).unwrap_or(n_rows).min(n_rows))
                    .chain([n_rows])
                    .collect();
                for (page, rows) in starts.windows(2).enumerate() {
                    let &[start, end] = rows else { continue };
                    // A page of nulls has no bounds, and none of the keys.
                    let (Some(least), Some(greatest)) = (values.min_value(page), values.max_value(page)) else {
                        continue;
                    };
                    let from = keys.partition_point(|key| key.as_bytes() < least);
                    let to = keys.partition_point(|key| key.as_bytes() <= greatest);
                    stretches.push(Stretch { rows: first + start..first + end, keys: from..to.max(from) });
                }
            }
            _ => stretches.push(Stretch { rows: first..first + n_rows, keys: 0..keys.len() }),
        }
        first += n_rows;
    }
    stretches.retain(|stretch| !stretch.keys.is_empty() && !stretch.rows.is_empty());
    stretches
}
