//! The words of Datong: what departments send, what the unified base holds, and how one cell is read.
//!
//! This crate knows no file, no network, no thread and no query engine. It declares:
//! - [`Dataset`]: one department export, with its fields, heading aliases, code lists and classification;
//! - [`Relation`]: one table that linking makes;
//! - [`Classification`]: which columns are sensitive by which standard, in dated sets;
//! - [`CodeList`] and [`Divisions`]: the code lists, each with its version, and the division codes, current and historical;
//! - identifiers that can only be built by parsing ([`CitizenId`], [`CreditCode`], [`Phones`], [`PartialDate`],
//!   [`DivisionCode`], [`StandardAddress`]);
//! - [`CellReader`]: one raw cell to a [`Cell`] of its field's type;
//! - [`Mojibake`]: what tells text decoded wrongly from other text.
//!
//! [`Registry`] holds all of them, read once from the files in `schemas/data`.

mod address;
mod cell;
mod citizen_id;
mod classification;
mod code_list;
mod credit_code;
mod dataset;
mod date_scan;
mod declaration;
mod division;
mod field;
mod fold;
mod headings;
mod id;
mod mojibake;
mod moment;
mod numeral;
mod partial_date;
mod phone;
mod registry;
mod relation;
mod shipped;
mod writing;

pub use address::StandardAddress;
pub use cell::{Cell, CellReader, CellValue, RowContext};
pub use citizen_id::{CitizenId, CitizenIdError};
pub use classification::Classification;
pub use code_list::{CodeList, CodeListId};
pub use credit_code::{CreditCode, CreditCodeError};
pub use dataset::{Dataset, HeadingMatch};
pub use division::{DivisionCode, DivisionCodeError, DivisionLevel, Divisions};
pub use field::{Authority, Field, FieldType, Identifiability, Sensitivity};
pub use fold::fold_name;
pub use headings::canonical_heading;
pub use id::{ColumnName, DatasetId, NameError, RelationName};
pub use mojibake::Mojibake;
pub use numeral::chinese_number;
pub use partial_date::{DatePrecision, PartialDate, PartialDateError};
pub use phone::{Phone, PhoneError, Phones};
pub use registry::{Registry, SchemaError};
pub use relation::{Column, Relation};
