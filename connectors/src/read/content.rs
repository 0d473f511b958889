//! What the bytes are, and who reads them.

use std::io::{BufReader, Cursor, Read, Seek as _};

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use crate::archive::{Gauge, Gauged, ZipKind, entry_name, is_litter, zip_fault, zip_kind};
use crate::delimited::{DelimitedRows, find_separator};
use crate::landing::Lander;
use crate::ndjson::read_ndjson;
use crate::parquet_file::read_parquet;
use crate::sniff::{Kind, SNIFF_BYTES, kind};
use crate::table::{Outcome, RowWidth, read_table};
use crate::text::{Utf16Reader, detect};
use crate::workbook::{Merged, ReadSeek, Workbook, XlsBook, XlsxBook};
use crate::{Excess, Format, ReadError, SheetReport, SheetState, TextEncoding, Wrapping};

/// Where content comes from.
pub(crate) enum Source<'s> {
    /// The file itself, or content held in memory.
    Seekable(Box<dyn ReadSeek>),
    /// Content being unpacked.
    Stream(Box<dyn Read + 's>, u64),
}

/// Whether content was unpacked already: archives are opened once, not within each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    Outer,
    Unpacked,
}

/// Text looked at to recognise its encoding: this much, and more until enough of it is beyond ASCII.
const TEXT_HEAD_BYTES: usize = 64 * 1024;
const TEXT_HEAD_BYTES_MAX: usize = 1024 * 1024;
const NON_ASCII_ENOUGH: usize = 512;

/// Reads content of any kind. `sheet` is the archive entry it came from.
pub(crate) fn read_content(
    lander: &mut Lander<'_>,
    sheet: Option<&str>,
    source: Source<'_>,
    depth: Depth,
) -> Result<(), ReadError> {
    let file = lander.file();
    let (head, source) = peek(file, source, SNIFF_BYTES)?;
    match kind(&head) {
        Kind::Empty => Err(ReadError::Empty { file: file.to_owned() }),
        Kind::Unknown => Err(ReadError::UnknownFormat { file: file.to_owned() }),
        Kind::Unsupported(found) => Err(unsupported(file, found)),
        Kind::Gzip if depth == Depth::Outer => read_gzip(lander, source),
        Kind::Zip => read_zip(lander, sheet, source, depth),
        Kind::Gzip => Err(unsupported(file, "an archive within an archive")),
        Kind::Compound => {
            let source = into_memory(lander, source)?;
            let mut book = XlsBook::open(file, source, lander.limits())?;
            lander.found_format(Format::Xls);
            read_workbook(lander, sheet, &mut book)
        }
        Kind::Parquet => {
            lander.found_format(Format::Parquet);
            let source = into_memory(lander, source)?;
            read_parquet(lander, sheet, source)
        }
        Kind::Text => read_text(lander, sheet, source),
    }
}

fn unsupported(file: &str, found: &'static str) -> ReadError {
    ReadError::UnsupportedFormat { file: file.to_owned(), found }
}

fn read_gzip(lander: &mut Lander<'_>, source: Source<'_>) -> Result<(), ReadError> {
    lander.found_wrapping(Wrapping::Gzip);
    let (packed, limits) = (lander.meter().total(), lander.limits());
    let gauge = Gauge::new(packed, limits.unpacked_bytes_max, Excess::Unpacked, limits);
    let unpacked = Gauged::new(MultiGzDecoder::new(BufReader::new(into_stream(source))), gauge);
    read_content(lander, None, Source::Stream(Box::new(unpacked), packed), Depth::Unpacked)
}

fn read_zip(lander: &mut Lander<'_>, sheet: Option<&str>, source: Source<'_>, depth: Depth) -> Result<(), ReadError> {
    let file = lander.file();
    let mut source = into_memory(lander, source)?;
    let mut archive = ZipArchive::new(BufReader::new(&mut source)).map_err(|e| zip_fault(file, &e))?;
    match zip_kind(archive.file_names_raw()) {
        ZipKind::Unsupported(found) => Err(unsupported(file, found)),
        ZipKind::Xlsx => {
            drop(archive);
            lander.found_format(Format::Xlsx);
            let mut book = XlsxBook::open(file, source, lander.limits())?;
            read_workbook(lander, sheet, &mut book)
        }
        ZipKind::Archive if depth == Depth::Unpacked => Err(unsupported(file, "an archive within an archive")),
        ZipKind::Archive => {
            lander.found_wrapping(Wrapping::Zip);
            read_entries(lander, &mut archive)
        }
    }
}

