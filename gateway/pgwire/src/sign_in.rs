//! Whom a connection belongs to: a token sent as the password, or a personal token proven by SCRAM-SHA-256 without being sent,
//! over TLS bound to the server's certificate too (RFC 5802, RFC 7677, RFC 5929).

use std::fmt;

use auth::{AuthError, Authenticator, Authorized, Door, ProvenToken, Scope, ScramOffer};
use bytes::{Buf, Bytes, BytesMut};
use pgwire::api::auth::sasl::scram::{ScramSecret, ScramServerAuth, ScramServerAuthWaitingForClientFinal};
use pgwire::api::auth::sasl::{SCRAM_SHA_256_METHOD, SCRAM_SHA_256_PLUS_METHOD};
use pgwire::error::{PgWireError, PgWireResult};

use crate::errors::{fatal, of_auth};

/// What a connection was opened with. Asked anew before every statement: it expires, and it can be revoked.
pub(crate) enum Credential {
    /// The token itself.
    Sent(String),
    /// A personal token that was never sent.
    Proven(ProvenToken),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sent(_) => "Sent(hidden)",
            Self::Proven(_) => "Proven",
        })
    }
}

impl Credential {
    /// Who it is, as of now. Whatever is asked here is a statement.
    pub(crate) async fn authorize(&self, authenticator: &Authenticator) -> Result<Authorized, AuthError> {
        match self {
            Self::Sent(token) => authenticator.authorize(token, Door::Pg, Scope::RunSql).await,
            Self::Proven(token) => authenticator.authorize_proven(token, Door::Pg, Scope::RunSql),
        }
    }
}

/// One exchange, from the offer to the proof.
pub(crate) struct Exchange {
    offer: ScramOffer,
    server: ScramServerAuth,
    waiting: Option<ScramServerAuthWaitingForClientFinal>,
}

/// What comes after a message of the client.
pub(crate) enum Step {
    /// The server's first message.
    Continue(Bytes),
    /// The client knows the token; the server's last message shows that the server does.
    Proven(ProvenToken, Bytes),
}

impl Exchange {
    /// `server`: with the certificate of the connection, if it has one.
    pub(crate) fn new(offer: ScramOffer, server: ScramServerAuth) -> Self {
        Self { offer, server, waiting: None }
    }

    /// What the client may choose from.
    pub(crate) fn mechanisms(&self) -> Vec<String> {
        let bound = self.server.supports_channel_binding().then(|| SCRAM_SHA_256_PLUS_METHOD.to_owned());
        bound.into_iter().chain([SCRAM_SHA_256_METHOD.to_owned()]).collect()
    }

    /// Takes the body of the client's next message. Every error ends the connection.
    pub(crate) fn advance(mut self, body: BytesMut) -> PgWireResult<(Step, Option<Self>)> {
        let Some(waiting) = self.waiting.take() else {
            let first = self.first_message(body)?;
            let verifier = self.offer.verifier();
            let secret = ScramSecret::Verifier {
                salt: verifier.salt().to_vec(),
                iterations: usize::try_from(verifier.iterations()).unwrap_or(usize::MAX),
                stored_key: verifier.stored_key().to_vec(),
                server_key: verifier.server_key().to_vec(),
            };
            let answered = self.server.on_client_first_message_with_secret(&first, secret);
            let (answer, waiting) = answered.map_err(|_| malformed())?;
            self.waiting = Some(waiting);
            return Ok((Step::Continue(answer.into()), Some(self)));
        };
        match waiting.on_client_final_message(&body) {
            Ok(last) => Ok((Step::Proven(self.offer.proven(), last.into()), None)),
            // As for an id that nobody has.
            Err(PgWireError::InvalidPassword(_)) => Err(of_auth(&AuthError::UnknownToken)),
            Err(_) => Err(malformed()),
        }
    }

    /// Mechanism, length, data. The mechanism that is bound to the certificate goes with the flag that says so, and only with it.
    fn first_message(&self, mut body: BytesMut) -> PgWireResult<Bytes> {
        let end = body.iter().position(|byte| *byte == 0).ok_or_else(malformed)?;
        let mechanism = body.split_to(end);
        body.advance(1);
        let length = body.try_get_i32().ok().and_then(|length| usize::try_from(length).ok()).ok_or_else(malformed)?;
        if length != body.len() {
            return Err(malformed());
        }
        let known = self.mechanisms().iter().any(|known| known.as_bytes() == &mechanism[..]);
        let is_bound = mechanism == SCRAM_SHA_256_PLUS_METHOD.as_bytes();
        if !known || is_bound != body.starts_with(b"p=") {
            return Err(malformed());
        }
        Ok(body.freeze())
    }
}

fn malformed() -> PgWireError {
    fatal("08P01", "SASL 消息有误", "malformed SASL message")
}

#[cfg(test)]
mod tests;
