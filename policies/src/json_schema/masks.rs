//! The masks of the catalogue, as JSON Schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::NAME;

/// Masks that need no parameter.
const PLAIN_MASKS: [&str; 8] =
    ["clear", "null", "constant", "surname_only", "first_char", "year", "address_to_compound", "redact_free_text"];

/// A mask in a rule: as in the catalogue, or an own name, which only the reader of the whole file knows.
pub(super) fn mask() -> Value {
    json!({ "anyOf": [
        { "$ref": "#/$defs/catalogue_mask" },
        { "type": "string", "pattern": NAME, "not": { "enum": mask_names() } },
    ] })
}

/// Parameters of the masks that have any: name, those required, all of them.
fn parametric_masks() -> Vec<(&'static str, Vec<&'static str>, Value)> {
    let characters = json!({ "type": "integer", "minimum": 1, "maximum": 256 });
    let keep = |own: &[&str]| {
        let mut all = json!({
            "length": { "anyOf": [&characters, { "type": "array", "minItems": 1, "items": &characters }] },
            "each": { "type": "string", "minLength": 1, "maxLength": 1 },
            "digits": { "type": "boolean" },
        });
        for name in own {
            if let Some(all) = all.as_object_mut() {
                all.insert((*name).to_owned(), characters.clone());
            }
        }
        all
    };
    vec![
        ("constant", vec![], json!({ "text": { "$ref": "#/$defs/text" } })),
        ("keep_first", vec!["n"], keep(&["n"])),
        ("keep_last", vec!["n"], keep(&["n"])),
        ("keep_first_last", vec!["first", "last"], keep(&["first", "last"])),
        (
            "age_band",
            vec!["width"],
            json!({
                "width": { "type": "integer", "minimum": 1, "maximum": 50 },
                "top": { "type": "integer", "minimum": 1, "maximum": 130 },
            }),
        ),
        ("division_prefix", vec!["digits"], json!({ "digits": { "enum": [2, 4, 6, 9] } })),
        (
            "amount_band",
            vec!["width"],
            json!({ "width": { "type": "integer", "minimum": 1, "maximum": 1_000_000_000 } }),
        ),
        ("token", vec!["class"], json!({ "class": { "$ref": "#/$defs/name" } })),
    ]
}

/// Every name of the catalogue.
pub(super) fn mask_names() -> Vec<&'static str> {
    let mut names: BTreeSet<&str> = PLAIN_MASKS.into_iter().collect();
    names.extend(parametric_masks().into_iter().map(|(name, ..)| name));
    names.into_iter().collect()
}

/// A mask of the catalogue, with its parameters.
pub(super) fn catalogue_mask() -> Value {
    let mut forms = vec![json!({ "enum": PLAIN_MASKS })];
    let parametric = parametric_masks();
    for name in PLAIN_MASKS.iter().filter(|name| !parametric.iter().any(|(other, ..)| other == *name)) {
        forms.push(mask_table(name, &[], &json!({})));
    }
    forms.extend(parametric.iter().map(|(name, needed, parameters)| mask_table(name, needed, parameters)));
    json!({ "anyOf": forms })
}

fn mask_table(name: &str, needed: &[&str], parameters: &Value) -> Value {
    let mut properties = Map::new();
    properties.insert("mask".to_owned(), json!({ "const": name }));
    properties.extend(parameters.as_object().cloned().unwrap_or_default());
    let required: Vec<&str> = std::iter::once("mask").chain(needed.iter().copied()).collect();
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}
