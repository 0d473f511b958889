//! What one role sees for one purpose, and which of it speaks of the same person or place.

use std::collections::BTreeSet;

use schemas::{FieldType, Relation};

use super::candidates::{ID_LENGTH, PHONE_LENGTH, Shown};
use super::kinds::{Kind, recognise};
use crate::{Mask, PolicySet, Positions};

/// One column of a kind the linter knows, or both coordinates of a relation.
#[derive(Debug)]
pub(super) struct Sight<'s> {
    pub(super) relation: String,
    pub(super) columns: Vec<String>,
    pub(super) kind: Kind,
    pub(super) subject: String,
    pub(super) field_type: FieldType,
    pub(super) mask: &'s Mask,
    /// Whether the mask is that of a lift.
    pub(super) is_lifted: bool,
    word: String,
}

/// How two sights belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Link {
    /// Nothing leads from one to the other.
    None,
    /// Their relations share a person, perhaps not the one meant.
    SomePerson,
    /// The same person, or the same place.
    Same,
}

/// Which rows are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Those for which no lift holds.
    Ordinary,
    /// Those for which every lift holds: children's.
    Lifted,
}

/// Everything the linter knows of what one role sees for one purpose.
#[derive(Debug)]
pub(super) struct View<'s> {
    pub(super) sights: Vec<Sight<'s>>,
    /// Pairs of relations between which a house or building can be followed, directly or through others.
    places: BTreeSet<(String, String)>,
}

impl<'s> View<'s> {
    /// The rules that hold for the role under the purpose, as in [`PolicySet::decide_on`].
    pub(super) fn of(
        set: &'s PolicySet,
        role: &str,
        purpose: Option<&str>,
        relations: &[Relation],
        rows: Rows,
    ) -> Self {
        let mut sights = Vec::new();
        for relation in relations {
            let Some(rules) = set.rules.get(role).and_then(|of_role| of_role.get(&relation.name)) else { continue };
            let of_purpose = purpose.and_then(|id| rules.by_purpose.get(id));
            let Some(rule) = of_purpose.or(rules.base.as_ref()) else { continue };
            let decision = set.decide_for_all(role, purpose, relation);
            // Of a relation that is only counted no two columns of one person are ever seen.
            let Some(grant) = decision.grant().filter(|grant| grant.aggregate.is_none()) else { continue };
            for column in relation.columns.iter().filter(|column| grant.column(column.name.as_str()).is_some()) {
                let Some(shown) = rule.columns.get(column.name.as_str()) else { continue };
                let Some(found) = recognise(column.name.as_str(), column.field_type) else { continue };
                let lift = shown.lift.as_ref().filter(|_| rows == Rows::Lifted);
                if shown.field_type == column.field_type {
                    sights.push(Sight {
                        relation: relation.name.to_string(),
                        columns: vec![column.name.to_string()],
                        kind: found.kind,
                        subject: found.subject,
                        field_type: column.field_type,
                        mask: lift.map_or(&shown.mask, |lift| &lift.mask),
                        is_lifted: lift.is_some(),
                        word: found.word,
                    });
                }
            }
        }
        join_coordinates(&mut sights);
        let places = places(&sights);
        Self { sights, places }
    }

    /// Whether both speak of the same person: in one row under one prefix, or by a key of each that joins.
    pub(super) fn person_link(&self, a: &Sight<'_>, b: &Sight<'_>) -> Link {
        if a.relation == b.relation {
            return if a.subject == b.subject { Link::Same } else { Link::SomePerson };
        }
        let mut link = Link::None;
        for key in self.keys_of(&a.relation) {
            for other in self.keys_of(&b.relation).filter(|other| joins(key, other)) {
                let same = key.subject == a.subject && other.subject == b.subject;
                link = link.max(if same { Link::Same } else { Link::SomePerson });
            }
        }
        link
    }

    /// Whether both speak of the same place.
    pub(super) fn place_link(&self, a: &Sight<'_>, b: &Sight<'_>) -> Link {
        // The registered address is not the house that a row points at.
        let own = a.subject.is_empty() && b.subject.is_empty();
        let together = a.relation == b.relation || self.places.contains(&(a.relation.clone(), b.relation.clone()));
        if own && together { Link::Same } else { Link::None }
    }

