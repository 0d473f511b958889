//! What is asked in both worlds: every relation and column, seen or hidden, in the ways that have leaked elsewhere.

use policies::Decision;
use schemas::{Column, FieldType, Relation};

use super::world::Pair;

/// The statements about one relation as one principal may see it.
pub(super) fn of(relation: &Relation, decision: &Decision, pair: &Pair) -> Vec<String> {
    let name = &relation.name;
    let mut all = vec![whole(relation), format!("SELECT count(*) FROM {name}")];
    let Some(grant) = decision.grant() else { return all };
    if let Some(rule) = &grant.aggregate {
        let persons = &rule.persons;
        for key in &rule.keys {
            all.push(format!("SELECT {key}, count(DISTINCT {persons}) FROM {name} GROUP BY {key} ORDER BY 1, 2"));
        }
        for measure in &rule.measures {
            all.push(format!("SELECT sum({measure}), avg({measure}), count(DISTINCT {persons}) FROM {name}"));
        }
    }
    for column in &relation.columns {
        let is_seen = grant.column(column.name.as_str()).is_some();
        all.extend(if is_seen { of_seen(relation, column, pair) } else { of_hidden(relation, column, pair) });
    }
    all
}

/// Every visible row and column.
pub(super) fn whole(relation: &Relation) -> String {
    format!("SELECT * FROM {}", relation.name)
}

fn of_seen(relation: &Relation, column: &Column, pair: &Pair) -> Vec<String> {
    let (table, name) = (&relation.name, &column.name);
    if column.field_type == FieldType::TextList {
        return vec![
            format!("SELECT {name} FROM {table}"),
            format!("SELECT count(*) FROM {table} WHERE CAST({name} AS VARCHAR) LIKE '%154%'"),
        ];
    }
    let mut all = vec![
        format!("SELECT {name}, count(*) FROM {table} GROUP BY {name} ORDER BY 1, 2"),
        format!("SELECT {name} FROM {table} ORDER BY {name} DESC LIMIT 3"),
        format!("SELECT min({name}), max({name}), count(DISTINCT {name}) FROM {table}"),
        format!("SELECT CAST({name} AS BIGINT) FROM {table}"),
        format!("SELECT count(*) FROM {table} WHERE CAST({name} AS VARCHAR) LIKE '%1%'"),
        format!("SELECT 1 / (length(CAST({name} AS VARCHAR)) - 18) FROM {table}"),
    ];
    all.extend(pair.stored_text(name.as_str()).map(|text| {
        let literal = text.replace('\'', "''");
        format!("SELECT count(*) FROM {table} WHERE CAST({name} AS VARCHAR) = '{literal}'")
    }));
    all
}

fn of_hidden(relation: &Relation, column: &Column, pair: &Pair) -> Vec<String> {
    let (table, name) = (&relation.name, &column.name);
    let text = pair.stored_text(name.as_str()).unwrap_or_default().replace('\'', "''");
    vec![
        format!("SELECT {name} FROM {table}"),
        format!("SELECT count(*) FROM {table} WHERE CAST({name} AS VARCHAR) = '{text}'"),
    ]
}
