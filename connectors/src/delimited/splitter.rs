//! Bytes to records of fields, in bounded memory whatever the bytes are.
//!
//! A field may be quoted; within quotes, two quotes are one. A quote inside an unquoted field is an ordinary character.
//! Rows end with LF, CR LF or CR. The bytes are not decoded: in UTF-8 and GB 18030 no separator, quote or line break is
//! ever part of another character.

use std::io::{self, Read};

use super::find::find_any;
use crate::ReadLimits;

const CHUNK_BYTES: usize = 64 * 1024;
const QUOTE: u8 = b'"';

/// One record, refilled again and again.
#[derive(Debug, Default)]
pub(crate) struct Record {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// The line it begins on, from 1.
    pub(crate) line: u64,
    /// A rule it breaks already; its fields are then cut short.
    pub(crate) fault: Option<&'static str>,
}

impl Record {
    /// The fields, without their quotes.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.bytes.get(start..*end).unwrap_or_default())
    }

    fn reset(&mut self, line: u64) {
        self.bytes.clear();
        self.ends.clear();
        // One giant row must not hold its memory for the rest of the file.
        self.bytes.shrink_to(4 * CHUNK_BYTES);
        self.line = line;
        self.fault = None;
    }

    fn field_len(&self) -> usize {
        self.bytes.len() - self.ends.last().copied().unwrap_or_default()
    }

    fn end_field(&mut self) {
        self.ends.push(self.bytes.len());
    }
}

/// Why the splitting cannot go on.
#[derive(Debug)]
pub(crate) enum SplitError {
    /// The quote at this place is not closed within the limits, or not at all.
    UnclosedQuote {
        line: u64,
        offset: u64,
    },
    Io(io::Error),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the first byte of a field.
    Start,
    Unquoted,
    Quoted,
    /// After a quote within a quoted field: the first of two, or the closing one.
    QuoteSeen,
    /// The row broke a limit: only its end is of interest.
    Discard,
}

/// Splits what a reader gives.
#[derive(Debug)]
pub(crate) struct Splitter<R> {
    inner: R,
    separator: u8,
    limits: ReadLimits,
    chunk: Vec<u8>,
    pos: usize,
    filled: usize,
    /// Offset of the chunk in the stream.
    chunk_offset: u64,
    /// Line of the next byte, from 1.
    line: u64,
    /// The last row ended with CR: an LF that follows belongs to it.
    after_cr: bool,
    quote_line: u64,
    quote_offset: u64,
    quoted_newlines: usize,
}

impl<R: Read> Splitter<R> {
    pub(crate) fn new(inner: R, separator: u8, limits: &ReadLimits) -> Self {
        Self {
            inner,
            separator,
            limits: limits.clone(),
            chunk: vec![0; CHUNK_BYTES],
            pos: 0,
            filled: 0,
            chunk_offset: 0,
            line: 1,
            after_cr: false,
            quote_line: 0,
            quote_offset: 0,
            quoted_newlines: 0,
        }
    }

    /// Fills `record` with the next row; false at the end. An empty line is a record of one empty field.
    pub(crate) fn read(&mut self, record: &mut Record) -> Result<bool, SplitError> {
        record.reset(self.line);
        let mut state = State::Start;
        let mut any = false;
        loop {
            if self.pos == self.filled && !self.refill()? {
                return self.finish(record, state, any);
            }
            if std::mem::take(&mut self.after_cr) && self.peek() == Some(b'\n') {
                self.pos += 1;
                continue;
            }
            any = true;
            if let Some(next) = self.step(record, state)? {
                state = next;
            } else {
                return Ok(true);
            }
        }
    }

