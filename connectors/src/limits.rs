//! Bounds on what one file may ask of the machine.

/// Every limit of reading one file. A file past a limit is refused or, where it says so, only the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes of one cell. A longer one rejects its row (`field_too_long`); if it is quoted the file is refused, since
    /// nobody can say where it ends. 1 MiB: the longest free text seen is some 30 kB.
    pub cell_bytes_max: usize,
    /// Bytes of one row. A longer one is rejected.
    pub row_bytes_max: usize,
    /// Cells of one row. A longer one is rejected in text files; in workbooks cells further right are not read.
    pub columns_max: usize,
    /// Line breaks within one quoted cell, before the quote counts as unclosed.
    pub quoted_newlines_max: usize,
    /// Rows among which the headings are looked for.
    pub heading_rows_max: usize,
    /// Rows of one batch handed to the sink.
    pub batch_rows_max: usize,
    /// Bytes of text in one batch, before it is handed over early.
    pub batch_bytes_max: usize,
    /// Bytes a file may unpack to, over all its entries: 16 GiB.
    pub unpacked_bytes_max: u64,
    /// How many times larger an entry may become, once past 16 MiB. A sheet of one word a million times stays below.
    pub unpacking_ratio_max: u64,
    /// Bytes of what has to be held in memory whole: a workbook within an archive, shared strings, a BIFF workbook.
    pub in_memory_bytes_max: u64,
    /// Bytes between two tags of a workbook's XML.
    pub xml_text_bytes_max: usize,
    /// Cells of the rectangles that the sheets of a BIFF workbook span.
    pub biff_cells_max: u64,
    /// Entries of an archive or parts of a workbook.
    pub entries_max: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            cell_bytes_max: MIB,
            row_bytes_max: 8 * MIB,
            columns_max: 1024,
            quoted_newlines_max: 200,
            heading_rows_max: 30,
            batch_rows_max: 8192,
            batch_bytes_max: 16 * MIB,
            unpacked_bytes_max: 16 * 1024 * MIB as u64,
            unpacking_ratio_max: 400,
            in_memory_bytes_max: 512 * MIB as u64,
            xml_text_bytes_max: MIB,
            biff_cells_max: 32_000_000,
            entries_max: 10_000,
        }
    }
}
