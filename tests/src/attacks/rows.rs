//! The rows of two worlds, README §6. What `grid_worker` of G0101 may see is the same in both; everything else differs.

use chrono::{Datelike, Days, NaiveDate};

/// The grid of the grid worker.
pub const OWN_GRID: &str = "G0101";
/// People of the own grid.
const N_INSIDE: usize = 40;
const SURNAMES: [&str; 8] = ["张", "王", "李", "赵", "陈", "刘", "杨", "黄"];
const GIVEN: [&str; 5] = ["伟", "芳", "秀英", "建国", "小红"];

/// One of the two worlds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The first world: it holds the values that the lines quote, and rows that make expressions fail.
    A,
    /// The twin.
    B,
}

impl Side {
    /// The words that stand in hidden rows of this world and nowhere else.
    #[must_use]
    pub fn markers(self) -> [&'static str; 2] {
        match self {
            Self::A => ["SIRIUSMARK", "天狼星"],
            Self::B => ["VEGAMARK", "织女星"],
        }
    }

    fn n_outside(self) -> usize {
        match self {
            Self::A => 60,
            Self::B => 73,
        }
    }

    /// Nobody lives in G0202 in the second world: what fails on its rows fails in the first world only.
    fn other_grids(self) -> [&'static str; 3] {
        self.pick(["G0102", "G0202", "G0303"], ["G0102", "G0303", "G0102"])
    }

    /// Picks by world.
    fn pick<T>(self, a: T, b: T) -> T {
        match self {
            Self::A => a,
            Self::B => b,
        }
    }
}

/// A row of `unified.person`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in README §4")]
pub struct Person {
    pub person_id: String,
    pub name: String,
    pub id_number: String,
    pub sex: String,
    pub birth_date: Option<NaiveDate>,
    pub phone: Option<String>,
    pub ethnicity: String,
    pub household_address: String,
    pub residence_address: String,
    pub grid_id: String,
    pub is_deceased: Option<bool>,
    pub household_id: String,
    pub risk_level: Option<i64>,
}

/// A row of `unified.house`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in README §4")]
pub struct House {
    pub house_id: String,
    pub address: String,
    pub building: String,
    pub unit: String,
    pub room: String,
    pub owner_person_id: String,
    pub owner_name: String,
    pub area_m2: f64,
    pub usage: String,
    pub grid_id: String,
    pub lon: f64,
    pub lat: f64,
}

/// A row of `unified.event`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in README §4")]
pub struct Event {
    pub event_id: String,
    pub kind: String,
    pub reported_at: NaiveDate,
    pub grid_id: String,
    pub person_id: Option<String>,
    pub house_id: String,
    pub description: String,
    pub status: String,
    pub handler_department: String,
    pub severity: i64,
    pub reporter_phone: Option<String>,
}

/// A row of `housing.contract`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in README §4")]
pub struct Contract {
    pub contract_id: String,
    pub house_id: String,
    pub tenant_person_id: String,
    pub tenant_id_number: String,
    pub rent: f64,
    pub start_date: NaiveDate,
    pub end_date: NaiveDate,
}

/// A row of `health.visit`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in README §4")]
pub struct Visit {
    pub person_id: String,
    pub id_number: String,
    pub diagnosis: String,
    pub hospital: String,
    pub visit_date: NaiveDate,
    pub cost: f64,
}

/// All rows of one world, as stored.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "one field a relation")]
pub struct Rows {
    pub persons: Vec<Person>,
    pub houses: Vec<House>,
    pub events: Vec<Event>,
    pub contracts: Vec<Contract>,
    pub visits: Vec<Visit>,
    /// `civil.subsidy` and `police.key_person`: bank accounts that nobody may see.
    pub bank_accounts: Vec<String>,
}

