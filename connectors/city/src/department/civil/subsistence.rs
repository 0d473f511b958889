//! 低保: one row per household, in a sheet with title, caption, two rows of headings, subtotals per street and a footer.

use super::super::{Desk, Office};
use crate::block::Block;
use crate::calendar::{REFERENCE_DATE, date, day_between};
use crate::dirt::{Clerk, DateForm, Department, know};
use crate::error::CityError;
use crate::export::{Export, Layout, Record, Value};
use crate::identity::bank_account;
use crate::people::{Household, HouseholdKind, Tenure};
use crate::plan::Plan;
use crate::sink::{Anatomy, WorkbookSink};
use crate::truth::Truth;

const LAYOUT: Layout = Layout {
    dataset: "civil.subsistence",
    fields: &[
        "area",
        "head_name",
        "id_no",
        "cert_no",
        "start_month",
        "members",
        "key_members",
        "monthly_amount",
        "assistance_kind",
        "cause",
        "bank_name",
        "account_name",
        "bank_account",
        "account_status",
    ],
    usual: &[],
};
const ANATOMY: Anatomy = Anatomy {
    title: Some("云州市示范区城乡居民最低生活保障对象名册"),
    caption: Some("填表单位：云州市示范区民政局　　填表日期：2026年6月30日　　单位：人、元"),
    instruction: None,
    footer: Some("填表人：　　　　　　　　审核人：　　　　　　　　负责人："),
    sheet: "低保名册",
};
const LANE: u64 = 4;
/// How many of 10,000 registered households receive the allowance.
const RECEIVES_PER_10K: u32 = 710;

/// Writes `civil.subsistence`.
#[derive(Debug)]
pub(in super::super) struct SubsistenceDesk {
    export: Export,
    number: u64,
    street: Tally,
    city: Tally,
}

/// What a subtotal sums.
#[derive(Debug, Default, Clone)]
struct Tally {
    name: String,
    members: u32,
    key_members: u32,
    amount: u32,
}

impl Tally {
    fn row(&self, word: &str) -> Vec<Value> {
        let mut row = vec![Value::Empty; LAYOUT.fields.len()];
        let sums = [(0, word.into()), (5, self.members.into()), (6, self.key_members.into()), (7, self.amount.into())];
        for (at, value) in sums {
            if let Some(cell) = row.get_mut(at) {
                *cell = value;
            }
        }
        row
    }
}

impl SubsistenceDesk {
    pub(in super::super) fn open(office: &Office<'_>) -> Result<Self, CityError> {
        let sink = WorkbookSink::new(office.sheet(&LAYOUT, "202606")?, ANATOMY);
        let export = Export::new(office.seed, LAYOUT.dataset, vec![Box::new(sink)]);
        Ok(Self { export, number: 0, street: Tally::default(), city: Tally::default() })
    }

    /// Writes 小计 when the street changes.
    fn turn_to(&mut self, street: &str) -> Result<(), CityError> {
        if self.street.name != street {
            if !self.street.name.is_empty() {
                self.export.aside(&self.street.row("小计"))?;
            }
            self.street = Tally { name: street.to_owned(), ..Tally::default() };
        }
        Ok(())
    }
}

impl Desk for SubsistenceDesk {
    fn write_block(&mut self, plan: &Plan, block: &Block, truth: &mut Truth) -> Result<(), CityError> {
        let mut clerk = Clerk::new(plan.seed, Department::Civil, DateForm::Dashes, LANE, block.number);
        let street = block.communities.first().map(|c| c.street.name.clone()).unwrap_or_default();
        self.turn_to(&street)?;
        for household in &block.households {
            let eligible = household.kind == HouseholdKind::Registered && household.tenure != Tenure::PaperOnly;
            if eligible
                && clerk.rng.chance(RECEIVES_PER_10K)
                && let Some(record) = self.household(&mut clerk, plan, block, household)
            {
                self.export.write(&record, truth)?;
            }
        }
        Ok(())
    }

    fn write_end(&mut self) -> Result<(), CityError> {
        self.turn_to("")?;
        let total = self.city.row("合计");
        self.export.aside(&total)
    }

    fn into_export(self: Box<Self>) -> Export {
        self.export
    }
}

impl SubsistenceDesk {
    fn household(&mut self, clerk: &mut Clerk, plan: &Plan, block: &Block, household: &Household) -> Option<Record> {
        let head = block.people.get(*household.members.first()?)?;
        let known = know(plan.seed, Department::Civil, block, head);
        clerk.begin(&[]);
        self.number += 1;
        let key = format!("示低保{:07}", self.number);
        let living =
            household.members.iter().filter(|&&m| block.people.get(m).is_some_and(|p| p.death().is_none())).count();
        let members = u32::try_from(living).unwrap_or(1).max(1);
        let key_members = household
            .members
            .iter()
            .filter_map(|&m| block.people.get(m))
            .filter(|p| p.death().is_none() && (p.age() >= 70 || p.age() < 16))
            .count();
        let key_members = u32::try_from(key_members).unwrap_or_default();
        let amount = members * u32::try_from(clerk.rng.between(64, 108)).unwrap_or(80) * 10;
        let start = day_between(&mut clerk.rng, date(2015, 1, 1), date(2026, 5, 1)).min(REFERENCE_DATE);
        let street = &block.communities.first()?.street.name;
        let community = household.registered_flat.and_then(|f| block.community_of(f)).map(|c| c.name.as_str());
        let open_account = clerk.rng.weighted_text(&[("正常", 94), ("未采集", 4), ("须更新", 2)]);
        let cells = vec![
            format!("{street}{}", community.unwrap_or_default()).into(),
            clerk.name(&known),
            clerk.known_id(&known),
            key.clone().into(),
            start.format(if clerk.rng.chance(8_000) { "%Y-%m" } else { "%Y年%m月" }).to_string().into(),
            members.into(),
            key_members.into(),
            written_amount(clerk, amount),
            clerk.rng.weighted_text(&[("低保", 74), ("低保边缘", 14), ("特困供养", 12)]).into(),
            clerk
                .rng
                .weighted_text(&[
                    ("因病", 38),
                    ("因残", 24),
                    ("缺乏劳动力", 18),
                    ("年老", 10),
                    ("失业", 6),
                    ("因学", 4),
                ])
                .into(),
            clerk.rng.text(&["云州农村商业银行", "云州银行示范区支行", "示范区农村信用社"]).into(),
            head.name.as_str().into(),
            if open_account == "未采集" { "未采集".into() } else { bank_account(&mut clerk.rng).into() },
            open_account.into(),
        ];
        if clerk.rejected().is_none() {
            for tally in [&mut self.street, &mut self.city] {
                tally.members += members;
                tally.key_members += key_members;
                tally.amount += amount;
            }
        }
        Some(Record { key, cells, people: vec![("", head.uid.clone())], house: None, rejected: clerk.rejected() })
    }
}

/// The amount as a number, or in one of the ways people write money.
fn written_amount(clerk: &mut Clerk, amount: u32) -> Value {
    match clerk.rng.below(100) {
        0..=2 => format!("￥{amount}").into(),
        3..=5 => format!("{amount}.00元/月").into(),
        6..=7 => format!("{amount}元").into(),
        8 => crate::dirt::full_width(&amount.to_string()).into(),
        _ => amount.into(),
    }
}
