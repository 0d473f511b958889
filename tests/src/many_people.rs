//! A table of any number of persons, written straight into a lake: the columns of `unified.person`, filled about as often and
//! with texts about as long as linking fills them. Nobody in it exists.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field};
use lake::{Lake, Published};
use schemas::{Registry, Relation, RelationName};

use crate::datong::{DIVISION, REGION};

/// Rows handed to the table at once.
const BATCH_ROWS: u64 = 65_536;

/// So many persons.
#[derive(Debug, Clone)]
pub struct ManyPeople {
    /// The declaration of their table.
    pub relation: Relation,
    n: u64,
}

/// Numbers that follow from a number (SplitMix64).
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// In how many of a hundred rows a text column holds something, and what.
fn text(column: &str, i: u64) -> Option<String> {
    let dice = mixed(i ^ (column.len() as u64 * 7_919) ^ column.as_bytes().iter().map(|b| u64::from(*b)).sum::<u64>());
    let some = |percent: u64| dice % 100 < percent;
    let pick = |n: u64| dice / 100 % n;
    let is = |percent: u64, text: String| some(percent).then_some(text);
    match column {
        "person_id" => None,
        "id_type" => is(96, "111".to_owned()),
        "id_no" => is(96, ManyPeople::id_no(i)),
        "name" | "name_key" => {
            Some(format!("{}{}", ["赵", "钱", "孙", "李"][(i % 4) as usize], ["明华", "芳", "建国"][(i % 3) as usize]))
        }
        "former_name" => is(2, "王小二".to_owned()),
        "sex" => Some((1 + i % 2).to_string()),
        "birth_precision" => Some("day".to_owned()),
        "ethnicity" => is(95, format!("{:02}", 1 + pick(3))),
        "native_place" | "reg_division" => is(90, format!("{DIVISION}{:06}", pick(9) * 1_000 + 1)),
        "marital_status" | "education" => is(80, (10 * (1 + pick(4))).to_string()),
        "political_status" => is(30, "13".to_owned()),
        "occupation" | "employer" => is(40, "示范区第二纺织厂".to_owned()),
        "phone" => is(70, ManyPeople::phone(i)),
        "reg_address" | "cur_address" => {
            is(85, format!("{REGION}花园街道长安路{}号{}栋{}室", 1 + pick(400), 1 + pick(30), 101 + pick(2_000)))
        }
        "inflow_reason" | "permit_type" | "permit_no" => is(12, format!("{:012}", pick(1 << 30))),
        "household_id" | "house_id" => is(90, format!("{:016x}{:016x}", mixed(i / 3), mixed(i / 3 + 1))),
        "grid_id" => is(90, format!("{DIVISION}{:03}{:03}{:03}", 1 + pick(9), 1 + pick(20), 1 + pick(30))),
        "street_code" => is(90, format!("{DIVISION}{:03}", 1 + pick(9))),
        "community_code" | "cur_division" => is(90, format!("{DIVISION}{:03}{:03}", 1 + pick(9), 1 + pick(20))),
        "source_batch" => Some(format!("police.population-20261101-{:08x}", i / 1_000_000)),
        _ => is(70, (1 + pick(4)).to_string()),
    }
}

impl ManyPeople {
    /// `n` persons.
    ///
    /// # Panics
    /// If the shipped declarations cannot be read.
    #[must_use]
    pub fn new(n: u64) -> Self {
        let registry = Registry::shipped().expect("declarations").admit_division(DIVISION);
        let name = RelationName::try_from("unified.person").expect("a name");
        Self { relation: registry.relation(&name).expect("a declaration"), n }
    }

    /// The id of person `i`. Ids grow with `i` and are spread evenly.
    #[must_use]
    pub fn id(&self, i: u64) -> String {
        let step = u64::MAX / self.n;
        format!("{:016x}{:016x}", i * step + mixed(i) % step, mixed(i + 1))
    }

    /// The ID number of person `i`, if it has one.
    #[must_use]
    pub fn id_no(i: u64) -> String {
        format!(
            "{DIVISION}{:04}{:02}{:02}{:04}",
            1950 + i / 10_000 / 336 % 70,
            1 + i / 10_000 / 28 % 12,
            1 + i / 10_000 % 28,
            i % 10_000
        )
    }

    /// The telephone of person `i`, if it has one. Two have the same.
    #[must_use]
    pub fn phone(i: u64) -> String {
        format!("1{:010}", 3_900_000_000 + i / 2)
    }

    /// The rows `from..to`.
    ///
    /// # Panics
    /// If a column is of a type that no declared column has.
    #[must_use]
    pub fn rows(&self, from: u64, to: u64) -> RecordBatch {
        let columns = self.relation.columns.iter().map(|column| self.column(column.name.as_str(), from, to));
        RecordBatch::try_new(self.relation.arrow_schema(), columns.collect()).expect("the declared columns")
    }

    fn column(&self, name: &str, from: u64, to: u64) -> ArrayRef {
        let is_known = |i: u64, percent: u64| mixed(i + name.len() as u64) % 100 < percent;
        match self.relation.arrow_type(name).expect("a column") {
            DataType::Utf8 if name == "person_id" => {
                Arc::new(StringArray::from_iter_values((from..to).map(|i| self.id(i))))
            }
            DataType::Utf8 => Arc::new(StringArray::from_iter((from..to).map(|i| text(name, i)))),
            DataType::Date32 => {
                let percent = if name == "birth_date" { 99 } else { 10 };
                let day = |i: u64| (mixed(i) % 25_000) as i32 - 7_000;
                Arc::new(Date32Array::from_iter((from..to).map(|i| is_known(i, percent).then(|| day(i)))))
            }
            DataType::Boolean => Arc::new(BooleanArray::from_iter((from..to).map(|i| Some(i.is_multiple_of(97))))),
            DataType::Float64 => {
                Arc::new(Float64Array::from_iter_values((from..to).map(|i| 1.0 - (i % 100) as f64 / 400.0)))
            }
            DataType::Timestamp(..) => {
                let moments = (from..to).map(|i| 1_790_000_000_000_000 + (i % 1_000_000) as i64);
                Arc::new(TimestampMicrosecondArray::from_iter_values(moments).with_timezone("UTC"))
            }
            DataType::List(_) => {
                let item = Field::new("element", DataType::Utf8, true);
                let mut lists = ListBuilder::new(StringBuilder::new()).with_field(item);
                for i in from..to {
                    match name {
                        "sources" => {
                            ["police.population", "health.resident"].iter().for_each(|s| lists.values().append_value(s))
                        }
                        "phones" if is_known(i, 70) => lists.values().append_value(Self::phone(i)),
                        _ => {}
                    }
                    lists.append(true);
                }
                Arc::new(lists.finish())
            }
            other => panic!("no values of type {other}"),
        }
    }

    /// Publishes all of them.
    ///
    /// # Panics
    /// If the lake refuses.
    pub async fn publish(&self, lake: &Lake) -> Published {
        let publication = lake.begin().await.expect("a publication");
        let mut writer = publication.writer(&self.relation).expect("a writer");
        let mut from = 0;
        while from < self.n {
            let to = self.n.min(from + BATCH_ROWS);
            writer.write(self.rows(from, to)).await.expect("rows");
            from = to;
        }
        writer.finish().await.expect("a table");
        publication.commit().await.expect("a published version")
    }
}