/// Reads every entry of an archive that holds the dataset; entries that hold something else are reported.
fn read_entries<R: ReadSeek>(lander: &mut Lander<'_>, archive: &mut ZipArchive<R>) -> Result<(), ReadError> {
    let file = lander.file();
    let limits = lander.limits();
    if archive.len() > limits.entries_max {
        return Err(ReadError::TooLarge {
            file: file.to_owned(),
            what: Excess::Entries,
            limit: limits.entries_max as u64,
        });
    }
    let mut left = limits.unpacked_bytes_max;
    let mut any_content = false;
    let mut incomplete = None;
    for idx in 0..archive.len() {
        let entry = archive.by_index(idx).map_err(|e| zip_fault(file, &e))?;
        if !entry.is_file() || is_litter(entry.name_raw()) {
            continue;
        }
        if entry.size() > left {
            return Err(ReadError::TooLarge {
                file: file.to_owned(),
                what: Excess::Unpacked,
                limit: limits.unpacked_bytes_max,
            });
        }
        let name = entry_name(entry.name_raw());
        let packed = entry.compressed_size();
        let gauge = Gauge::new(packed, left, Excess::Unpacked, limits);
        left -= entry.size();
        let unpacked = Source::Stream(Box::new(Gauged::new(entry, gauge)), packed);
        let state = match read_content(lander, Some(&name), unpacked, Depth::Unpacked) {
            Ok(()) => None,
            Err(ReadError::Empty { .. }) => Some(SheetState::Empty),
            Err(
                ReadError::NoHeadings { .. }
                | ReadError::NoMatchingSheet { .. }
                | ReadError::UnknownFormat { .. }
                | ReadError::UnsupportedFormat { .. },
            ) => Some(SheetState::Ignored),
            Err(e @ ReadError::MissingColumns { .. }) => {
                incomplete.get_or_insert(e);
                Some(SheetState::Ignored)
            }
            Err(e) => return Err(e),
        };
        any_content |= state != Some(SheetState::Empty);
        if let Some(state) = state {
            lander.report_sheet(SheetReport::unread(Some(name), state));
        }
    }
    require_a_read_sheet(lander, any_content, incomplete)
}

/// Reads every sheet that has the dataset's headings, or goes on where a full one ended.
fn read_workbook(lander: &mut Lander<'_>, entry: Option<&str>, book: &mut dyn Workbook) -> Result<(), ReadError> {
    let last_row = book.last_row();
    let mut any_content = false;
    let mut incomplete = None;
    for sheet in book.sheets() {
        let label = entry.map_or_else(|| sheet.clone(), |entry| format!("{entry}/{sheet}"));
        let (merged, mut rows) = book.open(&sheet)?;
        let width = RowWidth::Any { last_row };
        match read_table(lander, Some(&label), rows.as_mut(), &merged, width)? {
            Outcome::Read => any_content = true,
            Outcome::Empty => lander.report_sheet(SheetReport::unread(Some(label), SheetState::Empty)),
            Outcome::NoHeadings { .. } => {
                any_content = true;
                lander.report_sheet(SheetReport::unread(Some(label), SheetState::Ignored));
            }
            Outcome::Incomplete { error, drift } => {
                any_content = true;
                incomplete.get_or_insert(*error);
                lander.report_sheet(SheetReport { drift, ..SheetReport::unread(Some(label), SheetState::Ignored) });
            }
        }
    }
    require_a_read_sheet(lander, any_content, incomplete)
}

/// A workbook or archive may hold other tables beside the dataset's, but not only others.
fn require_a_read_sheet(
    lander: &Lander<'_>,
    any_content: bool,
    incomplete: Option<ReadError>,
) -> Result<(), ReadError> {
    let sheets = lander.sheets();
    if sheets.iter().any(|s| s.state == SheetState::Read) {
        return Ok(());
    }
    if let Some(incomplete) = incomplete {
        return Err(incomplete);
    }
    if !any_content {
        return Err(ReadError::Empty { file: lander.file().to_owned() });
    }
    let names = sheets.iter().filter_map(|s| s.name.clone()).collect();
    Err(ReadError::NoMatchingSheet { file: lander.file().to_owned(), sheets: names })
}

