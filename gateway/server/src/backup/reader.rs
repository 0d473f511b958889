//! Reading an archive from its beginning to its end, everything checked on the way.

use std::path::Path;

use lake::{DerivedKey, SealedLogReader};

use super::format::{Begin, Entry, Manifest, Record};
use super::tally::Tally;
use super::{LABEL, sealed_failure};
use crate::Failure;
use crate::progress::Stage;
use crate::screen::Screen;

/// Where the entries of an archive go. Each call comes after the record it is about was checked.
pub(super) trait Sink {
    fn entry(&mut self, entry: &Entry) -> Result<(), Failure>;
    fn piece(&mut self, bytes: &[u8]) -> Result<(), Failure>;
    fn end(&mut self) -> Result<(), Failure>;
}

/// Keeps nothing.
pub(super) struct Nowhere;

impl Sink for Nowhere {
    fn entry(&mut self, _entry: &Entry) -> Result<(), Failure> {
        Ok(())
    }

    fn piece(&mut self, _bytes: &[u8]) -> Result<(), Failure> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Reads `file` into `sink`. Only when this returns is it certain that all of it was there, and nothing else.
pub(super) fn read_archive(
    file: &Path,
    key: &DerivedKey,
    sink: &mut dyn Sink,
    screen: &Screen,
) -> Result<(Begin, Manifest), Failure> {
    let stage = Stage::begin(screen, screen.pick("读取备份", "reading the archive"), 1);
    let total = std::fs::metadata(file).map_err(|error| sealed_failure(file, &error.into()))?.len();
    let mut records = SealedLogReader::open_labelled(file, LABEL, key).map_err(|error| sealed_failure(file, &error))?;
    let mut tally = Tally::default();
    while let Some(record) = records.next() {
        let record = Record::decode(&record.map_err(|error| sealed_failure(file, &error))?)?;
        tally.take(&record)?;
        match &record {
            Record::Entry(entry) => sink.entry(entry)?,
            Record::Piece(bytes) => sink.piece(bytes)?,
            Record::End(_) => sink.end()?,
            Record::Begin(_) | Record::Manifest(_) => {}
        }
        stage.set(records.position(), total);
    }
    match (tally.begin(), tally.manifest(), records.bytes_left()) {
        (Some(begin), Some(manifest), 0) => Ok((begin.clone(), manifest.clone())),
        (_, None, _) => Err(incomplete(file, &tally)),
        _ => Err(Failure::failed(
            format!("{} 末尾有多余内容", file.display()),
            format!("{} goes on after the end of the archive", file.display()),
        )),
    }
}

fn incomplete(file: &Path, tally: &Tally) -> Failure {
    let (shown, n) = (file.display(), tally.n_entries());
    Failure::failed(
        format!("{shown} 不完整:{n} 个条目之后没有结尾"),
        format!("{shown} is incomplete: no end after {n} entries"),
    )
}
