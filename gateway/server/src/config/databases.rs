//! `[[database]]`, `[[live]]` and `[[source.table]]`: front-end databases, what is read there in place, and what is taken in.

use std::path::Path;
use std::time::Duration;

use database::{DatabaseAddress, DatabaseConfig, Password, TableName};
use schemas::{ColumnName, DatasetId, RelationName};

use super::Reading;
use super::reader::Section;

/// The schema of relations that are read where they are.
const LIVE_SCHEMA: &str = "live";
/// Lists that nobody is to know of are not offered by name in a configuration.
const SENSITIVE_SCHEMA: &str = "sensitive";

/// Fields of a dataset and what a database calls them.
pub(crate) type FieldColumns = Vec<(ColumnName, String)>;

/// One relation that is read where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveConfig {
    pub(crate) relation: RelationName,
    pub(crate) database: String,
    pub(crate) table: TableName,
    /// Declares its fields, their types and classes.
    pub(crate) dataset: DatasetId,
    /// The fields it has; all under their own names if none is given.
    pub(crate) columns: FieldColumns,
}

/// One table that is taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableConfig {
    pub(crate) dataset: DatasetId,
    pub(crate) table: TableName,
    pub(crate) mode: PullMode,
    /// The database's columns that identify a row.
    pub(crate) key: Vec<String>,
    /// Fields whose columns are called otherwise than their headings.
    pub(crate) columns: FieldColumns,
}

/// Which rows of a table are taken each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PullMode {
    /// All: what is gone there goes here.
    Snapshot,
    /// Those at or after the highest value seen of a column, less an overlap in seconds.
    HighWater { column: String, overlap: u32 },
    /// Those whose flag is 0; it is set to 1 when they are published.
    Flag { column: String },
}

impl Reading<'_, '_> {
    pub(super) fn databases(&mut self, top: &Section) -> Vec<DatabaseConfig> {
        let mut databases: Vec<DatabaseConfig> = Vec::new();
        for section in self.document.sections(top, "database") {
            if let Some(database) = self.database(&section) {
                if databases.iter().any(|other| other.name == database.name) {
                    self.document.fault_at(&section, "name", "数据库名称重复", "is the name of another database too");
                }
                databases.push(database);
            }
        }
        databases
    }

    fn database(&mut self, section: &Section) -> Option<DatabaseConfig> {
        let name = self.document.required_text(section, "name");
        let url = self.document.required_text(section, "url");
        let password = self.password(section);
        let authority_file = self.document.text(section, "authority_file");
        let max_connections = self.document.count(section, "max_connections", 1..=100).unwrap_or(4);
        let connect = self.document.count(section, "connect_timeout_s", 1..=120).unwrap_or(5);
        let statement = self.document.count(section, "statement_timeout_s", 1..=3_600).unwrap_or(30);
        let known = [
            "name",
            "url",
            "password_file",
            "password_env",
            "authority_file",
            "max_connections",
            "connect_timeout_s",
            "statement_timeout_s",
        ];
        self.document.close(section, &known);
        let address = DatabaseAddress::parse(&url?);
        if let Err(fault) = address {
            self.document.fault_at(section, "url", fault.message_zh(), &fault.to_string());
        }
        let seconds = |count: usize| Duration::from_secs(u64::try_from(count).unwrap_or(u64::MAX));
        Some(DatabaseConfig {
            name: name?,
            address: address.ok()?,
            password: password?,
            authority_file: self.path(authority_file),
            max_connections,
            connect_timeout: seconds(connect),
            statement_timeout: seconds(statement),
        })
    }

    /// The password, out of a file that only its owner may read, or out of the environment.
    fn password(&mut self, section: &Section) -> Option<Password> {
        let file = self.document.text(section, "password_file");
        let variable = self.document.text(section, "password_env");
        let (key, read) = match (self.path(file), variable) {
            (Some(file), None) => ("password_file", password_of_file(&file)),
            (None, Some(name)) => {
                let missing = || ("环境变量不存在".to_owned(), "names a variable that is not set".to_owned());
                ("password_env", std::env::var(name).map_err(|_| missing()))
            }
            _ => {
                self.document.fault_in(
                    section,
                    "password_file 与 password_env 必须且只能给出一个",
                    "exactly one of password_file and password_env has to be given",
                );
                return None;
            }
        };
        match read {
            Ok(text) => Some(Password::new(text)),
            Err((zh, en)) => {
                self.document.fault_at(section, key, &zh, &en);
                None
            }
        }
    }

    pub(super) fn live(&mut self, top: &Section, databases: &[DatabaseConfig]) -> Vec<LiveConfig> {
        let mut all: Vec<LiveConfig> = Vec::new();
        for section in self.document.sections(top, "live") {
            if let Some(live) = self.live_relation(&section, databases) {
                if all.iter().any(|other| other.relation == live.relation) {
                    self.document.fault_at(&section, "name", "名称重复", "is the name of another live relation too");
                }
                all.push(live);
            }
        }
        all
    }

