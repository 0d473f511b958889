//! `datong token`: a token signed with the site's own key, for sites without an identity service and for tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use auth::TokenIssuer;
use policies::Principal;

use crate::Failure;
use crate::cli::TokenArguments;
use crate::screen::Screen;
use crate::site::{load_config, load_policies, registry};

/// Longest life of a token, in hours.
const HOURS_MAX: u32 = 720;

/// `datong token`.
pub(crate) fn run(config_file: &Path, arguments: &TokenArguments, screen: &Screen) -> Result<(), Failure> {
    let config = load_config(config_file)?;
    let policies = load_policies(&config, &registry(&config)?.relations())?;
    if policies.role(&arguments.role).is_none() {
        let known = policies.roles().map(|role| role.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Failure::usage(
            format!("没有角色 {};可用:{known}", arguments.role),
            format!("no role `{}`; known: {known}", arguments.role),
        ));
    }
    if arguments.hours == 0 || arguments.hours > HOURS_MAX {
        return Err(Failure::usage(
            format!("有效小时数应在 1 到 {HOURS_MAX} 之间"),
            format!("hours have to be from 1 to {HOURS_MAX}"),
        ));
    }
    let Some(key_file) = &config.trust.signing_key_file else {
        return Err(Failure::not_allowed(
            "本站点没有签名密钥(auth.signing_key_file),令牌由身份服务签发",
            "this site has no signing key (auth.signing_key_file); its identity service issues tokens",
        ));
    };
    let issuer = TokenIssuer::load(key_file, config.trust.issuer.clone(), config.trust.audience.clone())
        .map_err(|error| Failure::caused_by("签名密钥不可用", "the signing key cannot be used", &error))?;
    let principal = Principal {
        subject: arguments.subject.clone(),
        role: arguments.role.clone(),
        attributes: attributes(&arguments.attributes)?,
        purpose: arguments.purpose.clone(),
    };
    let life = Duration::from_secs(u64::from(arguments.hours) * 3_600);
    let token = issuer
        .issue(&principal, life)
        .map_err(|error| Failure::caused_by("无法签发令牌", "the token cannot be issued", &error))?;
    screen.line(&token);
    Ok(())
}

/// Attributes as given on the command line.
pub(crate) fn attributes(given: &[String]) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    given
        .iter()
        .map(|attribute| {
            let (name, values) = attribute.split_once('=').ok_or_else(|| {
                Failure::usage(
                    format!("属性应写成 名称=值,值:{attribute}"),
                    format!("an attribute is written name=value,value: {attribute}"),
                )
            })?;
            Ok((name.to_owned(), values.split(',').map(str::to_owned).collect()))
        })
        .collect()
}
