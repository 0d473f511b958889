//! JSON Schema (draft 2020-12) of the policy file, for editors that complete and check TOML while one types.
//!
//! The schema is the first reader, not the judge: it cannot know the own names under `[masks]`, the attributes of a role or
//! which mask fits which type. [`crate::PolicySet::parse`] decides.

mod masks;

use std::collections::{BTreeMap, BTreeSet};

use schemas::{Classification, FieldType, Relation};
use serde_json::{Map, Value, json};

use self::masks::{catalogue_mask, mask, mask_names};
use crate::{AggregateRule, RevealRule, Role, SearchKey, SearchRule};

/// Classes of personal information.
const CLASSES: [&str; 10] = ["none", "P", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8"];

/// Names of roles, attributes and masks.
const NAME: &str = "^[a-z][a-z0-9_]{0,62}$";

/// Ids of purposes, which may be matter numbers.
const PURPOSE: &str = "^(?!role:)[a-z][a-zA-Z0-9_.:-]{0,62}$";

/// The schema of a policy file over these relations. Their names and columns are offered and, where a rule names its
/// relations, required; pure, and the same for the same relations.
#[must_use]
pub fn policy_schema(relations: &[Relation]) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Datong policy",
        "description": "谁能看到什么：角色、用途与规则。未写明的一律不可见。 / Who may see what. What is not written is hidden.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "classification": classification(),
            "masks": {
                "description": "自定义的遮盖名称 / own names for masks",
                "type": "object",
                "propertyNames": { "pattern": NAME, "not": { "enum": mask_names() } },
                "additionalProperties": { "$ref": "#/$defs/catalogue_mask" },
            },
            "role": {
                "description": "角色 / roles",
                "type": "object",
                "propertyNames": { "pattern": NAME },
                "additionalProperties": { "$ref": "#/$defs/role" },
            },
            "purpose": {
                "description": "用途 / purposes",
                "type": "object",
                "propertyNames": { "pattern": PURPOSE },
                "additionalProperties": { "$ref": "#/$defs/purpose" },
            },
            "rule": {
                "description": "规则：角色 × 用途 × 表 / rules: role × purpose × relation",
                "type": "array",
                "items": { "$ref": "#/$defs/rule" },
            },
            "deny": {
                "description": "禁止：在所有规则之后收回 / denies: taken away after every rule",
                "type": "array",
                "items": { "$ref": "#/$defs/deny" },
            },
        },
        "$defs": {
            "text": { "type": "string", "minLength": 1 },
            "texts": { "anyOf": [
                { "$ref": "#/$defs/text" },
                { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/text" } },
            ] },
            "name": { "type": "string", "pattern": NAME },
            "role": role(),
            "purpose": purpose(relations),
            "rule": rule(relations),
            "deny": deny(relations),
            "rows": rows(relations),
            "mask": mask(),
            "catalogue_mask": catalogue_mask(),
        },
    })
}

fn classification() -> Value {
    let sets = Classification::shipped().unwrap_or_default();
    let standards: Vec<&str> = sets.iter().map(|set| set.standard.as_str()).collect();
    json!({
        "description": "分级所依据的标准 / the standard that classes are resolved by",
        "type": "object",
        "additionalProperties": false,
        "required": ["standard"],
        "properties": { "standard": { "enum": standards } },
    })
}

fn role() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["zh", "en"],
        "properties": {
            "zh": { "$ref": "#/$defs/text" },
            "en": { "$ref": "#/$defs/text" },
            "attributes": {
                "description": "行规则可以比较的人员属性 / attributes that row rules may compare with",
                "type": "array",
                "items": { "$ref": "#/$defs/name" },
            },
            "past_days": {
                "description": "可以查询多少天以内的旧版本和变化;0 为只看现行版本 / days back for earlier versions and changes; 0: only what is published now",
                "type": "integer",
                "minimum": 0,
                "maximum": Role::PAST_DAYS_MAX,
            },
        },
    })
}

