//! One column in, a column of equal length out that shows less.
//!
//! The catalogue is closed. Every mask is total: it never fails on a value, keeps nulls null, and redacts fully whatever
//! does not have the shape it expects. What a mask is *not*: a filter (rows), a formatter, or a way to hide how many
//! rows there are or which of them are null.

mod address;
mod context;
mod describe;
mod disclosure;
mod free_text;
mod generalize;
mod name;
mod originals;
mod pseudonymize;
mod redact;
mod shape;

use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::DataType;
use schemas::FieldType;

pub use context::MaskContext;
pub use disclosure::{Disclosure, Positions};
pub(crate) use generalize::is_under_age;
pub use redact::{Keep, REDACTED};

/// What is done to the values of one column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Mask {
    /// Shown as it is.
    Clear,
    /// Always null.
    Null,
    /// The same text for every value.
    Constant {
        /// The text.
        text: String,
    },
    /// First and last characters, the rest as stars.
    Keep(Keep),
    /// `张**`, `欧阳**`.
    SurnameOnly,
    /// The first letter, then `**`.
    FirstChar,
    /// The year of a date.
    Year,
    /// Age in completed years today, in bands: `30-34`, from `top` on `90+`.
    AgeBand {
        /// Years per band, at least 1.
        width: u32,
        /// From this age on nothing finer is told.
        top: u32,
    },
    /// The first digits of a division code.
    DivisionPrefix {
        /// 2 province, 4 prefecture, 6 county, 9 street.
        digits: u32,
    },
    /// An address down to its road and compound, without plate, building, unit and room.
    AddressToCompound,
    /// A number in bands: `1000-1500` is at least 1000 and less than 1500.
    AmountBand {
        /// Width of a band, at least 1.
        width: u64,
    },
    /// Free text without its numbers.
    RedactFreeText,
    /// A keyed token: equal values give equal tokens inside one purpose and one class, and nowhere else.
    Token {
        /// Kind of value, so that the same kind joins across columns: `citizen_id`.
        class: String,
    },
}

/// Why a mask gave no column. Never because of a value.
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    /// The column library refused to build the output.
    #[error("the masked column could not be built")]
    Build {
        /// What it said: types and lengths, no values.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// The texts of one batch exceed what the column type can hold: send smaller batches.
    #[error("the masked column exceeds {limit_bytes} bytes")]
    TooLarge {
        /// What the type can hold.
        limit_bytes: usize,
    },
    /// The token key was not accepted.
    #[error("the token key was not accepted")]
    Key,
}

impl From<arrow::error::ArrowError> for MaskError {
    fn from(source: arrow::error::ArrowError) -> Self {
        Self::Build { source }
    }
}

impl Mask {
    /// The fully redacting constant, `***`.
    #[must_use]
    pub fn redacted() -> Self {
        Self::Constant { text: REDACTED.to_owned() }
    }

    /// The type of the masked column, for any input type.
    ///
    /// | mask | text | dictionary | list of text | date | number | other |
    /// |---|---|---|---|---|---|---|
    /// | clear, null | same | same | same | same | same | same |
    /// | constant | same | as its values | `Utf8` | `Utf8` | `Utf8` | `Utf8` |
    /// | text masks | same | as its values | same, inner masked | `Utf8`, redacted | `Utf8`, redacted | `Utf8`, redacted |
    /// | year | same | as its values | `Utf8`, redacted | `Date32` | `Utf8`, redacted | `Utf8`, redacted |
    /// | age_band | same | as its values | `Utf8`, redacted | `Utf8` | `Utf8`, redacted | `Utf8`, redacted |
    /// | amount_band | same, redacted | as its values | `Utf8`, redacted | `Utf8`, redacted | `Utf8` | `Utf8`, redacted |
    ///
    /// A dictionary is unpacked: its keys would tell which equal-looking masked values had the same original, and its
    /// unused entries would tell values of rows that were filtered out.
    #[must_use]
    pub fn output_type(&self, input: &DataType) -> DataType {
        match (self, input) {
            (Self::Clear | Self::Null, _) => input.clone(),
            (_, DataType::Dictionary(_, values)) => self.output_type(values),
            (_, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => input.clone(),
            (_, DataType::List(inner)) if self.masks_elements() && shape::is_text(inner.data_type()) => {
                DataType::List(shape::element_field(inner, self.output_type(inner.data_type())))
            }
            (_, DataType::LargeList(inner)) if self.masks_elements() && shape::is_text(inner.data_type()) => {
                DataType::LargeList(shape::element_field(inner, self.output_type(inner.data_type())))
            }
            (Self::Year, DataType::Date32) => DataType::Date32,
            _ => DataType::Utf8,
        }
    }

    /// Masks a column. `values`: any type, any length n, nulls allowed. Result: type [`Mask::output_type`], length n, same
    /// order, null wherever the input is null. Each distinct entry of a dictionary is masked once. Linear in n.
    ///
    /// # Errors
    /// [`MaskError`], for the whole column and never because of a value.
    pub fn apply(&self, values: &ArrayRef, context: &MaskContext) -> Result<ArrayRef, MaskError> {
        match self {
            Self::Clear => Ok(ArrayRef::clone(values)),
            Self::Null => Ok(new_null_array(values.data_type(), values.len())),
            _ => shape::apply(self, values, context),
        }
    }

    /// Whether the mask makes sense for a declared field. A policy that says otherwise is refused.
    #[must_use]
    pub fn fits(&self, field: FieldType) -> bool {
        let text = field.arrow_type() == DataType::Utf8;
        match self {
            Self::Clear | Self::Null | Self::Constant { .. } => true,
            Self::Keep(_) | Self::Token { .. } | Self::RedactFreeText => text || field == FieldType::TextList,
            Self::SurnameOnly | Self::FirstChar => {
                matches!(field, FieldType::PersonName | FieldType::Text | FieldType::TextList)
            }
            Self::Year | Self::AgeBand { .. } => matches!(field, FieldType::Date | FieldType::PartialDate),
            Self::DivisionPrefix { .. } => matches!(field, FieldType::DivisionCode | FieldType::Text),
            Self::AddressToCompound => matches!(field, FieldType::Address | FieldType::Text),
            Self::AmountBand { .. } => matches!(
                field,
                FieldType::Amount | FieldType::Area | FieldType::Integer | FieldType::Float | FieldType::Floor
            ),
        }
    }

    /// Whether a list of texts is masked element by element.
    fn masks_elements(&self) -> bool {
        match self {
            Self::Keep(_)
            | Self::SurnameOnly
            | Self::FirstChar
            | Self::DivisionPrefix { .. }
            | Self::AddressToCompound
            | Self::RedactFreeText
            | Self::Token { .. } => true,
            Self::Clear
            | Self::Null
            | Self::Constant { .. }
            | Self::Year
            | Self::AgeBand { .. }
            | Self::AmountBand { .. } => false,
        }
    }
}
