//! Dates. The city stands still at one day, so that it is the same city whenever it is written.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta};

use crate::rng::Rng;

/// The day the exports are drawn. Ages, terms and deadlines are counted from here, never from the clock.
pub const REFERENCE_DATE: NaiveDate = match NaiveDate::from_ymd_opt(2026, 6, 30) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// Year of the reference date.
pub(crate) const REFERENCE_YEAR: i32 = 2026;

/// The date; the reference date if there is no such day (no caller asks for one).
pub(crate) fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or(REFERENCE_DATE)
}

/// How many days of that year have come by the reference date.
pub(crate) fn days_come(year: i32) -> u64 {
    if year == REFERENCE_YEAR {
        u64::from(REFERENCE_DATE.ordinal())
    } else if NaiveDate::from_yo_opt(year, 366).is_some() {
        366
    } else {
        365
    }
}

/// The day `days` later (or earlier, if negative).
pub(crate) fn shift(day: NaiveDate, days: i64) -> NaiveDate {
    let step = Days::new(days.unsigned_abs());
    let moved = if days < 0 { day.checked_sub_days(step) } else { day.checked_add_days(step) };
    moved.unwrap_or(day)
}

/// Full years lived by the reference date.
pub(crate) fn age(birth: NaiveDate) -> i32 {
    age_on(birth, REFERENCE_DATE)
}

/// Full years lived by that day.
pub(crate) fn age_on(birth: NaiveDate, day: NaiveDate) -> i32 {
    let not_yet = (day.month(), day.day()) < (birth.month(), birth.day());
    day.year() - birth.year() - i32::from(not_yet)
}

/// A day from `first` to `last`, both included; `first` if they are the wrong way round.
pub(crate) fn day_between(rng: &mut Rng, first: NaiveDate, last: NaiveDate) -> NaiveDate {
    shift(first, rng.between(0, (last - first).num_days().max(0)))
}

/// A moment of that day, mostly in working hours.
pub(crate) fn moment(rng: &mut Rng, day: NaiveDate) -> NaiveDateTime {
    let second = if rng.chance(8_500) { rng.between(7 * 3600, 21 * 3600) } else { rng.between(0, 86_399) };
    after(NaiveDateTime::from(day), second)
}

/// The moment so many seconds later.
pub(crate) fn after(moment: NaiveDateTime, seconds: i64) -> NaiveDateTime {
    moment.checked_add_signed(TimeDelta::seconds(seconds)).unwrap_or(moment)
}

/// A moment that has come: later ones are none.
pub(crate) fn if_come(moment: NaiveDateTime) -> Option<NaiveDateTime> {
    (moment.date() <= REFERENCE_DATE).then_some(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_count_birthdays() {
        assert_eq!(age(date(2000, 6, 30)), 26);
        assert_eq!(age(date(2000, 7, 1)), 25);
        assert_eq!(days_come(2026), 181);
        assert_eq!(days_come(2024), 366);
        assert_eq!(shift(date(2026, 3, 1), -1), date(2026, 2, 28));
    }
}