fn purpose(relations: &[Relation]) -> Value {
    let of_relation =
        |r: &Relation| -> Vec<String> { r.columns.iter().map(|c| format!("{}.{}", r.name, c.name)).collect() };
    let fields: Vec<String> = relations.iter().flat_map(of_relation).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["zh", "en", "legal_basis", "matter", "fields", "expires", "roles"],
        "properties": {
            "zh": { "$ref": "#/$defs/text" },
            "en": { "$ref": "#/$defs/text" },
            "legal_basis": { "$ref": "#/$defs/text" },
            "matter": {
                "description": "所依附的事项编号，或编号的种类 / the matter number it is bound to, or the kind of number",
                "$ref": "#/$defs/text",
            },
            "fields": {
                "description": "可比基础规则多看的列，此外一列也不多 / columns that may be shown more than without the purpose",
                "type": "array",
                "items": { "enum": fields },
            },
            "expires": { "description": "最后有效日 / last day", "type": "string", "format": "date" },
            "roles": { "$ref": "#/$defs/texts" },
        },
    })
}

fn rule(relations: &[Relation]) -> Value {
    let names: Vec<String> = relations.iter().map(|r| r.name.to_string()).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["role", "relations", "zh", "en", "legal_basis", "rows"],
        "properties": {
            "role": { "$ref": "#/$defs/name" },
            "purpose": { "$ref": "#/$defs/text" },
            "relations": one_or_more(&names),
            "zh": { "$ref": "#/$defs/text" },
            "en": { "$ref": "#/$defs/text" },
            "legal_basis": { "$ref": "#/$defs/text" },
            "rows": { "$ref": "#/$defs/rows" },
            "classes": masks_by_class(),
            "columns": masks_by_column(relations),
            "aggregate": aggregate(),
            "search": search(),
            "reveal": reveal(),
            "lift": lift(relations),
        },
        "allOf": relations.iter().map(columns_of).collect::<Vec<Value>>(),
    })
}

fn lift(relations: &[Relation]) -> Value {
    let columns = relations.iter().flat_map(|r| &r.columns);
    let dates: BTreeSet<&str> = columns.filter(|c| c.field_type == FieldType::Date).map(|c| c.name.as_str()).collect();
    json!({
        "description": "儿童所在行提高遮盖 / stronger masks for the rows of children",
        "type": "object",
        "additionalProperties": false,
        "required": ["birth_date", "under_years"],
        "anyOf": [{ "required": ["columns"] }, { "required": ["classes"] }],
        "properties": {
            "birth_date": { "description": "出生日期列 / the date column that decides", "enum": dates },
            "under_years": {
                "description": "未满多少周岁 / under how many years",
                "type": "integer",
                "minimum": 1,
                "maximum": 120,
            },
            "columns": masks_by_column(relations),
            "classes": masks_by_class(),
        },
    })
}

fn masks_by_class() -> Value {
    json!({
        "description": "按分级的默认遮盖 / default masks by class",
        "type": "object",
        "propertyNames": { "enum": CLASSES },
        "additionalProperties": { "$ref": "#/$defs/mask" },
    })
}

fn masks_by_column(relations: &[Relation]) -> Value {
    json!({
        "description": "逐列的遮盖；未写明的列不可见 / masks by column; what is not named is hidden",
        "type": "object",
        "properties": columns(relations),
        "additionalProperties": { "$ref": "#/$defs/mask" },
    })
}

fn deny(relations: &[Relation]) -> Value {
    let names: Vec<String> = relations.iter().map(|r| r.name.to_string()).collect();
    let columns: BTreeSet<&str> = relations.iter().flat_map(|r| &r.columns).map(|c| c.name.as_str()).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["role", "relations", "zh", "en", "legal_basis"],
        "properties": {
            "role": {
                "description": "角色，或 any 表示所有角色 / a role, several, or any for every role",
                "$ref": "#/$defs/texts",
            },
            "purpose": { "$ref": "#/$defs/text" },
            "relations": one_or_more(&names),
            "columns": one_or_more(&columns),
            "zh": { "$ref": "#/$defs/text" },
            "en": { "$ref": "#/$defs/text" },
            "legal_basis": { "$ref": "#/$defs/text" },
        },
        "allOf": relations.iter().map(denied_columns_of).collect::<Vec<Value>>(),
    })
}

/// One of the words or a list of them.
fn one_or_more(words: &impl serde::Serialize) -> Value {
    json!({ "anyOf": [
        { "enum": words },
        { "type": "array", "minItems": 1, "items": { "enum": words } },
    ] })
}

