//! The truth beside the exports: who and which flat each usable record is about, and which rows must be rejected.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use crate::error::CityError;
use crate::export::Record;

/// The four truth files, open.
#[derive(Debug)]
pub(crate) struct Truth {
    person: TruthFile,
    house: TruthFile,
    rejects: TruthFile,
    /// Of the sensitive lists, which belong to nobody's records.
    sensitive: TruthFile,
}

impl Truth {
    pub(crate) fn create(out: &Path) -> Result<Self, CityError> {
        let folder = out.join("truth");
        std::fs::create_dir_all(&folder).map_err(CityError::write(&folder))?;
        Ok(Self {
            person: TruthFile::create(folder.join("person.csv"), "person_uid")?,
            house: TruthFile::create(folder.join("house.csv"), "house_uid")?,
            rejects: TruthFile::create(folder.join("rejects.csv"), "rule")?,
            sensitive: TruthFile::create(folder.join("sensitive.csv"), "person_uid")?,
        })
    }

    /// Notes a record: its rule if it must be rejected, otherwise its people and its flat.
    pub(crate) fn record(&mut self, source: &str, record: &Record) -> Result<(), CityError> {
        if let Some(rule) = record.rejected {
            return self.rejects.line(source, &record.key, rule);
        }
        for (suffix, uid) in &record.people {
            self.person.line(source, &format!("{}{suffix}", record.key), uid)?;
        }
        match &record.house {
            Some(uid) => self.house.line(source, &record.key, uid),
            None => Ok(()),
        }
    }

    /// Notes a row of a sensitive list: its rule if it must be rejected, otherwise who it is about.
    pub(crate) fn listed(&mut self, source: &str, record: &Record) -> Result<(), CityError> {
        match (record.rejected, record.people.first()) {
            (Some(rule), _) => self.rejects.line(source, &record.key, rule),
            (None, Some((_, uid))) => self.sensitive.line(source, &record.key, uid),
            (None, None) => Ok(()),
        }
    }

    pub(crate) fn finish(self) -> Result<(), CityError> {
        self.person.finish()?;
        self.house.finish()?;
        self.rejects.finish()?;
        self.sensitive.finish()
    }
}

#[derive(Debug)]
struct TruthFile {
    path: PathBuf,
    writer: csv::Writer<BufWriter<File>>,
}

impl TruthFile {
    fn create(path: PathBuf, says: &str) -> Result<Self, CityError> {
        let file = File::create(&path).map_err(CityError::write(&path))?;
        let mut writer = csv::Writer::from_writer(BufWriter::new(file));
        writer.write_record(["source", "record_key", says]).map_err(CityError::format(&path, "csv"))?;
        Ok(Self { path, writer })
    }

    fn line(&mut self, source: &str, key: &str, says: &str) -> Result<(), CityError> {
        self.writer.write_record([source, key, says]).map_err(CityError::format(&self.path, "csv"))
    }

    fn finish(mut self) -> Result<(), CityError> {
        self.writer.flush().map_err(CityError::write(&self.path))
    }
}
