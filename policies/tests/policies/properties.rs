//! Properties of every mask: length, type, nulls, totality, and that the hidden part never decides the output.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Float64Array, Int64Array, LargeStringArray, StringArray, StringViewArray,
};
use arrow::datatypes::DataType;
use policies::{Keep, Mask, MaskContext};
use proptest::prelude::*;

use crate::fixture::{context, masked};

/// Texts as they come: names, numbers, separators, emoji, combining and control characters.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,24}",
        "[0-9]{0,20}[Xx]?",
        "[\u{4e00}-\u{9fff}·]{0,8}",
        "[\u{4e00}-\u{4e20}]{0,4}(路|小区|社区)[0-9]{0,3}(号|幢|室)?",
        "[0-9 |\u{200b}\u{301}\u{1f600}-\u{1f610}-]{0,16}",
        "[0-9]{4}(-[0-9]{2}){0,2}",
    ]
}

fn any_mask() -> impl Strategy<Value = Mask> {
    prop_oneof![
        Just(Mask::Clear),
        Just(Mask::Null),
        ".{1,4}".prop_map(|text| Mask::Constant { text }),
        (0_usize..8, 0_usize..8, prop::collection::vec(1_usize..20, 0..3), any::<bool>(), any::<bool>()).prop_map(
            |(first, last, lengths, each, digits)| {
                Mask::Keep(Keep { first, last, lengths, each: each.then_some('|'), digits })
            }
        ),
        Just(Mask::SurnameOnly),
        Just(Mask::FirstChar),
        Just(Mask::Year),
        (0_u32..60, 0_u32..140).prop_map(|(width, top)| Mask::AgeBand { width, top }),
        (0_u32..14).prop_map(|digits| Mask::DivisionPrefix { digits }),
        Just(Mask::AddressToCompound),
        any::<u64>().prop_map(|width| Mask::AmountBand { width }),
        Just(Mask::RedactFreeText),
        Just(Mask::Token { class: "c".to_owned() }),
    ]
}

fn text_columns(values: &[Option<String>]) -> [ArrayRef; 3] {
    [
        Arc::new(StringArray::from_iter(values)),
        Arc::new(LargeStringArray::from_iter(values)),
        Arc::new(StringViewArray::from_iter(values)),
    ]
}

fn text_at(array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Utf8 => array.as_string_opt::<i32>().unwrap().value(row).to_owned(),
        DataType::LargeUtf8 => array.as_string_opt::<i64>().unwrap().value(row).to_owned(),
        DataType::Utf8View => array.as_string_view_opt().unwrap().value(row).to_owned(),
        other => panic!("{other}"),
    })
}

fn one(mask: &Mask, value: &str) -> String {
    text_at(&masked(mask, Arc::new(StringArray::from(vec![value]))), 0).unwrap()
}

