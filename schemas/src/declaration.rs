//! Reads the declarations of datasets and relations and tells every fault at once, with its place and the nearest name.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::headings::normalise_heading;
use crate::{CodeList, CodeListId, Dataset, DatasetId, Relation, SchemaError};

const TYPES: [&str; 20] = [
    "text",
    "citizen_id",
    "credit_code",
    "disability_cert_no",
    "person_name",
    "phone",
    "date",
    "partial_date",
    "timestamp",
    "code",
    "boolean",
    "integer",
    "float",
    "amount",
    "area",
    "address",
    "division_code",
    "diagnosis_code",
    "floor",
    "text_list",
];
const CLASSES: [&str; 10] = ["none", "P", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8"];
const IDENTS: [&str; 3] = ["attribute", "quasi", "direct"];
const AUTHORITIES: [&str; 8] = ["police", "civil", "health", "housing", "land", "disabled", "grid", "gateway"];
const DATASET_KEYS: [&str; 7] = ["id", "zh", "en", "key", "file_words", "secret", "field"];
const FIELD_KEYS: [&str; 12] = [
    "name",
    "zh",
    "en",
    "type",
    "aliases",
    "required",
    "class",
    "ident",
    "code_list",
    "source_map",
    "null_words",
    "fill_down",
];
const RELATION_KEYS: [&str; 5] = ["name", "zh", "en", "key", "column"];
const COLUMN_KEYS: [&str; 8] = ["name", "zh", "en", "type", "class", "ident", "authority", "code_list"];
/// Schemas that are the gateway's own or the protocols'.
const RESERVED_SCHEMAS: [&str; 5] = ["unified", "views", "catalog", "information_schema", "pg_catalog"];
/// Columns the way in adds to every landed table.
const PROVENANCE_NAMES: [&str; 8] =
    ["record_key", "source_file", "source_sheet", "source_row", "batch_id", "ingested_at", "quality", "raw_hash"];

type CodeLists = BTreeMap<CodeListId, CodeList>;

/// Reads one dataset declaration.
pub(crate) fn dataset(file: &str, text: &str, lists: &CodeLists) -> Result<Dataset, SchemaError> {
    let mut faults = Faults::new(text);
    if let Some(root) = faults.parse() {
        let table = root.get_ref();
        faults.keys(table, root.span(), &DATASET_KEYS, &["id", "zh", "en", "key", "file_words", "field"]);
        check_dataset_id(table, &mut faults);
        let fields = tables(table, "field");
        let mut names = Vec::new();
        let mut claims = BTreeMap::new();
        for field in &fields {
            faults.keys(field.table, field.span.clone(), &FIELD_KEYS, &["name", "zh", "en", "type", "class", "ident"]);
            check_column(field, lists, &mut names, &mut faults);
            check_field(field, lists, &mut claims, &mut faults);
        }
        check_dataset_key(table, &fields, &names, &mut faults);
    }
    faults.finish(file, text)
}

/// Reads one relation declaration.
pub(crate) fn relation(file: &str, text: &str, lists: &CodeLists) -> Result<Relation, SchemaError> {
    let mut faults = Faults::new(text);
    if let Some(root) = faults.parse() {
        let table = root.get_ref();
        faults.keys(table, root.span(), &RELATION_KEYS, &["name", "zh", "en", "key", "column"]);
        let mut names = Vec::new();
        for column in &tables(table, "column") {
            let needed = ["name", "zh", "en", "type", "class", "ident"];
            faults.keys(column.table, column.span.clone(), &COLUMN_KEYS, &needed);
            check_column(column, lists, &mut names, &mut faults);
            for (authority, span) in strings(column.table, "authority") {
                faults.one_of("authority", &authority, span, &AUTHORITIES);
            }
        }
        if let Some((key, span)) = string(table, "key") {
            faults.name_of("key", &key, span, &names);
        }
    }
    faults.finish(file, text)
}

fn check_dataset_id(table: &DeTable<'_>, faults: &mut Faults<'_>) {
    if let Some((id, span)) = string(table, "id") {
        match DatasetId::try_from(id.as_str()) {
            Err(error) => faults.add(span, error.to_string()),
            Ok(id) if RESERVED_SCHEMAS.contains(&id.schema()) => {
                faults.add(span, format!("schema `{}` belongs to the gateway", id.schema()));
            }
            Ok(_) => {}
        }
    }
    if let Some(secret) = value(table, "secret")
        && secret.get_ref().as_bool() == Some(true)
    {
        let reason = "a dataset that is secret by law is refused, never loaded";
        faults.add(secret.span(), reason.to_owned());
    }
    if let Some(words) = value(table, "file_words")
        && strings(table, "file_words").is_empty()
    {
        faults.add(words.span(), "`file_words` is empty: no file would be recognised".to_owned());
    }
}

fn check_dataset_key(table: &DeTable<'_>, fields: &[Part<'_>], names: &[String], faults: &mut Faults<'_>) {
    let keys = strings(table, "key");
    if let Some(key) = value(table, "key")
        && keys.is_empty()
    {
        faults.add(key.span(), "`key` is empty: a record could not be named".to_owned());
    }
    for (key, span) in keys {
        faults.name_of("key", &key, span.clone(), names);
        let optional = fields.iter().any(|f| {
            string(f.table, "name").is_some_and(|(name, _)| name == key)
                && value(f.table, "required").and_then(|v| v.get_ref().as_bool()) != Some(true)
        });
        if optional {
            faults.add(span, format!("key field `{key}` is not required"));
        }
    }
}

