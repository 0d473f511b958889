//! One connection from its first byte to its last.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use pgwire::api::{ClientInfo, PgWireConnectionState, PgWireServerHandlers};
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use pgwire::tokio::TlsAcceptor;
use pgwire::tokio::server::{MaybeTls, PgWireMessageServerCodec, negotiate_tls, process_error, process_message};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_util::codec::{Framed, FramedParts};

use crate::errors::fatal;
use crate::frames::{Frames, Refused};
use crate::handlers::{Handlers, Prepared};

/// How long a client may take to sign in.
const STARTUP_TIME: Duration = Duration::from_secs(60);

type Socket = Framed<Frames<MaybeTls>, PgWireMessageServerCodec<Prepared>>;

/// Answers a client until it leaves, or until an error ends the connection. `max_message_bytes`: of one that has signed in.
pub(crate) async fn converse(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    handlers: Handlers,
    max_message_bytes: usize,
) -> io::Result<()> {
    let deadline = Instant::now() + STARTUP_TIME;
    let Ok(negotiated) = timeout_at(deadline, negotiate_tls::<Prepared>(stream, tls)).await else { return Ok(()) };
    let Some(negotiated) = negotiated? else { return Ok(()) };
    let mut socket = looked_at(negotiated);
    let handlers = Arc::new(handlers);
    // Of its own type, which says what a prepared statement is.
    let extended = Arc::clone(&handlers);
    loop {
        let next = if is_signing_in(&socket) {
            timeout_at(deadline, socket.next()).await.unwrap_or(None)
        } else {
            socket.next().await
        };
        let message = match next {
            Some(Ok(message)) => message,
            Some(Err(error)) => return unreadable(&mut socket, error).await,
            None => return Ok(()),
        };
        if matches!(message, PgWireFrontendMessage::Terminate(_)) {
            return Ok(());
        }
        let is_cancel = matches!(message, PgWireFrontendMessage::CancelRequest(_));
        let waits_for_sync = message.is_extended_query();
        let processed = Box::pin(process_message(
            message,
            &mut socket,
            handlers.startup_handler(),
            handlers.simple_query_handler(),
            Arc::clone(&extended),
            handlers.copy_handler(),
            handlers.cancel_handler(),
        ));
        match processed.await {
            Ok(()) => {}
            Err(error) if error.is_fatal() => return end(&mut socket, error).await,
            Err(error) => process_error(&mut socket, error, waits_for_sync).await?,
        }
        if is_cancel {
            return Ok(());
        }
        if !is_signing_in(&socket) {
            socket.get_mut().admit(max_message_bytes);
        }
    }
}

fn looked_at(socket: Framed<MaybeTls, PgWireMessageServerCodec<Prepared>>) -> Socket {
    let parts = socket.into_parts();
    let frames = Frames::new(parts.io, parts.read_buf);
    let mut looked_at = FramedParts::new::<PgWireBackendMessage>(frames, parts.codec);
    looked_at.write_buf = parts.write_buf;
    Framed::from_parts(looked_at)
}

fn is_signing_in(socket: &Socket) -> bool {
    matches!(socket.state(), PgWireConnectionState::AwaitingStartup | PgWireConnectionState::AuthenticationInProgress)
}

/// Bytes that are no message, or too long a one.
async fn unreadable(socket: &mut Socket, error: PgWireError) -> io::Result<()> {
    let refused = match &error {
        PgWireError::IoError(error) => error.get_ref().and_then(|cause| cause.downcast_ref::<Refused>()).copied(),
        _ => Some(Refused::Unsound),
    };
    let told = match (refused, error) {
        (Some(Refused::TooLong { most }), _) => {
            let zh = format!("消息过长,最多 {most} 字节");
            fatal("54000", &zh, &format!("message is too long: at most {most} bytes"))
        }
        (Some(Refused::Unsound), _) => fatal("08P01", "无法识别的消息", "not a message of the protocol"),
        (None, PgWireError::IoError(error)) => return Err(error),
        (None, _) => return Ok(()),
    };
    end(socket, told).await
}

/// Tells the error and closes: nothing is ready for a query after it.
async fn end(socket: &mut Socket, error: PgWireError) -> io::Result<()> {
    let told: ErrorInfo = error.into();
    socket.send(PgWireBackendMessage::ErrorResponse(told.into())).await?;
    socket.close().await
}
