//! What one field is: its type, who may say what it holds, and how much it tells about a person.

use arrow::datatypes::{DataType, TimeUnit};

use crate::{CodeListId, ColumnName};

/// The types a declared field can have. Each decides how a raw cell is read and which Arrow type holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Free text, white space normalised.
    Text,
    /// Citizen ID number, GB 11643, 18 characters after reading; other documents pass as declared by the field's rules.
    CitizenId,
    /// Unified social credit code, GB 32100.
    CreditCode,
    /// 20 characters: citizen ID, disability type, level.
    DisabilityCertNo,
    /// A person's name.
    PersonName,
    /// One or several telephone numbers, joined by `|`.
    Phone,
    /// A full date.
    Date,
    /// A date that may lack day or month: `1949`, `1949-12`, `1949-12-31`.
    PartialDate,
    /// A moment, with offset.
    Timestamp,
    /// A code of the field's code list.
    Code,
    /// 是/否 in its spellings.
    Boolean,
    /// A whole number.
    Integer,
    /// A number with a fraction, such as a coordinate.
    Float,
    /// Yuan, two decimals.
    Amount,
    /// Square metres, two decimals.
    Area,
    /// An address, standardised.
    Address,
    /// A division code of 2, 4, 6, 9 or 12 digits.
    DivisionCode,
    /// ICD-10, national clinical form.
    DiagnosisCode,
    /// A floor number.
    Floor,
    /// Several texts, only in unified relations.
    TextList,
}

impl FieldType {
    /// The Arrow type that holds this field in every table: `Utf8`, `Date32`, `Timestamp(us, UTC)`, `Boolean`, `Int64`,
    /// `Float64`, `Decimal128(12, 2)` or `List<Utf8>`. Partial dates, codes and identifiers are `Utf8`.
    #[must_use]
    pub fn arrow_type(self) -> DataType {
        match self {
            Self::Text
            | Self::CitizenId
            | Self::CreditCode
            | Self::DisabilityCertNo
            | Self::PersonName
            | Self::Phone
            | Self::PartialDate
            | Self::Code
            | Self::Address
            | Self::DivisionCode
            | Self::DiagnosisCode => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Boolean => DataType::Boolean,
            Self::Integer | Self::Floor => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Amount | Self::Area => DataType::Decimal128(12, 2),
            Self::TextList => {
                DataType::List(std::sync::Arc::new(arrow::datatypes::Field::new("element", DataType::Utf8, true)))
            }
        }
    }
}

/// The class of personal information a column holds (PIPL art. 28; as declared: GB/T 45574-2025, for other standards see
/// [`crate::Classification`]). There is no default: an unclassified column is hidden from everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Sensitivity {
    /// Not personal.
    #[serde(rename = "none")]
    None,
    /// Personal.
    P,
    /// Biometric.
    S1,
    /// Religious belief.
    S2,
    /// Specific identity, among them disability.
    S3,
    /// Medical and health.
    S4,
    /// Financial accounts.
    S5,
    /// Whereabouts.
    S6,
    /// Everything about a person under 14.
    S7,
    /// Other, such as criminal record.
    S8,
}

/// How directly a column points at one person (GB/T 37964-2019).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identifiability {
    /// Attribute: tells about a person without pointing at one.
    Attribute,
    /// Quasi-identifier: points at one person together with others.
    Quasi,
    /// Direct identifier: points at one person alone.
    Direct,
}

/// The department whose word counts for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// 公安
    Police,
    /// 民政
    Civil,
    /// 卫健
    Health,
    /// 住建
    Housing,
    /// 自然资源 (不动产登记)
    Land,
    /// 残联
    Disabled,
    /// 网格/综治
    Grid,
    /// Assigned or derived by the gateway itself.
    Gateway,
}

/// One field of a declared dataset.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Canonical name, also the column of the landed table.
    pub name: ColumnName,
    /// Chinese title, also the heading the department prints.
    pub zh: String,
    /// English title.
    pub en: String,
    /// How a cell is read.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// Other headings the same field arrives under. The title is always one of them.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// A file without this heading is refused, and a row without a value is rejected.
    #[serde(default)]
    pub required: bool,
    /// Class of personal information.
    pub class: Sensitivity,
    /// How directly it points at a person.
    pub ident: Identifiability,
    /// The code list of a [`FieldType::Code`] field.
    #[serde(default)]
    pub code_list: Option<CodeListId>,
    /// What this source's own words mean: codes of `code_list`, and the only way a bare ambiguous code is ever read; for
    /// other types the text to read instead (`满意` is `4`).
    #[serde(default)]
    pub source_map: std::collections::BTreeMap<String, String>,
    /// Further words that mean "no value" in this column, beside those that always do.
    #[serde(default)]
    pub null_words: Vec<String>,
    /// Vertically merged in the sheet: repeat the value within the merged range.
    #[serde(default)]
    pub fill_down: bool,
}