/// What fields and columns have in common.
fn check_column(part: &Part<'_>, lists: &CodeLists, names: &mut Vec<String>, faults: &mut Faults<'_>) {
    if let Some((name, span)) = string(part.table, "name") {
        if names.contains(&name) {
            faults.add(span, format!("`{name}` is declared twice"));
        }
        names.push(name);
    }
    let field_type = string(part.table, "type");
    if let Some((field_type, span)) = &field_type {
        faults.one_of("type", field_type, span.clone(), &TYPES);
    }
    if let Some((class, span)) = string(part.table, "class") {
        faults.one_of("class", &class, span.clone(), &CLASSES);
        let direct = string(part.table, "ident").is_some_and(|(ident, _)| ident == "direct");
        if direct && class == "none" {
            faults.add(span, "a direct identifier is personal: its class cannot be `none`".to_owned());
        }
    }
    if let Some((ident, span)) = string(part.table, "ident") {
        faults.one_of("ident", &ident, span, &IDENTS);
    }
    let is_code = field_type.as_ref().is_some_and(|(t, _)| t == "code");
    match (string(part.table, "code_list"), is_code) {
        (Some((list, span)), true) => {
            let known: Vec<String> = lists.keys().cloned().collect();
            faults.name_of("code_list", &list, span, &known);
        }
        (Some((_, span)), false) => faults.add(span, "only a field of type `code` has a code list".to_owned()),
        (None, true) => faults.add(part.span.clone(), "a field of type `code` needs a `code_list`".to_owned()),
        (None, false) => {}
    }
}

/// What only fields of datasets have.
fn check_field(part: &Part<'_>, lists: &CodeLists, claims: &mut BTreeMap<String, String>, faults: &mut Faults<'_>) {
    let name = string(part.table, "name").map(|(name, _)| name).unwrap_or_default();
    if let Some((field_type, span)) = string(part.table, "type")
        && field_type == "text_list"
    {
        faults.add(span, "`text_list` is for linked relations only".to_owned());
    }
    if let Some((_, span)) = string(part.table, "name").filter(|(n, _)| PROVENANCE_NAMES.contains(&n.as_str())) {
        faults.add(span, format!("`{name}` is a column that every landed table has already"));
    }
    let own: BTreeSet<String> = BTreeSet::new();
    let headings = string(part.table, "zh").into_iter().chain(strings(part.table, "aliases"));
    let mut seen = own;
    for (heading, span) in headings {
        let normal = normalise_heading(&heading);
        if !seen.insert(normal.clone()) {
            continue;
        }
        if let Some(other) = claims.get(&normal) {
            faults.add(span, format!("heading `{heading}` is claimed by `{other}` too"));
        } else {
            claims.insert(normal, name.clone());
        }
    }
    let Some(list) = string(part.table, "code_list").and_then(|(list, _)| lists.get(&list)) else { return };
    let Some(map) = value(part.table, "source_map").and_then(|v| v.get_ref().as_table()) else { return };
    for target in map.values() {
        let known: Vec<String> = list.codes.keys().cloned().collect();
        if let Some(code) = target.get_ref().as_str() {
            faults.name_of("code", code, target.span(), &known);
        }
    }
}

