//! Whether the bytes of a message are one, by PostgreSQL's description of it (protocol 3, "Message Formats"). The library
//! takes the lengths and counts inside a message for true.

/// What is left of a body; each step gives `None` where the body ends too early.
struct Body<'b>(&'b [u8]);

impl Body<'_> {
    fn bytes(&mut self, n: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    /// A text and the zero that ends it.
    fn text(&mut self) -> Option<&[u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let (text, rest) = (self.0.get(..end)?, self.0.get(end + 1..)?);
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::as_bytes)
    }

    fn count(&mut self) -> Option<usize> {
        self.bytes(2)?.first_chunk().map(|bytes| usize::from(u16::from_be_bytes(*bytes)))
    }

    fn number(&mut self) -> Option<u32> {
        self.bytes(4)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// Two bytes for each of so many.
    fn codes(&mut self) -> Option<()> {
        let n = self.count()?;
        self.bytes(n * 2).map(|_| ())
    }

    /// Values with their lengths; no length is that of null.
    fn values(&mut self) -> Option<()> {
        for _ in 0..self.count()? {
            match self.number()? {
                u32::MAX => {}
                length => {
                    let _value = self.bytes(usize::try_from(length).ok()?)?;
                }
            }
        }
        Some(())
    }

    /// The kind of what is named, and its name.
    fn of_kind(&mut self) -> Option<()> {
        matches!(self.bytes(1)?, b"S" | b"P").then_some(())?;
        self.text().map(|_| ())
    }

    fn ends(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Whether this is the body of a message of that kind; the first message of a connection has none.
pub(crate) fn is_message(kind: Option<u8>, body: &[u8]) -> bool {
    let mut body = Body(body);
    let read = match kind {
        None => first(&mut body),
        Some(kind) => of_kind(kind, &mut body),
    };
    read.and_then(|()| body.ends()).is_some()
}

fn first(body: &mut Body<'_>) -> Option<()> {
    const CANCEL: u32 = 80_877_102;
    if body.number()? == CANCEL {
        let _process = body.number()?;
        // The key may be longer since protocol 3.2.
        let n = body.0.len();
        return ((4..=256).contains(&n)).then(|| body.bytes(n).map(|_| ()))?;
    }
    while !body.text()?.is_empty() {
        let _value = body.text()?;
    }
    Some(())
}

fn of_kind(kind: u8, body: &mut Body<'_>) -> Option<()> {
    match kind {
        // What a client proves itself with is read by who asked for it; the content of a copy means nothing.
        b'p' | b'd' => body.bytes(body.0.len()).map(|_| ()),
        b'Q' | b'f' => body.text().map(|_| ()),
        b'P' => {
            let _name = body.text()?;
            let _statement = body.text()?;
            let n = body.count()?;
            body.bytes(n * 4).map(|_| ())
        }
        b'B' => {
            let _portal = body.text()?;
            let _statement = body.text()?;
            body.codes()?;
            body.values()?;
            body.codes()
        }
        b'D' | b'C' => body.of_kind(),
        b'E' => {
            let _portal = body.text()?;
            body.number().map(|_| ())
        }
        b'S' | b'H' | b'X' | b'c' => Some(()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: [(Option<u8>, &[u8]); 16] = [
        (None, b"\0\x03\0\0user\0li\0\0"),
        (None, b"\x04\xd2\x16\x2e\0\0\0\x07\0\0\0\x09"),
        (Some(b'p'), b"anything"),
        (Some(b'Q'), b"SELECT 1\0"),
        (Some(b'P'), b"s\0SELECT $1\0\0\x01\0\0\0\x19"),
        (Some(b'B'), b"\0s\0\0\x01\0\x01\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\x01\0\0"),
        (Some(b'B'), b"\0\0\0\0\0\0\0\0"),
        (Some(b'D'), b"Ss\0"),
        (Some(b'C'), b"P\0"),
        (Some(b'E'), b"p\0\0\0\0\x05"),
        (Some(b'S'), b""),
        (Some(b'H'), b""),
        (Some(b'X'), b""),
        (Some(b'c'), b""),
        (Some(b'd'), b"\0\x01"),
        (Some(b'f'), b"no\0"),
    ];

    #[test]
    fn messages_are_taken_whole_and_not_cut_or_with_more() {
        for (kind, body) in SOUND {
            assert!(is_message(kind, body), "{kind:?} {body:?}");
            if matches!(kind, Some(b'p' | b'd')) {
                continue;
            }
            for n in 0..body.len() {
                assert!(!is_message(kind, &body[..n]) || kind.is_none() && n >= 12, "{kind:?} cut to {n}");
            }
            assert!(!is_message(kind, &[body, b"\x01"].concat()) || body.len() == 12, "{kind:?} with one byte more");
        }
    }

    #[test]
    fn what_is_said_inside_of_lengths_is_not_believed() {
        for (kind, body) in [
            (b'B', &b"\0\0\0\0\0\x01\x7f\xff\xff\xffa\0\0"[..]),
            (b'B', b"\0\0\xff\xff\0\0\0\0"),
            (b'P', b"\0\0\xff\xff"),
            (b'D', b"Xs\0"),
            (b'Q', b"no end"),
            (b'Q', b"\xff\xfe\0"),
            (b'F', b"\0\0\0\x01\0\0\0\0\0\0"),
            (b'z', b""),
        ] {
            assert!(!is_message(Some(kind), body), "{kind} {body:?}");
        }
    }
}
