//! Row rules as written in a policy.

use schemas::{FieldType, Relation};

use super::fault::{FaultKind, Faults};
use super::reader::{TableReader, Text, Value, text_of, texts_of};
use crate::Role;
use crate::row::{RowRule, Values};

/// How deep `and` and `or` may be nested.
const DEPTH_MAX: usize = 8;

/// Reads the rows of a rule; `relations` are those the rule speaks of, and every column named has to be a text in all of them.
pub(super) fn read_rows(
    value: &Value<'_>,
    role: Option<&Role>,
    relations: &[&Relation],
    faults: &mut Faults<'_>,
) -> Option<RowRule> {
    Rows { role, relations, faults }.read(value, 0)
}

struct Rows<'r, 'f, 't> {
    role: Option<&'r Role>,
    relations: &'r [&'r Relation],
    faults: &'f mut Faults<'t>,
}

impl Rows<'_, '_, '_> {
    fn read(&mut self, value: &Value<'_>, depth: usize) -> Option<RowRule> {
        if depth > DEPTH_MAX {
            self.faults.add(value.span(), FaultKind::RowsTooDeep { limit: DEPTH_MAX });
            return None;
        }
        if value.get_ref().as_str() == Some("all") {
            return Some(RowRule::All);
        }
        if !value.get_ref().is_table() {
            self.faults.add(value.span(), FaultKind::MalformedRows);
            return None;
        }
        let mut reader = TableReader::of_value("rows", value, self.faults)?;
        let rule = self.read_table(&mut reader, value, depth);
        reader.close(self.faults);
        rule
    }

    fn read_table(&mut self, reader: &mut TableReader<'_>, value: &Value<'_>, depth: usize) -> Option<RowRule> {
        let column = reader.get("column");
        let is_in = reader.get("in");
        let prefix = reader.get("prefix");
        let equals = reader.get("equals");
        let starts_with = reader.get("starts_with");
        let and = reader.get("and");
        let or = reader.get("or");
        match (column, is_in, prefix, equals, starts_with, and, or) {
            (Some(column), Some(attribute), None, None, None, None, None) => {
                let (column, values) = (self.column(column), self.attribute("in", attribute));
                Some(RowRule::In { column: column?, values: values? })
            }
            (Some(column), None, Some(attribute), None, None, None, None) => {
                let (column, values) = (self.column(column), self.attribute("prefix", attribute));
                Some(RowRule::Prefix { column: column?, values: values? })
            }
            (Some(column), None, None, Some(literals), None, None, None) => {
                let (column, values) = (self.column(column), self.literals("equals", literals));
                Some(RowRule::In { column: column?, values: values? })
            }
            (Some(column), None, None, None, Some(literals), None, None) => {
                let (column, values) = (self.column(column), self.literals("starts_with", literals));
                Some(RowRule::Prefix { column: column?, values: values? })
            }
            (None, None, None, None, None, Some(parts), None) => self.parts("and", parts, depth).map(RowRule::And),
            (None, None, None, None, None, None, Some(parts)) => self.parts("or", parts, depth).map(RowRule::Or),
            _ => {
                self.faults.add(value.span(), FaultKind::MalformedRows);
                None
            }
        }
    }

    fn column(&mut self, value: &Value<'_>) -> Option<String> {
        let name = text_of("column", value, self.faults)?;
        let text = FieldType::Text.arrow_type();
        let mut sound = true;
        for relation in self.relations {
            let (relation_name, column) = (relation.name.to_string(), name.text.clone());
            match relation.arrow_type(&name.text) {
                Some(found) if found == text => {}
                Some(_) => {
                    sound = false;
                    let kind = FaultKind::RowColumnNotText { relation: relation_name, column };
                    self.faults.add(name.span.clone(), kind);
                }
                None => {
                    sound = false;
                    let kind = FaultKind::UnknownColumn { relation: relation_name, column };
                    let known = relation.columns.iter().map(|c| c.name.as_str());
                    self.faults.add_unknown(name.span.clone(), kind, &name.text, known);
                }
            }
        }
        sound.then_some(name.text)
    }

    fn attribute(&mut self, key: &str, value: &Value<'_>) -> Option<Values> {
        let Text { text, span } = text_of(key, value, self.faults)?;
        let role = self.role?;
        if !role.attributes.contains(&text) {
            let kind = FaultKind::UnknownAttribute { role: role.name.clone(), attribute: text.clone() };
            self.faults.add_unknown(span, kind, &text, role.attributes.iter().map(String::as_str));
            return None;
        }
        Some(Values::Attribute(text))
    }

    fn literals(&mut self, key: &str, value: &Value<'_>) -> Option<Values> {
        let texts = texts_of(key, value, self.faults);
        (!texts.is_empty()).then(|| Values::Literal(texts.into_iter().map(|t| t.text).collect()))
    }

    fn parts(&mut self, key: &str, value: &Value<'_>, depth: usize) -> Option<Vec<RowRule>> {
        let Some(items) = value.get_ref().as_array() else {
            super::reader::wrong_type(key, value, "a list of row rules", self.faults);
            return None;
        };
        if items.is_empty() {
            self.faults.add(value.span(), FaultKind::Empty { key: key.to_owned() });
            return None;
        }
        let parts: Vec<Option<RowRule>> = items.iter().map(|item| self.read(item, depth + 1)).collect();
        parts.into_iter().collect()
    }
}
