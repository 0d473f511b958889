//! `datong backup create`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::TryStreamExt;
use lake::{DerivedKey, LakeError, Published, Snapshot};
use schemas::{ColumnName, RelationName};

use super::data_folder::{DataFolder, Piece, is_of_table, still_stands};
use super::format::{Begin, Manifest, PIECE_BYTES};
use super::plan::{Item, Plan, Source, audit_items, audit_states, later_objects};
use super::writer::{ArchiveWriter, exists};
use super::{archive_key, verify};
use crate::Failure;
use crate::progress::Stage;
use crate::screen::{Screen, thousands};
use crate::site::Site;

/// Looks at the site, where purges, publications or new keys overtake the copying.
const ATTEMPTS: usize = 10;
/// Between two looks. What overtook the copying is over soon.
const PAUSE: Duration = Duration::from_secs(1);

/// `datong backup create`.
pub(super) async fn run(config: &Path, out: &Path, screen: &Screen) -> Result<(), Failure> {
    if out.exists() {
        return Err(exists(out));
    }
    let site = Site::open(config).await?;
    let key = archive_key(&site.config.key)?;
    let data = DataFolder::of(&site.config)?;
    let stage = Stage::begin(screen, screen.pick("备份", "backup"), 1);
    let mut writer = ArchiveWriter::open(&part_of(out), &key)?;
    for _ in 0..ATTEMPTS {
        let plan = Plan::make(config, &site, &data).await?;
        writer = prepare(writer, &plan, &key, screen)?;
        let mut copying = Copying { site: &site, data: &data, writer: &mut writer, stage: &stage, total: 0 };
        if let Some(tables) = copying.run(plan).await? {
            let begin = writer.tally().begin().cloned().ok_or_else(moving)?;
            let manifest = writer.complete(tables, out)?;
            drop(stage);
            report(&begin, &manifest, out, screen);
            return Ok(());
        }
        screen.remark(
            "备份期间数据被清除、发布或更换密钥,重新核对",
            "a purge, a publication or a change of keys overtook the copying; looking again",
        );
        tokio::time::sleep(PAUSE).await;
    }
    Err(moving())
}

/// Empties the archive unless it can be gone on with.
fn prepare(writer: ArchiveWriter, plan: &Plan, key: &DerivedKey, screen: &Screen) -> Result<ArchiveWriter, Failure> {
    let tally = writer.tally();
    if tally.begin().is_none() {
        return Ok(writer);
    }
    if plan.can_go_on(tally) {
        let (n, bytes) = (thousands(tally.n_entries()), thousands(tally.bytes()));
        screen.remark(
            &format!("接着上次:已有 {n} 个条目、{bytes} 字节"),
            &format!("going on: {n} entries, {bytes} bytes are there"),
        );
        return Ok(writer);
    }
    screen
        .remark("站点自上次中断后已变化:从头开始", "the site has changed since the archive was begun: beginning anew");
    writer.begin_anew(key)
}

/// The site never stood still for long enough.
pub(super) fn moving() -> Failure {
    Failure::failed(
        "备份期间数据一直在变化,请稍后重试",
        "the data kept changing under the archive; try again when no purge is under way",
    )
}

/// The unfinished archive. It is whole only under its own name.
fn part_of(out: &Path) -> PathBuf {
    let mut name = OsString::from(out);
    name.push(".part");
    name.into()
}

fn report(begin: &Begin, manifest: &Manifest, out: &Path, screen: &Screen) {
    if begin.is_audit_broken() {
        screen.remark(
            "审计链不完整,已按原样备份:请运行 datong doctor",
            "the audit chain is broken and was copied as it is: run `datong doctor`",
        );
    }
    screen.say(&format!("已写入 {}", out.display()), &format!("wrote {}", out.display()));
    verify::print(begin, manifest, screen);
}

/// One attempt to fill an archive.
struct Copying<'a> {
    site: &'a Site,
    data: &'a DataFolder,
    writer: &'a mut ArchiveWriter,
    stage: &'a Stage,
    /// Bytes there are to copy, for the progress bar.
    total: u64,
}

