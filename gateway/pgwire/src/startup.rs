//! From the first packet to a session: TLS off loopback, then a token as the password.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use futures::{Sink, SinkExt};
use pgwire::api::auth::{DefaultServerParameterProvider, finish_authentication, protocol_negotiation};
use pgwire::api::{ClientInfo, PgWireConnectionState};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::startup::{Authentication, SecretKey, Startup};
use pgwire::messages::{PgWireBackendMessage, ProtocolVersion};

use crate::door::Door;
use crate::errors::{error, fatal, of_auth};
use crate::session::Session;
use crate::settings::SERVER_VERSION;

/// Settings that clients send along when they connect; others among the startup parameters are theirs.
const STARTUP_SETTINGS: &[&str] =
    &["application_name", "client_encoding", "datestyle", "timezone", "extra_float_digits", "statement_timeout"];

/// Asks for the token.
pub(crate) async fn greet<C>(client: &mut C, startup: &Startup, peer: SocketAddr) -> PgWireResult<()>
where
    C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send,
    C::Error: std::fmt::Debug,
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
    client.send(PgWireBackendMessage::Authentication(Authentication::CleartextPassword)).await?;
    Ok(())
}

/// Lets in whom the token names.
pub(crate) async fn admit<C>(
    client: &mut C,
    door: &Arc<Door>,
    token: String,
    peer: SocketAddr,
    parameters: &[(String, String)],
) -> PgWireResult<Session>
where
    C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
    C::Error: std::fmt::Debug,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    let principal = door.authenticator().authenticate(&token).await.map_err(|error| of_auth(&error))?;
    let (pid, secret) = fresh_key(client.protocol_version())?;
    client.set_pid_and_secret_key(pid, secret.clone());
    let registered = door.connections().register(pid, &secret);
    let session = Session::new(Arc::clone(door), token, peer.ip().to_canonical().to_string(), registered);
    apply(&session, parameters)?;
    let mut told = DefaultServerParameterProvider::default();
    told.server_version = format!("{SERVER_VERSION} (Datong {})", env!("CARGO_PKG_VERSION"));
    told.is_superuser = false;
    told.default_transaction_read_only = true;
    told.session_authorization = Some(principal.subject);
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
