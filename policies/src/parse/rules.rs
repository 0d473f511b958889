//! The rules: role × (purpose) × relation to rows and columns.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use schemas::{Classification, Column, Relation, RelationName, Sensitivity};
use toml::de::{DeArray, DeTable};

use super::aggregate_spec::{AggregateSpec, read_aggregate};
use super::fault::{FaultKind, Faults};
use super::lift_spec::{LiftSpec, read_lift};
use super::mask_spec::{NamedMasks, read_mask};
use super::reader::{TableReader, Text, Value, text_of, texts_of};
use super::reveal_spec::{RevealSpec, read_reveal};
use super::row_spec::read_rows;
use super::search_spec::{SearchSpec, read_search};
use crate::lift::Shown;
use crate::policy_set::{Rule, RuleColumn, RulesOfRelation};
use crate::row::RowRule;
use crate::{Lift, Mask, Purpose, Reason, Role, purpose};

/// The classes of personal information, as written in policies.
const CLASSES: [(&str, Sensitivity); 10] = [
    ("none", Sensitivity::None),
    ("P", Sensitivity::P),
    ("S1", Sensitivity::S1),
    ("S2", Sensitivity::S2),
    ("S3", Sensitivity::S3),
    ("S4", Sensitivity::S4),
    ("S5", Sensitivity::S5),
    ("S6", Sensitivity::S6),
    ("S7", Sensitivity::S7),
    ("S8", Sensitivity::S8),
];

/// What rules may refer to.
pub(super) struct Known<'k> {
    pub(super) roles: &'k BTreeMap<String, Role>,
    pub(super) purposes: &'k BTreeMap<String, Purpose>,
    /// Purposes whose fields have a fault of their own.
    pub(super) unread_fields: &'k BTreeSet<String>,
    /// `None` if the policy names none that exists.
    pub(super) classification: Option<&'k Classification>,
    pub(super) masks: &'k NamedMasks,
    pub(super) relations: &'k BTreeMap<String, &'k Relation>,
}

impl Known<'_> {
    fn class_of(&self, relation: &Relation, column: &Column) -> Sensitivity {
        self.classification.map_or(column.class, |set| set.class_of(&relation.name, column))
    }
}

/// All rules, by role and relation.
pub(super) type Rules = BTreeMap<String, BTreeMap<RelationName, RulesOfRelation>>;

pub(super) fn read_rules(array: Option<&DeArray<'_>>, known: &Known<'_>, faults: &mut Faults<'_>) -> Rules {
    let mut rules = Rules::new();
    let (mut first_lines, mut drafts) = (BTreeMap::new(), Vec::new());
    for value in array.into_iter().flat_map(|a| a.iter()) {
        let Some(draft) = read_draft(value, known, faults) else { continue };
        for relation in &draft.relations {
            let rule = draft.rule_for(relation, known, faults);
            let (line, _) = faults.place(draft.span.start);
            match first_lines.get(&rule.id) {
                Some(first_line) => {
                    let kind = FaultKind::OverlappingRule { rule: rule.id, first_line: *first_line };
                    faults.add(draft.span.clone(), kind);
                    continue;
                }
                None => first_lines.insert(rule.id.clone(), line),
            };
            let place = rules.entry(draft.role.clone()).or_default().entry(relation.name.clone()).or_default();
            match &draft.purpose {
                Some(purpose) => {
                    place.by_purpose.insert(purpose.clone(), rule);
                }
                None => place.base = Some(rule),
            }
        }
        drafts.push(draft);
    }
    for of_relation in rules.values_mut().flat_map(BTreeMap::values_mut) {
        let Some(base) = &of_relation.base else { continue };
        for rule in of_relation.by_purpose.values_mut() {
            rule.is_within_base = purpose::is_within_base(rule, base);
        }
    }
    for draft in &drafts {
        draft.hold_against_purpose(&rules, known, faults);
    }
    rules
}

/// One `[[rule]]`, which may speak of several relations.
struct Draft<'k> {
    span: Range<usize>,
    role: String,
    purpose: Option<String>,
    relations: Vec<&'k Relation>,
    zh: String,
    en: String,
    legal_basis: String,
    rows: RowRule,
    classes: Vec<(Sensitivity, Mask, Range<usize>)>,
    columns: Vec<(Text, Mask)>,
    aggregate: Option<AggregateSpec>,
    search: Option<SearchSpec>,
    reveal: Option<RevealSpec>,
    lift: Option<LiftSpec>,
}

