//! Why a file was not read. None of these texts holds a cell.

use std::io;

use crate::SinkError;
use crate::archive::Exceeded;

/// In what way a file is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It ends too early.
    BreaksOff,
    /// Its packing cannot be undone.
    Undecodable,
    /// Its parts do not fit together.
    Inconsistent,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::BreaksOff => "breaks off",
            Self::Undecodable => "cannot be decoded",
            Self::Inconsistent => "is inconsistent",
        })
    }
}

impl Damage {
    fn zh(self) -> &'static str {
        match self {
            Self::BreaksOff => "不完整",
            Self::Undecodable => "无法解码",
            Self::Inconsistent => "结构错误",
        }
    }
}

/// What is too large about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// Bytes after unpacking.
    Unpacked,
    /// Bytes after unpacking per byte before.
    UnpackingRatio,
    /// Bytes of a part that must be held in memory whole.
    InMemory,
    /// Text between two tags.
    XmlText,
    /// Entries of an archive, parts of a workbook.
    Entries,
    /// Cells spanned by the sheets.
    Cells,
    /// Different keys of the JSON objects.
    Keys,
}

impl std::fmt::Display for Excess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unpacked => "its content unpacks to too many bytes",
            Self::UnpackingRatio => "its content unpacks to too many times its size",
            Self::InMemory => "a part that must be held in memory has too many bytes",
            Self::XmlText => "a text in its XML has too many bytes",
            Self::Entries => "it has too many entries",
            Self::Cells => "its sheets span too many cells",
            Self::Keys => "its objects have too many different keys",
        })
    }
}

impl Excess {
    fn zh(self) -> &'static str {
        match self {
            Self::Unpacked => "解压后过大",
            Self::UnpackingRatio => "压缩比异常",
            Self::InMemory => "需整体载入内存的部分过大",
            Self::XmlText => "XML 文本过长",
            Self::Entries => "包含的条目过多",
            Self::Cells => "工作表范围过大",
            Self::Keys => "JSON 键过多",
        }
    }
}

/// Why a file was refused or its reading ended. Nothing of such a file may be published.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No bytes, or nothing but blanks.
    #[error("file `{file}` is empty")]
    Empty {
        /// The file.
        file: String,
    },
    /// Neither text nor any format known.
    #[error("file `{file}` is in no format that can be read")]
    UnknownFormat {
        /// The file.
        file: String,
    },
    /// A known format that is not read.
    #[error("file `{file}` is {found}, which is not read; export it as XLSX, XLS, CSV, NDJSON or Parquet")]
    UnsupportedFormat {
        /// The file.
        file: String,
        /// What it is.
        found: &'static str,
    },
    /// Protected by a password.
    #[error("file `{file}` is encrypted")]
    Encrypted {
        /// The file.
        file: String,
    },
    /// Truncated or broken.
    #[error("file `{file}` is damaged: {part} {problem}")]
    Damaged {
        /// The file.
        file: String,
        /// Which part: `zip`, `gzip`, `workbook`, `sheet`, `parquet`.
        part: &'static str,
        /// In what way.
        problem: Damage,
    },
    /// Text in no encoding that fits.
    #[error("file `{file}`: encoding not recognised, first unfitting byte at {offset}, line {line}")]
    UnknownEncoding {
        /// The file.
        file: String,
        /// Byte offset of the first byte that does not fit.
        offset: u64,
        /// Its line.
        line: u64,
    },
    /// No row looks like the dataset's headings.
    #[error("file `{file}`{}: no headings of this dataset in the first {rows_searched} rows", of_sheet(sheet.as_deref()))]
    NoHeadings {
        /// The file.
        file: String,
        /// The sheet.
        sheet: Option<String>,
        /// Rows looked at.
        rows_searched: usize,
    },
    /// A workbook or archive without a sheet of this dataset.
    #[error("file `{file}`: no sheet has the headings of this dataset; found {}", quoted(sheets))]
    NoMatchingSheet {
        /// The file.
        file: String,
        /// The sheets it has.
        sheets: Vec<String>,
    },
    /// Required headings are not there.
    #[error("file `{file}`{}: missing columns {}; found {}", of_sheet(sheet.as_deref()), quoted(missing), quoted(found))]
    MissingColumns {
        /// The file.
        file: String,
        /// The sheet.
        sheet: Option<String>,
        /// Titles of the required fields without a heading.
        missing: Vec<String>,
        /// The headings found.
        found: Vec<String>,
    },
    /// A quote opens and the cell does not end.
    #[error("file `{file}`{}: the quote opened in line {line} (byte {offset}) is not closed", of_sheet(sheet.as_deref()))]
    UnclosedQuote {
        /// The file.
        file: String,
        /// The archive entry.
        sheet: Option<String>,
        /// Line of the quote.
        line: u64,
        /// Byte offset of the quote.
        offset: u64,
    },
    /// More than a limit allows.
    #[error("file `{file}`: {what}, more than the limit of {limit}")]
    TooLarge {
        /// The file.
        file: String,
        /// What is too large.
        what: Excess,
        /// The limit.
        limit: u64,
    },
    /// The dataset is secret by law and is never loaded.
    #[error("dataset `{dataset}` is declared secret and is not loaded")]
    Secret {
        /// The dataset.
        dataset: String,
    },
    /// The source failed while the file was read.
    #[error("file `{file}` could not be read from its source")]
    Source {
        /// The file.
        file: String,
        /// What the source said.
        #[source]
        source: io::Error,
    },
    /// The sink could not take a row.
    #[error("file `{file}`: the rows could not be handed on")]
    Sink {
        /// The file.
        file: String,
        /// What the sink said.
        #[source]
        source: SinkError,
    },
    /// A declaration and the reader of its cells do not agree: our fault, not the file's.
    #[error("file `{file}`: column `{column}` cannot hold what was read")]
    Declaration {
        /// The file.
        file: String,
        /// The column.
        column: String,
    },
}

