//! Why a city was not written.

/// Why a city was not written. File names are relative to the output folder; no cell value is ever named.
#[derive(Debug, thiserror::Error)]
pub enum CityError {
    /// A city has at least one inhabitant.
    #[error("a city needs at least one person")]
    NoPeople,
    /// More people than there are distinct synthetic identity numbers under one division.
    #[error("{people} people asked for, at most {most} have distinct identity numbers")]
    TooManyPeople {
        /// As asked for.
        people: u64,
        /// [`crate::MOST_PEOPLE`].
        most: u64,
    },
    /// The shipped declarations cannot be read.
    #[error("the declared datasets cannot be read")]
    Declarations {
        /// Why.
        #[source]
        source: schemas::SchemaError,
    },
    /// The city writes a dataset that nobody declared.
    #[error("dataset `{dataset}` is not declared")]
    DatasetNotDeclared {
        /// Name of the dataset.
        dataset: &'static str,
    },
    /// The city writes a field that the dataset does not declare.
    #[error("dataset `{dataset}` declares no field `{field}`")]
    FieldNotDeclared {
        /// Name of the dataset.
        dataset: &'static str,
        /// Name of the field.
        field: &'static str,
    },
    /// A folder or file cannot be written.
    #[error("`{file}` cannot be written")]
    Write {
        /// File name without its folder.
        file: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file format refused what it was given.
    #[error("`{file}` cannot be written as {format}")]
    Format {
        /// File name without its folder.
        file: String,
        /// `xlsx`, `parquet`, `zip`, `json`, `csv`.
        format: &'static str,
        /// What the format's library said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl CityError {
    /// For `map_err` on file operations.
    pub(crate) fn write(file: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Write { file: base_name(file), source }
    }

    /// For `map_err` on format libraries.
    pub(crate) fn format<'a, E>(file: &'a std::path::Path, format: &'static str) -> impl FnOnce(E) -> Self + 'a
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        move |source| Self::Format { file: base_name(file), format, source: Box::new(source) }
    }
}

fn base_name(file: &std::path::Path) -> String {
    file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}
