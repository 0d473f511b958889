use std::sync::Arc;

use arrow::array::{Date32Array, DictionaryArray, ListBuilder, StringArray, StringBuilder, StringViewArray};
use arrow::datatypes::{Field, Int32Type};
use chrono::{Datelike, NaiveDate};

use super::*;

fn day(text: &str) -> i32 {
    text.parse::<NaiveDate>().unwrap().num_days_from_ce() - 719_163
}

fn lift(under_years: u32, mask: Mask) -> Lift {
    Lift { birth_date: "birth_date".to_owned(), under_years, mask }
}

fn dates(texts: &[Option<&str>]) -> ArrayRef {
    Arc::new(texts.iter().map(|text| text.map(day)).collect::<Date32Array>())
}

fn holds(births: &[Option<&str>], today: &str) -> Vec<bool> {
    let births = dates(births);
    let found = lift(14, Mask::Null).holds(Some(&births), births.len(), day(today));
    assert_eq!(found.null_count(), 0);
    found.values().iter().collect()
}

#[test]
fn the_day_of_the_fourteenth_birthday_ends_it() {
    let births = [Some("2010-07-17"), Some("2010-07-18"), Some("2010-07-19")];
    assert_eq!(holds(&births, "2024-07-17"), [false, true, true]);
    assert_eq!(holds(&births, "2024-07-18"), [false, false, true]);
    assert_eq!(holds(&births, "2024-07-19"), [false, false, false]);
    // Born on a leap day: fourteen from the first of March on.
    assert_eq!(holds(&[Some("2012-02-29")], "2026-02-28"), [true]);
    assert_eq!(holds(&[Some("2012-02-29")], "2026-03-01"), [false]);
    assert_eq!(holds(&[Some("2010-02-28"), Some("2010-03-01")], "2024-02-29"), [false, true]);
}

#[test]
fn who_has_no_usable_birth_date_counts_as_a_child() {
    let births =
        [None, Some("2024-07-19"), Some("2999-01-01"), Some("1893-07-18"), Some("1893-07-19"), Some("1800-01-01")];
    assert_eq!(holds(&births, "2024-07-18"), [true, true, true, true, false, true]);
    let lift = lift(14, Mask::Null);
    let no_date: ArrayRef = Arc::new(StringArray::from(vec!["1949-01-01"]));
    let too_short = dates(&[]);
    for births in [None, Some(&no_date), Some(&too_short)] {
        assert!(lift.holds(births, 1, day("2024-07-18")).value(0));
    }
    // A day that is none decides for nobody.
    assert_eq!(lift.holds(Some(&dates(&[Some("1949-01-01")])), 1, i32::MIN).true_count(), 1);
}

#[test]
fn the_age_agrees_with_the_band_of_the_same_day() {
    let births: Vec<i32> = (day("2005-01-01")..day("2024-07-18")).step_by(13).collect();
    let births: ArrayRef = Arc::new(Date32Array::from(births));
    for today in ["2024-07-18", "2024-02-29", "2023-02-28", "2024-12-31"] {
        let context = MaskContext::new([0; 32], "p", day(today));
        let ages = Mask::AgeBand { width: 1, top: 90 }.apply(&births, &context).unwrap();
        let holds = lift(14, Mask::Null).holds(Some(&births), births.len(), day(today));
        for (age, holds) in ages.as_string::<i32>().iter().zip(holds.values()) {
            let is_future = age == Some("***");
            let years = age.unwrap().split('-').next().unwrap().parse::<u32>().unwrap_or_default();
            assert_eq!(holds, is_future || years < 14, "{age:?} on {today}");
        }
    }
}

fn apply(lift: &Lift, ordinary: &Mask, values: &ArrayRef, births: &[Option<&str>]) -> ArrayRef {
    let context = MaskContext::new([7; 32], "p", day("2024-07-18"));
    let masked = lift.apply(ordinary, values, Some(&dates(births)), &context).unwrap();
    assert_eq!(masked.len(), values.len());
    masked
}

const BIRTHS: [Option<&str>; 4] = [Some("1980-01-01"), Some("2015-01-01"), None, Some("1990-01-01")];

