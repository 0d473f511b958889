use arrow::array::{Decimal128Array, ListBuilder, StringBuilder};

use super::*;

fn batch() -> RecordBatch {
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(Field::new("element", DataType::Utf8, true));
    lists.append_value([Some("a text that is too long to be inlined"), None, Some("")]);
    lists.append(false);
    lists.append_value::<[Option<&str>; 0], _>([]);
    let amounts = Decimal128Array::from(vec![Some(-1_i128), None, Some(i128::from(i64::MAX))]);
    let columns: [(&str, ArrayRef); 5] = [
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("id", Arc::new(StringArray::from(vec!["1", "2", "长的编码,不止十二个字节"]))),
        ("amount", Arc::new(amounts.with_precision_and_scale(12, 2).unwrap())),
        ("texts", Arc::new(lists.finish())),
        ("score", Arc::new(PrimitiveArray::<Float64Type>::from(vec![Some(-0.0), None, Some(f64::MAX)]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

#[test]
fn a_row_is_read_as_it_was_written_and_nothing_else_is_one() {
    let batch = batch();
    let layout = Layout::of(&batch.schema(), "id").unwrap();
    let whole = RowDecoder::new(&layout, &batch.schema(), None).unwrap();
    let some = RowDecoder::new(&layout, &batch.schema(), Some(&[3, 0])).unwrap();
    let encoder = RowEncoder::new(&layout, &batch).unwrap();
    for row in 0..batch.num_rows() {
        let mut bytes = vec![7; 5];
        encoder.put(row, &mut bytes);
        assert_eq!(key_of(&bytes[5..]), encoder.key(row).map(str::as_bytes));
        let block = Buffer::from(bytes.clone());
        assert_eq!(whole.read(&block, 5..bytes.len()).unwrap(), batch.slice(row, 1));
        let projected = batch.slice(row, 1).project(&[3, 0]).unwrap();
        assert_eq!(some.read(&block, 5..bytes.len()).unwrap(), projected);
        for cut in 0..bytes.len() {
            assert!(whole.read(&block, 5..cut).is_none(), "{cut}");
        }
        for at in 5..bytes.len() {
            // Whatever stands there: it is read as something or refused, never with a panic.
            for byte in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = byte;
                let _ = whole.read(&Buffer::from(changed), 5..bytes.len());
            }
        }
    }
}

#[test]
fn lengths_are_read_as_written() {
    for length in [0, 1, 127, 128, 300, 1 << 20, usize::MAX] {
        let mut bytes = Vec::new();
        put_length(length, &mut bytes);
        assert_eq!(take_length(&mut [bytes.as_slice(), &[9]].concat().as_slice()), Some(length));
        assert_eq!(take_length(&mut &bytes[..bytes.len() - 1]), None);
    }
    assert_eq!(take_length(&mut [0xff; 11].as_slice()), None);
}

#[test]
fn columns_of_other_types_have_no_layout() {
    let schema =
        |data_type| Schema::new(vec![Field::new("id", DataType::Utf8, true), Field::new("x", data_type, true)]);
    assert!(Layout::of(&schema(DataType::Int64), "id").is_some());
    assert!(Layout::of(&schema(DataType::Int8), "id").is_none());
    assert!(Layout::of(&schema(DataType::Int64), "x").is_none());
    assert!(Layout::of(&schema(DataType::Int64), "no_such").is_none());
}
