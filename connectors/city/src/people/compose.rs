//! Who makes up a household: relations, ages and who is away or dead.

use super::Sex;
use crate::rng::Rng;

/// Relation to the head of the household.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// 户主
    Head,
    /// 配偶
    Spouse,
    /// 子、女
    Child,
    /// 孙子、孙女
    Grandchild,
    /// 父亲、母亲
    Parent,
    /// 非亲属
    Stranger,
}

/// One member to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub(crate) role: Role,
    pub(crate) sex: Sex,
    /// Years between the year of birth and the reference year.
    pub(crate) age: i32,
    pub(crate) fate: Fate,
}

/// What becomes of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Lives here.
    Here,
    /// Registered here, lives elsewhere.
    Away,
    /// Died in the last years.
    Dead,
}

/// Which family is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Registered and living in the city.
    Local,
    /// From elsewhere.
    Floating,
    /// Registered in the city, living elsewhere.
    Paper,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    SingleYoung,
    SingleMiddle,
    SingleOld,
    CoupleYoung,
    CoupleMiddle,
    CoupleOld,
    OneChild,
    TwoChildren,
    GrownChild,
    ThreeGenerations,
    OneParent,
    Grandparents,
}

const LOCAL: &[(Shape, u32)] = &[
    (Shape::SingleYoung, 48),
    (Shape::SingleMiddle, 62),
    (Shape::SingleOld, 126),
    (Shape::CoupleYoung, 24),
    (Shape::CoupleMiddle, 84),
    (Shape::CoupleOld, 186),
    (Shape::OneChild, 126),
    (Shape::TwoChildren, 148),
    (Shape::GrownChild, 112),
    (Shape::ThreeGenerations, 112),
    (Shape::OneParent, 38),
    (Shape::Grandparents, 30),
];
const FLOATING: &[(Shape, u32)] = &[
    (Shape::SingleYoung, 340),
    (Shape::SingleMiddle, 90),
    (Shape::CoupleYoung, 150),
    (Shape::CoupleMiddle, 70),
    (Shape::OneChild, 190),
    (Shape::TwoChildren, 110),
    (Shape::ThreeGenerations, 30),
    (Shape::SingleOld, 12),
];
const PAPER: &[(Shape, u32)] = &[
    (Shape::SingleYoung, 300),
    (Shape::SingleMiddle, 120),
    (Shape::CoupleMiddle, 120),
    (Shape::OneChild, 250),
    (Shape::TwoChildren, 90),
    (Shape::GrownChild, 120),
];

/// Relative size of each five-year age group of adults from 20 on, shaped after the population of the 2020s.
const ADULTS: &[((i64, i64), u32)] = &[
    ((20, 24), 50),
    ((25, 29), 56),
    ((30, 34), 70),
    ((35, 39), 84),
    ((40, 44), 74),
    ((45, 49), 72),
    ((50, 54), 84),
    ((55, 59), 84),
    ((60, 64), 58),
    ((65, 69), 56),
    ((70, 74), 52),
    ((75, 79), 40),
    ((80, 84), 30),
    ((85, 89), 18),
    ((90, 94), 6),
    ((95, 99), 1),
];

/// Relative size of the age groups of the eldest child at home. Births have fallen since 2017.
const ELDEST: &[((i64, i64), u32)] =
    &[((0, 2), 9), ((3, 5), 13), ((6, 8), 18), ((9, 12), 29), ((13, 15), 18), ((16, 18), 14), ((19, 22), 10)];

/// How many of 10,000 couples past 60 have lost one partner in the last years.
const LATE_WIDOWED_PER_10K: u32 = 520;
/// How many of 10,000 grown children are registered with their parents and live elsewhere.
const GROWN_CHILD_AWAY_PER_10K: u32 = 2_600;

/// Draws a household, the head first. Never empty.
pub(crate) fn compose(rng: &mut Rng, family: Family) -> Vec<Member> {
    let shapes = match family {
        Family::Local => LOCAL,
        Family::Floating => FLOATING,
        Family::Paper => PAPER,
    };
    let shape = rng.weighted(shapes).copied().unwrap_or(Shape::SingleYoung);
    let mut members = build(rng, shape);
    if family == Family::Floating {
        members.retain(|m| m.fate == Fate::Here);
    }
    members
}

/// So many unrelated people, as in a dormitory or a flat let by the bed. The first is no head of the others.
pub(crate) fn singles(rng: &mut Rng, count: usize) -> Vec<Member> {
    let sex = any_sex(rng);
    (0..count)
        .map(|n| Member {
            role: if n == 0 { Role::Head } else { Role::Stranger },
            sex,
            age: int(rng, 19, 44),
            fate: Fate::Here,
        })
        .collect()
}

fn build(rng: &mut Rng, shape: Shape) -> Vec<Member> {
    match shape {
        Shape::SingleYoung => vec![person(Role::Head, any_sex(rng), adult(rng, 22, 39))],
        Shape::SingleMiddle => vec![person(Role::Head, any_sex(rng), adult(rng, 40, 63))],
        Shape::SingleOld => single_old(rng),
        Shape::CoupleYoung => couple(rng, 23, 36),
        Shape::CoupleMiddle => couple(rng, 48, 63),
        Shape::CoupleOld => couple(rng, 60, 92),
        Shape::OneChild => with_children(rng, 1),
        Shape::TwoChildren => with_children(rng, 2),
        Shape::GrownChild => with_grown_child(rng),
        Shape::ThreeGenerations => three_generations(rng),
        Shape::OneParent => one_parent(rng),
        Shape::Grandparents => grandparents(rng),
    }
}

