//! The copy of one role: plain code.

use std::sync::Arc;

use aes::cipher::BlockCipherEncrypt;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Date32Type, Field, Schema};
use chrono::{Datelike, NaiveDate, TimeDelta, Utc};
use datafusion::catalog::MemorySchemaProvider;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tests::datong::Demo;

use crate::columns::OF_CHILDREN;
use crate::columns::Seen::{self, AgeBand, Clear, Community, IdNumber, PersonToken, PhoneNumber, Year};

pub(crate) fn copy_for(
    role: &str,
    columns: &[(&str, Seen)],
    raw: &RecordBatch,
    grids: &[String],
    demo: &Demo,
    today: NaiveDate,
) -> RecordBatch {
    let admitted = match role {
        "grid_worker" => {
            let of_row = raw.column_by_name("grid_id").expect("grid_id").as_string::<i32>();
            of_row.iter().map(|grid| grid.is_some_and(|grid| grids.iter().any(|own| own == grid))).collect()
        }
        _ => BooleanArray::from(vec![true; raw.num_rows()]),
    };
    let rows = filter_record_batch(raw, &admitted).expect("rows of the role");
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for field in raw.schema().fields() {
        let Some((name, seen)) = columns.iter().find(|(name, _)| name == field.name()) else { continue };
        let mut array = seen_as(*seen, rows.column_by_name(name).expect("the column"), demo, role, today);
        if role == "grid_worker" && OF_CHILDREN.contains(name) {
            array = with_children(name, &array, rows.column_by_name("birth_date").expect("birth dates"), today);
        }
        fields.push(Field::new(*name, array.data_type().clone(), true));
        arrays.push(array);
    }
    assert_eq!(fields.len(), columns.len(), "every column of the policy exists");
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("the copy")
}

fn seen_as(seen: Seen, array: &ArrayRef, demo: &Demo, role: &str, today: NaiveDate) -> ArrayRef {
    let texts = |change: &dyn Fn(&str) -> String| -> ArrayRef {
        Arc::new(array.as_string::<i32>().iter().map(|value| value.map(change)).collect::<StringArray>())
    };
    match seen {
        Clear => Arc::clone(array),
        IdNumber => texts(&|value| ends(value, 6, 4, 18)),
        PhoneNumber if matches!(array.data_type(), DataType::List(_)) => each_phone(array),
        PhoneNumber => texts(&|value| value.split('|').map(|one| ends(one, 3, 4, 11)).collect::<Vec<_>>().join("|")),
        Community => texts(&|value| ends(value, 12, 0, 15)),
        PersonToken => texts(&|value| token(value, role, demo)),
        Year => Arc::new(
            dates(array)
                .map(|date| date.map(|d| days(NaiveDate::from_ymd_opt(d.year(), 1, 1).expect("a day"))))
                .collect::<Date32Array>(),
        ),
        AgeBand => Arc::new(dates(array).map(|date| date.map(|birth| band(birth, today))).collect::<StringArray>()),
    }
}

/// The column with what is shown of children in their rows.
fn with_children(name: &str, shown: &ArrayRef, births: &ArrayRef, today: NaiveDate) -> ArrayRef {
    let is_child: Vec<bool> = dates(births).map(|birth| birth.is_none_or(|birth| age(birth, today) < 14)).collect();
    assert!(is_child.contains(&true) && is_child.contains(&false), "children and adults");
    if let DataType::List(element) = shown.data_type() {
        let mut builder = ListBuilder::new(StringBuilder::new()).with_field(Arc::clone(element));
        for (list, is_child) in shown.as_list::<i32>().iter().zip(is_child) {
            match list.filter(|_| !is_child) {
                Some(list) => builder.append_value(list.as_string::<i32>()),
                None => builder.append_null(),
            }
        }
        return Arc::new(builder.finish());
    }
    let of_child = |text: &str| (name == "name").then(|| surname(text));
    let cells = shown.as_string::<i32>().iter().zip(is_child);
    Arc::new(
        cells
            .map(|(text, is_child)| if is_child { of_child(text?) } else { text.map(str::to_owned) })
            .collect::<StringArray>(),
    )
}

