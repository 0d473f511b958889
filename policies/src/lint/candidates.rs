//! How many originals agree with what is shown.

use chrono::{Datelike, NaiveDate};

/// Characters of a citizen ID number, GB 11643.
pub(super) const ID_LENGTH: usize = 18;
/// Characters of a mobile phone number.
pub(super) const PHONE_LENGTH: usize = 11;

/// The year whose dates are counted where a column shows one year; other years differ by the leap day only.
const REFERENCE_YEAR: i32 = 1990;
/// Years of birth where nothing is known: the people alive.
const LIVING_YEARS: std::ops::RangeInclusive<i32> = 1926..=2025;

/// What the other columns tell about the date of birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Birth {
    /// Nothing.
    Unknown,
    /// So many whole years.
    Years(u32),
    /// The day.
    Day,
}

/// Which characters of a text are shown; bit 0 is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown(u32);

impl Shown {
    pub(super) const NONE: Self = Self(0);

    /// The first and the last characters of a text of that length, at most 31.
    pub(super) fn ends(length: usize, first: usize, last: usize) -> Self {
        let bits = (0..length).filter(|at| *at < first || at.saturating_add(last) >= length);
        Self(bits.fold(0, |bits, at| bits | (1 << at)))
    }

    pub(super) fn all(length: usize) -> Self {
        Self::ends(length, length, 0)
    }

