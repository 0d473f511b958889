//! The hand that fills in a row: takes what is known and writes it as this department writes, with this department's dirt.

use chrono::{Datelike, NaiveDate, NaiveDateTime};

use super::address::{AddressHabit, write_address};
use super::fault::{Fault, ID_FAULTS};
use super::known::{Department, Known};
use super::rates::Rates;
use super::writing::{full_width, split_chars};
use crate::block::{Block, Use};
use crate::export::Value;
use crate::people::{Person, Sex};
use crate::rng::{Rng, Stream};

/// Words for "nothing" that the column of employers has; other columns only use the first ones.
const NULL_WORDS: &[&str] = &["无", "/", "-", "――", "未知", "空", "NULL", "#N/A", "*", "未填", "无此项", "\u{3000}"];

/// How dates are usually written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateForm {
    /// 1949-12-31
    Dashes,
    /// 1949/12/31
    Slashes,
    /// 1949年12月31日
    Chinese,
    /// 19491231
    Compact,
}

/// Writes the rows of one dataset in one block.
#[derive(Debug)]
pub(crate) struct Clerk {
    rates: &'static Rates,
    form: DateForm,
    pub(crate) rng: Rng,
    fault: Option<Fault>,
    applied: Option<&'static str>,
}

impl Clerk {
    /// A clerk of that department; `lane` is the dataset's own number.
    pub(crate) fn new(seed: u64, department: Department, form: DateForm, lane: u64, block: u64) -> Self {
        let rng = Rng::keyed(seed, Stream::Records, lane, block);
        Self { rates: department.rates(), form, rng, fault: None, applied: None }
    }

    /// Begins a row that may turn out unusable by its identity number or, in one case of five, by one of `others`.
    pub(crate) fn begin(&mut self, others: &[Fault]) {
        self.applied = None;
        self.fault = self.rng.chance(self.rates.fault).then(|| {
            let other = others.get(self.rng.index(others.len())).copied();
            let by_id = self.rng.weighted(ID_FAULTS).copied().unwrap_or(Fault::Checksum);
            if self.rng.chance(2_000) { other.unwrap_or(by_id) } else { by_id }
        });
    }

    /// Begins a row that can only turn out unusable by one of `faults`.
    pub(crate) fn begin_without_id(&mut self, faults: &[Fault]) {
        self.applied = None;
        let fault = faults.get(self.rng.index(faults.len())).copied();
        self.fault = if self.rng.chance(self.rates.fault) { fault } else { None };
    }

    /// Begins a row that is always usable.
    pub(crate) fn begin_clean(&mut self) {
        self.applied = None;
        self.fault = None;
    }

    /// Begins a row whose identity number is unusable, if it has one.
    pub(crate) fn begin_spoilt(&mut self) {
        self.applied = None;
        self.fault = self.rng.weighted(ID_FAULTS).copied();
    }

