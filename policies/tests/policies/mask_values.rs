//! Every mask on every shape of column: plain, large, view, dictionary, list, slices, and types it does not expect.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, DictionaryArray, FixedSizeBinaryArray, Int64Array,
    LargeListArray, LargeStringArray, ListArray, NullArray, StringArray, StringViewArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Int8Type, Int32Type};
use policies::{Keep, Mask, REDACTED};

use crate::fixture::masked;

const NAMES: [Option<&str>; 7] =
    [Some("张三"), None, Some("欧阳修"), Some("张三"), Some(""), Some("🙂"), Some("e\u{301}va")];
const SURNAMES: [Option<&str>; 7] =
    [Some("张**"), None, Some("欧阳**"), Some("张**"), Some(REDACTED), Some(REDACTED), Some(REDACTED)];

fn texts(array: &dyn Array) -> Vec<Option<String>> {
    let owned = |t: Option<&str>| t.map(str::to_owned);
    match array.data_type() {
        DataType::Utf8 => array.as_string_opt::<i32>().unwrap().iter().map(owned).collect(),
        DataType::LargeUtf8 => array.as_string_opt::<i64>().unwrap().iter().map(owned).collect(),
        DataType::Utf8View => array.as_string_view_opt().unwrap().iter().map(owned).collect(),
        other => panic!("{other} is no text"),
    }
}

fn expected(values: &[Option<&str>]) -> Vec<Option<String>> {
    values.iter().map(|v| v.map(str::to_owned)).collect()
}

fn keep(first: usize, last: usize, lengths: &[usize]) -> Mask {
    Mask::Keep(Keep { first, last, lengths: lengths.to_vec(), each: None, digits: false })
}

fn every_mask() -> Vec<Mask> {
    vec![
        Mask::Clear,
        Mask::Null,
        Mask::redacted(),
        keep(6, 4, &[18]),
        keep(1, 0, &[]),
        Mask::SurnameOnly,
        Mask::FirstChar,
        Mask::Year,
        Mask::AgeBand { width: 5, top: 90 },
        Mask::DivisionPrefix { digits: 6 },
        Mask::AddressToCompound,
        Mask::AmountBand { width: 500 },
        Mask::RedactFreeText,
        Mask::Token { class: "c".to_owned() },
    ]
}

#[test]
fn plain_large_and_view_columns_keep_their_type() {
    let columns: [ArrayRef; 3] = [
        Arc::new(StringArray::from(NAMES.to_vec())),
        Arc::new(LargeStringArray::from(NAMES.to_vec())),
        Arc::new(StringViewArray::from(NAMES.to_vec())),
    ];
    for column in columns {
        let out = masked(&Mask::SurnameOnly, Arc::clone(&column));
        assert_eq!(out.data_type(), column.data_type());
        assert_eq!(texts(&out), expected(&SURNAMES));
    }
}

#[test]
fn a_masked_view_column_holds_no_byte_of_the_original() {
    let long = "张三的住址在翠苑小区三幢二单元五〇一室";
    let column: ArrayRef = Arc::new(StringViewArray::from(vec![long]));
    let out = masked(&Mask::SurnameOnly, column);
    let views = out.as_string_view_opt().unwrap();
    assert!(views.data_buffers().iter().all(|b| !b.as_slice().windows(3).any(|w| w == "翠".as_bytes())));
}

#[test]
fn a_dictionary_is_unpacked_so_that_keys_and_unused_entries_do_not_tell() {
    let values: ArrayRef = Arc::new(StringArray::from(vec![Some("张三"), Some("张四"), None, Some("王五")]));
    let keys = arrow::array::Int32Array::from(vec![Some(1), Some(0), None, Some(2), Some(1)]);
    let column: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values).unwrap());
    let out = masked(&Mask::SurnameOnly, column);
    assert_eq!(out.data_type(), &DataType::Utf8);
    assert_eq!(texts(&out), expected(&[Some("张**"), Some("张**"), None, None, Some("张**")]));
}