impl Rows {
    /// The rows of one world.
    #[must_use]
    pub fn of(side: Side) -> Self {
        let inside: Vec<Person> = (0..N_INSIDE).map(|i| person_inside(side, i)).collect();
        let outside: Vec<Person> = (0..side.n_outside()).map(|j| person_outside(side, j)).collect();
        let contracts = inside.iter().chain(&outside).enumerate().map(|(i, tenant)| contract(i, tenant)).collect();
        let visits = inside.iter().chain(&outside).enumerate().map(|(i, patient)| visit(i, patient)).collect();
        Self {
            persons: interleave(side, inside, outside),
            houses: interleave(
                side,
                (0..N_INSIDE).map(|i| house_inside(side, i)).collect(),
                (0..side.n_outside()).map(|j| house_outside(side, j)).collect(),
            ),
            events: interleave(
                side,
                (0..N_INSIDE).map(|i| event_inside(side, i)).collect(),
                (0..side.n_outside()).map(|j| event_outside(side, j)).collect(),
            ),
            contracts,
            visits,
            bank_accounts: (0..5).map(|i| format!("62220000{}{i:07}", side.pick("1", "2"))).collect(),
        }
    }

    /// Adds people of other grids: some before the visible rows, the others after them.
    pub fn crowd(&mut self, n: usize) {
        let outside: Vec<Person> = self.persons.iter().filter(|person| person.grid_id != OWN_GRID).cloned().collect();
        let mut crowd = outside.into_iter().cycle();
        self.persons.splice(0..0, crowd.by_ref().take(n / 3));
        self.persons.splice(20..20, crowd.by_ref().take(n / 3));
        self.persons.extend(crowd.take(n / 3));
    }
}

/// Visible rows keep their order; how many hidden rows stand between them differs between the worlds.
fn interleave<T>(side: Side, inside: Vec<T>, outside: Vec<T>) -> Vec<T> {
    let run = side.pick(1, 3);
    let mut all = Vec::with_capacity(inside.len() + outside.len());
    let mut hidden = outside.into_iter();
    for (i, row) in inside.into_iter().enumerate() {
        if i.is_multiple_of(run) {
            all.extend(hidden.by_ref().take(run + 1));
        }
        all.push(row);
    }
    all.extend(hidden);
    all
}

fn birth_inside(side: Side, i: usize) -> NaiveDate {
    let year = match i {
        1 => 1990,
        2 => 1985,
        _ => 1940 + i32::try_from(i * 7 % 70).unwrap(),
    };
    let (month, day) = match (side, i) {
        (Side::A, 1) => (1, 1),
        (Side::A, 2) => (2, 2),
        (Side::A, _) => (1 + i % 12, 1 + i % 28),
        (Side::B, _) => (1 + (i + 5) % 12, 2 + (i + 11) % 27),
    };
    NaiveDate::from_ymd_opt(year, u32::try_from(month).unwrap(), u32::try_from(day).unwrap()).unwrap()
}

/// 10 and 11 have numbers that look alike once masked; 1 and 2 have those that the lines quote.
fn id_inside(side: Side, i: usize) -> String {
    let division = ["330106", "110101", "110101"][i % 3];
    let end = match i {
        1 => "1237".to_owned(),
        2 => "2349".to_owned(),
        10 | 11 => "077X".to_owned(),
        _ => format!("{:04}", 3000 + i * 17),
    };
    let division = if i == 11 { "110101" } else { division };
    format!("{division}{}{end}", birth_inside(side, i).format("%Y%m%d"))
}

/// 20 and 21 look alike once masked; 30 has none; 38 has one of an unexpected shape.
fn phone_inside(side: Side, i: usize) -> Option<String> {
    let alike = if i == 21 { 20 } else { i };
    let middle = match (side, i) {
        (Side::A, 1) => 0,
        (Side::A, _) => i * 37,
        (Side::B, _) => i * 53 + 4_211,
    };
    match i {
        30 => None,
        38 => Some(side.pick("8800-123", "880012456-77").to_owned()),
        _ => Some(format!("{}{middle:04}{alike:04}", ["139", "138"][alike % 2])),
    }
}

fn name_inside(i: usize) -> String {
    format!("{}{}", SURNAMES[i % SURNAMES.len()], GIVEN[i % GIVEN.len()])
}

/// Whether rows of people born then are masked more for the grid worker: four were born in 2003, one has no birth date.
#[must_use]
pub fn is_lifted(birth: Option<NaiveDate>) -> bool {
    birth.is_none_or(|birth| birth.year() > 2001)
}

