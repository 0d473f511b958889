//! `datong quarantine fix`: a filled-in form becomes corrections, all of its changed rows or none.

use std::collections::{BTreeMap, HashMap};

use chrono::Utc;
use connectors::{FormRow, ReadLimits, RejectedRow, read_form};
use schemas::Dataset;

use super::arguments::FixArguments;
use super::form::{self, NOT_SHOWN, OWN_HEADINGS};
use super::ledger::{Correction, Ledger, References};
use super::rejects::{dataset_called, latest_receipt, rejected_rows};
use super::trail;
use crate::Failure;
use crate::failure::{chain_of, counted};
use crate::screen::Screen;
use crate::site::Site;

/// Most faults of a form that are told at once.
const FAULTS_TOLD_MAX: usize = 20;

/// What is wrong with a row of the form. Never quotes a cell.
struct FormFault {
    line: u64,
    zh: String,
    en: String,
}

/// A changed row: the rejected row, and what its fields should say.
type Change<'r> = (String, &'r RejectedRow, BTreeMap<String, String>);

/// How many rows a form changed, and how many of these changes were new.
struct Taken {
    n_changed: usize,
    n_kept: u64,
}

pub(super) async fn run(site: &Site, arguments: &FixArguments, screen: &Screen) -> Result<(), Failure> {
    let dataset = dataset_called(site, &arguments.dataset)?;
    let (author, reason) = signed(&arguments.author, &arguments.reason)?;
    let form = read(arguments)?;
    // On record before anything is compared: that a cell is unchanged tells what the row says.
    let trail = trail::begin(site, "fix", author, &dataset.id).await?;
    let taken = take(site, dataset, &form, author, reason).await;
    trail.close(taken.as_ref().map_or(0, |taken| taken.n_kept)).await?;
    let (id, Taken { n_changed, n_kept }) = (&dataset.id, taken?);
    screen.say(
        &format!("改动 {n_changed} 行,登记更正 {n_kept} 条;运行 datong quarantine retry {id} 重新入库"),
        &format!("{n_changed} rows changed, {n_kept} corrections kept; `datong quarantine retry {id}` lands them"),
    );
    screen.remark("该文件含个人信息,用后请删除", "the form holds personal data: delete it when it is no longer needed");
    Ok(())
}

/// Keeps a correction for each changed row, unless anything is wrong with the form.
async fn take(site: &Site, dataset: &Dataset, form: &[FormRow], author: &str, reason: &str) -> Result<Taken, Failure> {
    let rejected = match latest_receipt(site, &dataset.id).await? {
        Some(receipt) => rejected_rows(site, &receipt).await?,
        None => Vec::new(),
    };
    let references = References::of(site);
    let by_reference: HashMap<String, &RejectedRow> = rejected
        .iter()
        .filter(|row| !row.raw_hash.is_empty())
        .map(|row| (references.row(&dataset.id, row), row))
        .collect();
    let changes = changes(dataset, form, &by_reference).map_err(|faults| unsound(&faults))?;
    if changes.is_empty() {
        return Err(Failure::failed("没有任何单元格被改动,未登记更正", "no cell was changed; nothing was kept"));
    }
    let ledger = Ledger::load(site, &dataset.id).await?;
    let in_force = ledger.in_force();
    let mut taken = Taken { n_changed: changes.len(), n_kept: 0 };
    for (reference, row, changed) in changes {
        // The form shows rows as they came: a cell left alone keeps what an earlier correction says.
        let known = in_force.of_reference(&reference).map(|known| &known.texts);
        let mut texts = known.cloned().unwrap_or_default();
        texts.extend(changed);
        if known == Some(&texts) {
            continue;
        }
        let correction = Correction {
            id: String::new(),
            dataset: dataset.id.clone(),
            row: reference,
            revision: 0,
            source_file: row.source_file.clone(),
            sheet: row.sheet.clone(),
            source_row: row.row,
            texts,
            author: author.to_owned(),
            reason: reason.to_owned(),
            made_at: Utc::now(),
        };
        ledger.keep(correction).await?;
        taken.n_kept += 1;
    }
    Ok(taken)
}

/// Author and reason, which every change of the record needs.
pub(super) fn signed<'a>(author: &'a str, reason: &'a str) -> Result<(&'a str, &'a str), Failure> {
    let (author, reason) = (author.trim(), reason.trim());
    if author.is_empty() || reason.is_empty() {
        return Err(Failure::usage("经办人和原因不能为空", "author and reason must not be empty"));
    }
    Ok((author, reason))
}

fn read(arguments: &FixArguments) -> Result<Vec<FormRow>, Failure> {
    let file = &arguments.corrections;
    let limits = ReadLimits::default();
    let shown = file.display();
    let unreadable = |zh: &str, en: &str| {
        Failure::failed(format!("更正文件 {shown} 无法读取:{zh}"), format!("the form {shown} cannot be read: {en}"))
    };
    let described = |error: std::io::Error| unreadable(&error.to_string(), &error.to_string());
    if std::fs::metadata(file).map_err(described)?.len() > limits.in_memory_bytes_max {
        return Err(unreadable("文件过大", "it is too large"));
    }
    let content = std::fs::read(file).map_err(described)?;
    read_form(content, "form", &limits).map_err(|error| unreadable(&error.message_zh(), &chain_of(&error)))
}