    /// The sex of the person, if it is shown as it is.
    pub(super) fn sex_of(&self, id: &Sight<'_>) -> Option<&Sight<'s>> {
        let sexes = self.sights.iter().filter(|s| s.kind == Kind::Sex && *s.mask == Mask::Clear);
        sexes.into_iter().find(|sex| self.person_link(id, sex) == Link::Same)
    }

    /// Columns by which a person can be followed: keys, and ID numbers that are clear or tokens.
    fn keys_of<'v>(&'v self, relation: &'v str) -> impl Iterator<Item = &'v Sight<'s>> {
        let of_person = |s: &&Sight<'_>| matches!(s.kind, Kind::PersonKey | Kind::CitizenId);
        self.sights.iter().filter(move |s| s.relation == relation).filter(of_person)
    }
}

impl Sight<'_> {
    /// Full names of its columns.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.columns.iter().map(|column| format!("{}.{column}", self.relation))
    }

    /// Characters shown of an ID number or a phone number; none for other kinds.
    pub(super) fn digits(&self) -> Shown {
        let length = match (self.kind, self.field_type) {
            // The ID number, then kind and degree of the disability.
            (Kind::CitizenId, FieldType::DisabilityCertNo) => ID_LENGTH + 2,
            (Kind::CitizenId, _) => ID_LENGTH,
            (Kind::Phone, _) => PHONE_LENGTH,
            _ => return Shown::NONE,
        };
        let kept = match (self.mask, self.mask.positions()) {
            (Mask::Keep(keep), _) if !keep.lengths.is_empty() && !keep.lengths.contains(&length) => Shown::NONE,
            (_, Positions::All) => Shown::all(length),
            (_, Positions::Ends { first, last }) => Shown::ends(length, first, last),
            _ => Shown::NONE,
        };
        kept.within(if self.kind == Kind::CitizenId { ID_LENGTH } else { PHONE_LENGTH })
    }

    /// Whether something of the value is shown, but not all of it.
    pub(super) fn is_partial(&self) -> bool {
        !matches!(self.mask.positions(), Positions::None | Positions::All)
    }
}

/// Whether equal originals can be told in both columns: keys of one kind, both as they are or tokens of one class.
fn joins(a: &Sight<'_>, b: &Sight<'_>) -> bool {
    match (a.mask, b.mask) {
        (Mask::Clear, Mask::Clear) => a.kind == b.kind && (a.kind == Kind::CitizenId || a.word == b.word),
        (Mask::Token { class }, Mask::Token { class: other }) => class == other,
        _ => false,
    }
}

/// Puts longitude and latitude of a relation into one sight, under the coarser of their masks.
fn join_coordinates(sights: &mut Vec<Sight<'_>>) {
    let (axes, others): (Vec<_>, Vec<_>) =
        sights.drain(..).partition(|s| matches!(s.kind, Kind::Longitude | Kind::Latitude));
    *sights = others;
    let mut axes = axes.into_iter().peekable();
    while let Some(first) = axes.next() {
        let Some(second) = axes.next_if(|next| next.relation == first.relation && next.kind != first.kind) else {
            continue;
        };
        let mask = if *first.mask == Mask::Clear { second.mask } else { first.mask };
        let columns = [first.columns, second.columns].concat();
        sights.push(Sight { columns, kind: Kind::Coordinates, mask, ..first });
    }
}

/// Relations joined by house or building, closed over steps between.
fn places(sights: &[Sight<'_>]) -> BTreeSet<(String, String)> {
    let keys: Vec<&Sight<'_>> = sights.iter().filter(|s| s.kind == Kind::PlaceKey).collect();
    let mut pairs = BTreeSet::new();
    for a in &keys {
        for b in keys.iter().filter(|b| joins(a, b)) {
            pairs.insert((a.relation.clone(), b.relation.clone()));
        }
    }
    loop {
        let more: Vec<(String, String)> = pairs
            .iter()
            .flat_map(|(a, b)| pairs.iter().filter(move |(c, _)| b == c).map(move |(_, d)| (a.clone(), d.clone())))
            .filter(|pair| !pairs.contains(pair))
            .collect();
        if more.is_empty() {
            return pairs;
        }
        pairs.extend(more);
    }
}
