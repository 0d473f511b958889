//! Who can open the key ring: a key in a file, a credential in the environment, or a key service.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::AsyncWriteExt;
use zeroize::Zeroizing;

use crate::key::{DerivedKey, KeyError, MasterKey};
use crate::suite::{KEY_BYTES, NONCE_BYTES, Suite, TAG_BYTES, suite_of};

/// How long a key command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// More than any wrapped key has.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// A key-encryption key, wherever it is kept: it need not leave its module. It is asked twice when a key ring is opened, and
/// twice when one is made or wrapped anew.
#[async_trait]
pub trait KeyEncryption: Send + Sync + fmt::Debug {
    /// Its public name, kept beside what it wrapped.
    ///
    /// # Errors
    /// [`KeyError`] if the key cannot be had.
    async fn name(&self) -> Result<String, KeyError>;

    /// Encrypts `secret` so that it opens only together with `context`.
    ///
    /// # Errors
    /// [`KeyError`] if the key cannot be had.
    async fn wrap(&self, suite: Suite, secret: &[u8; KEY_BYTES], context: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// The secret, or nothing if it was wrapped by another key, in another context, or changed.
    ///
    /// # Errors
    /// [`KeyError`] if the key cannot be had.
    async fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<Option<Zeroizing<[u8; KEY_BYTES]>>, KeyError>;

    /// The file that holds it, with links resolved, if it is one. A data folder refuses a key inside itself.
    fn origin(&self) -> Option<PathBuf> {
        None
    }
}

#[async_trait]
impl KeyEncryption for MasterKey {
    async fn name(&self) -> Result<String, KeyError> {
        let name = self.derive("key-encryption key name");
        Ok(hex::encode(name.as_bytes().first_chunk::<8>().unwrap_or(&[0; 8])))
    }

    async fn wrap(&self, suite: Suite, secret: &[u8; KEY_BYTES], context: &[u8]) -> Result<Vec<u8>, KeyError> {
        wrap(&self.derive_in(suite, "wrap"), secret, context)
    }

    async fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<Option<Zeroizing<[u8; KEY_BYTES]>>, KeyError> {
        let suite = wrapped.first().and_then(|id| suite_of(*id));
        Ok(suite.and_then(|suite| unwrap(&self.derive_in(suite, "wrap"), wrapped, context)))
    }

    fn origin(&self) -> Option<PathBuf> {
        self.origin.clone()
    }
}

/// A [`MasterKey`] that is read from its file whenever it is needed, so that it is in memory for moments only, and a file that
/// was replaced counts at once.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
    origin: PathBuf,
}

impl KeyFile {
    /// The key in this file.
    ///
    /// # Errors
    /// As [`MasterKey::load`].
    pub fn new(path: &Path) -> Result<Self, KeyError> {
        let origin = MasterKey::load(path)?.origin.unwrap_or_else(|| path.to_owned());
        Ok(Self { path: path.to_owned(), origin })
    }
}

#[async_trait]
impl KeyEncryption for KeyFile {
    async fn name(&self) -> Result<String, KeyError> {
        MasterKey::load(&self.path)?.name().await
    }

    async fn wrap(&self, suite: Suite, secret: &[u8; KEY_BYTES], context: &[u8]) -> Result<Vec<u8>, KeyError> {
        MasterKey::load(&self.path)?.wrap(suite, secret, context).await
    }

    async fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<Option<Zeroizing<[u8; KEY_BYTES]>>, KeyError> {
        MasterKey::load(&self.path)?.unwrap(wrapped, context).await
    }

    fn origin(&self) -> Option<PathBuf> {
        Some(self.origin.clone())
    }
}

/// A key service (a hardware module through PKCS#11, a cloud's key management) behind a program: it is run with `wrap` or
/// `unwrap` as its last argument, is given one line of JSON, `{"context": BASE64, "data": BASE64}`, and has to answer
/// `{"data": BASE64}` and exit code 0.
#[derive(Debug, Clone)]
pub struct KeyCommand {
    program: String,
    arguments: Vec<String>,
}

#[derive(serde::Deserialize, zeroize::ZeroizeOnDrop)]
struct Answer {
    data: String,
}