    /// The rule under which the row must be rejected, if one of its cells took the fault.
    pub(crate) fn rejected(&self) -> Option<&'static str> {
        self.applied
    }

    fn take(&mut self, fits: impl Fn(Fault) -> bool) -> Option<Fault> {
        let fault = self.fault.filter(|f| fits(*f))?;
        self.fault = None;
        self.applied = Some(fault.rule());
        Some(fault)
    }

    /// An identity number, or an empty cell.
    pub(crate) fn id(&mut self, id: Option<&str>, birth: NaiveDate) -> Value {
        let Some(id) = id else { return self.nothing() };
        let is_id_fault = |f| ID_FAULTS.iter().any(|(known, _)| *known == f);
        if let Some(fault) = self.take(is_id_fault)
            && let Some(spoilt) = fault.spoil_id(id, &mut self.rng)
        {
            return spoilt.into();
        }
        let rates = self.rates;
        if birth.year() < 1962 && self.rng.chance(rates.id_fifteen) {
            let (division, rest) = split_chars(id, 6);
            let (_, without_century) = split_chars(&rest, 2);
            return format!("{division}{}", split_chars(&without_century, 9).0).into();
        }
        if self.rng.chance(rates.id_full_width) {
            return full_width(id).into();
        }
        if self.rng.chance(rates.id_wrapped) {
            return if self.rng.chance(6_000) { format!("'{id}") } else { format!("=\"{id}\"") }.into();
        }
        if self.rng.chance(rates.id_invisible) {
            return if self.rng.chance(5_000) { format!("\u{202d}{id}\u{202c}") } else { format!(" {id} ") }.into();
        }
        if id.ends_with('X') && self.rng.chance(rates.id_lower_x) {
            return id.to_lowercase().into();
        }
        id.into()
    }

    /// The identity number on file.
    pub(crate) fn known_id(&mut self, known: &Known<'_>) -> Value {
        self.id(known.id_no, known.person.birth)
    }

    /// A name as it is on file.
    pub(crate) fn name(&mut self, known: &Known<'_>) -> Value {
        let dead = known.person.death().is_some();
        if dead && self.rng.chance(self.rates.name_dead_mark) {
            return format!("{}（亡）", known.name).into();
        }
        self.plain_name(&known.name).into()
    }

    /// A name, spaced or with another interpunct now and then.
    pub(crate) fn plain_name(&mut self, name: &str) -> String {
        if name.contains('·') && self.rng.chance(self.rates.name_interpunct) {
            return name.replace('·', self.rng.text(&["•", "．", "‧"]));
        }
        if name.chars().count() == 2 && self.rng.chance(self.rates.name_spaced) {
            let (a, b) = split_chars(name, 1);
            return format!("{a}\u{3000}{b}");
        }
        name.to_owned()
    }

    /// 男 or 女 in the department's words.
    pub(crate) fn sex(&mut self, person: &Person) -> Value {
        let odd = self.rng.chance(120);
        match (person.sex, odd) {
            (Sex::Male, false) => "男",
            (Sex::Female, false) => "女",
            (Sex::Male, true) => self.rng.text(&["男性", "M"]),
            (Sex::Female, true) => self.rng.text(&["女性", "F"]),
        }
        .into()
    }

    /// A full date.
    pub(crate) fn date(&mut self, day: NaiveDate) -> Value {
        if self.take(|f| f == Fault::Date).is_some() {
            let impossible = self.rng.text(&["02-30", "13-05", "04-31", "06-31"]);
            return format!("{}-{impossible}", day.year()).into();
        }
        let form = if self.rng.chance(self.rates.date_form) {
            let forms = [DateForm::Dashes, DateForm::Slashes, DateForm::Chinese, DateForm::Compact];
            forms.get(self.rng.index(forms.len())).copied().unwrap_or(self.form)
        } else {
            self.form
        };
        write_date(form, day).into()
    }

    /// A date that may be missing.
    pub(crate) fn date_if(&mut self, day: Option<NaiveDate>) -> Value {
        match day {
            Some(day) => self.date(day),
            None => Value::Empty,
        }
    }

    /// A birth date, perhaps only in part.
    pub(crate) fn birth(&mut self, known: &Known<'_>) -> Value {
        let day = known.birth;
        if day.year() < 1955 && self.rng.chance(self.rates.birth_partial) {
            return if self.rng.chance(5_000) { day.format("%Y").to_string() } else { day.format("%Y-%m").to_string() }
                .into();
        }
        if known.id_no.is_some() && self.rng.chance(self.rates.birth_partial / 4) {
            return full_width(&day.format("%Y-%m-%d").to_string()).into();
        }
        self.date(day)
    }

    /// The telephone numbers on file.
    pub(crate) fn phone(&mut self, known: &Known<'_>) -> Value {
        let Some(first) = known.phone.or(known.second_phone) else { return self.nothing() };
        if let Some(second) = known.second_phone.filter(|s| *s != first) {
            let between = self.rng.text(&["/", "、", ";", "，", " "]);
            return format!("{first}{between}{second}").into();
        }
        self.one_phone(first)
    }

    /// One telephone number.
    pub(crate) fn one_phone(&mut self, number: &str) -> Value {
        if self.take(|f| f == Fault::Numbering).is_some() {
            return "12345678901".into();
        }
        if !self.rng.chance(self.rates.phone_form) {
            return number.into();
        }
        let (a, rest) = split_chars(number, 3);
        let (b, c) = split_chars(&rest, 4);
        match self.rng.index(4) {
            0 => format!("+86 {a} {b} {c}"),
            1 => format!("{a}-{b}-{c}"),
            2 => full_width(number),
            _ => format!("+86{number}"),
        }
        .into()
    }

    /// The address of a flat; empty if there is no flat.
    pub(crate) fn address(&mut self, block: &Block, flat: Option<usize>, habit: &AddressHabit) -> Value {
        let Some(address) = flat.and_then(|f| block.address(f)) else { return Value::Empty };
        let mut text = write_address(&mut self.rng, habit, &address);
        if self.rng.chance(self.rates.address_remark) {
            let usage = flat.and_then(|f| block.flats.get(f)).map(|f| f.usage);
            text.push_str(match usage {
                Some(Use::Owned) => "（自住）",
                Some(Use::Let) => self.rng.text(&["（出租）", "（租住）"]),
                Some(Use::Vacant | Use::Dormitory) | None => "",
            });
        }
        text.into()
    }

    /// Nothing known: an empty cell, or one of the words every column has for it.
    pub(crate) fn nothing(&mut self) -> Value {
        if self.rng.chance(self.rates.null_word / 3) {
            self.rng.text(&["无", "/", "-", "未知"]).into()
        } else {
            Value::Empty
        }
    }

    /// No employer: an empty cell or one of many words.
    pub(crate) fn no_employer(&mut self) -> Value {
        if self.rng.chance(self.rates.null_word) { self.rng.text(NULL_WORDS).into() } else { Value::Empty }
    }

    /// A moment, as most systems export it.
    pub(crate) fn moment(&mut self, at: NaiveDateTime) -> Value {
        at.format("%Y-%m-%d %H:%M:%S").to_string().into()
    }
}

/// The date in that form.
pub(crate) fn write_date(form: DateForm, day: NaiveDate) -> String {
    match form {
        DateForm::Dashes => day.format("%Y-%m-%d").to_string(),
        DateForm::Slashes => format!("{}/{}/{}", day.year(), day.month(), day.day()),
        DateForm::Chinese => format!("{}年{}月{}日", day.year(), day.month(), day.day()),
        DateForm::Compact => day.format("%Y%m%d").to_string(),
    }
}