/// The surname and two stars. The invented people have surnames of one character or one of these; in a name with an interpunct
/// the first part is no surname, and only its first character is shown.
fn surname(name: &str) -> String {
    let double = ["欧阳", "上官", "司马", "诸葛", "司徒", "夏侯", "尉迟", "皇甫", "慕容", "令狐"];
    let is_double = name.chars().count() > 2 && double.iter().any(|two| name.starts_with(two));
    let characters = if is_double && !name.contains('·') { 2 } else { 1 };
    format!("{}**", name.chars().take(characters).collect::<String>())
}

fn ends(value: &str, first: usize, last: usize, length: usize) -> String {
    let body = value.strip_suffix(['X', 'x']).unwrap_or(value);
    if value.len() != length || !body.bytes().all(|byte| byte.is_ascii_digit()) {
        return "***".to_owned();
    }
    format!("{}{}{}", &value[..first], "*".repeat(length - first - last), &value[length - last..])
}

fn each_phone(array: &ArrayRef) -> ArrayRef {
    let DataType::List(element) = array.data_type() else { panic!("a list of phones") };
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(Arc::clone(element));
    for phones in array.as_list::<i32>().iter() {
        match phones {
            Some(phones) => {
                builder.append_value(
                    phones.as_string::<i32>().iter().map(|phone| phone.map(|phone| ends(phone, 3, 4, 11))),
                );
            }
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}

fn dates(array: &ArrayRef) -> impl Iterator<Item = Option<NaiveDate>> + '_ {
    let days = array.as_primitive::<Date32Type>();
    days.iter().map(|days| days.map(|days| epoch() + TimeDelta::days(i64::from(days))))
}

pub(crate) fn epoch() -> NaiveDate {
    NaiveDate::from_ymd_opt(1970, 1, 1).expect("a day")
}

fn days(date: NaiveDate) -> i32 {
    i32::try_from((date - epoch()).num_days()).expect("a day of our time")
}

/// Completed years.
fn age(birth: NaiveDate, today: NaiveDate) -> i32 {
    let had_birthday = (today.month(), today.day()) >= (birth.month(), birth.day());
    today.year() - birth.year() - i32::from(!had_birthday)
}

fn band(birth: NaiveDate, today: NaiveDate) -> String {
    let age = age(birth, today);
    match age {
        0..90 => format!("{}-{}", age / 5 * 5, age / 5 * 5 + 4),
        90..=130 => "90+".to_owned(),
        _ => "***".to_owned(),
    }
}

/// One block of AES-256 over the 16 bytes of an id, under a key that belongs to role and class, in hexadecimal.
fn token(value: &str, role: &str, demo: &Demo) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(demo.key().derive("tokens").as_bytes()).expect("a key of any length");
    let scope = format!("role:{role}");
    let length = |text: &str| (text.len() as u64).to_be_bytes();
    for part in
        [b"datong/policies/token/v2".as_slice(), &length(&scope), scope.as_bytes(), &length("person"), b"person", &[1]]
    {
        mac.update(part);
    }
    let key = mac.finalize().into_bytes();
    let mut block = [0; 16];
    hex::decode_to_slice(value, &mut block).expect("an id of 32 hexadecimal digits");
    aes::Aes256::new_from_slice(&key).expect("32 bytes").encrypt_block((&mut block).into());
    hex::encode(block)
}

pub(crate) fn today_in_china() -> NaiveDate {
    (Utc::now() + TimeDelta::hours(8)).date_naive()
}

pub(crate) fn session_over(copy: RecordBatch) -> SessionContext {
    let session = SessionContext::new();
    let catalog = session.catalog("datafusion").expect("the default catalog");
    let _none = catalog.register_schema("unified", Arc::new(MemorySchemaProvider::new())).expect("a schema");
    let table = MemTable::try_new(copy.schema(), vec![vec![copy]]).expect("a table");
    let _none = session.register_table("unified.person", Arc::new(table)).expect("a name");
    session
}