#[test]
fn dictionaries_of_dates_and_views_are_masked_by_their_values() {
    let dates: ArrayRef = Arc::new(Date32Array::from(vec![5313, 0]));
    let keys = arrow::array::Int8Array::from(vec![Some(0), Some(1), None, Some(0)]);
    let column: ArrayRef = Arc::new(DictionaryArray::<Int8Type>::try_new(keys.clone(), dates).unwrap());
    let out = masked(&Mask::Year, column);
    assert_eq!(out.as_ref(), &Date32Array::from(vec![Some(5113), Some(0), None, Some(5113)]) as &dyn Array);
    let views: ArrayRef = Arc::new(StringViewArray::from(vec!["1949-12", "x"]));
    let column: ArrayRef = Arc::new(DictionaryArray::<Int8Type>::try_new(keys, views).unwrap());
    assert_eq!(texts(&masked(&Mask::Year, column)), expected(&[Some("1949"), Some(REDACTED), None, Some("1949")]));
}

#[test]
fn lists_are_masked_element_by_element() {
    let inner: ArrayRef = Arc::new(StringArray::from(vec![Some("13912345678"), None, Some("1"), Some("13700001111")]));
    let field = Arc::new(Field::new("element", DataType::Utf8, true));
    let nulls = Some(vec![true, true, false, true].into());
    let list = ListArray::new(field, OffsetBuffer::from_lengths([2, 0, 1, 1]), inner, nulls);
    let phone = keep(3, 4, &[11]);
    let out = masked(&phone, Arc::new(list.clone()));
    let out = out.as_list_opt::<i32>().unwrap();
    assert_eq!(texts(&out.value(0)), expected(&[Some("139****5678"), None]));
    assert_eq!(out.value(1).len(), 0);
    assert!(out.is_null(2));
    assert_eq!(texts(&out.value(3)), expected(&[Some("137****1111")]));
    // A slice of a list masks what it holds, and nothing shifts.
    let out = masked(&phone, Arc::new(list.slice(3, 1)));
    assert_eq!(texts(&out.as_list_opt::<i32>().unwrap().value(0)), expected(&[Some("137****1111")]));
}

#[test]
fn large_lists_are_masked_too() {
    let inner: ArrayRef = Arc::new(StringViewArray::from(vec!["13912345678"]));
    let field = Arc::new(Field::new("item", DataType::Utf8View, true));
    let list = LargeListArray::new(field, OffsetBuffer::from_lengths([1]), inner, None);
    let out = masked(&keep(3, 4, &[11]), Arc::new(list));
    assert_eq!(texts(&out.as_list_opt::<i64>().unwrap().value(0)), expected(&[Some("139****5678")]));
}

#[test]
fn a_constant_over_a_list_hides_how_many_there_are() {
    let field = Arc::new(Field::new("element", DataType::Utf8, true));
    let inner: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let nulls = Some(vec![true, false].into());
    let list = ListArray::new(field, OffsetBuffer::from_lengths([2, 0]), inner, nulls);
    assert_eq!(texts(&masked(&Mask::redacted(), Arc::new(list))), expected(&[Some(REDACTED), None]));
}

#[test]
fn a_constant_replaces_values_of_any_type() {
    let columns: [ArrayRef; 4] = [
        Arc::new(StringArray::from(vec![Some("x"), None])),
        Arc::new(Date32Array::from(vec![Some(1), None])),
        Arc::new(BooleanArray::from(vec![Some(true), None])),
        Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None]).with_timezone("UTC")),
    ];
    for column in columns {
        let mask = Mask::Constant { text: "隐去".to_owned() };
        assert_eq!(texts(&masked(&mask, column)), expected(&[Some("隐去"), None]));
    }
}

