//! Citizen ID numbers, GB 11643-1999.

use chrono::{Datelike, FixedOffset, NaiveDate, Utc};

use crate::writing;

/// Latest sequence numbers of a 15-digit ID: kept for people born before 1900.
const CENTENARIAN_SEQUENCES: std::ops::RangeInclusive<u32> = 996..=999;

/// A citizen ID number of 18 characters whose alphabet, date and check digit are right. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CitizenId(String);

impl std::fmt::Debug for CitizenId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CitizenId({} characters)", self.0.len())
    }
}

impl CitizenId {
    /// Reads a number of 18 or 15 digits. Only its writing is normalised: width, case, spaces, an apostrophe or `="…"`
    /// around it, invisible characters, and letters that look like the X at its end. Nothing is repaired.
    ///
    /// A number of 15 digits becomes one of 18: 19 is put before its year and the check character after its end.
    /// Whether the division was ever assigned is for [`Divisions`](crate::Divisions) to say.
    ///
    /// # Errors
    /// [`CitizenIdError`], whose `Display` is the rule that a rejected row carries.
    pub fn parse(text: &str) -> Result<Self, CitizenIdError> {
        Self::parse_written(&writing::identifier(text))
    }

    /// Reads a number that [`writing::identifier`] has normalised.
    pub(crate) fn parse_written(text: &str) -> Result<Self, CitizenIdError> {
        if is_masked(text) {
            return Err(CitizenIdError::Masked);
        }
        if writing::is_scientific(text) {
            return Err(CitizenIdError::PrecisionLost);
        }
        match text.chars().count() {
            18 => Self::parse_18(text),
            15 => Self::parse_15(text),
            _ if text.bytes().all(|b| b.is_ascii_digit() || b == b'X') => Err(CitizenIdError::Length),
            _ => Err(CitizenIdError::Charset),
        }
    }

    fn parse_18(text: &str) -> Result<Self, CitizenIdError> {
        let (at, last) = text.char_indices().next_back().ok_or(CitizenIdError::Length)?;
        let seventeen = text.get(..at).unwrap_or_default();
        let last = if is_like_x(last) { 'X' } else { last };
        if seventeen.len() != 17 || !all_digits(seventeen) || !(last.is_ascii_digit() || last == 'X') {
            return Err(CitizenIdError::Charset);
        }
        check_date(seventeen.get(6..14).unwrap_or_default())?;
        if Self::check_character(seventeen) == Some(last) {
            let mut number = String::with_capacity(18);
            number.push_str(seventeen);
            number.push(last);
            Ok(Self(number))
        } else if text.ends_with("000") {
            Err(CitizenIdError::PrecisionLost)
        } else {
            Err(CitizenIdError::Checksum)
        }
    }

    fn parse_15(text: &str) -> Result<Self, CitizenIdError> {
        if !all_digits(text) {
            return Err(CitizenIdError::Charset);
        }
        let (division, rest) = text.split_at_checked(6).ok_or(CitizenIdError::Length)?;
        let seventeen = format!("{division}19{rest}");
        check_date(seventeen.get(6..14).unwrap_or_default())?;
        let sequence: u32 = text.get(12..).and_then(|s| s.parse().ok()).ok_or(CitizenIdError::Charset)?;
        if CENTENARIAN_SEQUENCES.contains(&sequence) {
            return Err(CitizenIdError::CenturyOpen);
        }
        let check = Self::check_character(&seventeen).ok_or(CitizenIdError::Charset)?;
        Ok(Self(format!("{seventeen}{check}")))
    }

    /// The 18 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The division it was first issued in: six digits, possibly abolished since.
    #[must_use]
    pub fn county(&self) -> &str {
        self.0.get(..6).unwrap_or_default()
    }

    /// The date of birth.
    #[must_use]
    pub fn birth_date(&self) -> NaiveDate {
        self.0.get(6..14).and_then(eight_digit_date).unwrap_or_default()
    }

    /// The sex as a code of GB/T 2261.1: `1` male, `2` female.
    #[must_use]
    pub fn sex(&self) -> &'static str {
        let odd = self.0.get(16..17).and_then(|d| d.parse::<u32>().ok()).is_some_and(|d| d % 2 == 1);
        if odd { "1" } else { "2" }
    }

    /// Computes the check character of 17 digits (ISO 7064 mod 11-2). `None` unless given exactly 17 ASCII digits.
    #[must_use]
    pub fn check_character(seventeen: &str) -> Option<char> {
        const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        if seventeen.len() != 17 {
            return None;
        }
        let mut sum = 0;
        for (c, weight) in seventeen.chars().zip(WEIGHTS) {
            sum += c.to_digit(10)? * weight;
        }
        "10X98765432".chars().nth((sum % 11) as usize)
    }
}

impl std::str::FromStr for CitizenId {
    type Err = CitizenIdError;

    fn from_str(text: &str) -> Result<Self, CitizenIdError> {
        Self::parse(text)
    }
}