fn read_text(lander: &mut Lander<'_>, sheet: Option<&str>, source: Source<'_>) -> Result<(), ReadError> {
    let file = lander.file();
    let mut stream = into_stream(source);
    let head = text_head(&mut stream).map_err(|e| ReadError::from_io(file, "text", e))?;
    let found = detect(&head, lander.options().encoding).map_err(|at| ReadError::UnknownEncoding {
        file: file.to_owned(),
        offset: at.offset,
        line: at.line,
    })?;
    lander.found_encoding(found.encoding);
    let encoding = found.encoding;
    let mut marked = Cursor::new(head);
    marked.set_position(found.mark_bytes as u64);
    let unmarked = marked.clone();
    let whole = marked.chain(stream);
    let (head, whole): (Vec<u8>, Box<dyn Read + '_>) = match encoding {
        TextEncoding::Utf8 | TextEncoding::Gb18030 => {
            (unmarked.get_ref().get(found.mark_bytes..).unwrap_or_default().to_vec(), Box::new(whole))
        }
        TextEncoding::Utf16Le | TextEncoding::Utf16Be => {
            let mut head = Vec::new();
            let decoded = Utf16Reader::new(unmarked, encoding).read_to_end(&mut head);
            decoded.map_err(|e| ReadError::from_io(file, "text", e))?;
            (head, Box::new(Utf16Reader::new(whole, encoding)))
        }
    };
    if head.trim_ascii_start().starts_with(b"{") {
        lander.found_format(Format::Ndjson);
        return read_ndjson(lander, sheet, BufReader::with_capacity(64 * 1024, whole), encoding);
    }
    lander.found_format(Format::Delimited);
    let separator = find_separator(&head, encoding, lander.dataset(), lander.limits());
    let limits = lander.limits();
    let mut rows = DelimitedRows::new(file, sheet, whole, separator, encoding, limits);
    match read_table(lander, sheet, &mut rows, &Merged::default(), RowWidth::AsHeadings)? {
        Outcome::Read => Ok(()),
        Outcome::Empty => Err(ReadError::Empty { file: file.to_owned() }),
        Outcome::Incomplete { error, .. } => Err(*error),
        Outcome::NoHeadings { rows_searched } => {
            Err(ReadError::NoHeadings { file: file.to_owned(), sheet: sheet.map(str::to_owned), rows_searched })
        }
    }
}

/// Enough of a text to recognise its encoding.
fn text_head(stream: &mut dyn Read) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut non_ascii = 0;
    while head.len() < TEXT_HEAD_BYTES_MAX && (head.len() < TEXT_HEAD_BYTES || non_ascii < NON_ASCII_ENOUGH) {
        let before = head.len();
        (&mut *stream).take(TEXT_HEAD_BYTES as u64).read_to_end(&mut head)?;
        let new = head.get(before..).unwrap_or_default();
        if new.is_empty() {
            break;
        }
        non_ascii += new.iter().filter(|b| !b.is_ascii()).count();
    }
    Ok(head)
}

/// The first bytes, and the whole content again.
fn peek<'s>(file: &str, source: Source<'s>, n_bytes: usize) -> Result<(Vec<u8>, Source<'s>), ReadError> {
    let mut head = Vec::new();
    let fault = |e| ReadError::from_io(file, "content", e);
    match source {
        Source::Seekable(mut reader) => {
            reader.rewind().map_err(fault)?;
            reader.by_ref().take(n_bytes as u64).read_to_end(&mut head).map_err(fault)?;
            reader.rewind().map_err(fault)?;
            Ok((head, Source::Seekable(reader)))
        }
        Source::Stream(mut stream, packed) => {
            stream.by_ref().take(n_bytes as u64).read_to_end(&mut head).map_err(fault)?;
            let whole = Cursor::new(head.clone()).chain(stream);
            Ok((head, Source::Stream(Box::new(whole), packed)))
        }
    }
}

fn into_stream(source: Source<'_>) -> Box<dyn Read + '_> {
    match source {
        Source::Seekable(reader) => Box::new(reader),
        Source::Stream(stream, _) => stream,
    }
}

/// Content to jump in. What is being unpacked is held in memory, never on disk, and so must fit there.
fn into_memory(lander: &Lander<'_>, source: Source<'_>) -> Result<Box<dyn ReadSeek>, ReadError> {
    let (stream, packed) = match source {
        Source::Seekable(reader) => return Ok(reader),
        Source::Stream(stream, packed) => (stream, packed),
    };
    let limits = lander.limits();
    let gauge = Gauge::new(packed, limits.in_memory_bytes_max, Excess::InMemory, limits);
    let mut content = Vec::new();
    let unpacked = Gauged::new(stream, gauge).read_to_end(&mut content);
    unpacked.map_err(|e| ReadError::from_io(lander.file(), "archive", e))?;
    Ok(Box::new(Cursor::new(content)))
}