#[test]
fn null_gives_nulls_of_the_same_type() {
    let columns: [ArrayRef; 3] = [
        Arc::new(StringViewArray::from(vec!["x"])),
        Arc::new(Int64Array::from(vec![1])),
        Arc::new(DictionaryArray::<Int8Type>::from_iter(["x"])),
    ];
    for column in columns {
        let out = masked(&Mask::Null, Arc::clone(&column));
        assert_eq!(out.data_type(), column.data_type());
        assert_eq!(out.logical_null_count(), 1);
    }
}

#[test]
fn a_column_of_an_unexpected_type_is_redacted_whole() {
    let field = Arc::new(Field::new("a", DataType::Utf8, true));
    let inner: ArrayRef = Arc::new(StringArray::from(vec!["13912345678", "13912345678"]));
    let columns: [ArrayRef; 6] = [
        Arc::new(Int64Array::from(vec![Some(13_912_345_678), Some(1)])),
        Arc::new(BooleanArray::from(vec![true, false])),
        Arc::new(TimestampMicrosecondArray::from(vec![1, 2])),
        Arc::new(FixedSizeBinaryArray::try_from_iter([[1_u8, 2], [3, 4]].iter()).unwrap()),
        Arc::new(StructArray::from(vec![(Arc::clone(&field), Arc::clone(&inner))])),
        Arc::new(NullArray::new(2)),
    ];
    let text_masks =
        every_mask().into_iter().filter(|m| !matches!(m, Mask::Clear | Mask::Null | Mask::Constant { .. }));
    for mask in text_masks {
        for column in &columns {
            if matches!((&mask, column.data_type()), (Mask::AmountBand { .. }, DataType::Int64)) {
                continue;
            }
            let out = masked(&mask, Arc::clone(column));
            let shown = if column.data_type() == &DataType::Null { None } else { Some(REDACTED) };
            assert_eq!(texts(&out), expected(&[shown, shown]), "{mask} on {}", column.data_type());
        }
    }
}

#[test]
fn an_empty_column_stays_empty() {
    for mask in every_mask() {
        for empty in [DataType::Utf8, DataType::Utf8View, DataType::Date32, DataType::Boolean] {
            assert_eq!(masked(&mask, arrow::array::new_empty_array(&empty)).len(), 0);
        }
    }
}

#[test]
fn a_slice_is_masked_like_its_rows() {
    let column = StringArray::from(NAMES.to_vec());
    let out = masked(&Mask::SurnameOnly, Arc::new(column.slice(2, 3)));
    assert_eq!(texts(&out), expected(SURNAMES.get(2..5).unwrap()));
}

#[test]
fn ages_follow_the_day_of_the_context() {
    // Born 1989-07-19; the fixture's day is 2024-07-18, one day before the 35th birthday.
    let column: ArrayRef = Arc::new(Date32Array::from(vec![Some(7139), None, Some(i32::MAX)]));
    let mask = Mask::AgeBand { width: 5, top: 90 };
    assert_eq!(texts(&masked(&mask, column)), expected(&[Some("30-34"), None, Some(REDACTED)]));
}

#[test]
fn an_address_shows_no_building_unit_or_room() {
    let column: ArrayRef = Arc::new(StringArray::from(vec![
        Some("浙江省云州市示范区锦溪街道锦溪社区锦江路18号望湖花园3幢2单元501室"),
        Some("浙江省云州市示范区锦溪街道锦溪社区锦江路18号望湖花园4幢1单元102室"),
        None,
        Some(""),
        Some("住在亲戚家，电话13912345678"),
        Some("3幢2单元501室"),
    ]));
    let out = texts(&masked(&Mask::AddressToCompound, column));
    assert_eq!(out[0], out[1]);
    let shown = out[0].as_deref().unwrap();
    assert!(shown.contains("望湖花园") && !shown.contains(|c: char| c.is_numeric()), "{shown}");
    assert_eq!(out[2..], expected(&[None, Some(REDACTED), Some(REDACTED), Some(REDACTED)]));
}