impl Copying<'_> {
    /// Copies what is not there yet, and counts the rows of the tables. Nothing if something was overtaken.
    async fn run(&mut self, plan: Plan) -> Result<Option<BTreeMap<String, u64>>, Failure> {
        if let Some(manifest) = self.writer.tally().manifest() {
            return Ok(Some(manifest.tables.clone()));
        }
        let audit = match self.writer.tally().begin() {
            Some(begin) => begin.audit.clone(),
            None => self.writer.begin(plan.begin(audit_states(self.site)?))?,
        };
        let audit = audit_items(self.site, &audit);
        self.total = plan.listing.values().map(|listed| listed.bytes).sum::<u64>()
            + audit.iter().map(|item| item.entry.bytes).sum::<u64>();
        let begun = later_objects(&plan.listing, plan.version());
        if !self.finish_open(plan.early.iter().chain(&begun).chain(&audit)).await?
            || !self.copy_all(&plan.early).await?
        {
            return Ok(None);
        }
        // What was copied so far is of one version only if that one is still the published one.
        let pointer = self.data.pointer().await?.map(|pointer| pointer.stamp);
        let listing = self.data.list().await?;
        if pointer != plan.pointer_stamp || !still_stands(&plan.listing, &listing) {
            return Ok(None);
        }
        let later = later_objects(&listing, plan.version());
        if !self.copy_all(&later).await? || !self.copy_all(&audit).await? {
            return Ok(None);
        }
        self.writer.flush()?;
        let tables = self.rows_of_tables(plan.published.as_ref()).await;
        if !still_stands(&listing, &self.data.list().await?) || !self.can_be_opened(plan.version()).await? {
            return Ok(None);
        }
        tables.map(Some)
    }

    /// An entry that an earlier run left unfinished comes first.
    async fn finish_open(&mut self, items: impl Iterator<Item = &Item>) -> Result<bool, Failure> {
        let Some((open, _)) = self.writer.tally().open() else { return Ok(true) };
        let open = open.clone();
        for item in items {
            if item.entry == open {
                return self.copy_item(item).await;
            }
        }
        Ok(false)
    }

    async fn copy_all(&mut self, items: &[Item]) -> Result<bool, Failure> {
        for item in items {
            if !self.writer.tally().whole().contains_key(&item.entry.name) && !self.copy_item(item).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Copies one entry, or the rest of it. False if it is not what it was any more; a table's file that went before it was
    /// begun is left out: whether anybody needed it shows in the end.
    async fn copy_item(&mut self, item: &Item) -> Result<bool, Failure> {
        let Item { entry, source } = item;
        let mut at = self.writer.tally().open().map_or(0, |(_, bytes)| bytes);
        while at < entry.bytes {
            let to = entry.bytes.min(at + PIECE_BYTES);
            let is_begun = self.writer.tally().open().is_some();
            let piece = match self.piece(source, &entry.stamp, at, to).await? {
                Piece::Bytes(piece) => piece,
                Piece::Gone => return Ok(!is_begun && matches!(source, Source::Object(name) if is_of_table(name))),
                Piece::Changed => return Ok(false),
            };
            self.writer.enter(entry)?;
            self.writer.piece(piece)?;
            at = to;
            self.stage.set(self.writer.tally().bytes() + at, self.total);
        }
        self.writer.enter(entry)?;
        self.writer.end()?;
        Ok(true)
    }

    async fn piece(&self, source: &Source, stamp: &str, from: u64, to: u64) -> Result<Piece, Failure> {
        match source {
            Source::Bytes(bytes) => {
                let range = usize::try_from(from).unwrap_or(usize::MAX)..usize::try_from(to).unwrap_or(usize::MAX);
                Ok(bytes.get(range).map_or(Piece::Changed, |piece| Piece::Bytes(piece.to_vec())))
            }
            Source::Object(name) => self.data.piece(name, stamp, from, to).await,
            Source::File(file) => {
                let mut file = File::open(file)?;
                file.seek(SeekFrom::Start(from))?;
                let mut piece = Vec::new();
                let n_read = file.take(to - from).read_to_end(&mut piece)? as u64;
                Ok(if n_read == to - from { Piece::Bytes(piece) } else { Piece::Changed })
            }
        }
    }

    async fn can_be_opened(&self, version: Option<u64>) -> Result<bool, Failure> {
        let Some(version) = version else { return Ok(true) };
        match self.site.lake.published_at_version(version).await {
            Ok(_) => Ok(true),
            Err(LakeError::NoSuchVersion { .. }) => Ok(false),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// Rows of each table, for a rehearsal to compare. One column is enough to count.
    async fn rows_of_tables(&self, published: Option<&Published>) -> Result<BTreeMap<String, u64>, Failure> {
        let mut tables = BTreeMap::new();
        let Some(published) = published else { return Ok(tables) };
        let snapshot = self.site.lake.snapshot(published);
        for relation in published.tables.keys() {
            let schema = snapshot.schema(relation).await.map_err(|error| unreadable(&error))?;
            let first = schema.fields().first().and_then(|field| ColumnName::try_from(field.name().as_str()).ok());
            let rows = count_rows(&snapshot, relation, first.as_slice()).await?;
            tables.insert(relation.to_string(), rows);
        }
        Ok(tables)
    }
}

/// Reads these columns of a table to their end, all of them if none are named, and counts the rows.
pub(super) async fn count_rows(
    snapshot: &Snapshot,
    relation: &RelationName,
    columns: &[ColumnName],
) -> Result<u64, Failure> {
    let columns = (!columns.is_empty()).then_some(columns);
    let mut batches = snapshot.stream(relation, columns).await.map_err(|error| unreadable(&error))?;
    let mut rows = 0;
    while let Some(batch) = batches.try_next().await.map_err(|error| unreadable(&error))? {
        rows += batch.num_rows() as u64;
    }
    Ok(rows)
}

fn unreadable(error: &LakeError) -> Failure {
    Failure::caused_by("表无法读取", "a table cannot be read", error)
}