/// Reads everything there is to read, so that one fault does not hide the next; `None` if any part cannot be used.
fn read_draft<'k>(value: &Value<'_>, known: &Known<'k>, faults: &mut Faults<'_>) -> Option<Draft<'k>> {
    let mut reader = TableReader::of_value("rule", value, faults)?;
    let role = reader.require_text("role", faults).and_then(|text| find_role(&text, known, faults));
    let purpose = match reader.get("purpose") {
        None => Some(None),
        Some(value) => read_purpose(value, role, known, faults).map(Some),
    };
    let relations = reader.require("relations", faults).map(|value| read_relations(value, known, faults));
    let relations = relations.unwrap_or_default();
    let zh = reader.require_text("zh", faults);
    let en = reader.require_text("en", faults);
    let legal_basis = reader.require_text("legal_basis", faults);
    let rows = reader.require("rows", faults).and_then(|value| read_rows(value, role, &relations, faults));
    let classes = reader.optional_table("classes", faults).map(|table| read_classes(table, known, faults));
    let columns = reader.optional_table("columns", faults).map(|table| read_columns(table, &relations, known, faults));
    let aggregate = match reader.get("aggregate") {
        None => Some(None),
        Some(value) => read_aggregate(value, faults).map(Some),
    };
    let search = match reader.get("search") {
        None => Some(None),
        Some(value) => read_search(value, faults).map(Some),
    };
    let reveal = match reader.get("reveal") {
        None => Some(None),
        Some(value) => read_reveal(value, known, faults).map(Some),
    };
    let lift = match reader.get("lift") {
        None => Some(None),
        Some(value) => read_lift(value, &relations, known, faults).map(Some),
    };
    let span = reader.span();
    reader.close(faults);
    Some(Draft {
        span,
        role: role?.name.clone(),
        purpose: purpose?,
        relations,
        zh: zh?.text,
        en: en?.text,
        legal_basis: legal_basis?.text,
        rows: rows?,
        classes: classes.unwrap_or_default(),
        columns: columns.unwrap_or_default(),
        aggregate: aggregate?,
        search: search?,
        reveal: reveal?,
        lift: lift?,
    })
}

fn find_role<'k>(text: &Text, known: &Known<'k>, faults: &mut Faults<'_>) -> Option<&'k Role> {
    let found = known.roles.get(&text.text);
    if found.is_none() {
        let kind = FaultKind::UnknownRole { name: text.text.clone() };
        faults.add_unknown(text.span.clone(), kind, &text.text, known.roles.keys().map(String::as_str));
    }
    found
}

pub(super) fn read_purpose(
    value: &Value<'_>,
    role: Option<&Role>,
    known: &Known<'_>,
    faults: &mut Faults<'_>,
) -> Option<String> {
    let Text { text, span } = text_of("purpose", value, faults)?;
    let Some(purpose) = known.purposes.get(&text) else {
        let kind = FaultKind::UnknownPurpose { name: text.clone() };
        faults.add_unknown(span, kind, &text, known.purposes.keys().map(String::as_str));
        return None;
    };
    if let Some(role) = role.filter(|role| !purpose.roles.contains(&role.name)) {
        faults.add(span, FaultKind::PurposeNotForRole { purpose: text, role: role.name.clone() });
        return None;
    }
    Some(text)
}

pub(super) fn read_relations<'k>(value: &Value<'_>, known: &Known<'k>, faults: &mut Faults<'_>) -> Vec<&'k Relation> {
    let mut found = Vec::new();
    for Text { text, span } in texts_of("relations", value, faults) {
        match known.relations.get(&text) {
            Some(relation) => found.push(*relation),
            None => {
                let kind = FaultKind::UnknownRelation { name: text.clone() };
                faults.add_unknown(span, kind, &text, known.relations.keys().map(String::as_str));
            }
        }
    }
    found
}

pub(super) fn read_classes(
    table: &DeTable<'_>,
    known: &Known<'_>,
    faults: &mut Faults<'_>,
) -> Vec<(Sensitivity, Mask, Range<usize>)> {
    let mut classes = Vec::new();
    for (key, value) in table {
        let name: &str = key.get_ref();
        let mask = read_mask(value, known.masks, faults);
        match CLASSES.iter().find(|(word, _)| *word == name) {
            Some((_, class)) => classes.extend(mask.map(|mask| (*class, mask, key.span()))),
            None => {
                let kind = FaultKind::UnknownClass { name: name.to_owned() };
                faults.add_unknown(key.span(), kind, name, CLASSES.iter().map(|(word, _)| *word));
            }
        }
    }
    classes
}

/// Every column has to exist in every relation of the rule.
pub(super) fn read_columns(
    table: &DeTable<'_>,
    relations: &[&Relation],
    known: &Known<'_>,
    faults: &mut Faults<'_>,
) -> Vec<(Text, Mask)> {
    let mut columns = Vec::new();
    for (key, value) in table {
        let name: &str = key.get_ref();
        for relation in relations.iter().filter(|r| r.column(name).is_none()) {
            let kind = FaultKind::UnknownColumn { relation: relation.name.to_string(), column: name.to_owned() };
            let names = relation.columns.iter().map(|c| c.name.as_str());
            faults.add_unknown(key.span(), kind, name, names);
        }
        let text = Text { text: name.to_owned(), span: key.span() };
        columns.extend(read_mask(value, known.masks, faults).map(|mask| (text, mask)));
    }
    columns
}

