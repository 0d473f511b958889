//! Personal access tokens: made, listed, revoked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use auth::{ClaimNames, Clock, Door, PersonalToken, Scope, SystemClock, TokenId, TokenState};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::{PrincipalArguments, principal};
use crate::Failure;
use crate::config::{Config, DAYS_MAX, door_names, is_plain, parse_tokens, scope_names, write_tokens, written_ms};
use crate::screen::Screen;
use crate::site::{read_text, unsound_file};
use crate::whole_file::edit_private;

/// Days of a token if none are given.
const DAYS: u16 = 90;

/// Arguments of `token create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArguments {
    /// What it is for, for people 名称
    #[arg(long)]
    name: String,
    #[command(flatten)]
    principal: PrincipalArguments,
    /// What it may do; may be given several times. Statements and records if left out 权限范围
    #[arg(long = "scope", value_parser = PossibleValuesParser::new(scope_names()).map(|name| Scope::from_name(&name)))]
    scopes: Vec<Option<Scope>>,
    /// Where it may come in; may be given several times. Everywhere if left out 入口
    #[arg(long = "door", value_parser = PossibleValuesParser::new(door_names()).map(|name| Door::from_name(&name)))]
    doors: Vec<Option<Door>>,
    /// Days it is good for, at most 180 有效天数
    #[arg(long, default_value_t = DAYS, value_parser = clap::value_parser!(u16).range(1..=i64::from(DAYS_MAX)))]
    days: u16,
}

/// `datong token create`.
pub(super) fn create(config: &Config, arguments: &CreateArguments, screen: &Screen) -> Result<(), Failure> {
    let file = tokens_file(config)?;
    let principal = principal(config, &arguments.principal)?;
    let named = [&arguments.name, &principal.subject].into_iter().chain(&principal.purpose);
    if named.into_iter().any(|text| text.trim().is_empty() || !is_plain(text)) {
        return Err(Failure::usage(
            "名称、主体和用途应为 1 到 256 个可见字符",
            "name, subject and purpose have to be 1 to 256 printable characters",
        ));
    }
    let known = ClaimNames::default().attributes;
    if let Some(unknown) = principal.attributes.keys().find(|name| !known.contains(*name)) {
        let known = known.join(", ");
        return Err(Failure::usage(
            format!("没有属性 {unknown};可用:{known}"),
            format!("no attribute `{unknown}`; known: {known}"),
        ));
    }
    // Whole seconds: so it is written.
    let now_ms = SystemClock.now_ms() / 1_000 * 1_000;
    let life = Duration::from_secs(u64::from(arguments.days) * 86_400);
    let (mut token, text) = PersonalToken::create(arguments.name.clone(), principal, now_ms, life)
        .map_err(|error| Failure::caused_by("无法新建令牌", "the token cannot be made", &error))?;
    token.scopes = chosen(&arguments.scopes, &[Scope::RunSql, Scope::ReadData]);
    token.doors = chosen(&arguments.doors, &Door::ALL);
    let (id, expires) = (token.id.clone(), written_ms(token.expires_ms));
    edit_tokens(file, |tokens| {
        tokens.push(token);
        Ok(())
    })?;
    screen.line(&text);
    screen.remark(
        &format!("令牌 {id} 有效至 {expires};只显示这一次,请妥善保存"),
        &format!("token {id} is good until {expires}; it is shown this once, keep it safe"),
    );
    Ok(())
}

fn chosen<T: Copy + Ord>(given: &[Option<T>], default: &[T]) -> BTreeSet<T> {
    let given: BTreeSet<T> = given.iter().copied().flatten().collect();
    if given.is_empty() { default.iter().copied().collect() } else { given }
}

/// `datong token list`.
pub(super) fn list(config: &Config, screen: &Screen) -> Result<(), Failure> {
    let now_ms = SystemClock.now_ms();
    let state = |token: &PersonalToken| match token.state(now_ms) {
        TokenState::Valid => screen.pick("有效", "valid"),
        TokenState::Expired => screen.pick("已过期", "expired"),
        TokenState::Revoked => screen.pick("已撤销", "revoked"),
    };
    let rows: Vec<Vec<String>> = load_tokens(tokens_file(config)?)?
        .iter()
        .map(|token| {
            let scopes = token.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ");
            let doors = token.doors.iter().map(|door| door.name()).collect::<Vec<_>>().join(" ");
            let principal = &token.principal;
            let purpose = principal.purpose.clone().unwrap_or_default();
            let whose = [token.name.clone(), principal.subject.clone(), principal.role.clone(), purpose];
            let until = [scopes, doors, written_ms(token.expires_ms), state(token).to_owned()];
            [token.id.to_string()].into_iter().chain(whose).chain(until).collect()
        })
        .collect();
    screen.table(
        &["id", "name", "subject", "role", "purpose", "scopes", "doors", "expires", "state"]
            .map(|column| screen.pick(column_zh(column), column)),
        &rows,
    );
    Ok(())
}

fn column_zh(column: &'static str) -> &'static str {
    match column {
        "id" => "编号",
        "name" => "名称",
        "subject" => "主体",
        "role" => "角色",
        "purpose" => "用途",
        "scopes" => "权限范围",
        "doors" => "入口",
        "expires" => "有效至",
        _ => "状态",
    }
}

/// `datong token revoke`.
pub(super) fn revoke(config: &Config, id: &str, screen: &Screen) -> Result<(), Failure> {
    let file = tokens_file(config)?;
    let unknown = || Failure::usage("没有这一令牌,见 datong token list", "no such token; see `datong token list`");
    let id = TokenId::parse(id).or_else(|| TokenId::of_user(id)).ok_or_else(unknown)?;
    edit_tokens(file, |tokens| {
        let token = tokens.iter_mut().find(|token| token.id == id).ok_or_else(unknown)?;
        // The first time counts.
        token.revoked_ms.get_or_insert(SystemClock.now_ms() / 1_000 * 1_000);
        Ok(())
    })?;
    screen.say(
        &format!("已撤销令牌 {id},运行中的服务一秒内生效"),
        &format!("token {id} is revoked; running servers follow within a second"),
    );
    Ok(())
}

fn tokens_file(config: &Config) -> Result<&PathBuf, Failure> {
    config.trust.tokens_file.as_ref().ok_or_else(|| {
        Failure::configuration(
            "本站点没有个人访问令牌的文件(auth.tokens_file)",
            "this site has no file of personal access tokens (auth.tokens_file)",
        )
    })
}

/// The tokens of a file.
pub(crate) fn load_tokens(file: &Path) -> Result<Vec<PersonalToken>, Failure> {
    read_tokens(file, &read_text(file)?)
}

/// Reads the text, or tells all its faults.
pub(crate) fn read_tokens(file: &Path, text: &str) -> Result<Vec<PersonalToken>, Failure> {
    parse_tokens(file, text)
        .map_err(|faults| unsound_file("个人访问令牌的文件", "the file of personal access tokens", &faults))
}

fn edit_tokens(file: &Path, edit: impl FnOnce(&mut Vec<PersonalToken>) -> Result<(), Failure>) -> Result<(), Failure> {
    edit_private(file, |text| {
        let mut tokens = read_tokens(file, text)?;
        edit(&mut tokens)?;
        Ok(write_tokens(&tokens))
    })
}
