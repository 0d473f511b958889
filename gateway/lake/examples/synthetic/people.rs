//! Rows like those of `unified.person`, as many as wanted. Nobody in them exists: the division 290102 was never assigned.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use schemas::{Column, ColumnName, FieldType, Identifiability, Relation, RelationName, Sensitivity};

/// What goes wrong here ends the example.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const DIVISION: &str = "290102";
const PEOPLE_PER_GRID: u64 = 1_000;
const GRIDS_PER_STREET: u64 = 50;
const PEOPLE_PER_HOUSE: u64 = 3;

const SURNAMES: [&str; 12] = ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "欧阳"];
const GIVEN: [&str; 24] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "兰", "霞",
    "平", "刚", "桂", "建", "文",
];

/// The columns, with what decides how they are laid out in a file.
const COLUMNS: [(&str, FieldType, Identifiability); 25] = {
    use FieldType::{Address, Boolean, CitizenId, Code, Date, DivisionCode, Float, PersonName, Phone, Text, Timestamp};
    use Identifiability::{Attribute, Direct, Quasi};
    [
        ("person_id", Text, Direct),
        ("id_no", CitizenId, Direct),
        ("name", PersonName, Direct),
        ("former_name", PersonName, Direct),
        ("sex", Code, Quasi),
        ("birth_date", Date, Quasi),
        ("ethnicity", Code, Quasi),
        ("native_place", DivisionCode, Quasi),
        ("marital_status", Code, Quasi),
        ("political_status", Code, Attribute),
        ("education", Code, Quasi),
        ("employer", Text, Quasi),
        ("phone", Phone, Direct),
        ("reg_address", Address, Quasi),
        ("cur_address", Address, Quasi),
        ("pop_kind", Text, Attribute),
        ("inflow_date", Date, Attribute),
        ("is_deceased", Boolean, Attribute),
        ("house_id", Text, Quasi),
        ("grid_id", Text, Quasi),
        ("street_code", DivisionCode, Quasi),
        ("community_code", DivisionCode, Quasi),
        ("merge_score", Float, Attribute),
        ("source_batch", Text, Attribute),
        ("updated_at", Timestamp, Attribute),
    ]
};

/// Numbers that follow from a number (SplitMix64).
pub(crate) fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The declaration of a table of people. `name` must not be in the schema `unified`, or an index is written as well.
pub(crate) fn relation(name: &str) -> Outcome<Relation> {
    let column = |(name, field_type, ident): (&str, FieldType, Identifiability)| -> Outcome<Column> {
        Ok(Column {
            name: ColumnName::try_from(name)?,
            zh: name.to_owned(),
            en: name.to_owned(),
            field_type,
            class: Sensitivity::P,
            ident,
            authority: Vec::new(),
            code_list: None,
        })
    };
    Ok(Relation {
        name: RelationName::try_from(name)?,
        zh: "测量".to_owned(),
        en: "measurement".to_owned(),
        key: ColumnName::try_from("person_id")?,
        columns: COLUMNS.into_iter().map(column).collect::<Outcome<_>>()?,
    })
}

/// So many people. Three live in a house, about a thousand in a grid, fifty thousand in a street.
#[derive(Debug, Clone, Copy)]
pub(crate) struct People(pub(crate) u64);

impl People {
    /// The id of a person: random, as in the product.
    pub(crate) fn id(person: u64) -> String {
        format!("{:016x}{:016x}", mixed(person), mixed(!person))
    }

    /// Everybody, by id.
    pub(crate) fn by_id(self) -> Vec<u64> {
        let mut people: Vec<u64> = (0..self.0).collect();
        people.sort_by_cached_key(|person| mixed(*person));
        people
    }

    /// The number of the grid in which a person lives. All of a house live in one.
    pub(crate) fn grid(self, person: u64) -> u64 {
        mixed(person / PEOPLE_PER_HOUSE) % (self.0 / PEOPLE_PER_GRID).max(1)
    }

    /// The code of a grid.
    pub(crate) fn grid_id(grid: u64) -> String {
        format!("{}{:03}", Self::community_code(grid), grid % 10 + 1)
    }

    fn community_code(grid: u64) -> String {
        format!("{}{:03}", Self::street_code(grid), grid % GRIDS_PER_STREET / 10 + 1)
    }

    /// The code of the street to which a grid belongs.
    pub(crate) fn street_code(grid: u64) -> String {
        format!("{DIVISION}{:03}", grid / GRIDS_PER_STREET + 1)
    }