    fn live_relation(&mut self, section: &Section, databases: &[DatabaseConfig]) -> Option<LiveConfig> {
        let name = self.document.required_text(section, "name");
        let database = self.database_named(section, databases);
        let table = self.table_name(section);
        let dataset = self.one_dataset(section);
        let columns = self.columns(section, dataset.as_ref());
        self.document.close(section, &["name", "database", "table", "dataset", "columns"]);
        let relation = RelationName::try_from(format!("{LIVE_SCHEMA}.{}", name?).as_str());
        if relation.is_err() {
            self.document.fault_at(
                section,
                "name",
                "应由小写字母、数字和下划线组成,例如 civil",
                "has to be of lower-case letters, digits and underscores, such as civil",
            );
        }
        let dataset = dataset?;
        let fields: Vec<&str> = columns.iter().map(|(field, _)| field.as_str()).collect();
        let offered = self.declared.dataset(&dataset)?;
        if dataset.schema() == SENSITIVE_SCHEMA || offered.secret {
            self.document.fault_at(section, "dataset", "不能直接读取", "cannot be read in place");
            return None;
        }
        let relation = relation.ok()?;
        if offered.live_relation(relation.clone(), &fields).is_none() {
            self.document.fault_at(
                section,
                "columns",
                "至少应包含数据集主键中的一个字段",
                "has to have at least one field of the dataset's key",
            );
            return None;
        }
        Some(LiveConfig { relation, database: database?, table: table?, dataset, columns })
    }

    pub(super) fn source_tables(&mut self, source: &Section) -> Vec<TableConfig> {
        let mut tables: Vec<TableConfig> = Vec::new();
        for section in self.document.sections(source, "table") {
            if let Some(table) = self.source_table(&section) {
                if tables.iter().any(|other| other.dataset == table.dataset) {
                    self.document.fault_at(&section, "dataset", "同一来源中重复", "is taken from another table too");
                }
                tables.push(table);
            }
        }
        tables
    }

    fn source_table(&mut self, section: &Section) -> Option<TableConfig> {
        let dataset = self.one_dataset(section);
        let table = self.table_name(section);
        let mode = self.pull_mode(section);
        let key = self.document.texts(section, "key");
        if key.is_empty() {
            self.document.fault_in(
                section,
                "key 至少要有一列,用于识别同一行",
                "`key` has to name at least one column, which tells one row from another",
            );
        }
        let columns = self.columns(section, dataset.as_ref());
        self.document.close(section, &["dataset", "table", "mode", "column", "overlap_s", "key", "columns"]);
        Some(TableConfig { dataset: dataset?, table: table?, mode: mode?, key, columns })
    }

    fn pull_mode(&mut self, section: &Section) -> Option<PullMode> {
        let mode = self.document.text(section, "mode").unwrap_or_else(|| "snapshot".to_owned());
        let column = self.document.text(section, "column");
        let overlap = self.document.count(section, "overlap_s", 0..=86_400);
        if overlap.is_some() && mode != "high_water" {
            self.document.fault_at(section, "overlap_s", "只用于 high_water", "belongs to high_water only");
        }
        let overlap = overlap.map_or(300, |seconds| u32::try_from(seconds).unwrap_or(u32::MAX));
        match (mode.as_str(), column) {
            ("snapshot", None) => Some(PullMode::Snapshot),
            ("snapshot", Some(_)) => {
                self.document.fault_at(section, "column", "snapshot 不需要", "has no meaning for a snapshot");
                None
            }
            ("high_water", Some(column)) => Some(PullMode::HighWater { column, overlap }),
            ("flag", Some(column)) => Some(PullMode::Flag { column }),
            ("high_water" | "flag", None) => {
                self.document.fault_in(section, "缺少 column", "`column` is missing");
                None
            }
            _ => {
                self.document.fault_at(
                    section,
                    "mode",
                    "可用 snapshot、high_water、flag",
                    "has to be snapshot, high_water or flag",
                );
                None
            }
        }
    }

    pub(super) fn database_named(&mut self, section: &Section, databases: &[DatabaseConfig]) -> Option<String> {
        let name = self.document.required_text(section, "database")?;
        if !databases.iter().any(|database| database.name == name) {
            self.document.fault_at(section, "database", "没有这一 [[database]]", "names no [[database]] that is sound");
        }
        Some(name)
    }

    fn table_name(&mut self, section: &Section) -> Option<TableName> {
        let name = self.document.required_text(section, "table")?;
        let parsed = TableName::parse(&name);
        if parsed.is_none() {
            self.document.fault_at(section, "table", "应写成 表名 或 模式.表名", "has to be TABLE or SCHEMA.TABLE");
        }
        parsed
    }

    fn one_dataset(&mut self, section: &Section) -> Option<DatasetId> {
        let name = self.document.required_text(section, "dataset")?;
        let found = DatasetId::try_from(name.as_str()).ok().filter(|id| self.declared.dataset(id).is_some());
        if found.is_none() {
            self.document.fault_at(section, "dataset", "没有声明的数据集", "is no dataset that is declared");
        }
        found
    }

    /// `columns = { field = "COLUMN" }`.
    fn columns(&mut self, section: &Section, dataset: Option<&DatasetId>) -> FieldColumns {
        let given = self.document.text_table(section, "columns");
        let Some(dataset) = dataset.and_then(|id| self.declared.dataset(id)) else { return Vec::new() };
        let known: Vec<&str> = dataset.fields.iter().map(|field| field.name.as_str()).collect();
        let mut columns = Vec::new();
        for (field, place, column) in given {
            match ColumnName::try_from(field.as_str()) {
                Ok(name) if known.contains(&name.as_str()) => columns.push((name, column)),
                _ => self.document.fault_of_unknown(place, ("字段", "field"), &field, &known),
            }
        }
        columns
    }
}

fn password_of_file(file: &Path) -> Result<String, (String, String)> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| (format!("无法读取({})", error.kind()), format!("cannot be read ({})", error.kind())))?;
    if is_open_to_others(file) {
        return Err((
            "其他用户可以读取该文件,请改为权限 600".to_owned(),
            "is a file that others may read; make its mode 600".to_owned(),
        ));
    }
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() { Err(("文件为空".to_owned(), "is empty".to_owned())) } else { Ok(password.to_owned()) }
}

fn is_open_to_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}