impl Draft<'_> {
    fn rule_for(&self, relation: &Relation, known: &Known<'_>, faults: &mut Faults<'_>) -> Rule {
        let subject = match &self.purpose {
            Some(purpose) => format!("{}@{purpose}", self.role),
            None => self.role.clone(),
        };
        let id = format!("{subject}/{}", relation.name);
        let mut columns = BTreeMap::new();
        for column in &relation.columns {
            let class = known.class_of(relation, column);
            let Some((mask, span)) = self.mask_of(column, class) else { continue };
            if !mask.fits(column.field_type) {
                let kind = FaultKind::MaskDoesNotFit {
                    mask: mask.name().to_owned(),
                    relation: relation.name.to_string(),
                    column: column.name.to_string(),
                };
                faults.add(span, kind);
                continue;
            }
            let lift = self.lift.as_ref().and_then(|lift| lift.of_column(relation, column, class, mask, faults));
            columns.insert(column.name.to_string(), self.column(&id, column, mask, lift));
        }
        if let Some(lift) = &self.lift {
            lift.check_shown(relation, &|name| columns.contains_key(name), faults);
        }
        if columns.is_empty() {
            faults.add(self.span.clone(), FaultKind::ShowsNothing { rule: id.clone() });
        }
        let of_relation = relation.name.to_string();
        let aggregate = self.aggregate.as_ref().map(|spec| Arc::new(spec.bind(&of_relation, &columns, faults)));
        let search = self.search.as_ref().map(|spec| Arc::new(spec.bind(relation, self.aggregate.is_some(), faults)));
        let is_counted = self.aggregate.is_some();
        let reveal = self.reveal.as_ref().map(|spec| Arc::new(spec.bind(relation, &columns, is_counted, faults)));
        Rule {
            id,
            legal_basis: self.legal_basis.clone(),
            rows: self.rows.clone(),
            columns,
            aggregate,
            search,
            reveal,
            is_within_base: false,
        }
    }

    /// Reports every column that the rule of a purpose shows more than the base rule, and that the purpose does not list.
    fn hold_against_purpose(&self, rules: &Rules, known: &Known<'_>, faults: &mut Faults<'_>) {
        let id = self.purpose.as_ref().filter(|id| !known.unread_fields.contains(*id));
        let Some(purpose) = id.and_then(|id| known.purposes.get(id)) else { return };
        for relation in &self.relations {
            let of_relation = rules.get(&self.role).and_then(|of_role| of_role.get(&relation.name));
            let rule = of_relation.and_then(|of_relation| of_relation.by_purpose.get(&purpose.id));
            let (Some(of_relation), Some(rule)) = (of_relation, rule) else { continue };
            let within = purpose::search_within(rule, of_relation.base.as_ref(), purpose, &relation.name);
            if within.as_ref() != rule.search.as_deref() {
                let field = format!("{}, rule.search", relation.name);
                faults.add(self.span.clone(), FaultKind::BeyondPurpose { purpose: purpose.id.clone(), field });
            }
            let within = purpose::reveal_within(rule, of_relation.base.as_ref(), purpose, &relation.name);
            if within.as_ref() != rule.reveal.as_deref() {
                let field = format!("{}, rule.reveal", relation.name);
                faults.add(self.span.clone(), FaultKind::BeyondPurpose { purpose: purpose.id.clone(), field });
            }
            for column in &relation.columns {
                let name = column.name.as_str();
                let beyond = purpose::widens(rule, of_relation.base.as_ref(), name);
                if beyond && !purpose.lists(&relation.name, name) {
                    let span = self
                        .mask_of(column, known.class_of(relation, column))
                        .map_or_else(|| self.span.clone(), |(_, span)| span);
                    let field = format!("{}.{name}", relation.name);
                    faults.add(span, FaultKind::BeyondPurpose { purpose: purpose.id.clone(), field });
                }
            }
        }
    }

    /// The mask that the rule names for the column, or else for its class.
    fn mask_of(&self, column: &Column, class: Sensitivity) -> Option<(&Mask, Range<usize>)> {
        let by_name = self.columns.iter().find(|(name, _)| name.text == column.name.as_str());
        let named = by_name.map(|(name, mask)| (mask, name.span.clone()));
        named.or_else(|| {
            let by_class = self.classes.iter().find(|(of, ..)| *of == class);
            by_class.map(|(_, mask, span)| (mask, span.clone()))
        })
    }

    fn column(&self, rule_id: &str, column: &Column, mask: &Mask, lift: Option<Lift>) -> RuleColumn {
        let shown = Shown { mask, lift: lift.as_ref() };
        let reason = Reason {
            zh: format!("{}：{}{}。依据：{}", self.zh, column.zh, shown.zh(), self.legal_basis),
            en: format!("{}: {} {}; legal basis {}", self.en, column.en, shown.en(), self.legal_basis),
        };
        let rule = format!("{rule_id}/{}", column.name);
        RuleColumn { field_type: column.field_type, mask: mask.clone(), lift, rule, reason }
    }
}