#[test]
fn each_row_gets_its_own_mask() {
    let names: Vec<Option<&str>> = vec![Some("赵示例"), Some("钱小明"), Some("孙不详"), None];
    let wanted = vec![Some("赵示例"), Some("钱**"), Some("孙**"), None];
    let lift = lift(14, Mask::SurnameOnly);
    let texts: ArrayRef = Arc::new(StringArray::from(names.clone()));
    assert_eq!(apply(&lift, &Mask::Clear, &texts, &BIRTHS).as_string::<i32>().iter().collect::<Vec<_>>(), wanted);
    let views: ArrayRef = Arc::new(StringViewArray::from(names.clone()));
    assert_eq!(apply(&lift, &Mask::Clear, &views, &BIRTHS).as_string_view().iter().collect::<Vec<_>>(), wanted);
    // A dictionary is unpacked: its words would tell the names of children.
    let dictionary: ArrayRef = Arc::new(names.into_iter().collect::<DictionaryArray<Int32Type>>());
    let shown = apply(&lift, &Mask::Clear, &dictionary, &BIRTHS);
    assert_eq!(shown.as_string::<i32>().iter().collect::<Vec<_>>(), wanted);
}

#[test]
fn lists_whose_element_fields_differ_are_brought_together() {
    let field = Field::new("element", DataType::Utf8, true).with_metadata([("id".to_owned(), "7".to_owned())].into());
    let mut list = ListBuilder::new(StringBuilder::new()).with_field(Arc::new(field));
    for phone in ["13900000001", "13900000002", "13900000003", "13900000004"] {
        list.append_value([Some(phone)]);
    }
    let phones: ArrayRef = Arc::new(list.finish());
    let ordinary = Mask::Keep(crate::Keep { first: 3, last: 4, lengths: vec![11], ..crate::Keep::default() });
    let shown = apply(&lift(14, Mask::Null), &ordinary, &phones, &BIRTHS);
    let lists = shown.as_list::<i32>();
    assert_eq!((lists.is_null(0), lists.is_null(1), lists.is_null(2), lists.is_null(3)), (false, true, true, false));
    assert_eq!(lists.value(3).as_string::<i32>().value(0), "139****0004");
}

fn view<'m>(mask: &'m Mask, lift: Option<&'m Lift>) -> Shown<'m> {
    Shown { mask, lift }
}

#[test]
fn the_order_of_masks_holds_row_by_row() {
    let (young, younger) = (lift(14, Mask::SurnameOnly), lift(6, Mask::SurnameOnly));
    let (none, hidden) = (lift(14, Mask::Null), Mask::Null);
    let clear = |lift| view(&Mask::Clear, lift);
    let pairs = [
        (clear(Some(&young)), clear(None)),
        (clear(Some(&none)), clear(Some(&young))),
        (clear(Some(&young)), clear(Some(&younger))),
        (view(&Mask::SurnameOnly, None), clear(Some(&young))),
        (view(&hidden, None), view(&Mask::SurnameOnly, Some(&none))),
    ];
    for (less, more) in pairs {
        assert!(less.shows_no_more_than(more) && !more.shows_no_more_than(less), "{less} / {more}");
    }
    for same in [clear(Some(&young)), clear(None), view(&hidden, None)] {
        assert!(same.shows_no_more_than(same));
    }
    // Another column may call other rows a child's.
    let by_other = Lift { birth_date: "other".to_owned(), ..young.clone() };
    let (a, b) = (clear(Some(&young)), clear(Some(&by_other)));
    assert!(!a.shows_no_more_than(b) && !b.shows_no_more_than(a));
    // Stronger for fewer children.
    let (a, b) = (clear(Some(&young)), Lift { under_years: 6, ..none.clone() });
    assert!(!a.shows_no_more_than(clear(Some(&b))) && !clear(Some(&b)).shows_no_more_than(a));
}

#[test]
fn both_languages_and_the_short_forms_tell_of_the_lift() {
    let lifted = lift(14, Mask::SurnameOnly);
    let shown = view(&Mask::Clear, Some(&lifted));
    assert_eq!(shown.to_string(), "clear, under 14 by birth_date: surname_only");
    assert_eq!(shown.name().as_deref(), Some("clear_under_14_surname_only"));
    assert_eq!(shown.zh(), "按原值显示；未满14周岁或出生日期（birth_date）不详的，只显示姓氏");
    assert_eq!(shown.en(), "shown as it is; under the age of 14 or without a known birth_date only the surname");
    assert_eq!((view(&Mask::Clear, None).name(), view(&Mask::Null, None).name().as_deref()), (None, Some("null")));
}