/// One `[[field]]` or `[[column]]`.
struct Part<'t> {
    table: &'t DeTable<'t>,
    span: Range<usize>,
}

fn value<'t>(table: &'t DeTable<'_>, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
    table.iter().find(|(k, _)| k.get_ref() == key).map(|(_, v)| v)
}

fn string(table: &DeTable<'_>, key: &str) -> Option<(String, Range<usize>)> {
    let found = value(table, key)?;
    found.get_ref().as_str().map(|text| (text.to_owned(), found.span()))
}

fn strings(table: &DeTable<'_>, key: &str) -> Vec<(String, Range<usize>)> {
    let Some(array) = value(table, key).and_then(|v| v.get_ref().as_array()) else { return Vec::new() };
    array.iter().filter_map(|v| v.get_ref().as_str().map(|text| (text.to_owned(), v.span()))).collect()
}

fn tables<'t>(table: &'t DeTable<'t>, key: &str) -> Vec<Part<'t>> {
    let Some(array) = value(table, key).and_then(|v| v.get_ref().as_array()) else { return Vec::new() };
    array.iter().filter_map(|v| v.get_ref().as_table().map(|table| Part { table, span: v.span() })).collect()
}

/// Faults found so far, by their place.
struct Faults<'a> {
    text: &'a str,
    found: Vec<(usize, String)>,
}

impl<'a> Faults<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, found: Vec::new() }
    }

    fn add(&mut self, span: Range<usize>, reason: String) {
        self.found.push((span.start, reason));
    }

    fn parse(&mut self) -> Option<Spanned<DeTable<'a>>> {
        match DeTable::parse(self.text) {
            Ok(root) => Some(root),
            Err(error) => {
                self.add(error.span().unwrap_or(0..0), error.message().replace('\n', " "));
                None
            }
        }
    }

    fn keys(&mut self, table: &DeTable<'_>, span: Range<usize>, known: &[&str], needed: &[&str]) {
        for key in table.keys() {
            self.one_of("key", key.get_ref(), key.span(), known);
        }
        for key in needed {
            if value(table, key).is_none() {
                self.add(span.clone(), format!("`{key}` is missing"));
            }
        }
    }

    fn one_of(&mut self, what: &str, given: &str, span: Range<usize>, known: &[&str]) {
        if !known.contains(&given) {
            self.add(span, unknown(what, given, known.iter().copied()));
        }
    }

    fn name_of(&mut self, what: &str, given: &str, span: Range<usize>, known: &[String]) {
        if !known.iter().any(|name| name == given) {
            self.add(span, unknown(what, given, known.iter().map(String::as_str)));
        }
    }

    /// The declaration itself, or all faults in the order of the file.
    fn finish<T: serde::de::DeserializeOwned>(mut self, file: &str, text: &str) -> Result<T, SchemaError> {
        if self.found.is_empty() {
            match toml::from_str(text) {
                Ok(declared) => return Ok(declared),
                Err(error) => self.add(error.span().unwrap_or(0..0), error.message().replace('\n', " ")),
            }
        }
        self.found.sort();
        let lines: Vec<String> = self
            .found
            .iter()
            .map(|(offset, reason)| {
                let before = self.text.get(..*offset).unwrap_or(self.text);
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                format!("{line}:{column}: {reason}")
            })
            .collect();
        Err(SchemaError::Declaration { file: file.to_owned(), reason: lines.join("\n") })
    }
}

