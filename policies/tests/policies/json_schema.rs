//! The JSON Schema of policy files: what the reader accepts validates, what it refuses for its form does not.

use policies::{PolicySet, policy_schema};
use schemas::Registry;
use serde_json::{Value, json};

use crate::fixture::{SOUND, event, parse, person};

/// A policy text as an editor hands it to the schema: dates are texts.
fn to_json(text: &str) -> Value {
    fn convert(value: toml::Value) -> Value {
        match value {
            toml::Value::Datetime(at) => Value::String(at.to_string()),
            toml::Value::Array(items) => items.into_iter().map(convert).collect(),
            toml::Value::Table(table) => table.into_iter().map(|(k, v)| (k, convert(v))).collect(),
            toml::Value::String(text) => Value::String(text),
            toml::Value::Integer(n) => json!(n),
            toml::Value::Float(n) => json!(n),
            toml::Value::Boolean(flag) => json!(flag),
        }
    }
    convert(toml::Value::Table(text.parse().unwrap()))
}

/// The part of JSON Schema that the policy schema uses; an unknown keyword is a failure of the test. `pattern` is not run.
fn is_valid(root: &Value, schema: &Value, value: &Value) -> bool {
    schema.as_object().unwrap().iter().all(|(keyword, rule)| {
        let sub = |schema: &Value, value: &Value| is_valid(root, schema, value);
        let object = value.as_object();
        let list = rule.as_array();
        match keyword.as_str() {
            "$schema" | "title" | "description" | "$defs" | "pattern" | "format" | "then" => true,
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                sub(&root["$defs"][name], value)
            }
            "type" => match rule.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => value.is_i64(),
                "boolean" => value.is_boolean(),
                other => panic!("type {other}"),
            },
            "const" => rule == value,
            "enum" => list.unwrap().contains(value),
            "anyOf" => list.unwrap().iter().any(|s| sub(s, value)),
            "allOf" => list.unwrap().iter().all(|s| sub(s, value)),
            "not" => !sub(rule, value),
            "if" => !sub(rule, value) || sub(&schema["then"], value),
            "required" => object.is_none_or(|o| list.unwrap().iter().all(|k| o.contains_key(k.as_str().unwrap()))),
            "properties" => object.is_none_or(|o| o.iter().all(|(k, v)| rule.get(k).is_none_or(|s| sub(s, v)))),
            "additionalProperties" => object.is_none_or(|o| {
                let known = |k: &String| schema.get("properties").is_some_and(|p| p.get(k).is_some());
                o.iter().filter(|(k, _)| !known(k)).all(|(_, v)| rule.is_object() && sub(rule, v))
            }),
            "propertyNames" => object.is_none_or(|o| o.keys().all(|k| sub(rule, &json!(k)))),
            "items" => value.as_array().is_none_or(|items| items.iter().all(|v| sub(rule, v))),
            "contains" => value.as_array().is_none_or(|items| items.iter().any(|v| sub(rule, v))),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "minLength" => value.as_str().is_none_or(|s| s.chars().count() as u64 >= rule.as_u64().unwrap()),
            "maxLength" => value.as_str().is_none_or(|s| s.chars().count() as u64 <= rule.as_u64().unwrap()),
            "minimum" => value.as_i64().is_none_or(|n| n >= rule.as_i64().unwrap()),
            "maximum" => value.as_i64().is_none_or(|n| n <= rule.as_i64().unwrap()),
            other => panic!("keyword {other}"),
        }
    })
}

fn accepts(text: &str) -> bool {
    let schema = policy_schema(&[person(), event()]);
    is_valid(&schema, &schema, &to_json(text))
}

fn accepts_with(piece: &str, instead: &str) -> bool {
    assert!(SOUND.contains(piece), "the fixture has no `{piece}`");
    let text = SOUND.replacen(piece, instead, 1);
    let accepted = accepts(&text);
    assert!(accepted || parse(&text).is_err(), "the reader accepts what the schema refuses: {instead}");
    accepted
}

#[test]
fn the_shipped_policy_validates() {
    let schema = policy_schema(&Registry::shipped().unwrap().relations());
    assert!(is_valid(&schema, &schema, &to_json(PolicySet::shipped_text())));
}

#[test]
fn the_fixture_validates_and_so_does_an_empty_file() {
    assert!(accepts(SOUND) && accepts(""));
}

#[test]
fn a_misspelt_key_does_not_validate() {
    assert!(!accepts_with("legal_basis = \"网格化条例\"", "legal_bassis = \"网格化条例\""));
    assert!(!accepts_with("attributes = [", "atributes = ["));
    assert!(!accepts_with("[masks]", "[mask]"));
    assert!(!accepts_with("classes = { none", "classes = { non"));
    assert!(!accepts_with("birth_date = \"year\"", "birth_dat = \"year\""));
    assert!(!accepts_with("en = \"auditor\"", ""), "a missing key");
}

#[test]
fn a_purpose_without_a_part_or_with_a_field_that_is_none_does_not_validate() {
    assert!(!accepts_with("matter = \"A2026-001\"\n", ""));
    assert!(!accepts_with("fields = []\n", ""));
    assert!(!accepts_with("expires = 2027-12-31\n", ""));
    assert!(!accepts_with("\"unified.person.name\", ", "\"unified.person.nam\", "));
}

