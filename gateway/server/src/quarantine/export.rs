//! `datong quarantine export`: rejected rows go back to their department, as far as the holder of a token may see them.
//!
//! A rejected row has no typed values that a policy could mask. A cell is therefore written as it came, or not at all.

mod disclosure;
mod write;

use std::io::Write;
use std::path::Path;

use audit::Outcome;
use connectors::RejectedRow;
use policies::Principal;
use schemas::Dataset;

use self::disclosure::Disclosure;
use self::write::Layout;
use super::arguments::ExportArguments;
use super::form::headings;
use super::ledger::References;
use super::rejects::{dataset_called, latest_receipt, rejected_rows};
use super::trail;
use crate::access::load_withdrawn;
use crate::screen::Screen;
use crate::site::Site;
use crate::{Failure, serve, sql};

pub(super) async fn run(site: &Site, arguments: &ExportArguments, screen: &Screen) -> Result<(), Failure> {
    let dataset = dataset_called(site, &arguments.dataset)?;
    let layout = Layout::of_name(&arguments.out)?;
    check_place(site, &arguments.out)?;
    let principal = principal(site, arguments.token_file.as_deref()).await?;
    let disclosure = match Disclosure::decide(site, &principal, dataset) {
        Ok(disclosure) => disclosure,
        Err(refusal) => {
            let event = disclosure::denied(site, &principal, dataset, refusal.code);
            trail::record(site, event).await?.close(0).await?;
            return Err(refusal.failure);
        }
    };
    let Some(receipt) = latest_receipt(site, &dataset.id).await? else {
        screen.say("该数据集还没有接入过", "this dataset was never pulled");
        return Ok(());
    };
    let rejected = rejected_rows(site, &receipt).await?;
    let wanted = |row: &&RejectedRow| arguments.rule.as_ref().is_none_or(|rule| row.rule == *rule);
    let rows: Vec<&RejectedRow> = rejected.iter().filter(wanted).collect();
    if rows.is_empty() {
        screen.say("没有符合条件的被退回的行", "no rejected row to write");
        return Ok(());
    }
    let trail = trail::record(site, disclosure.event(site, &principal, dataset)).await?;
    let text = layout.encode(&headings(dataset), &cells(site, dataset, &disclosure, &rows, screen))?;
    write_new(&arguments.out, &text)?;
    let (n_rows, n_bytes) = (rows.len() as u64, text.len() as u64);
    trail.end(Outcome { rows: n_rows, bytes: n_bytes, ..Outcome::default() }).await?;
    let shown = arguments.out.display();
    screen.say(&format!("已导出 {n_rows} 行到 {shown}"), &format!("{n_rows} rows written to {shown}"));
    let hidden = disclosure.hidden_fields();
    if !hidden.is_empty() {
        let list = hidden.join(", ");
        screen.remark(
            &format!("当前账号无权查看、写为 *** 的字段:{list}"),
            &format!("fields this account may not see, written as ***: {list}"),
        );
    }
    screen.remark(
        "该文件是明文,含个人信息,请按规定传递并及时删除",
        "the file is plain text with personal data: pass it on as the rules say, and delete it in time",
    );
    Ok(())
}

/// Who holds the token, if that is still somebody.
async fn principal(site: &Site, token_file: Option<&Path>) -> Result<Principal, Failure> {
    let token = sql::token(token_file)?;
    let found = serve::authenticator(site)?.authenticate(token.trim()).await;
    let principal =
        found.map_err(|error| Failure::not_allowed(error.client_message_zh(), error.client_message_en()))?;
    let withdrawn = match &site.config.trust.withdrawn_file {
        Some(file) => load_withdrawn(file)?,
        None => Vec::new(),
    };
    if withdrawn.iter().any(|entry| entry.subject == principal.subject) {
        return Err(Failure::not_allowed("该主体的权限已被收回", "access of this subject is withdrawn"));
    }
    Ok(principal)
}

/// Nothing in clear may lie where everything is sealed, and no file is written over.
fn check_place(site: &Site, out: &Path) -> Result<(), Failure> {
    if out.exists() {
        return Err(Failure::failed("输出文件已存在", "the file exists already"));
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let folder = folder
        .canonicalize()
        .map_err(|error| Failure::caused_by("输出目录不可用", "the folder of the file cannot be used", &error))?;
    let data = site.config.data_folder.canonicalize().unwrap_or_else(|_| site.config.data_folder.clone());
    if folder.starts_with(data) {
        return Err(Failure::usage(
            "不能把明文写入数据目录,请另选位置",
            "plain text does not belong into the data folder; choose another place",
        ));
    }
    Ok(())
}

fn cells(
    site: &Site,
    dataset: &Dataset,
    disclosure: &Disclosure,
    rows: &[&RejectedRow],
    screen: &Screen,
) -> Vec<Vec<String>> {
    let references = References::of(site);
    let one = |row: &&RejectedRow| {
        let mut cells = vec![
            references.row(&dataset.id, row),
            row.source_file.clone(),
            row.sheet.clone().unwrap_or_default(),
            row.row.to_string(),
            row.rule.clone(),
            row.field.clone().unwrap_or_default(),
            screen.pick(&row.hint_zh, &row.hint_en).to_owned(),
        ];
        cells.extend(dataset.fields.iter().map(|field| disclosure.cell(row, field.name.as_str()).to_owned()));
        cells
    };
    rows.iter().map(one).collect()
}

/// Writes a file that was not there, for its owner only.
fn write_new(out: &Path, text: &[u8]) -> Result<(), Failure> {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(out).and_then(|mut file| file.write_all(text).and_then(|()| file.sync_all()));
    written.map_err(|error| Failure::caused_by("文件无法写入", "the file cannot be written", &error))
}
