use std::io::Read;

use proptest::prelude::*;

use super::*;

/// Line, fields, fault.
type Row = (u64, Vec<String>, Option<&'static str>);

fn split_with(text: &[u8], limits: &ReadLimits) -> Result<Vec<Row>, SplitError> {
    let mut splitter = Splitter::new(text, b',', limits);
    let mut record = Record::default();
    let mut rows = Vec::new();
    while splitter.read(&mut record)? {
        let fields = record.fields().map(|f| String::from_utf8_lossy(f).into_owned()).collect();
        rows.push((record.line, fields, record.fault));
    }
    Ok(rows)
}

fn check(text: &str, expected: &[(u64, &[&str])]) {
    let rows = split_with(text.as_bytes(), &ReadLimits::default()).unwrap();
    let found: Vec<(u64, Vec<&str>)> =
        rows.iter().map(|(n, f, _)| (*n, f.iter().map(String::as_str).collect())).collect();
    let expected: Vec<(u64, Vec<&str>)> = expected.iter().map(|(n, f)| (*n, f.to_vec())).collect();
    assert_eq!(found, expected, "{text:?}");
}

#[test]
fn rows_and_fields() {
    check("", &[]);
    check("a,b\nc,d\n", &[(1, &["a", "b"]), (2, &["c", "d"])]);
    check("a,b\r\nc,d", &[(1, &["a", "b"]), (2, &["c", "d"])]);
    check("a\rb\r", &[(1, &["a"]), (2, &["b"])]);
    check("a,\n,b\n", &[(1, &["a", ""]), (2, &["", "b"])]);
    check("\n\r\na\n", &[(1, &[""]), (2, &[""]), (3, &["a"])]);
    check("a,", &[(1, &["a", ""])]);
}

#[test]
fn quotes() {
    check("\"a,b\",\"c\"\"d\"\n", &[(1, &["a,b", "c\"d"])]);
    check("\"x\ny\r\nz\",1\nq\n", &[(1, &["x\ny\r\nz", "1"]), (4, &["q"])]);
    check("a\"b,c\"\n", &[(1, &["a\"b", "c\""])]);
    check("\"a\"b,c\n", &[(1, &["ab", "c"])]);
    check("\"\"\n", &[(1, &[""])]);
    check("\"a\"", &[(1, &["a"])]);
}

#[test]
fn an_unclosed_quote_names_its_place() {
    let check = |text: &str, limits: &ReadLimits, place: (u64, u64)| match split_with(text.as_bytes(), limits) {
        Err(SplitError::UnclosedQuote { line, offset }) => assert_eq!((line, offset), place),
        other => panic!("{other:?}"),
    };
    check("a,b\nc,\"d\ne,f\n", &ReadLimits::default(), (2, 6));
    let lines = "x\n".repeat(500);
    check(&format!("a\n\"{lines}\"\n"), &ReadLimits::default(), (2, 2));
    let small = ReadLimits { cell_bytes_max: 10, ..ReadLimits::default() };
    check("ab,\"0123456789ab\"\n", &small, (1, 3));
}

#[test]
fn two_hundred_quoted_line_breaks_are_still_a_cell() {
    let cell = "x\n".repeat(200);
    let rows = split_with(format!("\"{cell}\",1\nb,2\n").as_bytes(), &ReadLimits::default()).unwrap();
    assert_eq!(rows[0].1, [cell.as_str(), "1"]);
    assert_eq!((rows[1].0, rows.len()), (202, 2));
}

#[test]
fn a_row_past_a_limit_is_marked_and_the_next_one_is_whole() {
    let small = ReadLimits { cell_bytes_max: 4, row_bytes_max: 8, columns_max: 5, ..ReadLimits::default() };
    let faults = |text: &str| -> Vec<Option<&'static str>> {
        let rows = split_with(text.as_bytes(), &small).unwrap();
        assert_eq!(rows.last().unwrap().1, ["ok"]);
        rows.iter().map(|r| r.2).collect()
    };
    assert_eq!(faults("a,12345,b\nok\n"), [Some("field_too_long"), None]);
    assert_eq!(faults("1234,1234,1\r\nok"), [Some("row_too_long"), None]);
    assert_eq!(faults("1,2,3,4,5,6\rok"), [Some("field_count"), None]);
    assert_eq!(faults("1,2,3,4,5\nok\n"), [None, None]);
}