fn person(role: Role, sex: Sex, age: i32) -> Member {
    Member { role, sex, age, fate: Fate::Here }
}

fn single_old(rng: &mut Rng) -> Vec<Member> {
    let age = adult(rng, 64, 97);
    let sex = if rng.chance(6_600) { Sex::Female } else { Sex::Male };
    let mut members = vec![person(Role::Head, sex, age)];
    if rng.chance(700) {
        let gap = int(rng, -2, 5);
        let spouse_age = if sex == Sex::Female { age + gap } else { age - gap };
        members.push(Member { role: Role::Spouse, sex: sex.other(), age: spouse_age.min(104), fate: Fate::Dead });
    }
    members
}

fn couple(rng: &mut Rng, low: i64, high: i64) -> Vec<Member> {
    let husband = adult(rng, low, high);
    couple_of(rng, husband)
}

fn couple_of(rng: &mut Rng, husband: i32) -> Vec<Member> {
    let gap = rng.weighted(&[(-2, 6), (-1, 12), (0, 22), (1, 20), (2, 16), (3, 12), (4, 6), (5, 4), (7, 2)]);
    let wife = (husband - gap.copied().unwrap_or_default()).max(21);
    let mut members = if rng.chance(8_000) {
        vec![person(Role::Head, Sex::Male, husband), person(Role::Spouse, Sex::Female, wife)]
    } else {
        vec![person(Role::Head, Sex::Female, wife), person(Role::Spouse, Sex::Male, husband)]
    };
    let widowed = husband > 60 && rng.chance(LATE_WIDOWED_PER_10K);
    if let (true, Some(spouse)) = (widowed, members.last_mut()) {
        spouse.fate = Fate::Dead;
    }
    members
}

fn mother_age(members: &[Member]) -> i32 {
    members.iter().find(|m| m.sex == Sex::Female).map_or(30, |m| m.age)
}

fn with_children(rng: &mut Rng, count: usize) -> Vec<Member> {
    let (from, to) = rng.weighted(ELDEST).copied().unwrap_or((6, 8));
    let apart = int(rng, 2, 6);
    let least = if count > 1 { apart } else { 0 };
    let eldest = int(rng, from, to).max(least);
    // The father was between 24 and 38 when the eldest was born; the mother about as old.
    let father = eldest + int(rng, 24, 38);
    let mut members = couple_of(rng, father);
    let eldest = eldest.min(mother_age(&members) - 20).max(0);
    members.push(person(Role::Child, any_child(rng), eldest));
    if count > 1 {
        members.push(person(Role::Child, any_child(rng), (eldest - apart).max(0)));
    }
    members
}

fn with_grown_child(rng: &mut Rng) -> Vec<Member> {
    let mut members = couple(rng, 46, 68);
    let age = (mother_age(&members) - int(rng, 22, 31)).clamp(18, 42);
    let fate = if rng.chance(GROWN_CHILD_AWAY_PER_10K) { Fate::Away } else { Fate::Here };
    members.push(Member { role: Role::Child, sex: any_child(rng), age, fate });
    members
}

fn three_generations(rng: &mut Rng) -> Vec<Member> {
    let count = if rng.chance(4_600) { 2 } else { 1 };
    let mut members = with_children(rng, count);
    let head = members.first().map_or(35, |m| m.age);
    let mother = head + int(rng, 22, 30);
    let father = mother + int(rng, -1, 4);
    let both = rng.chance(5_600);
    let father_died = !both && rng.chance(900);
    if both || father_died || rng.chance(3_000) {
        let fate = if father_died { Fate::Dead } else { Fate::Here };
        members.push(Member { role: Role::Parent, sex: Sex::Male, age: father, fate });
        if both || father_died {
            members.push(person(Role::Parent, Sex::Female, mother));
        }
    } else {
        members.push(person(Role::Parent, Sex::Female, mother));
    }
    members
}

fn one_parent(rng: &mut Rng) -> Vec<Member> {
    let sex = if rng.chance(7_200) { Sex::Female } else { Sex::Male };
    let parent = adult(rng, 28, 52);
    let age = (parent - int(rng, 22, 32)).clamp(1, 24);
    vec![person(Role::Head, sex, parent), person(Role::Child, any_child(rng), age)]
}

fn grandparents(rng: &mut Rng) -> Vec<Member> {
    let mut members = couple(rng, 54, 72);
    let age = (mother_age(&members) - int(rng, 46, 58)).clamp(1, 14);
    members.push(person(Role::Grandchild, any_child(rng), age));
    members
}

/// An adult age within the bounds, by the shape of the population.
fn adult(rng: &mut Rng, low: i64, high: i64) -> i32 {
    for _ in 0..64 {
        let Some(&(from, to)) = rng.weighted(ADULTS) else { break };
        let age = rng.between(from, to);
        if (low..=high).contains(&age) {
            return i32::try_from(age).unwrap_or(40);
        }
    }
    int(rng, low, high)
}

fn int(rng: &mut Rng, low: i64, high: i64) -> i32 {
    i32::try_from(rng.between(low, high)).unwrap_or_default()
}

fn any_sex(rng: &mut Rng) -> Sex {
    if rng.chance(5_200) { Sex::Male } else { Sex::Female }
}

/// 110 boys to 100 girls.
fn any_child(rng: &mut Rng) -> Sex {
    if rng.chance(5_238) { Sex::Male } else { Sex::Female }
}