    /// The rows of these people, in this order.
    pub(crate) fn rows(self, relation: &Relation, people: &[u64]) -> Outcome<RecordBatch> {
        let columns = relation.columns.iter().map(|column| self.column(column, people)).collect();
        Ok(RecordBatch::try_new(relation.arrow_schema(), columns)?)
    }

    fn column(self, column: &Column, people: &[u64]) -> ArrayRef {
        let name = column.name.as_str();
        // Another number for every column of a person.
        let salt = mixed(name.bytes().fold(0, |sum, byte| sum * 31 + u64::from(byte)));
        let dice = |person: &u64| mixed(person ^ salt);
        match column.field_type {
            FieldType::Date => {
                let percent = if name == "birth_date" { 99 } else { 10 };
                let day = |person| (dice(person) % 100 < percent).then(|| (dice(person) / 100 % 27_000) as i32 - 9_000);
                Arc::new(Date32Array::from_iter(people.iter().map(day)))
            }
            FieldType::Boolean => {
                Arc::new(BooleanArray::from_iter(people.iter().map(|person| Some(dice(person).is_multiple_of(97)))))
            }
            FieldType::Float => {
                let score = |person| 1.0 - (dice(person) % 100) as f64 / 400.0;
                Arc::new(Float64Array::from_iter_values(people.iter().map(score)))
            }
            FieldType::Timestamp => {
                let moment = |person| 1_790_000_000_000_000 + (dice(person) % 1_000_000_000) as i64;
                let moments = TimestampMicrosecondArray::from_iter_values(people.iter().map(moment));
                Arc::new(moments.with_timezone("UTC"))
            }
            _ => Arc::new(StringArray::from_iter(people.iter().map(|person| self.text(name, *person, dice(person))))),
        }
    }

    /// The text in a column of a person, in about as many rows as linking fills.
    fn text(self, column: &str, person: u64, dice: u64) -> Option<String> {
        let is = |percent: u64, text: String| (dice % 100 < percent).then_some(text);
        let pick = |n: u64| dice / 100 % n;
        let house = person / PEOPLE_PER_HOUSE;
        match column {
            "person_id" => Some(Self::id(person)),
            "id_no" => {
                let (year, month, day) = (1930 + pick(90), 1 + pick(7_919) % 12, 1 + pick(6_007) % 28);
                is(96, format!("{DIVISION}{year:04}{month:02}{day:02}{:04}", pick(1 << 40) % 10_000))
            }
            "name" => Some(name(dice)),
            "former_name" => is(2, name(dice / 100)),
            "sex" => Some((1 + dice % 2).to_string()),
            "ethnicity" => is(95, format!("{:02}", 1 + pick(100).saturating_sub(92))),
            "native_place" => is(90, format!("29{:04}", pick(300) * 7)),
            "marital_status" | "education" => is(80, (10 * (1 + pick(5))).to_string()),
            "political_status" => is(30, format!("{:02}", 1 + pick(13))),
            "employer" => is(40, format!("示范区第{}纺织厂", 1 + pick(2_000))),
            "phone" => is(70, format!("154{:08}", pick(1 << 40) % 100_000_000)),
            "reg_address" => is(85, self.address(house / 2)),
            "cur_address" => is(85, self.address(house)),
            "pop_kind" => Some(["户籍", "户籍", "户籍", "流动"].get(pick(4) as usize).copied()?.to_owned()),
            "house_id" => is(90, format!("{:016x}{:016x}", mixed(house), mixed(!house))),
            "grid_id" => Some(Self::grid_id(self.grid(person))),
            "street_code" => Some(Self::street_code(self.grid(person))),
            "community_code" => Some(Self::community_code(self.grid(person))),
            _ => Some(format!("police.resident-20261101-{:08x}", pick(20))),
        }
    }

    /// Where a house is: in its grid are a few roads.
    fn address(self, house: u64) -> String {
        let (grid, dice) = (self.grid(house * PEOPLE_PER_HOUSE), mixed(house));
        let road = grid * 3 + dice % 3;
        let (number, block, room) = (1 + dice / 7 % 60, 1 + dice / 11 % 12, 101 + dice / 13 % 18 * 100 + dice % 4);
        format!("云州省云州市示范区第{}街道长安{road}路{number}号{block}幢{room}室", grid / GRIDS_PER_STREET + 1)
    }
}

/// One of some thousand names.
fn name(dice: u64) -> String {
    let of = |list: &[&'static str], n: u64| list.get(n as usize % list.len()).copied().unwrap_or_default();
    format!("{}{}{}", of(&SURNAMES, dice / 5), of(&GIVEN, dice / 97), of(&GIVEN, dice / 7_919))
}
