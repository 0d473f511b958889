//! One JSON object per line, as interfaces of newer systems deliver; plain or gzipped.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use super::{Sink, part_path};
use crate::error::CityError;
use crate::export::{Sheet, Value};

enum Out {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

/// A file of JSON objects.
pub(crate) struct JsonLinesSink {
    headings: Vec<String>,
    path: PathBuf,
    out: Out,
    line: Vec<u8>,
}

impl JsonLinesSink {
    /// Creates a plain file.
    pub(crate) fn plain(sheet: &Sheet) -> Result<Self, CityError> {
        let path = part_path(sheet, 1, "ndjson");
        let file = BufWriter::new(File::create(&path).map_err(CityError::write(&path))?);
        Ok(Self { headings: sheet.headings.clone(), path, out: Out::Plain(file), line: Vec::new() })
    }

    /// Creates a gzipped file, without the time of its making.
    pub(crate) fn gzip(sheet: &Sheet) -> Result<Self, CityError> {
        let path = part_path(sheet, 1, "ndjson.gz");
        let file = BufWriter::new(File::create(&path).map_err(CityError::write(&path))?);
        let out = Out::Gzip(Box::new(GzBuilder::new().mtime(0).write(file, Compression::default())));
        Ok(Self { headings: sheet.headings.clone(), path, out, line: Vec::new() })
    }
}

impl Sink for JsonLinesSink {
    fn row(&mut self, cells: &[Value]) -> Result<(), CityError> {
        let object: serde_json::Map<String, serde_json::Value> =
            self.headings.iter().zip(cells).map(|(heading, cell)| (heading.clone(), json(cell))).collect();
        self.line.clear();
        serde_json::to_writer(&mut self.line, &object).map_err(CityError::format(&self.path, "json"))?;
        self.line.push(b'\n');
        match &mut self.out {
            Out::Plain(file) => file.write_all(&self.line),
            Out::Gzip(file) => file.write_all(&self.line),
        }
        .map_err(CityError::write(&self.path))
    }

    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, CityError> {
        let Self { path, out, .. } = *self;
        let mut file = match out {
            Out::Plain(file) => file,
            Out::Gzip(encoder) => encoder.finish().map_err(CityError::write(&path))?,
        };
        file.flush().map_err(CityError::write(&path))?;
        Ok(vec![path])
    }
}

fn json(cell: &Value) -> serde_json::Value {
    match cell {
        Value::Empty => serde_json::Value::Null,
        Value::Text(text) => text.as_str().into(),
        // Whole numbers without a fraction, as systems write them.
        Value::Number(number) => match number.to_string().parse::<i64>() {
            Ok(whole) => whole.into(),
            Err(_) => (*number).into(),
        },
        Value::Moment(_) => cell.text().into_owned().into(),
    }
}