fn person_inside(side: Side, i: usize) -> Person {
    let birth_date = (i != 36).then(|| birth_inside(side, i));
    // Of these the worlds share nothing but the surname.
    let (name, phone) = if is_lifted(birth_date) {
        let phone = format!("{}{:08}", side.pick("151", "152"), 60_000_000 + i * 6_007);
        (format!("{}{}", SURNAMES[i % SURNAMES.len()], side.pick("小满", "小暑")), Some(phone))
    } else {
        (name_inside(i), phone_inside(side, i))
    };
    Person {
        person_id: format!("P{i:04}"),
        name,
        id_number: id_inside(side, i),
        sex: ["M", "F"][i % 2].to_owned(),
        birth_date,
        phone,
        ethnicity: ["汉族", "满族", "回族"][(i + side.pick(0, 1)) % 3].to_owned(),
        household_address: format!("云州市示范区翠苑小区{}幢{}单元{}室", i / 8 + 1, i / 4 % 2 + 1, 101 + i % 4),
        residence_address: format!("云州市示范区翠苑小区{}幢{}单元{}室", i / 8 + 1, i / 4 % 2 + 1, 101 + i % 4),
        grid_id: OWN_GRID.to_owned(),
        is_deceased: Some(i % 13 == 12),
        household_id: format!("P{:04}", i - i % 2),
        risk_level: Some(1 + i64::try_from(i % 3).unwrap()),
    }
}

fn person_outside(side: Side, j: usize) -> Person {
    let [latin, han] = side.markers();
    let birth = NaiveDate::from_ymd_opt(side.pick(1950, 1961), 3, 4).unwrap() + Days::new(97 * j as u64);
    Person {
        person_id: format!("P{}", side.pick(1000, 2000) + j),
        name: format!("{}{han}{j}", side.pick("赵", "钱")),
        id_number: format!("{}{}{:04}", side.pick("220202", "440404"), birth.format("%Y%m%d"), 1000 + j),
        sex: ["M", "F", "M"][(j + side.pick(0, 1)) % 3].to_owned(),
        birth_date: Some(birth),
        phone: Some(format!("{}{:08}", side.pick("177", "188"), 31_000_000 + j * 7_919)),
        ethnicity: ["回族", "汉族", "满族"][j % 3].to_owned(),
        household_address: format!("{latin}{han}巷{j}号"),
        // Digits, so that a conversion to a number fails in the first world only.
        residence_address: side.pick(format!("{latin}{han}路{j}号"), format!("{}", 770_770_000 + j)),
        grid_id: side.other_grids()[j % 3].to_owned(),
        is_deceased: Some(side == Side::A && j.is_multiple_of(5)),
        // Some belong to households whose head lives in the own grid.
        household_id: if j.is_multiple_of(4) {
            format!("P{:04}", side.pick(4, 6) + j % 2)
        } else {
            format!("HH{latin}{j}")
        },
        // Rows that make `100 / risk_level` fail stand in the first world only.
        risk_level: Some(side.pick(if j.is_multiple_of(2) { 0 } else { 3 }, 1 + i64::try_from(j % 3).unwrap())),
    }
}

fn house_inside(side: Side, i: usize) -> House {
    // The seventh is owned by somebody who lives elsewhere.
    let (owner_person_id, owner_name) = match i {
        7 => ("P1007".to_owned(), format!("赵{}", side.markers()[1])),
        _ => (format!("P{i:04}"), name_inside(i)),
    };
    House {
        house_id: format!("H{i:04}"),
        address: format!("云州市示范区翠苑小区{}幢{}单元{}室", i / 8 + 1, i / 4 % 2 + 1, 101 + i % 4),
        building: format!("{}幢", i / 8 + 1),
        unit: format!("{}单元", i / 4 % 2 + 1),
        room: format!("{}", 101 + i % 4),
        owner_person_id,
        owner_name,
        area_m2: 40.0 + 2.5 * i as f64,
        usage: ["自住", "出租", "空置"][i % 3].to_owned(),
        grid_id: OWN_GRID.to_owned(),
        lon: 116.4 + (i as f64) / 10_000.0,
        lat: 39.9 + (i as f64) / 20_000.0,
    }
}

