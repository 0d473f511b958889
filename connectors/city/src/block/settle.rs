//! People move in: flat after flat until the block has its number of people.

use chrono::{Datelike, NaiveDate};

use super::ground::Ground;
use super::{Block, Use};
use crate::calendar::{REFERENCE_DATE, REFERENCE_YEAR, age_on, date, day_between, shift};
use crate::identity::{Allotment, Birth, id_number, phone_number};
use crate::names::{given, surname, with_interpunct};
use crate::people::{
    Family, Fate, Household, HouseholdKind, Marital, Member, Person, Presence, Role, Sex, Tenure, compose, describe,
    singles,
};
use crate::plan::Plan;
use crate::rng::Rng;

/// What comes of a flat, of 1,000.
const USES: &[(Use, u32)] = &[(Use::Owned, 670), (Use::Let, 250), (Use::Vacant, 65), (Use::Dormitory, 15)];
/// How many of 10,000 let flats go to people from elsewhere.
const TENANT_FLOATING_PER_10K: u32 = 7_000;
/// How many of 10,000 owner-occupiers are not registered in the city.
const OWNER_FLOATING_PER_10K: u32 = 650;
/// How many of 10,000 let flats are let by the bed.
const SHARED_PER_10K: u32 = 900;
/// How many of 10,000 let or vacant flats have a household registered that lives elsewhere.
const PAPER_PER_10K: u32 = 1_300;
/// How many of 10,000 children are born with a twin. In China about one birth in 90 is of twins.
const TWINS_PER_10K: u64 = 110;
/// Where old telephone numbers begin.
pub(super) const OLD_PHONES: u64 = 20_000_000;

/// Peoples of the city by weight; the fifth group writes names with an interpunct.
const PEOPLES: &[(&str, u32)] = &[
    ("汉族", 9_380),
    ("回族", 130),
    ("满族", 110),
    ("维吾尔族", 24),
    ("哈萨克族", 8),
    ("壮族", 70),
    ("苗族", 60),
    ("土家族", 70),
    ("彝族", 30),
    ("蒙古族", 45),
    ("藏族", 8),
    ("布依族", 15),
    ("侗族", 20),
    ("瑶族", 12),
    ("朝鲜族", 14),
    ("白族", 8),
    ("畲族", 16),
];

struct Settler<'a> {
    plan: &'a Plan,
    number: u64,
    allotment: &'a mut Allotment,
    rng: &'a mut Rng,
    first_index: u64,
    left: usize,
    people: Vec<Person>,
    households: Vec<Household>,
}

/// Fills a block. Its people are exactly those of the plan.
pub(super) fn settle(plan: &Plan, number: u64, allotment: &mut Allotment, rng: &mut Rng) -> Block {
    let first_index = plan.first_person(number);
    let wanted = usize::try_from(plan.first_person(number + 1) - first_index).unwrap_or(usize::MAX);
    let mut settler = Settler {
        plan,
        number,
        allotment,
        rng,
        first_index,
        left: wanted,
        people: Vec::with_capacity(wanted),
        households: Vec::new(),
    };
    let mut ground = Ground::new(plan, number);
    let mut offered = 0;
    while settler.left > 0 {
        for place in ground.add_grid() {
            if settler.left == 0 {
                break;
            }
            offered = place + 1;
            if let Some(flat) = ground.flats.get_mut(place) {
                let (usage, household) = settler.move_in(place, flat.bought);
                flat.usage = usage;
                flat.household = household;
            }
        }
    }
    ground.drop_unbuilt(offered);
    let inhabitants = settler.people.len();
    let Settler { people, households, .. } = settler;
    Block {
        number,
        communities: ground.communities,
        compounds: ground.compounds,
        grids: ground.grids,
        buildings: ground.buildings,
        flats: ground.flats,
        households,
        people,
        inhabitants,
    }
}

