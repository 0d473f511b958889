//! From the first packet to a session: TLS off loopback, then a token as the password, or proven without being sent.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};

use async_trait::async_trait;
use auth::TokenId;
use bytes::Bytes;
use futures::{Sink, SinkExt};
use pgwire::api::auth::{DefaultServerParameterProvider, StartupHandler, finish_authentication, protocol_negotiation};
use pgwire::api::{ClientInfo, PgWireConnectionState};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::startup::{Authentication, PasswordMessageFamily, SecretKey, Startup};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage, ProtocolVersion};

use crate::door::Door;
use crate::errors::{error, fatal, of_auth};
use crate::handlers::Connection;
use crate::session::Session;
use crate::settings::SERVER_VERSION;
use crate::sign_in::{Credential, Exchange, Step};

/// Settings that clients send along when they connect; others among the startup parameters are theirs.
const STARTUP_SETTINGS: &[&str] =
    &["application_name", "client_encoding", "datestyle", "timezone", "extra_float_digits", "statement_timeout"];

#[async_trait]
impl StartupHandler for Connection {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        match message {
            PgWireFrontendMessage::Startup(startup) if self.is_full => {
                let n = self.door.max_connections();
                drop(startup);
                Err(fatal("53300", &format!("连接数已达上限 {n}"), &format!("too many connections: at most {n}")))
            }
            PgWireFrontendMessage::Startup(startup) => {
                let exchange = greet(client, &startup, self.peer, &self.door).await?;
                *self.exchange() = exchange;
                let _is_first = self.parameters.set(startup.parameters.into_iter().collect());
                Ok(())
            }
            PgWireFrontendMessage::PasswordMessageFamily(password) => {
                let Some(shown) = self.shown(client, password).await? else { return Ok(()) };
                let parameters = self.parameters.get().map(Vec::as_slice).unwrap_or_default();
                let session = admit(client, &self.door, shown, self.peer, parameters).await?;
                let _is_first = self.session.set(session);
                Ok(())
            }
            _ => Err(fatal("08P01", "认证之前不接受此消息", "no such message before authentication")),
        }
    }
}

impl Connection {
    fn exchange(&self) -> MutexGuard<'_, Option<Exchange>> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the connection was opened with, once it has been shown, and the last message of an exchange.
    async fn shown<C>(
        &self,
        client: &mut C,
        message: PasswordMessageFamily,
    ) -> PgWireResult<Option<(Credential, Option<Bytes>)>>
    where
        C: Sink<PgWireBackendMessage> + Unpin + Send,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let under_way = self.exchange().take();
        let Some(exchange) = under_way else {
            return Ok(Some((Credential::Sent(message.into_password()?.password), None)));
        };
        let PasswordMessageFamily::Raw(body) = message else {
            return Err(fatal("08P01", "SASL 消息有误", "malformed SASL message"));
        };
        let (step, exchange) = exchange.advance(body)?;
        *self.exchange() = exchange;
        match step {
            Step::Continue(answer) => {
                client.send(PgWireBackendMessage::Authentication(Authentication::SASLContinue(answer))).await?;
                Ok(None)
            }
            Step::Proven(token, last) => Ok(Some((Credential::Proven(token), Some(last)))),
        }
    }
}

/// Asks for the token, or, of a user `dtp_ID`, for the proof of it: the exchange that begins then.
async fn greet<C>(client: &mut C, startup: &Startup, peer: SocketAddr, door: &Door) -> PgWireResult<Option<Exchange>>
where
    C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send,
    C::Error: Debug,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    if !client.is_secure() && !peer.ip().to_canonical().is_loopback() {
        return Err(fatal(
            "28000",
            "从其他机器连接必须使用 TLS(sslmode=require)",
            "connections from other machines need TLS (sslmode=require)",
        ));
    }
    if startup.parameters.get("replication").is_some_and(|value| !["false", "off", "0", "no"].contains(&value.as_str()))
    {
        return Err(fatal("0A000", "不支持复制连接", "replication is not supported"));
    }
    protocol_negotiation(client, startup).await?;
    client.set_state(PgWireConnectionState::AuthenticationInProgress);
    let user = startup.parameters.get("user").and_then(|user| TokenId::of_user(user));
    let exchange = user.map(|id| Exchange::new(door.authenticator().scram_offer(id), door.scram(client.is_secure())));
    let asked = match &exchange {
        Some(exchange) => Authentication::SASL(exchange.mechanisms()),
        None => Authentication::CleartextPassword,
    };
    client.send(PgWireBackendMessage::Authentication(asked)).await?;
    Ok(exchange)
}