/// Why a text is no citizen ID number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CitizenIdError {
    /// Neither 15 nor 18 characters.
    #[error("length")]
    Length,
    /// A character that such a number does not have.
    #[error("charset")]
    Charset,
    /// Masked at the source.
    #[error("masked")]
    Masked,
    /// Digits lost in a spreadsheet.
    #[error("precision_lost")]
    PrecisionLost,
    /// The date in it is impossible or lies in the future.
    #[error("birth_date")]
    BirthDate,
    /// Wrong check character.
    #[error("checksum")]
    Checksum,
    /// 15 digits whose century is open.
    #[error("id15_century")]
    CenturyOpen,
}

impl CitizenIdError {
    /// The rule, as rejected rows and quality lists name it.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Charset => "charset",
            Self::Masked => "masked",
            Self::PrecisionLost => "precision_lost",
            Self::BirthDate => "birth_date",
            Self::Checksum => "checksum",
            Self::CenturyOpen => "id15_century",
        }
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// Letters of other scripts, and signs, that are printed like an X.
fn is_like_x(c: char) -> bool {
    matches!(c, 'X' | 'x' | 'Х' | 'х' | 'Χ' | 'χ' | '×' | '✕' | '╳' | 'Ⅹ')
}

fn is_masked(text: &str) -> bool {
    let crosses = text.chars().filter(|c| is_like_x(*c)).count();
    text.contains(['*', '●', '■', '#']) || crosses > 2
}

fn check_date(eight: &str) -> Result<(), CitizenIdError> {
    let date = eight_digit_date(eight).ok_or(CitizenIdError::BirthDate)?;
    if date.year() >= 1850 && date <= today() { Ok(()) } else { Err(CitizenIdError::BirthDate) }
}

fn eight_digit_date(eight: &str) -> Option<NaiveDate> {
    let number: u32 = eight.parse().ok()?;
    NaiveDate::from_ymd_opt((number / 10_000).try_into().ok()?, number / 100 % 100, number % 100)
}

/// Today in China.
pub(crate) fn today() -> NaiveDate {
    let now = Utc::now();
    FixedOffset::east_opt(8 * 3600).map_or(now.date_naive(), |zone| now.with_timezone(&zone).date_naive())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_tells_division_birth_and_sex() {
        let id = CitizenId::parse("11010519491231002X").unwrap();
        assert_eq!(id.county(), "110105");
        assert_eq!(id.birth_date(), NaiveDate::from_ymd_opt(1949, 12, 31).unwrap());
        assert_eq!(id.sex(), "2");
        assert_eq!(CitizenId::parse("110105491231001").unwrap().sex(), "1");
        assert_eq!(format!("{id:?}"), "CitizenId(18 characters)");
    }

    #[test]
    fn only_the_writing_is_normalised() {
        for written in [
            "11010519491231002x",
            "１１０１０５１９４９１２３１００２Ｘ",
            "'11010519491231002X",
            "=\"11010519491231002X\"",
            "\u{202d}11010519491231002X\u{202c}",
            "11010519491231002Х",
            "11010519491231002×",
            " 110105 19491231 002X\n",
            "110105491231002",
        ] {
            assert_eq!(CitizenId::parse(written).unwrap().as_str(), "11010519491231002X", "{written}");
        }
    }

    #[test]
    fn nothing_is_repaired() {
        for (text, error) in [
            ("110105194912310021", CitizenIdError::Checksum),
            ("110105194913310021", CitizenIdError::BirthDate),
            ("110105194902300027", CitizenIdError::BirthDate),
            ("11010520991231002X", CitizenIdError::BirthDate),
            ("11010517001231002X", CitizenIdError::BirthDate),
            ("O11010519491231002", CitizenIdError::Charset),
            ("1101051949123100Z2", CitizenIdError::Charset),
            ("11010519491231002", CitizenIdError::Length),
            ("11010519491231002XX", CitizenIdError::Length),
            ("", CitizenIdError::Length),
            ("张三", CitizenIdError::Charset),
            ("110105********002X", CitizenIdError::Masked),
            ("110105××××××××002X", CitizenIdError::Masked),
            ("1.10105E+17", CitizenIdError::PrecisionLost),
            ("110105194912310000", CitizenIdError::PrecisionLost),
            ("110105491231997", CitizenIdError::CenturyOpen),
            ("110105491331002", CitizenIdError::BirthDate),
        ] {
            assert_eq!(CitizenId::parse(text), Err(error), "{text}");
            assert_eq!(error.rule(), error.to_string());
        }
    }

    proptest! {
        #[test]
        fn parsing_is_total(text in "\\PC*") {
            let _ = CitizenId::parse(&text);
        }

        #[test]
        fn one_changed_digit_never_passes(seventeen in "110105(19[5-9][0-9])(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])[0-9]{3}", at in 0_usize..17, by in 1_u32..10) {
            let check = CitizenId::check_character(&seventeen).unwrap();
            let whole = format!("{seventeen}{check}");
            let read = CitizenId::parse(&whole).unwrap();
            prop_assert_eq!(read.as_str(), whole.as_str());
            let changed: String = whole
                .chars()
                .enumerate()
                .map(|(i, c)| if i == at { char::from_digit((c.to_digit(10).unwrap() + by) % 10, 10).unwrap() } else { c })
                .collect();
            prop_assert!(CitizenId::parse(&changed).is_err());
        }
    }
}
