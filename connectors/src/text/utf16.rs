//! Two-byte units to UTF-8, as a reader.

use std::io::{Read, Result};

use encoding_rs::{Decoder, UTF_16BE, UTF_16LE};

use crate::TextEncoding;

const CHUNK_BYTES: usize = 32 * 1024;

/// Turns a reader of UTF-16 (its mark already removed) into one of UTF-8. A broken unit becomes U+FFFD.
#[derive(Debug)]
pub(crate) struct Utf16Reader<R> {
    inner: R,
    decoder: Decoder,
    input: Vec<u8>,
    /// Bytes of `input` that are filled, and those already decoded.
    filled: usize,
    used: usize,
    /// Decoded bytes, and how many of them were handed over.
    output: Vec<u8>,
    ready: usize,
    given: usize,
    /// The inner reader ended; the decoder was told so.
    ended: bool,
    finished: bool,
}

impl<R: Read> Utf16Reader<R> {
    pub(crate) fn new(inner: R, encoding: TextEncoding) -> Self {
        let decoder = match encoding {
            TextEncoding::Utf16Be => UTF_16BE,
            TextEncoding::Utf8 | TextEncoding::Gb18030 | TextEncoding::Utf16Le => UTF_16LE,
        }
        .new_decoder_without_bom_handling();
        Self {
            inner,
            decoder,
            input: vec![0; CHUNK_BYTES],
            filled: 0,
            used: 0,
            output: vec![0; 4 * CHUNK_BYTES],
            ready: 0,
            given: 0,
            ended: false,
            finished: false,
        }
    }

    fn refill(&mut self) -> Result<()> {
        if self.used == self.filled && !self.ended {
            self.filled = self.inner.read(&mut self.input)?;
            self.used = 0;
            self.ended = self.filled == 0;
        }
        let rest = self.input.get(self.used..self.filled).unwrap_or_default();
        let (result, read, written, _) = self.decoder.decode_to_utf8(rest, &mut self.output, self.ended);
        self.used += read;
        (self.ready, self.given) = (written, 0);
        // A finished decoder must not be called again.
        self.finished = self.ended && result == encoding_rs::CoderResult::InputEmpty;
        Ok(())
    }
}

impl<R: Read> Read for Utf16Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        while self.given == self.ready && !self.finished {
            self.refill()?;
        }
        let ready = self.output.get(self.given..self.ready).unwrap_or_default();
        let n = ready.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..n), ready.get(..n)) {
            to.copy_from_slice(from);
        }
        self.given += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands over one byte at a time.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> Result<usize> {
            let n = self.0.len().min(out.len()).min(1);
            self.0.read(&mut out[..n])
        }
    }

    fn check(bytes: &[u8], encoding: TextEncoding, expected: &str) {
        for slow in [false, true] {
            let inner: Box<dyn Read> = if slow { Box::new(Drip(bytes)) } else { Box::new(bytes) };
            let mut reader = Utf16Reader::new(inner, encoding);
            let mut text = Vec::new();
            reader.read_to_end(&mut text).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), expected);
            assert_eq!(reader.read(&mut [0; 4]).unwrap(), 0);
        }
    }

    #[test]
    fn units_cut_anywhere_become_text_and_broken_ones_are_marked() {
        check(b"\x20\x5f\x09\x4e", TextEncoding::Utf16Le, "张三");
        check(b"\x5f\x20\x4e\x09", TextEncoding::Utf16Be, "张三");
        check(b"\x20\x5f\x00\xd8a\x00", TextEncoding::Utf16Le, "张\u{fffd}a");
        check(b"\x20\x5f\x09", TextEncoding::Utf16Le, "张\u{fffd}");
        check(b"", TextEncoding::Utf16Le, "");
        let long = "张三,".repeat(40_000);
        let bytes: Vec<u8> = long.encode_utf16().flat_map(u16::to_le_bytes).collect();
        check(&bytes, TextEncoding::Utf16Le, &long);
    }
}