proptest! {
    #[test]
    fn texts_keep_length_type_and_nulls_and_every_layout_agrees(
        mask in any_mask(),
        values in prop::collection::vec(prop::option::of(any_text()), 0..12),
    ) {
        let [plain, large, view] = text_columns(&values).map(|column| masked(&mask, column));
        for (row, value) in values.iter().enumerate() {
            let shown = text_at(&plain, row);
            prop_assert_eq!(&shown, &text_at(&large, row));
            prop_assert_eq!(&shown, &text_at(&view, row));
            prop_assert_eq!(shown.is_none(), value.is_none() || mask == Mask::Null);
        }
    }

    #[test]
    fn a_value_is_masked_alike_wherever_it_stands(mask in any_mask(), value in any_text(), other in any_text()) {
        prop_assume!(mask != Mask::Null);
        let column = StringArray::from(vec![other.as_str(), value.as_str()]);
        let beside = text_at(&masked(&mask, Arc::new(column)), 1).unwrap();
        prop_assert_eq!(beside, one(&mask, &value));
    }

    #[test]
    fn numbers_and_dates_keep_length_and_nulls(
        mask in any_mask(),
        days in prop::collection::vec(prop::option::of(any::<i32>()), 0..12),
        whole in prop::collection::vec(prop::option::of(any::<i64>()), 0..12),
        floats in prop::collection::vec(prop::option::of(any::<f64>()), 0..12),
    ) {
        let columns: [ArrayRef; 3] =
            [Arc::new(Date32Array::from(days)), Arc::new(Int64Array::from(whole)), Arc::new(Float64Array::from(floats))];
        for column in columns {
            let out = masked(&mask, Arc::clone(&column));
            for row in 0..column.len() {
                let may_add_nulls = mask == Mask::Null || out.data_type() == &DataType::Date32;
                prop_assert!(out.is_null(row) >= column.is_null(row));
                prop_assert!(may_add_nulls || out.is_null(row) == column.is_null(row));
            }
        }
    }

    #[test]
    fn the_middle_of_a_kept_text_never_decides(
        head in "[0-9]{6}", tail in "[0-9]{3}[0-9X]", a in "[0-9]{8}", b in "[0-9]{8}",
    ) {
        let mask = Mask::Keep(Keep { first: 6, last: 4, lengths: vec![18], each: None, digits: true });
        let (a, b) = (one(&mask, &format!("{head}{a}{tail}")), one(&mask, &format!("{head}{b}{tail}")));
        prop_assert_eq!(&a, &b);
        prop_assert_eq!(a, format!("{head}********{tail}"));
    }

    #[test]
    fn the_given_name_never_decides(surname in "[\u{4e00}-\u{9fff}]", a in "[\u{4e00}-\u{4eff}]{2,3}", b in "[\u{4e00}-\u{4eff}]{2,3}") {
        // Given names whose first character makes a compound surname of the two are left out: there it is no given name.
        let (a, b) = (one(&Mask::SurnameOnly, &format!("{surname}{a}")), one(&Mask::SurnameOnly, &format!("{surname}{b}")));
        prop_assume!(a.chars().count() == 3 && b.chars().count() == 3);
        prop_assert_eq!(&a, &b);
        prop_assert_eq!(a, format!("{surname}**"));
    }

    #[test]
    fn month_and_day_never_decide(year in 1850_i32..2200, a in 0_u32..365, b in 0_u32..365) {
        let day = |ordinal: u32| chrono::NaiveDate::from_yo_opt(year, ordinal + 1).unwrap();
        let epoch = chrono::NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        let days = |ordinal| i32::try_from(day(ordinal).signed_duration_since(epoch).num_days()).unwrap();
        let out = masked(&Mask::Year, Arc::new(Date32Array::from(vec![days(a), days(b), days(0)])));
        prop_assert_eq!(out.as_ref(), &Date32Array::from(vec![days(0); 3]) as &dyn Array);
        let text = |ordinal| one(&Mask::Year, &day(ordinal).format("%Y-%m-%d").to_string());
        prop_assert_eq!(text(a), text(b));
    }

    #[test]
    fn digits_below_the_prefix_never_decide(head in "[0-9]{6}", a in "[0-9]{6}", b in "[0-9]{6}") {
        let mask = Mask::DivisionPrefix { digits: 6 };
        prop_assert_eq!(one(&mask, &format!("{head}{a}")), one(&mask, &format!("{head}{b}")));
    }

    #[test]
    fn the_place_in_a_band_never_decides(band in 0_i64..1_000_000, a in 0_i64..500, b in 0_i64..500) {
        let column = Int64Array::from(vec![band * 500 + a, band * 500 + b]);
        let out = masked(&Mask::AmountBand { width: 500 }, Arc::new(column));
        prop_assert_eq!(text_at(&out, 0), text_at(&out, 1));
    }

    #[test]
    fn free_text_lets_no_identifier_through(
        before in "[\u{4e00}-\u{4e20}，。a-z ]{0,6}",
        number in "[1-9][0-9]{10}|[1-9][0-9]{16}[0-9X]",
        separator in "[ .\u{200b}-]{0,3}",
        after in "[\u{4e21}-\u{4e40}，。]{0,6}",
    ) {
        let spread: String = number.chars().map(|c| format!("{c}{separator}")).collect();
        let shown = one(&Mask::RedactFreeText, &format!("{before}{spread}{after}"));
        prop_assert!(!shown.contains(|c: char| c.is_ascii_digit()), "{}", shown);
        prop_assert!(shown.contains("***"));
        // What the number is never decides.
        let zeros: String = number.chars().map(|c| if c.is_ascii_digit() { format!("0{separator}") } else { format!("{c}{separator}") }).collect();
        prop_assert_eq!(shown, one(&Mask::RedactFreeText, &format!("{before}{zeros}{after}")));
    }

    #[test]
    fn building_and_room_never_decide(a in 1_u32..40, b in 1_u32..40, room in 101_u32..2000, other in 101_u32..2000) {
        let address = |building, room| format!("浙江省云州市示范区锦溪街道锦江路望湖花园{building}幢2单元{room}室");
        let mask = Mask::AddressToCompound;
        prop_assert_eq!(one(&mask, &address(a, room)), one(&mask, &address(b, other)));
    }

    #[test]
    fn no_context_makes_a_mask_fail(mask in any_mask(), key in any::<[u8; 32]>(), scope in ".{0,8}", today in any::<i32>(), value in any_text()) {
        let column: ArrayRef = Arc::new(StringArray::from(vec![value]));
        prop_assert_eq!(mask.apply(&column, &MaskContext::new(key, scope, today)).unwrap().len(), 1);
    }

    #[test]
    fn what_shows_no_more_is_decided_by_what_shows_more(a in any_mask(), b in any_mask(), x in any_text(), y in any_text()) {
        // Where b shows two values alike, a mask that shows no more than b does so, too.
        prop_assume!(a.shows_no_more_than(&b));
        let column: ArrayRef = Arc::new(StringArray::from(vec![x, y]));
        let (a, b) = (a.apply(&column, &context()).unwrap(), b.apply(&column, &context()).unwrap());
        if text_at(&b, 0) == text_at(&b, 1) {
            prop_assert_eq!(text_at(&a, 0), text_at(&a, 1));
        }
    }
}
