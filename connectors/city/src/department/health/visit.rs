//! 慢病随访: follow-up visits of the last year. UTF-8 CSV; the last month comes from the new platform as Parquet.

use chrono::NaiveDate;

use super::super::{Desk, Office};
use super::{archive_no, centre, doctor};
use crate::block::Block;
use crate::calendar::{REFERENCE_DATE, date, shift};
use crate::dirt::{Clerk, DateForm, Department, Fault, Known, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record, Value};
use crate::plan::Plan;
use crate::sink::{DelimitedSink, Packing, ParquetSink, TextForm};
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "health.chronic_visit",
    fields: &[
        "visit_no",
        "archive_no",
        "name",
        "id_no",
        "disease",
        "diagnosis_code",
        "visit_on",
        "visit_kind",
        "systolic",
        "diastolic",
        "glucose",
        "adherence",
        "next_visit_on",
        "doctor",
        "org",
    ],
    usual: &[],
};
const LANE: u64 = 9;
const CSV: usize = 0;
const PARQUET: usize = 1;

/// Writes `health.chronic_visit`.
#[derive(Debug)]
pub(in super::super) struct VisitDesk {
    export: Export,
    number: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disease {
    Hypertension,
    Diabetes,
}

impl VisitDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let csv = DelimitedSink::create(&office.sheet(&LAYOUT, "202507-202605")?, TextForm::Utf8, Packing::Plain)?;
        let parquet = ParquetSink::create(&office.sheet(&LAYOUT, "202606")?)?;
        let export = Export::new(office.seed, LAYOUT.dataset, vec![Box::new(csv), Box::new(parquet)]);
        Ok(Self { export, number: 0 })
    }
}

impl Desk for VisitDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Health, DateForm::Dashes, LANE, block.number);
        for (place, person) in block.inhabitants().iter().enumerate() {
            let (pressure, sugar) = match person.age() {
                ..=34 => continue,
                35..=54 => (280, 120),
                55..=64 => (1_000, 400),
                _ => (2_000, 800),
            };
            let Some(household) = block.household_of(person).filter(|h| h.flat.is_some() && person.is_here()) else {
                continue;
            };
            let Some(number) = archive_no(block, household.flat, place) else { continue };
            let known = know(plan.seed, Department::Health, block, person);
            let doctor = doctor(plan.seed, block, person);
            for (disease, odds) in [(Disease::Hypertension, pressure), (Disease::Diabetes, sugar)] {
                if !clerk.rng.chance(odds) {
                    continue;
                }
                let mut day = shift(REFERENCE_DATE, -clerk.rng.between(0, 100));
                for _ in 0..clerk.rng.between(1, 4) {
                    let record = self.visit(&mut clerk, block, &known, (disease, day), (&number, &doctor));
                    let sink = if day >= date(2026, 6, 1) { PARQUET } else { CSV };
                    self.export.write_to(sink, &record, truth)?;
                    day = shift(day, -clerk.rng.between(80, 100));
                    if day < date(2025, 7, 1) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn into_export(self: Box<Self>) -> Export {
        self.export
    }
}

impl VisitDesk {
    fn visit(
        &mut self,
        clerk: &mut Clerk,
        block: &Block,
        known: &Known<'_>,
        (disease, day): (Disease, NaiveDate),
        (archive, doctor): (&str, &str),
    ) -> Record {
        clerk.begin(&[Fault::Date]);
        self.number += 1;
        let key = format!("SF290102{:09}", self.number);
        let with_pressure = disease == Disease::Hypertension || clerk.rng.chance(5_500);
        let by_phone = clerk.rng.chance(1_800);
        let (systolic, diastolic) = if by_phone {
            (Value::Empty, Value::Empty)
        } else if with_pressure {
            (whole(clerk, 112, 176), whole(clerk, 64, 104))
        } else {
            ("未测".into(), "未测".into())
        };
        let glucose = if disease == Disease::Diabetes && !by_phone { tenths(clerk, 48, 128) } else { Value::Empty };
        let (name, code) = diagnosis(clerk, disease);
        let cells = vec![
            key.clone().into(),
            archive.into(),
            clerk.name(known),
            clerk.known_id(known),
            name.into(),
            code.into(),
            clerk.date(day),
            if by_phone {
                "电话"
            } else {
                clerk.rng.weighted_text(&[("门诊", 60), ("家庭", 25), ("集中", 15)])
            }
            .into(),
            systolic,
            diastolic,
            glucose,
            clerk.rng.weighted_text(&[("规律", 72), ("间断", 21), ("不服药", 7)]).into(),
            if clerk.rng.chance(300) { "待定".into() } else { clerk.date(shift(day, 90)) },
            doctor.into(),
            centre(block).into(),
        ];
        let people = vec![("", known.person.uid.clone())];
        Record { key, cells, people, house: None, rejected: clerk.rejected() }
    }
}

fn diagnosis(clerk: &mut Clerk, disease: Disease) -> (&'static str, &'static str) {
    match disease {
        Disease::Hypertension => (
            clerk.rng.weighted_text(&[("高血压", 80), ("原发性高血压", 20)]),
            clerk.rng.weighted_text(&[
                ("I10.x00x002", 82),
                ("I10.X00X002", 7),
                ("I10x00x002", 6),
                (" I10.x00x002 高血压", 5),
            ]),
        ),
        Disease::Diabetes => (
            clerk.rng.weighted_text(&[("糖尿病", 60), ("2型糖尿病", 40)]),
            clerk.rng.weighted_text(&[("E11.900", 90), ("e11.900", 6), (" E11.900 糖尿病", 4)]),
        ),
    }
}

fn whole(clerk: &mut Clerk, low: i64, high: i64) -> Value {
    Value::from(u32::try_from(clerk.rng.between(low, high)).unwrap_or(120))
}

fn tenths(clerk: &mut Clerk, low: i64, high: i64) -> Value {
    let tenths = clerk.rng.between(low, high);
    format!("{}.{}", tenths / 10, tenths % 10).into()
}
