//! `datong init`: a new site with keys of its own.

use std::path::Path;

use auth::TokenIssuer;
use lake::MasterKey;
use policies::PolicySet;

use crate::Failure;
use crate::cli::InitArguments;
use crate::config::{write_tokens, write_withdrawn};
use crate::screen::Screen;
use crate::whole_file::create_private;

/// Issuer and audience of tokens that a site signs itself.
pub(crate) const LOCAL_ISSUER: &str = "urn:datong:local";
pub(crate) const AUDIENCE: &str = "datong";

/// The sources of a new site, each a folder of exports: five departments, and the sensitive lists.
pub(crate) const SOURCES: [&str; 6] = ["police", "civil", "health", "housing", "grid", "sensitive"];

const TEMPLATE: &str = r#"# Datong 打通: configuration of one site. 站点配置
# Paths are relative to this file. 路径相对于本文件.  Check it with: datong check

[server]
listen = "127.0.0.1:8600"          # off loopback TLS is needed 对外监听必须启用 TLS
pg_listen = "127.0.0.1:8601"       # psql, DBeaver, Excel; leave out for none 供 PostgreSQL 客户端使用,可删除
flight_listen = "127.0.0.1:8602"   # Flight SQL: ADBC, JDBC; leave out for none 可删除
# tls_certificate = "tls/cert.pem"
# tls_private_key = "tls/key.pem"

[data]
folder = "data"                     # everything in it is sealed 目录内全部加密
key_file = "keys/datong.key"        # keep a copy elsewhere; without it nothing can be read 请另行备份

[auth]
issuer = "urn:datong:local"
audience = "datong"
jwks_file = "keys/jwks.json"        # or jwks_url = "https://…" of your identity service 或身份服务地址
signing_key_file = "keys/token.pem" # for `datong token issue` only
withdrawn_file = "withdrawn.toml"   # datong access withdraw SUBJECT 收回权限
tokens_file = "tokens.toml"         # datong token create | list | revoke 个人访问令牌

[policies]
file = "policies.toml"              # who sees what; followed while serving 谁能看到什么,运行中自动生效

[retention]
days = 30                           # versions replaced within so many days are kept 保留天数
versions = 3                        # and at least so many of the newest 至少保留的版本数
certificates = "certificates"       # signed certificates of what was purged 清除证明

# One block for each place exports come from. 每个来源一段
[[source]]
name = "police"
url = "exports/police"              # a folder, file:// or s3://bucket/prefix
datasets = ["police.resident", "police.floating", "police.incident"]
reject_share = 0.05

[[source]]
name = "civil"
url = "exports/civil"
datasets = ["civil.subsistence", "civil.disability", "civil.marriage", "civil.elder_allowance"]

[[source]]
name = "health"
url = "exports/health"
datasets = ["health.archive", "health.chronic_visit", "health.vaccination"]

[[source]]
name = "housing"
url = "exports/housing"
datasets = ["housing.property", "housing.lease", "housing.repair"]

[[source]]
name = "grid"
url = "exports/grid"
datasets = ["grid.grid", "grid.event"]

# Lists that nobody sees unless a policy says so; each under keys of its own. 敏感名单:策略未写明则任何人不可见,各自单独加密
[[source]]
name = "sensitive"
url = "exports/sensitive"
datasets = ["sensitive.hiv", "sensitive.mental_disorder", "sensitive.offender"]
"#;

/// `datong init`.
pub(crate) fn run(arguments: &InitArguments, screen: &Screen) -> Result<(), Failure> {
    let folder = &arguments.dir;
    let config = folder.join("datong.toml");
    if config.exists() {
        return Err(Failure::usage(
            format!("{} 已存在,不会覆盖", config.display()),
            format!("{} exists already and is left alone", config.display()),
        ));
    }
    for source in SOURCES {
        std::fs::create_dir_all(folder.join("exports").join(source))?;
    }
    make_keys(&folder.join("keys"))?;
    for (name, text) in [("policies.toml", PolicySet::shipped_text()), ("withdrawn.toml", &write_withdrawn(&[]))] {
        let file = folder.join(name);
        if !file.exists() {
            std::fs::write(&file, text)?;
        }
    }
    let tokens = folder.join("tokens.toml");
    if !tokens.exists() {
        create_private(&tokens, &write_tokens(&[]))?;
    }
    std::fs::write(&config, TEMPLATE)?;
    screen.say(
        &format!(
            "已生成 {}\n下一步:把各部门导出放入 exports/,然后运行 datong --config {} check",
            config.display(),
            config.display()
        ),
        &format!(
            "wrote {}\nnext: put the exports into exports/, then run datong --config {} check",
            config.display(),
            config.display()
        ),
    );
    Ok(())
}

/// Makes the data key, the token signing key and the public key set in a folder, keeping what is already there.
pub(crate) fn make_keys(folder: &Path) -> Result<TokenIssuer, Failure> {
    std::fs::create_dir_all(folder)?;
    let data_key = folder.join("datong.key");
    if !data_key.exists() {
        MasterKey::create(&data_key)
            .map_err(|error| Failure::caused_by("无法生成密钥", "a key cannot be made", &error))?;
    }
    let issuer = TokenIssuer::load_or_create(&folder.join("token.pem"), LOCAL_ISSUER, AUDIENCE)
        .map_err(|error| Failure::caused_by("无法生成签名密钥", "a signing key cannot be made", &error))?;
    std::fs::write(folder.join("jwks.json"), issuer.jwks_json())?;
    Ok(issuer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_configuration_is_sound() {
        crate::config::Config::parse("datong.toml", TEMPLATE, Path::new(".")).unwrap();
    }
}