/// One byte, a great many times.
struct Repeated {
    byte: u8,
    left: u64,
}

impl Read for Repeated {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = out.len().min(usize::try_from(self.left).unwrap());
        out[..n].fill(self.byte);
        self.left -= n as u64;
        Ok(n)
    }
}

#[test]
fn a_line_of_200_mb_needs_no_200_mb() {
    let line = Repeated { byte: b'x', left: 200_000_000 };
    let mut splitter = Splitter::new(line.chain(&b"\nok\n"[..]), b',', &ReadLimits::default());
    let mut record = Record::default();
    assert!(splitter.read(&mut record).unwrap());
    assert_eq!(record.fault, Some("field_too_long"));
    assert!(record.bytes.capacity() < 4_000_000, "{}", record.bytes.capacity());
    assert!(splitter.read(&mut record).unwrap());
    assert_eq!((record.line, record.fields().next()), (2, Some(&b"ok"[..])));
    assert!(!splitter.read(&mut record).unwrap());
    assert!(record.bytes.capacity() <= 4 * CHUNK_BYTES, "{}", record.bytes.capacity());
}

#[test]
fn a_quoted_line_of_200_mb_stops_early() {
    let line = Repeated { byte: b'x', left: 200_000_000 };
    let mut splitter = Splitter::new(b"a,\"".chain(line), b',', &ReadLimits::default());
    let mut record = Record::default();
    let stopped = splitter.read(&mut record).unwrap_err();
    assert!(matches!(stopped, SplitError::UnclosedQuote { line: 1, offset: 2 }));
    assert!(splitter.chunk_offset < 2_000_000);
}

proptest! {
    /// What a writer of the same dialect wrote comes back, whatever the cells hold.
    #[test]
    fn written_rows_come_back(rows in prop::collection::vec(prop::collection::vec("[a-z张三,\"\n\r ]{0,6}", 2..5), 0..12)) {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let text = writer.into_inner().unwrap();
        let found: Vec<Vec<String>> =
            split_with(&text, &ReadLimits::default()).unwrap().into_iter().map(|(_, fields, _)| fields).collect();
        prop_assert_eq!(found, rows);
    }

    /// Any bytes: no panic, no loss without a word, and the cut into reads does not matter.
    #[test]
    fn any_bytes_split_alike_in_any_portions(text in prop::collection::vec(prop::sample::select(b"ab,\"\n\r\xd5".to_vec()), 0..200)) {
        let whole = split_with(&text, &ReadLimits::default());
        let mut splitter = Splitter::new(Drip(&text), b',', &ReadLimits::default());
        let mut record = Record::default();
        let mut dripped = Vec::new();
        let ended = loop {
            match splitter.read(&mut record) {
                Ok(true) => dripped.push(record.fields().map(|f| String::from_utf8_lossy(f).into_owned()).collect::<Vec<_>>()),
                Ok(false) => break true,
                Err(_) => break false,
            }
        };
        match whole {
            Ok(rows) => {
                prop_assert!(ended);
                prop_assert_eq!(rows.into_iter().map(|r| r.1).collect::<Vec<_>>(), dripped);
            }
            Err(_) => prop_assert!(!ended),
        }
    }

    /// Against another implementation, where both accept: same records for the same bytes, blank lines aside.
    #[test]
    fn agrees_with_the_csv_crate(text in prop::collection::vec(prop::sample::select(b"ab,\"\n".to_vec()), 0..60)) {
        if let Ok(rows) = split_with(&text, &ReadLimits::default()) {
            let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_slice());
            let theirs: Vec<Vec<String>> =
                reader.byte_records().map(|r| r.unwrap().iter().map(|f| String::from_utf8_lossy(f).into_owned()).collect()).collect();
            // The csv crate passes over lines without a byte; we count them as blank.
            let physical_blank = |row: &Vec<String>| row.len() == 1 && row[0].is_empty();
            let ours: Vec<Vec<String>> = rows.into_iter().map(|r| r.1).filter(|r| !physical_blank(r)).collect();
            let theirs: Vec<Vec<String>> = theirs.into_iter().filter(|r| !physical_blank(r)).collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}

struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.0.len().min(out.len()).min(1);
        self.0.read(&mut out[..n])
    }
}
