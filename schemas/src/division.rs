//! Division codes, GB/T 2260 and below: current and every historical edition.

use std::sync::LazyLock;

use crate::shipped;

/// The level of a division code, by its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DivisionLevel {
    /// 2 digits.
    Province,
    /// 4 digits.
    Prefecture,
    /// 6 digits.
    County,
    /// 9 digits.
    Street,
    /// 12 digits.
    Village,
}

/// Why a text is no division code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DivisionCodeError {
    /// Something else than digits.
    #[error("charset")]
    Charset,
    /// Not 2, 4, 6, 9 or 12 digits.
    #[error("length")]
    Length,
}

/// A division code of 2, 4, 6, 9 or 12 digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DivisionCode(String);

impl DivisionCode {
    /// Reads a code. Whether it was ever assigned is for [`Divisions`] to say.
    ///
    /// # Errors
    /// [`DivisionCodeError`] if the text is not 2, 4, 6, 9 or 12 ASCII digits.
    pub fn parse(text: &str) -> Result<Self, DivisionCodeError> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(DivisionCodeError::Charset);
        }
        match text.len() {
            2 | 4 | 6 | 9 | 12 => Ok(Self(text.to_owned())),
            _ => Err(DivisionCodeError::Length),
        }
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its level, by its length.
    #[must_use]
    pub fn level(&self) -> DivisionLevel {
        match self.0.len() {
            2 => DivisionLevel::Province,
            4 => DivisionLevel::Prefecture,
            6 => DivisionLevel::County,
            9 => DivisionLevel::Street,
            _ => DivisionLevel::Village,
        }
    }

    /// The code of the level above it that is asked for. `None` if that lies below.
    #[must_use]
    pub fn at(&self, level: DivisionLevel) -> Option<&str> {
        self.0.get(
            ..match level {
                DivisionLevel::Province => 2,
                DivisionLevel::Prefecture => 4,
                DivisionLevel::County => 6,
                DivisionLevel::Street => 9,
                DivisionLevel::Village => 12,
            },
        )
    }
}

/// One code of the six-digit list: a county, or a prefecture or province with its zeros.
#[derive(Debug)]
pub(crate) struct County {
    pub(crate) code: &'static str,
    /// The last name it had. Empty for the few codes of which only the abolition is recorded.
    pub(crate) name: &'static str,
    pub(crate) in_force: bool,
    /// What an abolished code became. Empty if not recorded.
    pub(crate) successors: Vec<&'static str>,
}

/// All six-digit codes in code order.
pub(crate) static COUNTIES: LazyLock<Vec<County>> = LazyLock::new(|| {
    shipped::COUNTIES
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut cells = line.split(',');
            let (code, name, in_force) = (cells.next()?, cells.next()?, cells.next()? == "1");
            let successors = cells.next()?.split('|').filter(|s| !s.is_empty()).collect();
            Some(County { code, name, in_force, successors })
        })
        .collect()
});

static STREETS: LazyLock<Vec<(&'static str, &'static str)>> =
    LazyLock::new(|| shipped::STREETS.lines().skip(1).filter_map(|line| line.split_once(',')).collect());

pub(crate) fn county(code: &str) -> Option<&'static County> {
    let idx = COUNTIES.binary_search_by(|c| c.code.cmp(code)).ok()?;
    COUNTIES.get(idx)
}

fn street(code: &str) -> Option<&'static str> {
    let idx = STREETS.binary_search_by(|(c, _)| (*c).cmp(code)).ok()?;
    STREETS.get(idx).map(|(_, name)| *name)
}

/// Which codes exist or ever existed.
#[derive(Debug, Clone, Default)]
pub struct Divisions {
    admitted: Vec<String>,
}

impl Divisions {
    /// Takes every code that begins with `prefix` for an assigned one from now on.
    pub fn admit(&mut self, prefix: &str) {
        if !prefix.is_empty() {
            self.admitted.push(prefix.to_owned());
        }
    }

    fn is_admitted(&self, code: &str) -> bool {
        self.admitted.iter().any(|prefix| code.starts_with(prefix.as_str()))
    }

    /// Whether the six digits were ever a code, in any edition, or were admitted by the configuration. People carry
    /// abolished prefixes all their lives, so that numbers of persons are measured against this and not [`exists`].
    ///
    /// [`exists`]: Self::exists
    #[must_use]
    pub fn ever_assigned(&self, code: &str) -> bool {
        county(code).is_some() || (code.len() == 6 && self.is_admitted(code))
    }