fn unsound(faults: &[FormFault]) -> Failure {
    let told = || faults.iter().take(FAULTS_TOLD_MAX);
    let zh: Vec<String> = told().map(|fault| format!("第 {} 行:{}", fault.line, fault.zh)).collect();
    let en: Vec<String> = told().map(|fault| format!("line {}: {}", fault.line, fault.en)).collect();
    Failure::failed(
        format!("更正文件有 {} 处错误,未登记任何更正\n{}", faults.len(), zh.join("\n")),
        format!("{} in the form; nothing was kept\n{}", counted(faults.len(), "fault"), en.join("\n")),
    )
}

/// The changed rows, or everything that is wrong with the form.
fn changes<'r>(
    dataset: &Dataset,
    form: &[FormRow],
    rejected: &HashMap<String, &'r RejectedRow>,
) -> Result<Vec<Change<'r>>, Vec<FormFault>> {
    let Some((head, body)) = form.split_first() else {
        return Err(vec![fault(1, "表为空", "the form is empty")]);
    };
    let columns = Columns::find(dataset, head)?;
    let mut changes: BTreeMap<String, Change<'r>> = BTreeMap::new();
    let mut faults = Vec::new();
    for row in body {
        let reference = row.cells.get(columns.reference).map_or("", |cell| cell.text.trim());
        let Some(original) = rejected.get(reference) else {
            faults.push(fault(
                row.number,
                "行参照不在最近一批被退回的行中",
                "the row reference is not that of a row rejected in the newest batch",
            ));
            continue;
        };
        match columns.texts(row, original) {
            Ok(texts) if texts.is_empty() => {}
            // Rows that say the same have the same reference.
            Ok(texts) if changes.get(reference).is_some_and(|(_, _, before)| *before != texts) => {
                faults.push(fault(row.number, "同一行已有不同的更正", "the same row was changed otherwise before"));
            }
            Ok(texts) => {
                changes.insert(reference.to_owned(), (reference.to_owned(), *original, texts));
            }
            Err(found) => faults.push(found),
        }
    }
    if body.is_empty() {
        faults.push(fault(head.number, "表中没有数据行", "the form has no rows"));
    }
    if faults.is_empty() { Ok(changes.into_values().collect()) } else { Err(faults) }
}

fn fault(line: u64, zh: impl Into<String>, en: impl Into<String>) -> FormFault {
    FormFault { line, zh: zh.into(), en: en.into() }
}

/// Where the form has what.
struct Columns {
    reference: usize,
    /// Column and name of each field.
    fields: Vec<(usize, String)>,
}

impl Columns {
    fn find(dataset: &Dataset, head: &FormRow) -> Result<Self, Vec<FormFault>> {
        let mut reference = None;
        let mut fields: Vec<(usize, String)> = Vec::new();
        let mut faults = Vec::new();
        for (column, cell) in head.cells.iter().enumerate() {
            let heading = cell.text.trim();
            if heading.is_empty() {
                continue;
            }
            if let Some(own) = OWN_HEADINGS.iter().position(|known| *known == heading) {
                reference = reference.or((own == 0).then_some(column));
                continue;
            }
            let field = dataset.fields.iter().find(|field| field.zh == heading || field.name.as_str() == heading);
            // A heading that is none may be a value: only its place is told.
            let place = column + 1;
            match field.map(|field| field.name.to_string()) {
                None => faults.push(fault(
                    head.number,
                    format!("第 {place} 列的表头不是 {} 的字段", dataset.id),
                    format!("the heading of column {place} is no field of {}", dataset.id),
                )),
                Some(name) if fields.iter().any(|(_, known)| *known == name) => faults.push(fault(
                    head.number,
                    format!("第 {place} 列的表头重复"),
                    format!("the heading of column {place} was there before"),
                )),
                Some(name) => fields.push((column, name)),
            }
        }
        if fields.is_empty() && faults.is_empty() {
            faults.push(fault(head.number, "没有业务字段列", "no column is a field of the dataset"));
        }
        match reference {
            Some(reference) if faults.is_empty() => Ok(Self { reference, fields }),
            Some(_) => Err(faults),
            None => {
                let missing = fault(
                    head.number,
                    format!("没有“{}”列", OWN_HEADINGS[0]),
                    format!("there is no column `{}`", OWN_HEADINGS[0]),
                );
                Err(vec![missing])
            }
        }
    }

    /// What the fields should say; nothing if no cell was changed.
    fn texts(&self, row: &FormRow, original: &RejectedRow) -> Result<BTreeMap<String, String>, FormFault> {
        let mut texts = BTreeMap::new();
        let mut is_whole = true;
        let mut any_changed = false;
        for (column, name) in &self.fields {
            let cell = row.cells.get(*column);
            let text = cell.map_or("", |cell| cell.text.as_str());
            let changed = form::is_changed(text, original.text(name));
            if changed && cell.is_some_and(|cell| cell.is_spoilt) {
                let place = column + 1;
                return Err(fault(
                    row.number,
                    format!("第 {place} 列的内容已丢失位数、是公式错误或无法解码,请以文本格式重新填写"),
                    format!("column {place} lost digits, holds a formula error or cannot be decoded; enter it as text"),
                ));
            }
            any_changed |= changed;
            is_whole &= text != NOT_SHOWN;
            if changed || (original.is_faulty_as_a_whole() && text != NOT_SHOWN) {
                texts.insert(name.clone(), form::meant(text));
            }
        }
        if !any_changed {
            return Ok(BTreeMap::new());
        }
        if original.is_faulty_as_a_whole() && !is_whole {
            return Err(fault(
                row.number,
                "该行整行有误,请填写全部字段",
                "the row as a whole is at fault: every field has to be filled in",
            ));
        }
        Ok(texts)
    }
}