/// A deny for a relation names columns of that relation only.
fn denied_columns_of(relation: &Relation) -> Value {
    let columns: Vec<&str> = relation.columns.iter().map(|c| c.name.as_str()).collect();
    json!({ "if": names(relation), "then": { "properties": { "columns": one_or_more(&columns) } } })
}

fn aggregate() -> Value {
    let whole = |from: u32, to: u32| json!({ "type": "integer", "minimum": from, "maximum": to });
    json!({
        "description": "只能统计，不能查看行 / rows may be counted and summed, not read",
        "type": "object",
        "additionalProperties": false,
        "required": ["persons", "k"],
        "properties": {
            "persons": { "$ref": "#/$defs/text" },
            "k": whole(AggregateRule::K_MIN, AggregateRule::K_MAX),
            "keys": { "$ref": "#/$defs/texts" },
            "measures": { "$ref": "#/$defs/texts" },
            "dominance_percent": whole(1, 100),
        },
    })
}

/// Every column there is, with the titles it has in the relations.
fn columns(relations: &[Relation]) -> Map<String, Value> {
    let mut titles: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for column in relations.iter().flat_map(|r| &r.columns) {
        titles.entry(column.name.as_str()).or_default().insert(format!("{} / {}", column.zh, column.en));
    }
    let described = titles.into_iter().map(|(name, titles)| {
        let description = titles.into_iter().collect::<Vec<_>>().join("; ");
        (name.to_owned(), json!({ "description": description, "$ref": "#/$defs/mask" }))
    });
    described.collect()
}

/// A rule for a relation names columns of that relation only.
fn columns_of(relation: &Relation) -> Value {
    let columns: Vec<&str> = relation.columns.iter().map(|c| c.name.as_str()).collect();
    json!({ "if": names(relation), "then": { "properties": {
        "columns": { "propertyNames": { "enum": &columns } },
        "lift": { "properties": { "columns": { "propertyNames": { "enum": &columns } } } },
    } } })
}

/// Whether a rule or deny is for the relation.
fn names(relation: &Relation) -> Value {
    let name = relation.name.to_string();
    json!({
        "required": ["relations"],
        "properties": { "relations": { "anyOf": [
            { "const": &name },
            { "type": "array", "contains": { "const": &name } },
        ] } },
    })
}

/// The grammar of rows, recursive.
fn rows(relations: &[Relation]) -> Value {
    let text = FieldType::Text.arrow_type();
    let columns: BTreeSet<&str> = relations
        .iter()
        .flat_map(|r| &r.columns)
        .filter(|c| c.field_type.arrow_type() == text)
        .map(|c| c.name.as_str())
        .collect();
    let compare = |key: &str, values: Value| {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["column", key],
            "properties": { "column": { "enum": &columns }, key: values },
        })
    };
    let combine = |key: &str| {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": [key],
            "properties": { key: { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/rows" } } },
        })
    };
    json!({
        "description": "哪些行：\"all\"，或按列比较 / which rows: \"all\", or a comparison of columns",
        "anyOf": [
            { "const": "all" },
            compare("in", json!({ "$ref": "#/$defs/name" })),
            compare("prefix", json!({ "$ref": "#/$defs/name" })),
            compare("equals", json!({ "$ref": "#/$defs/texts" })),
            compare("starts_with", json!({ "$ref": "#/$defs/texts" })),
            combine("and"),
            combine("or"),
        ],
    })
}

fn search() -> Value {
    json!({
        "description": "凭完整的值查找一个人 / find one person by full values",
        "type": "object",
        "additionalProperties": false,
        "required": ["by", "per_hour"],
        "properties": {
            "by": {
                "type": "array",
                "minItems": 1,
                "items": { "enum": SearchKey::ALL.map(SearchKey::word) },
            },
            "per_hour": { "type": "integer", "minimum": 1, "maximum": SearchRule::PER_HOUR_MAX },
        },
    })
}

fn reveal() -> Value {
    json!({
        "description": "一次查看一条记录的明文 / show masked fields of one record for a short time",
        "type": "object",
        "additionalProperties": false,
        "required": ["columns", "seconds", "per_hour"],
        "properties": {
            "columns": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/text" } },
            "seconds": { "type": "integer", "minimum": 1, "maximum": RevealRule::SECONDS_MAX },
            "per_hour": { "type": "integer", "minimum": 1, "maximum": RevealRule::PER_HOUR_MAX },
            "approved_by": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/text" } },
        },
    })
}
