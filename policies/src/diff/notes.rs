//! What reads otherwise and shows the same: titles, legal bases, wording.

use std::collections::{BTreeMap, BTreeSet};

use super::change::PolicyNote;
use crate::policy_set::Rule;
use crate::{PolicySet, Purpose};

type Texts = BTreeMap<(String, &'static str), String>;

pub(super) fn compare(old: &PolicySet, new: &PolicySet) -> Vec<PolicyNote> {
    let mut notes = differences(&texts(old), &texts(new));
    let was = rules(old);
    for (id, rule) in rules(new) {
        notes.extend(was.get(id).and_then(|old| wording(old, rule)));
    }
    notes.sort();
    notes
}

/// The standard of classes; titles, attributes and legal bases of roles, purposes and denies.
fn texts(set: &PolicySet) -> Texts {
    let mut texts = Texts::new();
    texts.insert(("classification".to_owned(), "standard"), set.standard().to_owned());
    for role in set.roles() {
        let subject = format!("role {}", role.name);
        texts.insert((subject.clone(), "title"), format!("{} / {}", role.zh, role.en));
        texts.insert((subject, "attributes"), role.attributes.join(", "));
    }
    for purpose in set.purposes() {
        let subject = format!("purpose {}", purpose.id);
        texts.insert((subject.clone(), "title"), format!("{} / {}", purpose.zh, purpose.en));
        texts.insert((subject.clone(), "legal basis"), purpose.legal_basis.clone());
        texts.insert((subject.clone(), "matter"), purpose.matter.clone());
        // A field by itself shows nothing; the rule that uses it shows in its cells.
        texts.insert((subject.clone(), "fields"), fields(purpose));
        if purpose.roles.is_empty() {
            // Nobody may declare it, so no change speaks of its last day.
            texts.insert((subject, "last day"), purpose.expires.to_string());
        }
    }
    for deny in set.denies.iter() {
        let whole = deny.columns.is_none().then(|| deny.id.clone());
        let columns = deny.columns.iter().flat_map(|columns| columns.keys().map(|name| format!("{}/{name}", deny.id)));
        for subject in columns.chain(whole) {
            // The first one holds; what it takes away shows in the cells.
            texts.entry((subject.clone(), "title")).or_insert_with(|| format!("{} / {}", deny.zh, deny.en));
            texts.entry((subject, "legal basis")).or_insert_with(|| deny.legal_basis.clone());
        }
    }
    texts
}

/// `unified.person.id_no, unified.person.phone`.
fn fields(purpose: &Purpose) -> String {
    let fields = purpose.fields.iter();
    let names = fields.flat_map(|(relation, columns)| columns.iter().map(move |column| format!("{relation}.{column}")));
    names.collect::<Vec<_>>().join(", ")
}

fn differences(old: &Texts, new: &Texts) -> Vec<PolicyNote> {
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let text = |texts: &Texts, key| texts.get(key).cloned().unwrap_or_default();
    let notes = keys.into_iter().map(|key| PolicyNote {
        subject: key.0.clone(),
        what: key.1,
        before: text(old, key),
        after: text(new, key),
    });
    notes.filter(|note| note.before != note.after).collect()
}

fn rules(set: &PolicySet) -> BTreeMap<&str, &Rule> {
    let of_relations = set.rules.values().flat_map(BTreeMap::values);
    let rules = of_relations.flat_map(|of_relation| of_relation.base.iter().chain(of_relation.by_purpose.values()));
    rules.map(|rule| (rule.id.as_str(), rule)).collect()
}

/// The legal basis, or else the title of the rule, seen in the reason of a column whose mask is what it was. Only where a rule
/// stands in both sets: that it is new or gone shows in its cells.
fn wording(old: &Rule, new: &Rule) -> Option<PolicyNote> {
    let note = |what, before: &str, after: &str| PolicyNote {
        subject: new.id.clone(),
        what,
        before: before.to_owned(),
        after: after.to_owned(),
    };
    if old.legal_basis != new.legal_basis {
        return Some(note("legal basis", &old.legal_basis, &new.legal_basis));
    }
    new.columns.iter().find_map(|(name, is)| {
        let was = old.columns.get(name).filter(|was| was.shown() == is.shown())?;
        if was.reason.zh != is.reason.zh {
            return Some(note("wording", &was.reason.zh, &is.reason.zh));
        }
        (was.reason.en != is.reason.en).then(|| note("wording", &was.reason.en, &is.reason.en))
    })
}