#[test]
fn a_column_of_another_relation_does_not_validate() {
    assert!(!accepts_with("columns = { event_id = \"clear\"", "columns = { name = \"clear\""));
    assert!(!accepts_with("relations = [\"unified.event\"]", "relations = \"unified.evnt\""));
}

#[test]
fn an_unknown_mask_or_parameter_does_not_validate() {
    assert!(!accepts_with("mask = \"keep_first_last\"", "mask = \"keep_first_lst\""));
    assert!(!accepts_with("birth_date = \"year\"", "birth_date = { mask = \"yaer\" }"));
    assert!(!accepts_with("birth_date = \"year\"", "birth_date = \"age_band\""), "a mask without its parameter");
    assert!(!accepts_with("first = 6,", "frist = 6,"));
    assert!(!accepts_with("first = 6,", "first = 0,"));
    assert!(!accepts_with("id_number = {", "clear = {"), "a name of the catalogue");
}

#[test]
fn a_value_of_the_wrong_type_does_not_validate() {
    assert!(!accepts_with("rows = \"all\"", "rows = \"everything\""));
    assert!(!accepts_with("rows = \"all\"", "rows = { column = \"name\" }"));
    assert!(!accepts_with("rows = \"all\"", "rows = { or = [] }"));
    assert!(!accepts_with("en = \"auditor\"", "en = 3"));
    assert!(!accepts_with("digits = true", "digits = \"yes\""));
}

#[test]
fn a_deny_names_what_there_is() {
    let with = |lines: &str| {
        let text = format!("{SOUND}\n[[deny]]\n{lines}\nzh = \"一\"\nen = \"one\"\nlegal_basis = \"法\"\n");
        let accepted = accepts(&text);
        assert!(accepted || parse(&text).is_err(), "the reader accepts what the schema refuses: {lines}");
        accepted
    };
    assert!(with("role = \"any\"\nrelations = \"unified.event\""));
    assert!(with(
        "role = [\"auditor\"]\npurpose = \"case:A2026-001\"\nrelations = [\"unified.event\"]\ncolumns = [\"title\"]"
    ));
    assert!(!with("role = \"any\"\nrelations = \"unified.evnt\""));
    assert!(!with("role = \"any\"\nrelations = \"unified.event\"\ncolumns = [\"name\"]"), "of another relation");
    assert!(!with("role = \"any\""), "a missing key");
    assert!(!with("role = \"any\"\nrelations = \"unified.event\"\ncolumn = \"title\""));
}

#[test]
fn a_lift_names_a_date_an_age_and_masks() {
    let columns = "columns = { event_id = \"clear\", title = \"redact_free_text\" }";
    let person = "columns = { name = \"clear\", id_no = \"id_number\" }";
    let with = |piece: &str, lift: &str| accepts_with(piece, &format!("{piece}\nlift = {{ {lift} }}"));
    let date = "birth_date = \"birth_date\", under_years = 14";
    assert!(with(person, &format!("{date}, columns = {{ name = \"null\" }}")));
    assert!(with(person, &format!("{date}, classes = {{ P = \"null\" }}")));
    assert!(!with(person, date), "neither columns nor classes");
    assert!(!with(person, &format!("{date}, columns = {{ name = \"nul\", nam = \"null\" }}")));
    assert!(!with(person, "birth_date = \"name\", under_years = 14, columns = { name = \"null\" }"), "no date");
    assert!(!with(person, "birth_date = \"birth_date\", under_years = 0, columns = { name = \"null\" }"));
    assert!(!with(person, "birth_date = \"birth_date\", columns = { name = \"null\" }"));
    assert!(!with(columns, &format!("{date}, columns = {{ name = \"null\" }}")), "of another relation");
}

#[test]
fn rows_nest() {
    let nested = "rows = { or = [{ column = \"name\", equals = \"x\" }, { and = [\"all\", { column = \"id_no\", starts_with = [\"29\"] }] }] }";
    assert!(accepts_with("rows = \"all\"", nested));
    assert!(!accepts_with("rows = \"all\"", &nested.replace("starts_with", "start_with")));
}

#[test]
fn every_mask_and_class_of_the_schema_is_one_of_the_reader() {
    let schema = policy_schema(&[person(), event()]);
    let plain = schema["$defs"]["catalogue_mask"]["anyOf"][0]["enum"].as_array().unwrap();
    let taken = schema["properties"]["masks"]["propertyNames"]["not"]["enum"].as_array().unwrap();
    assert_eq!((plain.len(), taken.len()), (8, 15));
    for name in taken {
        let faults = parse(&format!("[masks]\n{} = \"clear\"\n", name.as_str().unwrap())).unwrap_err();
        assert!(faults[0].to_string().contains("is taken by the catalogue"), "{}", faults[0]);
    }
    for name in plain {
        assert!(parse(&format!("[masks]\nown = {name}\n")).is_ok(), "{name}");
    }
    let classes = schema["$defs"]["rule"]["properties"]["classes"]["propertyNames"]["enum"].as_array().unwrap();
    assert_eq!(classes.len(), 10);
    for class in classes {
        let text = SOUND.replace(
            "classes = { none = \"clear\" }",
            &format!("classes = {{ {} = \"null\" }}", class.as_str().unwrap()),
        );
        assert!(parse(&text).is_ok(), "{class}");
    }
}