    /// Works on the bytes ahead as far as `state` reaches; none when the row is complete.
    fn step(&mut self, record: &mut Record, state: State) -> Result<Option<State>, SplitError> {
        let next = match state {
            State::Start if self.peek() == Some(QUOTE) => {
                self.quote_line = self.line;
                self.quote_offset = self.chunk_offset + self.pos as u64;
                self.quoted_newlines = 0;
                self.pos += 1;
                State::Quoted
            }
            State::Start | State::Unquoted => return Ok(self.unquoted(record)),
            State::Quoted => return self.quoted(record).map(Some),
            State::QuoteSeen if self.peek() == Some(QUOTE) => {
                record.bytes.push(QUOTE);
                self.pos += 1;
                State::Quoted
            }
            // After the closing quote, anything up to the separator is part of the field.
            State::QuoteSeen => State::Unquoted,
            State::Discard => {
                let run = self.run_until([b'\n', b'\r']);
                self.pos += run;
                return Ok(if self.pos < self.filled { self.end_row() } else { Some(State::Discard) });
            }
        };
        Ok(Some(next))
    }

    fn unquoted(&mut self, record: &mut Record) -> Option<State> {
        let separator = self.separator;
        let run = self.run_until([separator, b'\n', b'\r']);
        if record.field_len() + run > self.limits.cell_bytes_max {
            record.fault = Some("field_too_long");
        } else if record.bytes.len() + run > self.limits.row_bytes_max {
            record.fault = Some("row_too_long");
        } else if record.ends.len() >= self.limits.columns_max {
            record.fault = Some("field_count");
        }
        if record.fault.is_some() {
            record.end_field();
            return Some(State::Discard);
        }
        record.bytes.extend_from_slice(self.chunk.get(self.pos..self.pos + run).unwrap_or_default());
        self.pos += run;
        if self.pos == self.filled {
            return Some(State::Unquoted);
        }
        record.end_field();
        if self.peek() == Some(separator) {
            self.pos += 1;
            return Some(State::Start);
        }
        self.end_row()
    }

    fn quoted(&mut self, record: &mut Record) -> Result<State, SplitError> {
        let run = self.run_until([QUOTE, b'\n']);
        let too_long = record.field_len() + run > self.limits.cell_bytes_max
            || record.bytes.len() + run > self.limits.row_bytes_max;
        if too_long || self.quoted_newlines > self.limits.quoted_newlines_max {
            return Err(self.unclosed());
        }
        record.bytes.extend_from_slice(self.chunk.get(self.pos..self.pos + run).unwrap_or_default());
        self.pos += run;
        match self.peek() {
            None => Ok(State::Quoted),
            Some(QUOTE) => {
                self.pos += 1;
                Ok(State::QuoteSeen)
            }
            Some(newline) => {
                record.bytes.push(newline);
                self.pos += 1;
                self.line += 1;
                self.quoted_newlines += 1;
                Ok(State::Quoted)
            }
        }
    }

    /// Consumes a line break.
    fn end_row(&mut self) -> Option<State> {
        self.after_cr = self.peek() == Some(b'\r');
        self.pos += 1;
        self.line += 1;
        None
    }

    fn finish(&self, record: &mut Record, state: State, any: bool) -> Result<bool, SplitError> {
        match state {
            State::Quoted => return Err(self.unclosed()),
            State::Discard => {}
            State::Start if !any => {}
            State::Start | State::Unquoted | State::QuoteSeen => record.end_field(),
        }
        Ok(any)
    }

    fn unclosed(&self) -> SplitError {
        SplitError::UnclosedQuote { line: self.quote_line, offset: self.quote_offset }
    }

    fn peek(&self) -> Option<u8> {
        self.chunk.get(self.pos..self.filled).and_then(|ahead| ahead.first()).copied()
    }

    /// Bytes ahead before the next of `stops`.
    fn run_until<const N: usize>(&self, stops: [u8; N]) -> usize {
        find_any(self.chunk.get(self.pos..self.filled).unwrap_or_default(), stops)
    }

    fn refill(&mut self) -> Result<bool, SplitError> {
        self.chunk_offset += self.filled as u64;
        self.pos = 0;
        self.filled = 0;
        loop {
            match self.inner.read(&mut self.chunk) {
                Ok(n) => {
                    self.filled = n;
                    return Ok(n > 0);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(SplitError::Io(e)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
