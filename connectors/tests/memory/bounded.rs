use std::io::{self, Read, Seek, SeekFrom};

use arrow::record_batch::RecordBatch;
use connectors::{RejectedRow, RowSink, SinkError, read_file};

use crate::fixture;

const ROWS: u64 = 30_000;
const ROW_BYTES: u64 = 10_240;
/// The large column is none of the dataset's: this is about what reading needs, not about how long cells take.
const HEADING: &[u8] = "编号,姓名,附图\n".as_bytes();

/// 300 MB of rows, made while they are read.
struct Generated {
    position: u64,
}

impl Generated {
    const LEN: u64 = HEADING.len() as u64 + ROWS * ROW_BYTES;

    fn byte_at(position: u64) -> u8 {
        let Some(at) = position.checked_sub(HEADING.len() as u64) else {
            return HEADING[usize::try_from(position).unwrap()];
        };
        let (row, column) = (at / ROW_BYTES, at % ROW_BYTES);
        match column {
            0..8 => b'0' + u8::try_from(row / 10_u64.pow(7 - u32::try_from(column).unwrap()) % 10).unwrap(),
            8 | 10 => b',',
            _ if column == ROW_BYTES - 1 => b'\n',
            _ => b'x',
        }
    }
}

impl Read for Generated {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = out.len().min(usize::try_from(Self::LEN.saturating_sub(self.position)).unwrap());
        // Most of a row is one letter: fill it, then correct what is not.
        out[..n].fill(b'x');
        let end = self.position + n as u64;
        let mut at = self.position;
        while at < end {
            let body = at.checked_sub(HEADING.len() as u64).map(|at| at % ROW_BYTES);
            out[usize::try_from(at - self.position).unwrap()] = Self::byte_at(at);
            at = match body {
                Some(column) if (11..ROW_BYTES - 1).contains(&column) => at + (ROW_BYTES - 1 - column),
                _ => at + 1,
            };
        }
        self.position = end;
        Ok(n)
    }
}

impl Seek for Generated {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = match to {
            SeekFrom::Start(n) => n,
            SeekFrom::End(n) => Self::LEN.checked_add_signed(n).unwrap(),
            SeekFrom::Current(n) => self.position.checked_add_signed(n).unwrap(),
        };
        Ok(self.position)
    }
}

#[derive(Default)]
struct Forgetful {
    n_rows: usize,
}

impl RowSink for Forgetful {
    fn accept(&mut self, batch: RecordBatch) -> Result<(), SinkError> {
        self.n_rows += batch.num_rows();
        Ok(())
    }

    fn reject(&mut self, row: RejectedRow) -> Result<(), SinkError> {
        Err(format!("{row:?}").into())
    }
}

/// The largest resident set so far, in bytes.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn three_hundred_megabytes_are_read_in_a_fraction_of_it() {
    let registry = fixture::registry();
    let dataset = fixture::dataset(&registry);
    let mut sink = Forgetful::default();
    let before = peak_bytes();
    let report =
        read_file(Generated { position: 0 }, "f", &registry, &dataset, &fixture::options(), &mut sink).unwrap();
    let grown = peak_bytes() - before;
    assert_eq!((report.read, report.accepted, sink.n_rows as u64), (ROWS, ROWS, ROWS));
    const { assert!(Generated::LEN > 300_000_000) };
    assert!(grown < 96_000_000, "{} MB", grown / 1_000_000);
}