impl KeyCommand {
    /// That program with these arguments before the verb.
    #[must_use]
    pub fn new(program: impl Into<String>, arguments: Vec<String>) -> Self {
        Self { program: program.into(), arguments }
    }

    fn failed(&self, problem: impl fmt::Display) -> KeyError {
        KeyError::Command { program: self.program.clone(), problem: problem.to_string() }
    }

    /// Nothing if the program refuses, by an exit code of its own.
    async fn run(&self, verb: &str, data: &[u8], context: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        let encoded = Zeroizing::new(STANDARD.encode(data));
        let line = serde_json::json!({ "context": STANDARD.encode(context), "data": encoded.as_str() });
        let line = Zeroizing::new(format!("{line}\n"));
        let mut command = tokio::process::Command::new(&self.program);
        command.args(&self.arguments).arg(verb).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| self.failed(error.kind()))?;
        let stdin = child.stdin.take();
        let talk = async {
            if let Some(mut stdin) = stdin {
                // A program that does not read what it is told shows by its answer.
                let _unused = stdin.write_all(line.as_bytes()).await;
            }
            child.wait_with_output().await
        };
        let output = tokio::time::timeout(COMMAND_TIMEOUT, talk).await;
        let output =
            output.map_err(|_| self.failed("no answer in 30 s"))?.map_err(|error| self.failed(error.kind()))?;
        let answer = Zeroizing::new(output.stdout);
        if !output.status.success() {
            return Ok(None);
        }
        if answer.len() > ANSWER_BYTES_MAX {
            return Err(self.failed("the answer is too long"));
        }
        let answer: Answer = serde_json::from_slice(&answer).map_err(|_| self.failed("the answer is no JSON"))?;
        let data = STANDARD.decode(answer.data.as_bytes()).map_err(|_| self.failed("the answer is no base64"))?;
        Ok(Some(Zeroizing::new(data)))
    }
}

#[async_trait]
impl KeyEncryption for KeyCommand {
    async fn name(&self) -> Result<String, KeyError> {
        Ok(self.program.rsplit('/').next().unwrap_or_default().to_owned())
    }

    async fn wrap(&self, _suite: Suite, secret: &[u8; KEY_BYTES], context: &[u8]) -> Result<Vec<u8>, KeyError> {
        let wrapped =
            self.run("wrap", secret, context).await?.ok_or_else(|| self.failed("it refused to wrap a key"))?;
        // A service that gives back what it was given would put the secret on the disk.
        if wrapped.windows(KEY_BYTES).any(|part| part == secret.as_slice()) {
            return Err(self.failed("what it calls wrapped holds the key in clear"));
        }
        Ok(wrapped.to_vec())
    }

    async fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<Option<Zeroizing<[u8; KEY_BYTES]>>, KeyError> {
        let Some(secret) = self.run("unwrap", wrapped, context).await? else { return Ok(None) };
        let secret: [u8; KEY_BYTES] =
            secret.as_slice().try_into().map_err(|_| self.failed("the answer is no key of 32 bytes"))?;
        Ok(Some(Zeroizing::new(secret)))
    }
}

/// `suite(1) nonce(12) ciphertext(32) tag(16)`, under `key`.
pub(crate) fn wrap(key: &DerivedKey, secret: &[u8; KEY_BYTES], context: &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|source| KeyError::NoRandom { source })?;
    let mut text = Zeroizing::new(*secret);
    let sealed = key.suite().cipher(key.as_bytes()).seal(&nonce, context, text.as_mut_slice());
    let tag = sealed.ok_or(KeyError::RingChanged)?;
    Ok([&[key.suite().id()], nonce.as_slice(), text.as_slice(), &tag].concat())
}

/// What [`wrap`] wrapped under the same key in the same context.
pub(crate) fn unwrap(key: &DerivedKey, wrapped: &[u8], context: &[u8]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let ([suite], rest) = wrapped.split_first_chunk()?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>()?;
    let (text, rest) = rest.split_first_chunk::<KEY_BYTES>()?;
    let tag: &[u8; TAG_BYTES] = rest.try_into().ok()?;
    let mut secret = Zeroizing::new(*text);
    let opened = *suite == key.suite().id()
        && key.suite().cipher(key.as_bytes()).open(nonce, context, secret.as_mut_slice(), tag);
    opened.then_some(secret)
}

#[cfg(test)]
mod tests;
