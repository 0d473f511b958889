//! A dataset to read, and a sink that remembers.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use chrono::DateTime;
use connectors::{FileReport, Progress, ReadError, ReadOptions, RejectedRow, RowSink, SinkError, read_file};
use schemas::{Dataset, DatasetId, Registry};

/// Columns of many types, a merged group, a household that is filled down.
pub(crate) const ROSTER: &str = r#"
id = "civil.roster"
zh = "名册"
en = "Roster"
key = ["record_no"]
file_words = ["名册"]

[[field]]
name = "record_no"
zh = "编号"
en = "number"
type = "text"
required = true
class = "P"
ident = "direct"

[[field]]
name = "household_no"
zh = "户号"
en = "household"
type = "text"
class = "P"
ident = "quasi"
fill_down = true

[[field]]
name = "name"
zh = "姓名"
en = "name"
type = "person_name"
required = true
class = "P"
ident = "direct"

[[field]]
name = "id_no"
zh = "公民身份号码"
en = "citizen ID"
type = "citizen_id"
class = "P"
ident = "direct"

[[field]]
name = "joined_on"
zh = "登记日期"
en = "joined on"
type = "date"
class = "P"
ident = "quasi"

[[field]]
name = "members"
zh = "保障人数.总人数"
en = "members"
type = "integer"
class = "P"
ident = "attribute"

[[field]]
name = "key_members"
zh = "保障人数.重点保障人数"
en = "key members"
type = "integer"
class = "P"
ident = "attribute"

[[field]]
name = "amount"
zh = "金额"
en = "amount"
type = "amount"
class = "S5"
ident = "attribute"

[[field]]
name = "remark"
zh = "备注"
en = "remark"
type = "text"
class = "P"
ident = "attribute"
"#;

/// The county of every citizen ID in these tests. No edition ever assigned it: nobody has such a number.
const COUNTY: &str = "990101";

/// Headings of [`ROSTER`] that most tests use.
pub(crate) const HEADINGS: [&str; 4] = ["编号", "姓名", "登记日期", "金额"];

pub(crate) fn registry() -> Registry {
    Registry::shipped().unwrap().admit_division(COUNTY).with_dataset("roster.toml", ROSTER).unwrap()
}

pub(crate) fn dataset(registry: &Registry) -> Dataset {
    registry.dataset(&DatasetId::try_from("civil.roster").unwrap()).unwrap().clone()
}

pub(crate) fn options() -> ReadOptions {
    ReadOptions::new("batch", DateTime::from_timestamp(1_700_000_000, 0).unwrap())
}

/// Remembers everything.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) rejected: Vec<RejectedRow>,
    pub(crate) progress: Vec<Progress>,
    /// Corrections by the first cell of the row they belong to.
    pub(crate) corrections: BTreeMap<String, BTreeMap<String, String>>,
}

impl RowSink for Collected {
    fn accept(&mut self, batch: RecordBatch) -> Result<(), SinkError> {
        assert!(batch.num_rows() > 0);
        self.batches.push(batch);
        Ok(())
    }

    fn reject(&mut self, row: RejectedRow) -> Result<(), SinkError> {
        self.rejected.push(row);
        Ok(())
    }

    fn correct(&mut self, row: &RejectedRow) -> Option<BTreeMap<String, String>> {
        self.corrections.get(&row.raw.first()?.1).cloned()
    }

    fn progress(&mut self, progress: Progress) {
        self.progress.push(progress);
    }
}

impl Collected {
    /// A column's values as text, over all batches.
    pub(crate) fn column(&self, name: &str) -> Vec<String> {
        let mut values = Vec::new();
        for batch in &self.batches {
            let mut array = Arc::clone(batch.column_by_name(name).unwrap());
            if matches!(array.data_type(), DataType::Timestamp(_, _)) {
                array = arrow::compute::cast(&array, &DataType::Int64).unwrap();
            }
            let shown = arrow::util::display::FormatOptions::new().with_null("∅");
            let formatter = arrow::util::display::ArrayFormatter::try_new(array.as_ref(), &shown).unwrap();
            values.extend((0..array.len()).map(|idx| formatter.value(idx).to_string()));
        }
        values
    }

    /// Rules and rows of the rejects.
    pub(crate) fn rejects(&self) -> Vec<(u64, &str, Option<&str>)> {
        self.rejected.iter().map(|r| (r.row, r.rule.as_str(), r.field.as_deref())).collect()
    }

    /// Quality flags, one list for each row.
    pub(crate) fn quality(&self) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for batch in &self.batches {
            let lists = batch.column_by_name("quality").unwrap().as_list::<i32>();
            for idx in 0..lists.len() {
                let flags = lists.value(idx);
                let flags = flags.as_string::<i32>();
                rows.push(flags.iter().flatten().map(str::to_owned).collect());
            }
        }
        rows
    }
}

/// Reads bytes as the roster and checks what must hold for every file.
pub(crate) fn read_with(bytes: Vec<u8>, options: &ReadOptions) -> Result<(FileReport, Collected), ReadError> {
    read_into(Collected::default(), bytes, options)
}

/// Reads a text while rows are corrected: by their first cell, field and text.
pub(crate) fn read_corrected(text: &str, corrections: &[(&str, &[(&str, &str)])]) -> (FileReport, Collected) {
    let texts = |fields: &[(&str, &str)]| fields.iter().map(|(f, t)| ((*f).to_owned(), (*t).to_owned())).collect();
    let corrections = corrections.iter().map(|(row, fields)| ((*row).to_owned(), texts(fields))).collect();
    read_into(Collected { corrections, ..Collected::default() }, text.into(), &options()).unwrap()
}

fn read_into(mut sink: Collected, bytes: Vec<u8>, options: &ReadOptions) -> Result<(FileReport, Collected), ReadError> {
    let registry = registry();
    let dataset = dataset(&registry);
    let total = bytes.len() as u64;
    let report = read_file(Cursor::new(bytes), "roster", &registry, &dataset, options, &mut sink)?;
    assert_eq!(report.read, report.accepted + report.rejected);
    assert_eq!(report.accepted, sink.batches.iter().map(|b| b.num_rows() as u64).sum::<u64>());
    assert_eq!(report.rejected, sink.rejected.len() as u64);
    assert_eq!(report.rejected, report.rejects_by_rule.values().sum::<u64>());
    assert_eq!(report.read, report.sheets.iter().map(|s| s.read).sum::<u64>());
    assert!(sink.batches.iter().all(|b| b.schema() == dataset.landed_relation().arrow_schema()));
    let last = sink.progress.last().unwrap();
    assert_eq!((last.bytes_total, last.rows_read), (total, report.read));
    assert!(sink.progress.iter().all(|p| p.bytes_done <= p.bytes_total));
    Ok((report, sink))
}

pub(crate) fn read(bytes: impl Into<Vec<u8>>) -> (FileReport, Collected) {
    read_with(bytes.into(), &options()).unwrap()
}

pub(crate) fn refused(bytes: impl Into<Vec<u8>>) -> ReadError {
    let error = read_with(bytes.into(), &options()).unwrap_err();
    assert!(!error.message_zh().is_ascii(), "{}", error.message_zh());
    error
}

pub(crate) fn gb18030(text: &str) -> Vec<u8> {
    encoding_rs::GB18030.encode(text).0.into_owned()
}
