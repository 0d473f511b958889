//! Messages that are whole, sound and of a bounded size. The library reads a message of up to a gigabyte into memory before
//! anybody looks at it, from clients that nobody knows yet too, and panics at some that end too early; it is handed those alone
//! that have passed here.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::well_formed::is_message;

/// Longest message of a client that has not signed in, in bytes: a token has 8 KiB at most.
const UNKNOWN_BYTES_MAX: usize = 16 * 1024;
/// Read at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// Why a message was not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("a message is longer than {most} bytes")]
    TooLong { most: usize },
    #[error("not a message of the protocol")]
    Unsound,
}

/// A connection whose incoming messages are looked at.
#[derive(Debug)]
pub(crate) struct Frames<T> {
    inner: T,
    most: usize,
    is_first: bool,
    incoming: BytesMut,
    /// Bytes of `incoming` that are whole, sound messages.
    n_ready: usize,
    refused: Option<Refused>,
}

impl<T> Frames<T> {
    /// Over a connection of which `read` has been read already, with nobody signed in.
    pub(crate) fn new(inner: T, read: BytesMut) -> Self {
        let mut frames =
            Self { inner, most: UNKNOWN_BYTES_MAX, is_first: true, incoming: read, n_ready: 0, refused: None };
        frames.look();
        frames
    }

    /// Somebody has signed in: from now on messages may be this long.
    pub(crate) fn admit(&mut self, most: usize) {
        self.most = most;
    }

    /// Looks at what has come, up to a message that is not whole yet or is none.
    fn look(&mut self) {
        while self.refused.is_none() {
            let rest = self.incoming.get(self.n_ready..).unwrap_or_default();
            let (kind, rest) = match rest.split_first() {
                _ if self.is_first => (None, rest),
                Some((kind, rest)) => (Some(*kind), rest),
                None => return,
            };
            let Some((length, rest)) = rest.split_first_chunk() else { return };
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            if length > self.most {
                self.refused = Some(Refused::TooLong { most: self.most });
                return;
            }
            let Some(n_body) = length.checked_sub(4) else {
                self.refused = Some(Refused::Unsound);
                return;
            };
            let Some(body) = rest.get(..n_body) else { return };
            if !is_message(kind, body) {
                self.refused = Some(Refused::Unsound);
                return;
            }
            self.n_ready += usize::from(kind.is_some()) + length;
            self.is_first = false;
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Frames<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let n = self.n_ready.min(buffer.remaining());
            if n > 0 {
                buffer.put_slice(self.incoming.get(..n).unwrap_or_default());
                self.incoming.advance(n);
                self.n_ready -= n;
                return Poll::Ready(Ok(()));
            }
            if let Some(refused) = self.refused {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, refused)));
            }
            let mut chunk = [0; CHUNK_BYTES];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut self.inner).poll_read(context, &mut read))?;
            if read.filled().is_empty() {
                // The client has left; what it began to say means nothing.
                return Poll::Ready(Ok(()));
            }
            self.incoming.extend_from_slice(read.filled());
            self.look();
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Frames<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind][..], &u32::try_from(body.len() + 4).unwrap().to_be_bytes(), body].concat()
    }

    fn startup() -> Vec<u8> {
        let body = b"\0\x03\0\0user\0li\0\0";
        [&u32::try_from(body.len() + 4).unwrap().to_be_bytes()[..], body].concat()
    }

    /// What is let through of a stream that comes in parts of this size.
    async fn let_through(stream: &[u8], size: usize) -> (Vec<u8>, Option<Refused>) {
        let parts = stream.chunks(size).map(|part| Ok::<_, io::Error>(bytes::Bytes::copy_from_slice(part)));
        let reader = tokio_util::io::StreamReader::new(futures::stream::iter(parts.collect::<Vec<_>>()));
        let mut frames = Frames::new(reader, BytesMut::new());
        let mut passed = Vec::new();
        let refused = frames.read_to_end(&mut passed).await.err();
        (passed, refused.and_then(|error| error.get_ref()?.downcast_ref::<Refused>().copied()))
    }

    #[tokio::test]
    async fn messages_pass_however_they_are_cut_and_only_whole() {
        let whole = [startup(), message(b'p', &[1; 16_380]), message(b'S', b""), message(b'Q', b"SELECT 1\0")].concat();
        let begun = [&whole[..], b"Q\0\0\0\x20SELECT"].concat();
        for size in [1, 3, 5, 1_000, begun.len()] {
            assert_eq!(let_through(&begun, size).await, (whole.clone(), None), "{size}");
        }
    }

    #[tokio::test]
    async fn a_message_that_is_none_or_too_long_ends_it_after_those_before() {
        let long = [&[b'Q'][..], &0x3fff_0000_u32.to_be_bytes()].concat();
        let too_long = Some(Refused::TooLong { most: UNKNOWN_BYTES_MAX });
        for (bytes, refused) in [
            (long, too_long),
            (message(b'E', b"p\0"), Some(Refused::Unsound)),
            (b"Q\0\0\0\x03".to_vec(), Some(Refused::Unsound)),
            (message(b'z', b""), Some(Refused::Unsound)),
        ] {
            let stream = [startup(), bytes].concat();
            for size in [1, stream.len()] {
                assert_eq!(let_through(&stream, size).await, (startup(), refused));
            }
        }
        assert_eq!(let_through(&0x3fff_0000_u32.to_be_bytes(), 4).await, (Vec::new(), too_long), "the first one");
    }

    #[test]
    fn who_has_signed_in_may_send_more() {
        let stream = message(b'Q', &[&[b'x'; 20_000][..], b"\0"].concat());
        let mut frames = Frames::new((), BytesMut::from(&startup()[..]));
        frames.admit(30_000);
        frames.incoming.extend_from_slice(&stream);
        frames.look();
        assert_eq!((frames.n_ready, frames.refused), (startup().len() + stream.len(), None));
    }
}
