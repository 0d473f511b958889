//! The rules of the linter: which kinds of columns give which masked value away. All of them are here.

use super::candidates::{Birth, Shown, id_candidates, phone_candidates};
use super::kinds::Kind;
use super::view::{Link, Sight};
use crate::{Mask, Positions};

/// One way in which columns complete each other.
pub(super) struct LintRule {
    /// Id of the line of the attack corpus it answers.
    pub(super) id: &'static str,
    /// Kinds of the value that is given away.
    pub(super) masked: &'static [Kind],
    /// Kinds of the column that gives it away.
    pub(super) beside: &'static [Kind],
    pub(super) reach: Reach,
    pub(super) weigh: fn(&Pair<'_, '_>) -> Option<Weight>,
    /// What to do.
    pub(super) zh: &'static str,
    pub(super) en: &'static str,
}

/// How the two have to belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    SamePerson,
    SamePlace,
    /// Not at all: the same kind shown to one role is enough. Order does not matter.
    Anyone,
}

/// A masked value and what stands beside it.
pub(super) struct Pair<'p, 's> {
    pub(super) masked: &'p Sight<'s>,
    pub(super) beside: &'p Sight<'s>,
    pub(super) link: Link,
    pub(super) sex_known: bool,
}

/// What the pair leaves of the masking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// So many originals.
    Candidates(u64),
    /// Finer than the mask says, without a number.
    Finer,
}

/// From so many candidates on a combination is no finding: as many as the usual masked phone number leaves.
const CANDIDATES_REPORTED_BELOW: u64 = 10_000;

/// The rules.
pub(super) const RULES: [LintRule; 7] = [
    LintRule {
        id: "W-001",
        masked: &[Kind::CitizenId],
        beside: &[Kind::BirthDate],
        reach: Reach::SamePerson,
        weigh: id_beside_exact_birth,
        zh: "请把出生日期降为年份或年龄段，或不再显示证件号码的末位",
        en: "generalise the birth date to a year or an age band, or show no digits at the end of the number",
    },
    LintRule {
        id: "W-002",
        masked: &[Kind::CitizenId],
        beside: &[Kind::BirthDate, Kind::Age],
        reach: Reach::SamePerson,
        weigh: id_beside_years,
        zh: "请少显示证件号码的末位（校验位会排除其余日期），或放宽出生年份的档宽，并由责任人确认剩余数量可以接受",
        en: "show fewer digits at the end of the number (the check digit rules dates out) or widen the band of years, and \
             have the owner accept what is left",
    },
    LintRule {
        id: "W-004",
        masked: &[Kind::CitizenId],
        beside: &[Kind::CitizenId],
        reach: Reach::Anyone,
        weigh: digits_add_up,
        zh: "请让同一角色看到的各处证件号码显示相同的位",
        en: "show the same digits of the number in every column of this kind",
    },
    LintRule {
        id: "W-004",
        masked: &[Kind::Phone],
        beside: &[Kind::Phone],
        reach: Reach::Anyone,
        weigh: digits_add_up,
        zh: "请让同一角色看到的各处电话号码显示相同的位",
        en: "show the same digits of the number in every column of this kind",
    },
    LintRule {
        id: "W-006",
        masked: &[Kind::Address, Kind::Coordinates],
        beside: &[Kind::Coordinates, Kind::Address],
        reach: Reach::SamePlace,
        weigh: place_beside_place,
        zh: "请把坐标与地址遮盖到同一精度",
        en: "mask coordinates and address to the same precision",
    },
    LintRule {
        id: "W-006-name",
        masked: &[Kind::PersonName],
        beside: &[Kind::PersonName],
        reach: Reach::SamePerson,
        weigh: name_beside_name,
        zh: "请对同一人的姓名使用相同的遮盖，或隐去两表之间的人员编码",
        en: "mask the name of one person alike everywhere, or hide the key between the relations",
    },
    LintRule {
        id: "L-001",
        masked: &[Kind::CitizenId, Kind::BirthDate, Kind::Phone, Kind::PersonName, Kind::Address],
        beside: &[Kind::CitizenId, Kind::BirthDate, Kind::Phone, Kind::PersonName, Kind::Address],
        reach: Reach::SamePerson,
        weigh: lifted_beside_the_same,
        zh: "请对儿童的同类信息在各处一并提高遮盖",
        en: "lift every column that holds the same of a child",
    },
];

fn id_beside_exact_birth(pair: &Pair<'_, '_>) -> Option<Weight> {
    if *pair.beside.mask != Mask::Clear {
        return None;
    }
    id_beside(pair, Birth::Day)
}

fn id_beside_years(pair: &Pair<'_, '_>) -> Option<Weight> {
    let years = match (pair.beside.kind, pair.beside.mask.positions()) {
        (Kind::Age, Positions::All) => 1,
        (Kind::BirthDate, Positions::Year) => 1,
        (Kind::BirthDate | Kind::Age, Positions::Range { width }) => u32::try_from(width).ok()?,
        _ => return None,
    };
    id_beside(pair, Birth::Years(years))
}

/// A number of which nothing is shown cannot be completed, and one that is shown whole need not be.
fn id_beside(pair: &Pair<'_, '_>, birth: Birth) -> Option<Weight> {
    let shown = pair.masked.digits();
    if !pair.masked.is_partial() || shown == Shown::NONE {
        return None;
    }
    let left = id_candidates(shown, birth, pair.sex_known);
    let alone = id_candidates(shown, Birth::Unknown, false);
    (left < alone && left < CANDIDATES_REPORTED_BELOW).then_some(Weight::Candidates(left))
}

/// Two partial masks that show more together, or a clear column of the same person beside a partial one.
fn digits_add_up(pair: &Pair<'_, '_>) -> Option<Weight> {
    let (a, b) = (pair.masked.digits(), pair.beside.digits());
    let both = a.and(b);
    if a == Shown::NONE || b == Shown::NONE || a == b {
        return None;
    }
    // What one of them shows, the other shows too: only a leak if it is the same person's.
    if (both == a || both == b) && pair.link != Link::Same {
        return None;
    }
    let left = if pair.masked.kind == Kind::Phone {
        phone_candidates(both)
    } else {
        id_candidates(both, Birth::Unknown, pair.sex_known)
    };
    Some(Weight::Candidates(left))
}

/// A generalised address beside exact coordinates or a clear address of the place, or coarse coordinates beside either.
fn place_beside_place(pair: &Pair<'_, '_>) -> Option<Weight> {
    (pair.masked.is_partial() && *pair.beside.mask == Mask::Clear).then_some(Weight::Finer)
}

/// What a lift hides of a child stands elsewhere, less masked.
fn lifted_beside_the_same(pair: &Pair<'_, '_>) -> Option<Weight> {
    let (lifted, other) = (pair.masked, pair.beside);
    let is_told = lifted.is_lifted && lifted.kind == other.kind && !other.mask.shows_no_more_than(lifted.mask);
    is_told.then_some(Weight::Finer)
}

/// In another relation the clear name is what that relation is read for, so that the pair is a warning only.
fn name_beside_name(pair: &Pair<'_, '_>) -> Option<Weight> {
    let weight = if pair.masked.relation == pair.beside.relation { Weight::Candidates(1) } else { Weight::Finer };
    (pair.masked.is_partial() && *pair.beside.mask == Mask::Clear).then_some(weight)
}