fn unknown<'n>(what: &str, given: &str, known: impl Iterator<Item = &'n str>) -> String {
    let nearest = known
        .map(|name| (strsim::damerau_levenshtein(&given.to_lowercase(), &name.to_lowercase()), name))
        .min()
        .filter(|(distance, name)| *distance <= 2.max(name.chars().count() / 3));
    match nearest {
        Some((_, name)) => format!("unknown {what} `{given}`; did you mean `{name}`?"),
        None => format!("unknown {what} `{given}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authority, FieldType, Identifiability, Registry, Sensitivity};

    const SOUND: &str = r#"id = "water.meter"
zh = "水表"
en = "Water meters"
key = ["meter_no"]
file_words = ["水表"]

[[field]]
name = "meter_no"
zh = "表号"
en = "meter number"
type = "text"
required = true
class = "P"
ident = "direct"

[[field]]
name = "use"
zh = "用途"
en = "use"
type = "code"
code_list = "gbt31000_building_use"
class = "none"
ident = "attribute"
"#;

    fn faults(text: &str) -> Vec<String> {
        let error = Registry::shipped().unwrap().with_dataset("site/water.toml", text).unwrap_err();
        error.to_string().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_site_adds_its_own_dataset() {
        let registry = Registry::shipped().unwrap().with_dataset("site/water.toml", SOUND).unwrap();
        let id = DatasetId::try_from("water.meter").unwrap();
        assert_eq!(registry.dataset(&id).unwrap().fields.len(), 2);
        assert_eq!(Registry::shipped().unwrap().dataset(&id), None);
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_place() {
        let text = SOUND
            .replace("key = [\"meter_no\"]", "key = [\"meter_on\"]")
            .replace("type = \"text\"", "type = \"txet\"")
            .replace("required = true", "requierd = true")
            .replace("gbt31000_building_use", "gbt31000_building_uses")
            .replace("class = \"none\"", "class = \"S9\"");
        assert_eq!(
            faults(&text),
            [
                "site/water.toml:4:8: unknown key `meter_on`; did you mean `meter_no`?",
                "site/water.toml:11:8: unknown type `txet`; did you mean `text`?",
                "site/water.toml:12:1: unknown key `requierd`; did you mean `required`?",
                "site/water.toml:21:13: unknown code_list `gbt31000_building_uses`; did you mean `gbt31000_building_use`?",
                "site/water.toml:22:9: unknown class `S9`; did you mean `S1`?",
            ]
        );
    }

    #[test]
    fn faults_of_sense_are_found() {
        for (from, to, fault) in [
            ("water.meter", "unified.meter", "schema `unified` belongs to the gateway"),
            ("file_words = [\"水表\"]", "file_words = []", "`file_words` is empty"),
            ("zh = \"用途\"", "zh = \"表 号\"", "heading `表 号` is claimed by `meter_no` too"),
            ("name = \"use\"", "name = \"meter_no\"", "`meter_no` is declared twice"),
            ("name = \"use\"", "name = \"quality\"", "every landed table has already"),
            ("required = true\n", "", "key field `meter_no` is not required"),
            ("class = \"P\"", "class = \"none\"", "its class cannot be `none`"),
            ("class = \"P\"\n", "", "`class` is missing"),
            ("file_words", "secret = true\nfile_words", "refused, never loaded"),
            ("code_list = \"gbt31000_building_use\"\n", "", "needs a `code_list`"),
            ("type = \"code\"", "type = \"text\"", "only a field of type `code` has a code list"),
            ("type = \"text\"", "type = \"text_list\"", "for linked relations only"),
            ("en = \"use\"", "en = \"use\"\nsource_map = { \"1\" = \"77\" }", "unknown code `77`"),
            ("en = \"use\"", "en = 7", "invalid type"),
            ("en = \"use\"", "en = use", "19:6: string values must be quoted"),
        ] {
            let text = SOUND.replacen(from, to, 1);
            assert_ne!(text, SOUND, "{from}");
            let found = faults(&text);
            assert!(found.iter().any(|line| line.contains(fault)), "{fault}: {found:?}");
        }
    }

    #[test]
    fn the_lists_of_words_are_those_of_the_types() {
        fn reads<T: serde::de::DeserializeOwned>(word: &str) -> bool {
            #[derive(serde::Deserialize)]
            struct One<T> {
                #[expect(dead_code, reason = "only whether it can be read matters")]
                one: T,
            }
            toml::from_str::<One<T>>(&format!("one = \"{word}\"")).is_ok()
        }
        assert!(TYPES.iter().all(|word| reads::<FieldType>(word)));
        assert!(CLASSES.iter().all(|word| reads::<Sensitivity>(word)));
        assert!(IDENTS.iter().all(|word| reads::<Identifiability>(word)));
        assert!(AUTHORITIES.iter().all(|word| reads::<Authority>(word)));
        assert!(!reads::<FieldType>("txet"));
    }
}