    /// Only the characters before `length`.
    pub(super) fn within(self, length: usize) -> Self {
        Self(self.0 & Self::all(length).0)
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn has(self, at: usize) -> bool {
        self.0 & (1 << at) != 0
    }

    pub(super) fn count(self) -> u32 {
        self.0.count_ones()
    }
}

/// Phone numbers that agree with the digits shown.
pub(super) fn phone_candidates(shown: Shown) -> u64 {
    let hidden = (PHONE_LENGTH as u32).saturating_sub(shown.count());
    10_u64.saturating_pow(hidden)
}

/// The fewest ID numbers that any sight of these digits leaves, over all dates of the birth known and over the sex if it is
/// known: what the person with the rarest digits can count on. Division codes and sequences count as if each were in use.
pub(super) fn id_candidates(shown: Shown, birth: Birth, sex_known: bool) -> u64 {
    let mut rest = [0_u64; 11];
    if let Some(first) = rest.first_mut() {
        *first = 1;
    }
    let free = (0..6).chain(14..17).filter(|at| !shown.has(*at));
    for at in free {
        // The 17th digit is odd for men and even for women.
        let step = if at == 16 && sex_known { 2 } else { 1 };
        rest = spread(&rest, (0..10).step_by(step).map(|digit| digit * weight(at)));
    }
    let groups = dates_by_sight(shown, birth);
    groups.iter().filter_map(|sums| fewest(&spread(&rest, sums.iter().copied()), shown.has(17))).min().unwrap_or(0)
}

/// Weight of a digit, ISO 7064 mod 11-2: 2 to the power of 17 - `at`, modulo 11.
fn weight(at: usize) -> u64 {
    (at..17).fold(1, |weight, _| weight * 2 % 11)
}

/// Adds every one of the sums to every number counted, by remainder.
fn spread(counts: &[u64; 11], sums: impl Iterator<Item = u64>) -> [u64; 11] {
    let mut by_sum = [0_u64; 11];
    for sum in sums {
        if let Some(count) = by_sum.get_mut((sum % 11) as usize) {
            *count += 1;
        }
    }
    let mut out = [0_u64; 11];
    for (a, count) in counts.iter().enumerate() {
        for (b, more) in by_sum.iter().enumerate() {
            if let Some(place) = out.get_mut((a + b) % 11) {
                *place += count * more;
            }
        }
    }
    out
}

/// With the check character in sight only numbers of one remainder agree.
fn fewest(counts: &[u64; 11], check_shown: bool) -> Option<u64> {
    if check_shown { counts.iter().copied().filter(|n| *n > 0).min() } else { Some(counts.iter().sum()) }
}

/// Weighted digit sums of the possible dates, grouped by the digits of the date that are shown.
fn dates_by_sight(shown: Shown, birth: Birth) -> Vec<Vec<u64>> {
    let years = match birth {
        Birth::Unknown => LIVING_YEARS,
        Birth::Years(n) => {
            REFERENCE_YEAR..=REFERENCE_YEAR.saturating_add(n.clamp(1, 130).cast_signed()).saturating_sub(1)
        }
        Birth::Day => REFERENCE_YEAR..=REFERENCE_YEAR,
    };
    let mut groups: std::collections::BTreeMap<u64, Vec<u64>> = std::collections::BTreeMap::new();
    for date in years.flat_map(days_of) {
        let (mut sight, mut sum) = (0, 0);
        for (at, digit) in (6..14).zip(digits_of(date)) {
            sum += digit * weight(at);
            sight = sight * 10 + if shown.has(at) { digit } else { 0 };
        }
        if birth == Birth::Day {
            // One day is known, whichever it is.
            return vec![vec![sum]];
        }
        groups.entry(sight).or_default().push(sum);
    }
    groups.into_values().collect()
}

fn days_of(year: i32) -> impl Iterator<Item = NaiveDate> {
    NaiveDate::from_ymd_opt(year, 1, 1)
        .into_iter()
        .flat_map(|first| first.iter_days())
        .take_while(move |d| d.year() == year)
}

/// `YYYYMMDD`.
fn digits_of(date: NaiveDate) -> [u64; 8] {
    let number = date.year().unsigned_abs() * 10_000 + date.month() * 100 + date.day();
    let digit = |place: u32| u64::from(number / 10_u32.pow(place) % 10);
    [digit(7), digit(6), digit(5), digit(4), digit(3), digit(2), digit(1), digit(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn six_four() -> Shown {
        Shown::ends(ID_LENGTH, 6, 4)
    }

    #[test]
    fn the_weights_are_those_of_the_standard() {
        let weights: Vec<u64> = (0..17).map(weight).collect();
        assert_eq!(weights, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    }

    #[test]
    fn six_four_beside_the_birth_date_is_the_number() {
        assert_eq!(id_candidates(six_four(), Birth::Day, false), 1);
    }

    #[test]
    fn six_four_beside_the_year_leaves_a_month() {
        let left = id_candidates(six_four(), Birth::Years(1), false);
        assert!((32..=35).contains(&left), "{left}");
        // The check is a count by hand over one year and one remainder.
        let counts = days_of(1990).fold([0_u64; 11], |mut counts, date| {
            let sum: u64 = digits_of(date).iter().zip(6..14).map(|(d, at)| d * weight(at)).sum();
            counts[(sum % 11) as usize] += 1;
            counts
        });
        assert_eq!(counts.iter().sum::<u64>(), 365);
        assert_eq!(counts.iter().copied().min(), Some(left));
    }

    #[test]
    fn bands_of_years_leave_more_in_proportion() {
        let five = id_candidates(six_four(), Birth::Years(5), false);
        let ten = id_candidates(six_four(), Birth::Years(10), false);
        assert!((155..=172).contains(&five), "{five}");
        assert!((320..=340).contains(&ten), "{ten}");
    }

    #[test]
    fn hidden_sequence_digits_count_and_the_sex_halves_them() {
        let first_six = Shown::ends(ID_LENGTH, 6, 0);
        assert_eq!(id_candidates(first_six, Birth::Day, false), 1000);
        assert_eq!(id_candidates(first_six, Birth::Day, true), 500);
        let first_six_last_one = Shown::ends(ID_LENGTH, 6, 1);
        let left = id_candidates(first_six_last_one, Birth::Day, false);
        assert!((88..=92).contains(&left), "{left}");
        // A visible 17th digit already tells the sex.
        assert_eq!(id_candidates(six_four(), Birth::Years(1), true), id_candidates(six_four(), Birth::Years(1), false));
    }

    #[test]
    fn digits_of_the_date_in_sight_count_as_known() {
        let first_ten = Shown::ends(ID_LENGTH, 10, 4);
        assert!((32..=35).contains(&id_candidates(first_ten, Birth::Unknown, false)));
        assert_eq!(id_candidates(Shown::all(ID_LENGTH), Birth::Unknown, false), 1);
    }

    #[test]
    fn phones_have_ten_ways_for_each_hidden_digit() {
        assert_eq!(phone_candidates(Shown::ends(PHONE_LENGTH, 3, 4)), 10_000);
        assert_eq!(phone_candidates(Shown::all(PHONE_LENGTH)), 1);
    }
}
