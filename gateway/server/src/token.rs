//! `datong token`: access tokens of this site. Those it signs say all about their holder and cannot be taken back one by one;
//! personal ones are kept, by hashes of their secrets, and can.

mod personal;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use auth::TokenIssuer;
use clap::{Args, Subcommand};
use policies::Principal;

use self::personal::{CreateArguments, create, list, revoke};
pub(crate) use self::personal::{load_tokens, read_tokens};
use crate::Failure;
use crate::config::{Config, attribute};
use crate::screen::Screen;
use crate::site::{load_config, load_policies, registry};

/// Longest life of a signed token, in hours.
const HOURS_MAX: u32 = 720;

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Sign a short-lived token with the site's own key 签发短期令牌
    #[command(
        after_help = "Example 示例:\n  datong token issue --subject li --role grid_worker --attribute grids=990100001001001"
    )]
    Issue(IssueArguments),
    /// Make a personal access token; it is shown once 新建个人访问令牌,仅显示一次
    #[command(after_help = "Example 示例:\n  datong token create --name 日报 --subject li --role grid_worker \
                      --attribute grids=990100001001001 --scope sql:run --door pg > li.token")]
    Create(CreateArguments),
    /// Personal access tokens: whose, what for, until when 列出个人访问令牌
    List,
    /// Revoke a personal access token, at once and on every running server 撤销个人访问令牌
    Revoke {
        /// Its id, as `list` shows it 令牌编号
        id: String,
    },
}

/// Whom a token names.
#[derive(Debug, Args)]
pub(crate) struct PrincipalArguments {
    /// Who it is for 主体
    #[arg(long)]
    pub(crate) subject: String,
    /// Role 角色
    #[arg(long)]
    pub(crate) role: String,
    /// Attribute `name=value[,value]`; may be given several times 属性
    #[arg(long = "attribute", value_name = "NAME=VALUES")]
    pub(crate) attributes: Vec<String>,
    /// Purpose 用途
    #[arg(long)]
    pub(crate) purpose: Option<String>,
}

/// Arguments of `token issue`.
#[derive(Debug, Args)]
pub(crate) struct IssueArguments {
    #[command(flatten)]
    principal: PrincipalArguments,
    /// Hours it is good for, at most 720 有效小时数
    #[arg(long, default_value_t = 8)]
    hours: u32,
}

/// `datong token`.
pub(crate) fn run(config_file: &Path, command: &TokenCommand, screen: &Screen) -> Result<(), Failure> {
    let config = load_config(config_file)?;
    match command {
        TokenCommand::Issue(arguments) => issue(&config, arguments, screen),
        TokenCommand::Create(arguments) => create(&config, arguments, screen),
        TokenCommand::List => list(&config, screen),
        TokenCommand::Revoke { id } => revoke(&config, id, screen),
    }
}

fn issue(config: &Config, arguments: &IssueArguments, screen: &Screen) -> Result<(), Failure> {
    let principal = principal(config, &arguments.principal)?;
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
    let life = Duration::from_secs(u64::from(arguments.hours) * 3_600);
    let token = issuer
        .issue(&principal, life)
        .map_err(|error| Failure::caused_by("无法签发令牌", "the token cannot be issued", &error))?;
    screen.line(&token);
    Ok(())
}

/// The principal that is meant; its role is one of the policies in force.
fn principal(config: &Config, arguments: &PrincipalArguments) -> Result<Principal, Failure> {
    let policies = load_policies(config, &registry(config)?.relations())?;
    if policies.role(&arguments.role).is_none() {
        let known = policies.roles().map(|role| role.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Failure::usage(
            format!("没有角色 {};可用:{known}", arguments.role),
            format!("no role `{}`; known: {known}", arguments.role),
        ));
    }
    Ok(Principal {
        subject: arguments.subject.clone(),
        role: arguments.role.clone(),
        attributes: attributes(&arguments.attributes)?,
        purpose: arguments.purpose.clone(),
    })
}

/// Attributes as given on the command line.
pub(crate) fn attributes(given: &[String]) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    given
        .iter()
        .map(|text| {
            attribute(text).ok_or_else(|| {
                Failure::usage(
                    format!("属性应写成 名称=值,值:{text}"),
                    format!("an attribute is written name=value,value: {text}"),
                )
            })
        })
        .collect()
}