    /// Whether the code of 2, 4, 6 or 9 digits is in force, or was admitted. Of a 12-digit code only the street part is
    /// known here.
    #[must_use]
    pub fn exists(&self, code: &str) -> bool {
        if self.is_admitted(code) {
            return true;
        }
        match code.len() {
            2 => county(&format!("{code}0000")).is_some_and(|c| c.in_force),
            4 => county(&format!("{code}00")).is_some_and(|c| c.in_force),
            6 => county(code).is_some_and(|c| c.in_force),
            9 => street(code).is_some(),
            12 => code.get(..9).is_some_and(|s| street(s).is_some()),
            _ => false,
        }
    }

    /// Whether a code of any level belongs to a county, prefecture or province that was ever assigned.
    #[must_use]
    pub fn was_ever_within(&self, code: &DivisionCode) -> bool {
        match code.level() {
            DivisionLevel::Province => self.is_admitted(code.as_str()) || county(&format!("{}0000", code.0)).is_some(),
            DivisionLevel::Prefecture => self.is_admitted(code.as_str()) || county(&format!("{}00", code.0)).is_some(),
            _ => code.at(DivisionLevel::County).is_some_and(|c| self.ever_assigned(c)),
        }
    }

    /// The name of a code of 2, 4, 6 or 9 digits, its last one if it was abolished.
    #[must_use]
    pub fn name(&self, code: &str) -> Option<&'static str> {
        match code.len() {
            2 => county(&format!("{code}0000")).map(|c| c.name),
            4 => county(&format!("{code}00")).map(|c| c.name),
            6 => county(code).map(|c| c.name),
            9 => street(code),
            _ => None,
        }
        .filter(|name| !name.is_empty())
    }

    /// The codes that an abolished six-digit code became. Empty if it is in force or nothing is recorded.
    #[must_use]
    pub fn successors(&self, code: &str) -> &'static [&'static str] {
        county(code).map_or(&[], |c| c.successors.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_a_level_by_its_length() {
        let code = DivisionCode::parse("330106002051").unwrap();
        assert_eq!(code.level(), DivisionLevel::Village);
        assert_eq!(code.at(DivisionLevel::County), Some("330106"));
        assert_eq!(DivisionCode::parse("3301").unwrap().at(DivisionLevel::County), None);
        assert_eq!(DivisionCode::parse("33010600205"), Err(DivisionCodeError::Length));
        assert_eq!(DivisionCode::parse("33O106"), Err(DivisionCodeError::Charset));
        assert_eq!(DivisionCode::parse(""), Err(DivisionCodeError::Charset));
    }

    #[test]
    fn abolished_codes_were_assigned_but_do_not_exist() {
        let divisions = Divisions::default();
        assert!(divisions.ever_assigned("330106") && divisions.exists("330106"));
        assert!(divisions.ever_assigned("320584") && !divisions.exists("320584"));
        assert_eq!(divisions.successors("320584"), ["320509"]);
        assert_eq!(divisions.name("320584"), Some("吴江市"));
        assert_eq!((divisions.name("33"), divisions.name("3301")), (Some("浙江省"), Some("杭州市")));
        assert_eq!(divisions.name("330106002"), Some("北山街道"));
        assert!(divisions.exists("330106002051") && !divisions.exists("330106999"));
        for residence_permit in ["810000", "820000", "830000"] {
            assert!(divisions.ever_assigned(residence_permit));
        }
        for never in ["999999", "990100", "33010", "", "3301060"] {
            assert!(!divisions.ever_assigned(never), "{never}");
        }
    }

    #[test]
    fn only_an_admitted_prefix_is_taken_for_assigned() {
        let mut divisions = Divisions::default();
        divisions.admit("990");
        divisions.admit("");
        assert!(divisions.ever_assigned("990101") && divisions.exists("990101001"));
        assert!(!divisions.ever_assigned("980101"));
        assert!(divisions.was_ever_within(&DivisionCode::parse("990101001").unwrap()));
        assert!(!Divisions::default().was_ever_within(&DivisionCode::parse("990101001").unwrap()));
    }

    #[test]
    fn the_tables_are_in_code_order() {
        assert!(COUNTIES.is_sorted_by(|a, b| a.code < b.code) && COUNTIES.len() > 7000);
        assert!(STREETS.is_sorted_by(|a, b| a.0 < b.0) && STREETS.len() > 40000);
    }
}
