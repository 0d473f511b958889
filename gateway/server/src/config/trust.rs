//! `[auth]`: whom to trust to say who somebody is.

use std::path::PathBuf;

use super::Reading;
use super::reader::Section;

/// Whom to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrustConfig {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) keys: auth::KeySource,
    /// The key `datong token issue` signs with.
    pub(crate) signing_key_file: Option<PathBuf>,
    /// Subjects whose access is withdrawn; followed while serving.
    pub(crate) withdrawn_file: Option<PathBuf>,
    /// Personal access tokens; followed while serving.
    pub(crate) tokens_file: Option<PathBuf>,
}

impl Reading<'_, '_> {
    pub(super) fn trust(&mut self, top: &Section) -> Option<TrustConfig> {
        let section = self.document.required_section(top, "auth")?;
        let issuer = self.document.required_text(&section, "issuer");
        let audience = self.document.required_text(&section, "audience");
        let file = self.document.text(&section, "jwks_file");
        let url = self.document.text(&section, "jwks_url");
        let signing_key_file = self.document.text(&section, "signing_key_file");
        let withdrawn_file = self.document.text(&section, "withdrawn_file");
        let tokens_file = self.document.text(&section, "tokens_file");
        let known =
            ["issuer", "audience", "jwks_file", "jwks_url", "signing_key_file", "withdrawn_file", "tokens_file"];
        self.document.close(&section, &known);
        let keys = match (self.path(file), url) {
            (Some(file), None) => Some(auth::KeySource::File(file)),
            (None, Some(url)) => self.key_url(&section, &url),
            _ => {
                self.document.fault_in(
                    &section,
                    "jwks_file 与 jwks_url 必须且只能给出一个",
                    "exactly one of jwks_file and jwks_url has to be given",
                );
                None
            }
        };
        Some(TrustConfig {
            issuer: issuer?,
            audience: audience?,
            keys: keys?,
            signing_key_file: self.path(signing_key_file),
            withdrawn_file: self.path(withdrawn_file),
            tokens_file: self.path(tokens_file),
        })
    }

    fn key_url(&mut self, section: &Section, url: &str) -> Option<auth::KeySource> {
        match url::Url::parse(url) {
            Ok(url) => Some(auth::KeySource::Url(url)),
            Err(_) => {
                self.document.fault_at(section, "jwks_url", "不是有效的网址", "is no URL");
                None
            }
        }
    }
}
