//! Documents that a site signs with its token key: whoever gets one can have it checked, and a changed one is found.

use std::path::Path;

use auth::TokenIssuer;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Failure;
use crate::site::Site;

/// Signs a document. `kind` is part of what is signed, so that one kind is never taken for another.
pub(crate) fn sign(issuer: &TokenIssuer, kind: &str, document: &impl Serialize) -> Result<String, Failure> {
    let Ok(Value::Object(claims)) = serde_json::to_value(document) else {
        return Err(Failure::failed("无法写出文件", "the document cannot be written"));
    };
    let signed = issuer.sign_document(kind, &claims);
    signed.map_err(|error| Failure::caused_by("无法签名", "the document cannot be signed", &error))
}

/// Reads a document of this site; a failure if it is another's, of another kind, or changed.
pub(crate) fn verify<D: DeserializeOwned>(site: &Site, kind: &str, file: &Path) -> Result<D, Failure> {
    let text = std::fs::read_to_string(file)?;
    let forged = || {
        Failure::problems_found(
            "文件不是本站点签发的,或已被改动",
            "the document was not signed by this site, or was changed",
        )
    };
    let claims: Map<String, Value> = issuer(site)?.verify_document(kind, text.trim()).ok_or_else(forged)?;
    serde_json::from_value(Value::Object(claims)).map_err(|_| forged())
}

/// What the site signs with.
pub(crate) fn issuer(site: &Site) -> Result<TokenIssuer, Failure> {
    let trust = &site.config.trust;
    let Some(key_file) = &trust.signing_key_file else {
        return Err(Failure::not_allowed(
            "本站点没有签名密钥(auth.signing_key_file),无法签署",
            "this site has no signing key (auth.signing_key_file) to sign with",
        ));
    };
    TokenIssuer::load(key_file, trust.issuer.clone(), trust.audience.clone())
        .map_err(|error| Failure::caused_by("签名密钥不可用", "the signing key cannot be used", &error))
}