fn house_outside(side: Side, j: usize) -> House {
    let [latin, han] = side.markers();
    House {
        house_id: format!("H{}", side.pick(1000, 2000) + j),
        address: format!("{latin}{han}路{j}号"),
        building: format!("{latin}幢"),
        unit: "9单元".to_owned(),
        room: format!("{}", 900 + j),
        // Some are owned by people of the own grid.
        owner_person_id: if j.is_multiple_of(6) {
            format!("P{:04}", side.pick(3, 8))
        } else {
            format!("P{}", side.pick(1000, 2000) + j)
        },
        owner_name: format!("{}{han}{j}", side.pick("赵", "钱")),
        area_m2: side.pick(500.0, 7.5) + j as f64,
        usage: ["空置", "自住"][j % 2].to_owned(),
        grid_id: side.other_grids()[j % 3].to_owned(),
        lon: side.pick(117.0, 118.0),
        lat: side.pick(38.0, 37.0),
    }
}

fn event_inside(side: Side, i: usize) -> Event {
    let person_id = match i {
        5 => Some("P1005".to_owned()),
        9 => None,
        _ if i % 7 == 3 => Some("P0003".to_owned()),
        _ => Some(format!("P{i:04}")),
    };
    Event {
        event_id: format!("E{i:04}"),
        kind: ["纠纷", "消防", "走访"][i % 3].to_owned(),
        reported_at: NaiveDate::from_ymd_opt(2025, 11, 1).unwrap() + Days::new(3 * i as u64),
        grid_id: OWN_GRID.to_owned(),
        person_id,
        house_id: format!("H{i:04}"),
        description: format!("翠苑小区第{i}号事项"),
        status: ["open", "closed"][i % 2].to_owned(),
        handler_department: ["police", "civil", "housing"][i % 3].to_owned(),
        severity: 1 + i64::try_from(i % 5).unwrap(),
        reporter_phone: phone_inside(side, (i + 3) % N_INSIDE),
    }
}

fn event_outside(side: Side, j: usize) -> Event {
    let [latin, han] = side.markers();
    Event {
        event_id: format!("E{}", side.pick(1000, 2000) + j),
        kind: [latin, "消防"][j % 2].to_owned(),
        reported_at: NaiveDate::from_ymd_opt(side.pick(2024, 2026), 5, 1).unwrap() + Days::new(j as u64),
        grid_id: side.other_grids()[j % 3].to_owned(),
        // Some are about people of the own grid.
        person_id: Some(if j.is_multiple_of(3) {
            format!("P{:04}", side.pick(5, 9))
        } else {
            format!("P{}", side.pick(1000, 2000) + j)
        }),
        house_id: format!("H{}", side.pick(1000, 2000) + j),
        description: format!("{latin}{han}秘密事项{j}"),
        status: side.pick("open", "closed").to_owned(),
        handler_department: latin.to_owned(),
        severity: side.pick(5, 1),
        reporter_phone: Some(format!("{}{:08}", side.pick("166", "199"), 52_000_000 + j * 6_007)),
    }
}

fn contract(i: usize, tenant: &Person) -> Contract {
    let start_date = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + Days::new(11 * i as u64);
    Contract {
        contract_id: format!("C{i:04}"),
        house_id: format!("H{i:04}"),
        tenant_person_id: tenant.person_id.clone(),
        tenant_id_number: tenant.id_number.clone(),
        rent: 1_000.0 + 12.5 * i as f64,
        start_date,
        end_date: start_date + Days::new(365),
    }
}

fn visit(i: usize, patient: &Person) -> Visit {
    Visit {
        person_id: patient.person_id.clone(),
        id_number: patient.id_number.clone(),
        // Three people share a rare diagnosis; of the six of a small hospital one makes up nearly all the cost.
        diagnosis: if [4, 11, 18].contains(&i) { "A15" } else { ["HIV", "I10", "E11"][i % 3] }.to_owned(),
        hospital: if (20..26).contains(&i) { "H3" } else { ["H1", "H2"][i % 2] }.to_owned(),
        visit_date: NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(i as u64 % 40),
        cost: if i == 20 { 1_000_000.0 } else { 50.0 + 0.5 * i as f64 },
    }
}