impl Settler<'_> {
    fn move_in(&mut self, flat: usize, bought: NaiveDate) -> (Use, Option<usize>) {
        let usage = self.rng.weighted(USES).copied().unwrap_or(Use::Vacant);
        let rented_since = day_between(self.rng, date(2019, 1, 1).max(bought), shift(REFERENCE_DATE, -20));
        let household = match usage {
            Use::Vacant => None,
            Use::Owned => {
                let floating = self.rng.chance(OWNER_FLOATING_PER_10K);
                let family = if floating { Family::Floating } else { Family::Local };
                let members = compose(self.rng, family);
                self.add(family, members, Some(flat), Tenure::Own, bought)
            }
            Use::Let if self.rng.chance(SHARED_PER_10K) => {
                let count = 2 + self.rng.index(3);
                let members = singles(self.rng, count);
                self.add(Family::Floating, members, Some(flat), Tenure::Rent, rented_since)
            }
            Use::Let => {
                let floating = self.rng.chance(TENANT_FLOATING_PER_10K);
                let family = if floating { Family::Floating } else { Family::Local };
                let members = compose(self.rng, family);
                self.add(family, members, Some(flat), Tenure::Rent, rented_since)
            }
            Use::Dormitory => {
                let count = 3 + self.rng.index(4);
                let members = singles(self.rng, count);
                self.add(Family::Floating, members, Some(flat), Tenure::Dormitory, rented_since)
            }
        };
        if matches!(usage, Use::Let | Use::Vacant) && self.left > 0 && self.rng.chance(PAPER_PER_10K) {
            let members = compose(self.rng, Family::Paper);
            self.add(Family::Paper, members, Some(flat), Tenure::PaperOnly, bought);
        }
        (usage, household)
    }

    /// Adds a household, cut to the people still wanted. Returns its place.
    fn add(
        &mut self,
        family: Family,
        mut members: Vec<Member>,
        flat: Option<usize>,
        tenure: Tenure,
        since: NaiveDate,
    ) -> Option<usize> {
        if members.len() > self.left {
            // The last household of a block: one person living alone, or as many as are left.
            members = singles(self.rng, self.left.min(2));
        }
        if members.is_empty() {
            return None;
        }
        let place = self.households.len();
        let first = self.people.len();
        let people_of = self.household_people();
        for member in &members {
            let birth = self.allotment.allot(REFERENCE_YEAR - member.age, member.sex);
            self.add_person(member, birth, place, people_of);
            if matches!(member.role, Role::Child | Role::Grandchild) {
                self.perhaps_twin(member, birth, place, people_of);
            }
        }
        self.name_and_relate(first);
        let wed = self.wed(first);
        let on_paper = tenure == Tenure::PaperOnly;
        let registered = family != Family::Floating;
        self.households.push(Household {
            number: format!("{:09}", 200_000_000 + self.number * 10_000 + place as u64),
            kind: if registered { HouseholdKind::Registered } else { HouseholdKind::Floating },
            members: (first..self.people.len()).collect(),
            flat: flat.filter(|_| !on_paper),
            registered_flat: flat.filter(|_| registered),
            tenure,
            since,
            wed,
        });
        (!on_paper).then_some(place)
    }

    fn household_people(&mut self) -> &'static str {
        self.rng.weighted_text(PEOPLES)
    }

    fn perhaps_twin(&mut self, member: &Member, birth: Birth, household: usize, people_of: &'static str) {
        let odds = TWINS_PER_10K * self.allotment.twin_share();
        if self.left == 0 || !self.rng.chance(u32::try_from(odds.min(10_000)).unwrap_or(10_000)) {
            return;
        }
        let sex = if self.rng.chance(6_400) { member.sex } else { member.sex.other() };
        let Some(twin) = self.allotment.twin(birth, sex) else { return };
        self.add_person(&Member { sex, ..*member }, twin, household, people_of);
        let last = self.people.len();
        for person in self.people.iter_mut().skip(last.saturating_sub(2)) {
            person.twin = true;
        }
    }

    fn add_person(&mut self, member: &Member, birth: Birth, household: usize, people_of: &'static str) {
        let index = self.first_index + self.people.len() as u64;
        self.left = self.left.saturating_sub(1);
        let years = crate::calendar::age(birth.date);
        let attributes = describe(self.rng, member.sex, years);
        let has_phone = match years {
            ..=11 => false,
            12..=17 => self.rng.chance(5_500),
            18..=69 => self.rng.chance(9_800),
            _ => self.rng.chance(7_600),
        };
        let died = day_between(self.rng, date(2023, 7, 1), shift(REFERENCE_DATE, -12));
        let presence = match member.fate {
            Fate::Here => Presence::Here,
            Fate::Away => Presence::Away,
            Fate::Dead => Presence::Dead(died),
        };
        self.people.push(Person {
            uid: format!("p{index:08}"),
            index,
            sex: member.sex,
            birth: birth.date,
            id_no: id_number(birth, member.sex),
            name: String::new(),
            former_name: None,
            ethnicity: people_of,
            phone: has_phone.then(|| phone_number(self.plan.seed, index)),
            old_phone: (has_phone && self.rng.chance(3_500)).then(|| phone_number(self.plan.seed, OLD_PHONES + index)),
            marital: Marital::Single,
            attributes,
            presence,
            household: Some(household),
            role: member.role,
            parent: None,
            spouse: None,
            twin: false,
        });
    }

    /// Gives the people from `first` on their names, and says who is whose parent and spouse.
    fn name_and_relate(&mut self, first: usize) {
        let roles: Vec<(Role, Sex, i32, bool)> = self
            .people
            .iter()
            .skip(first)
            .map(|p| (p.role, p.sex, p.birth.year(), p.presence != Presence::Here && p.death().is_some()))
            .collect();
        let place_of = |wanted: Role, sex: Option<Sex>| {
            roles.iter().position(|(r, s, ..)| *r == wanted && sex.is_none_or(|x| x == *s)).map(|at| first + at)
        };
        let spouse = place_of(Role::Spouse, None);
        let parents = (place_of(Role::Parent, Some(Sex::Male)), place_of(Role::Parent, Some(Sex::Female)));
        let head_sex = roles.first().map_or(Sex::Male, |r| r.1);
        let head_surname = surname(self.rng);
        let spouse_surname = surname(self.rng);
        // Children take the father's surname; a mother alone may have kept hers or the father's.
        let from_mother = self.rng.chance(700);
        let fathers = match (head_sex, spouse.is_some()) {
            (Sex::Male, _) => head_surname,
            (Sex::Female, true) => spouse_surname,
            (Sex::Female, false) => surname(self.rng),
        };
        let mothers = if head_sex == Sex::Male { spouse_surname } else { head_surname };
        let child_surname = if from_mother { mothers } else { fathers };
        for (offset, (role, sex, year, _)) in roles.iter().enumerate() {
            let family_name = match role {
                Role::Head => head_surname,
                Role::Spouse => spouse_surname,
                Role::Child | Role::Grandchild => child_surname,
                Role::Parent if *sex == head_sex && head_sex == Sex::Male => head_surname,
                Role::Parent if *sex == Sex::Male => head_surname,
                Role::Parent | Role::Stranger => surname(self.rng),
            };
            let name = self.name(first + offset, family_name, *sex, *year);
            let former = (self.rng.chance(120) && *year < 2005)
                .then(|| format!("{family_name}{}", given(self.rng, *sex, *year)));
            let marital = self.marital(*role, *year, spouse, parents, &roles);
            if let Some(person) = self.people.get_mut(first + offset) {
                person.name = name;
                person.former_name = former.filter(|f| *f != person.name);
                person.marital = marital;
                person.spouse = match role {
                    Role::Head => spouse,
                    Role::Spouse => Some(first),
                    Role::Parent if *sex == Sex::Male => parents.1,
                    Role::Parent => parents.0,
                    Role::Child | Role::Grandchild | Role::Stranger => None,
                };
                person.parent = match role {
                    Role::Child => spouse.filter(|_| head_sex == Sex::Male).or(Some(first)),
                    Role::Grandchild => Some(first),
                    Role::Head | Role::Spouse | Role::Parent | Role::Stranger => None,
                };
            }
        }
    }

    fn name(&mut self, place: usize, family_name: &str, sex: Sex, year: i32) -> String {
        let interpunct = self.people.get(place).is_some_and(|p| matches!(p.ethnicity, "维吾尔族" | "哈萨克族"));
        if interpunct { with_interpunct(self.rng, sex) } else { format!("{family_name}{}", given(self.rng, sex, year)) }
    }

    fn marital(
        &mut self,
        role: Role,
        year: i32,
        spouse: Option<usize>,
        parents: (Option<usize>, Option<usize>),
        roles: &[(Role, Sex, i32, bool)],
    ) -> Marital {
        let years = REFERENCE_YEAR - year;
        let died = |wanted: Role| roles.iter().any(|(r, _, _, dead)| *r == wanted && *dead);
        let has_children = roles.iter().any(|(r, ..)| *r == Role::Child);
        match role {
            Role::Head if spouse.is_some() => {
                if died(Role::Spouse) {
                    Marital::Widowed
                } else {
                    Marital::Married
                }
            }
            Role::Spouse => Marital::Married,
            Role::Parent if parents.0.is_some() && parents.1.is_some() => {
                if died(Role::Parent) {
                    Marital::Widowed
                } else {
                    Marital::Married
                }
            }
            Role::Parent => Marital::Widowed,
            Role::Head if years >= 64 => {
                if self.rng.chance(8_500) {
                    Marital::Widowed
                } else {
                    Marital::Divorced
                }
            }
            Role::Head if has_children => {
                if self.rng.chance(7_800) {
                    Marital::Divorced
                } else {
                    Marital::Widowed
                }
            }
            Role::Head if years >= 40 => {
                if self.rng.chance(5_500) {
                    Marital::Divorced
                } else {
                    Marital::Single
                }
            }
            Role::Head if years >= 30 => {
                if self.rng.chance(1_800) {
                    Marital::Divorced
                } else {
                    Marital::Single
                }
            }
            Role::Stranger if years >= 28 => {
                if self.rng.chance(5_500) {
                    Marital::Married
                } else {
                    Marital::Single
                }
            }
            Role::Head | Role::Child | Role::Grandchild | Role::Stranger => Marital::Single,
        }
    }

    /// The day the head and the spouse married: both of age, and before the first child.
    fn wed(&mut self, first: usize) -> Option<NaiveDate> {
        let head = self.people.get(first)?;
        let spouse = self.people.get(head.spouse?)?;
        let (husband, wife) = if head.sex == Sex::Male { (head, spouse) } else { (spouse, head) };
        let of_age = shift(husband.birth, 22 * 366).max(shift(wife.birth, 20 * 366));
        let eldest = self.people.iter().skip(first).filter(|p| p.role == Role::Child).map(|p| p.birth).min();
        let years = self.rng.weighted(&[(1, 8), (2, 12), (3, 14), (4, 14), (5, 12), (6, 10), (7, 8), (9, 6), (12, 3)]);
        let usual = shift(of_age, i64::from(years.copied().unwrap_or(3)) * 365 + self.rng.between(0, 364));
        let last = eldest.map_or(shift(REFERENCE_DATE, -3), |e| shift(e, -self.rng.between(200, 1_100)));
        let day = usual.min(last).max(of_age);
        (day < REFERENCE_DATE && age_on(wife.birth, day) >= 20).then_some(day)
    }
}
