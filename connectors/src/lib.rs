//! The way in: from a department's files to Arrow batches of accepted rows, rejected rows and a receipt.
//!
//! - [`Connector`] finds and opens files; [`ObjectStoreConnector`] does so for directories and S3-compatible stores.
//!   [`contract`] holds what every connector must keep to.
//! - [`read_file`] reads one file, whatever its format, row by row in bounded memory: it recognises the format by
//!   content, finds the heading row, reads every cell by its declared field, and hands accepted batches and rejected
//!   rows to a [`RowSink`]. Nothing is ever written to disk on the way.
//! - [`Receipt`] says what was read and what became of it. `read = accepted + rejected`, always; titles, totals, blank
//!   lines and exact duplicates are counted apart, as skipped.
//!
//! This crate decides nothing about who may see a row, knows no table format and no query engine.

mod connector;
pub mod contract;
mod digest;
mod object_reader;
mod object_store_connector;

mod hint;
mod limits;
mod read;
mod read_error;
mod receipt;
mod report;
mod sink;

mod anatomy;
mod archive;
mod delimited;
mod headings;
mod landing;
mod ndjson;
mod parquet_file;
mod raw_row;
mod sniff;
mod table;
mod text;
mod workbook;

pub use connector::{Connector, ConnectorError, SourceFile};
pub use digest::{FileDigest, batch_id, digest};
pub use hint::hint;
pub use limits::ReadLimits;
pub use object_reader::ObjectReader;
pub use object_store_connector::{ObjectStoreConnector, SourceOptions};
pub use read::{FormCell, FormRow, ReadOptions, read_file, read_form};
pub use read_error::{Damage, Excess, ReadError};
pub use receipt::{CorrectionOutcome, FileOrigin, FileReceipt, Receipt, RejectLimit, RejectLimitExceeded};
pub use report::{FileReport, Format, SheetReport, SheetState, SkipKind, Wrapping};
pub use sink::{Progress, RejectedRow, RowSink, SinkError};
pub use text::TextEncoding;