/// Lets in whom the token names. `proof`: the server's last message of an exchange.
async fn admit<C>(
    client: &mut C,
    door: &Arc<Door>,
    (credential, proof): (Credential, Option<Bytes>),
    peer: SocketAddr,
    parameters: &[(String, String)],
) -> PgWireResult<Session>
where
    C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
    C::Error: Debug,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    let authorized = credential.authorize(door.authenticator()).await.map_err(|error| of_auth(&error))?;
    if let Some(proof) = proof {
        client.feed(PgWireBackendMessage::Authentication(Authentication::SASLFinal(proof))).await?;
    }
    let (pid, secret) = fresh_key(client.protocol_version())?;
    client.set_pid_and_secret_key(pid, secret.clone());
    let registered = door.connections().register(pid, &secret);
    let session = Session::new(Arc::clone(door), credential, peer.ip().to_canonical().to_string(), registered);
    apply(&session, parameters)?;
    let mut told = DefaultServerParameterProvider::default();
    told.server_version = format!("{SERVER_VERSION} (Datong {})", env!("CARGO_PKG_VERSION"));
    told.is_superuser = false;
    told.default_transaction_read_only = true;
    told.session_authorization = Some(authorized.principal.subject);
    told.time_zone = session.settings().show("timezone")?;
    told.date_style = "ISO, YMD".to_owned();
    told.application_name = Some(session.settings().show("application_name")?);
    finish_authentication(client, &told).await?;
    Ok(session)
}

/// A name that is not ours is left alone, as PostgreSQL leaves `_pq_.` options; a value that cannot be kept ends the connection.
fn apply(session: &Session, parameters: &[(String, String)]) -> PgWireResult<()> {
    let in_options = parameters.iter().filter(|(name, _)| name == "options").flat_map(|(_, value)| settings_in(value));
    let given = parameters.iter().filter(|(name, _)| STARTUP_SETTINGS.contains(&name.to_ascii_lowercase().as_str()));
    for (name, value) in given.cloned().chain(in_options) {
        session.settings().set(&name, Some(&value)).map_err(|cause| match cause {
            PgWireError::UserError(mut info) => {
                "FATAL".clone_into(&mut info.severity);
                info.severity_nonlocalized = Some("FATAL".to_owned());
                PgWireError::UserError(info)
            }
            other => other,
        })?;
    }
    Ok(())
}

/// `-c name=value` and `--name=value`.
fn settings_in(options: &str) -> Vec<(String, String)> {
    let mut words = options.split_whitespace();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("--") {
            Some(setting) => Some(setting),
            None if word == "-c" => words.next(),
            None => word.strip_prefix("-c"),
        };
        if let Some((name, value)) = setting.and_then(|setting| setting.split_once('=')) {
            found.push((name.replace('-', "_"), value.to_owned()));
        }
    }
    found
}

/// A number for the connection, and the secret without which nobody cancels on it.
fn fresh_key(version: ProtocolVersion) -> PgWireResult<(i32, SecretKey)> {
    static NEXT: AtomicI32 = AtomicI32::new(1);
    let pid = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|_| error("XX000", "内部错误".to_owned(), "no random bytes".to_owned()))?;
    let secret = match version {
        ProtocolVersion::PROTOCOL3_0 => {
            let [a, b, c, d, ..] = bytes;
            SecretKey::I32(i32::from_be_bytes([a, b, c, d]))
        }
        _ => SecretKey::Bytes(bytes.to_vec().into()),
    };
    Ok((pid, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_name_settings() {
        let found = settings_in("-c statement_timeout=5s --search-path=unified -cjit=off -x y");
        let expected = [("statement_timeout", "5s"), ("search_path", "unified"), ("jit", "off")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