impl ReadError {
    /// The same in Chinese, without any cell.
    #[must_use]
    pub fn message_zh(&self) -> String {
        match self {
            Self::Empty { file } => format!("文件“{file}”为空"),
            Self::UnknownFormat { file } => format!("文件“{file}”不是可识别的格式"),
            Self::UnsupportedFormat { file, found } => {
                format!("文件“{file}”是 {found} 格式，请另存为 XLSX、XLS、CSV、NDJSON 或 Parquet")
            }
            Self::Encrypted { file } => format!("文件“{file}”已加密，请取消密码后重新报送"),
            Self::Damaged { file, part, problem } => format!("文件“{file}”已损坏：{part} {}", problem.zh()),
            Self::UnknownEncoding { file, offset, line } => {
                format!(
                    "文件“{file}”编码无法识别，第 {line} 行（第 {offset} 字节）起无法解码，请以 UTF-8 或 GB18030 导出"
                )
            }
            Self::NoHeadings { file, sheet, rows_searched } => {
                format!("文件“{file}”{}前 {rows_searched} 行中没有找到本数据集的表头", sheet_zh(sheet.as_deref()))
            }
            Self::NoMatchingSheet { file, sheets } => {
                format!("文件“{file}”中没有与本数据集相符的工作表，现有：{}", sheets.join("、"))
            }
            Self::MissingColumns { file, sheet, missing, found } => format!(
                "文件“{file}”{}缺少必需的列：{}；现有列：{}",
                sheet_zh(sheet.as_deref()),
                missing.join("、"),
                found.join("、")
            ),
            Self::UnclosedQuote { file, sheet, line, offset } => {
                format!("文件“{file}”{}第 {line} 行（第 {offset} 字节）的引号没有闭合", sheet_zh(sheet.as_deref()))
            }
            Self::TooLarge { file, what, limit } => format!("文件“{file}”{}，上限为 {limit}", what.zh()),
            Self::Secret { dataset } => format!("数据集“{dataset}”属于涉密数据，不予接入"),
            Self::Source { file, .. } => format!("文件“{file}”读取中断，请检查数据源"),
            Self::Sink { file, .. } => format!("文件“{file}”的数据未能写入"),
            Self::Declaration { file, column } => format!("文件“{file}”的列“{column}”与声明不符，请联系运维"),
        }
    }

    /// What a decoder's error means. Only its kind is kept: texts of decoders may quote what they read. Whether it was
    /// the source that failed is known to the file's meter.
    pub(crate) fn from_io(file: &str, part: &'static str, error: io::Error) -> Self {
        let file = file.to_owned();
        if let Some(Exceeded { what, limit }) = error.get_ref().and_then(|inner| inner.downcast_ref::<Exceeded>()) {
            return Self::TooLarge { file, what: *what, limit: *limit };
        }
        let broke_off = error.kind() == io::ErrorKind::UnexpectedEof;
        let problem = if broke_off { Damage::BreaksOff } else { Damage::Undecodable };
        Self::Damaged { file, part, problem }
    }
}

fn of_sheet(sheet: Option<&str>) -> String {
    sheet.map_or_else(String::new, |s| format!(", sheet `{s}`"))
}

fn sheet_zh(sheet: Option<&str>) -> String {
    sheet.map_or_else(String::new, |s| format!("工作表“{s}”"))
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    if quoted.is_empty() { "nothing".to_owned() } else { quoted.join(", ") }
}
