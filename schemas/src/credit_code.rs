//! Unified social credit codes, GB 32100-2015.

use crate::writing;

/// The characters of a code, in the order of their values: digits and letters without I, O, S, V, Z.
const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// An 18-character unified social credit code whose check character is right.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CreditCode(String);

impl CreditCode {
    /// Reads a code; only its writing is normalised.
    ///
    /// # Errors
    /// [`CreditCodeError`], whose `Display` is the rule that a rejected row carries.
    pub fn parse(text: &str) -> Result<Self, CreditCodeError> {
        let code = writing::identifier(text);
        if code.contains('*') {
            return Err(CreditCodeError::Masked);
        }
        if writing::is_scientific(&code) {
            return Err(CreditCodeError::PrecisionLost);
        }
        match code.chars().count() {
            18 => {}
            15 if code.bytes().all(|b| b.is_ascii_digit()) => return Err(CreditCodeError::LegacyRegistration),
            _ => return Err(CreditCodeError::Length),
        }
        let values: Option<Vec<usize>> = code.chars().map(|c| ALPHABET.find(c)).collect();
        let values = values.ok_or(CreditCodeError::Charset)?;
        let (check, body) = values.split_last().ok_or(CreditCodeError::Length)?;
        let mut weight = 1;
        let mut sum = 0;
        for value in body {
            sum += value * weight;
            weight = weight * 3 % 31;
        }
        if (31 - sum % 31) % 31 == *check { Ok(Self(code.into_owned())) } else { Err(CreditCodeError::Checksum) }
    }

    /// The 18 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no credit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CreditCodeError {
    /// Not 18 characters.
    #[error("length")]
    Length,
    /// A character that such a code does not have.
    #[error("charset")]
    Charset,
    /// Wrong check character.
    #[error("checksum")]
    Checksum,
    /// A business registration number of 15 digits, of the scheme before 2015.
    #[error("legacy_reg_no")]
    LegacyRegistration,
    /// Masked at the source.
    #[error("masked")]
    Masked,
    /// Digits lost in a spreadsheet.
    #[error("precision_lost")]
    PrecisionLost,
}

impl CreditCodeError {
    /// The rule, as rejected rows and quality lists name it.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Charset => "charset",
            Self::Checksum => "checksum",
            Self::LegacyRegistration => "legacy_reg_no",
            Self::Masked => "masked",
            Self::PrecisionLost => "precision_lost",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_character_decides() {
        assert_eq!(CreditCode::parse("91350100m000100y43").unwrap().as_str(), "91350100M000100Y43");
        for (text, error) in [
            ("91350100M000100Y44", CreditCodeError::Checksum),
            ("91350100M000100O43", CreditCodeError::Charset),
            ("350100100012345", CreditCodeError::LegacyRegistration),
            ("91350100M000100Y4", CreditCodeError::Length),
            ("9135**********0Y43", CreditCodeError::Masked),
            ("3.50100E+14", CreditCodeError::PrecisionLost),
        ] {
            assert_eq!(CreditCode::parse(text), Err(error), "{text}");
            assert_eq!(error.rule(), error.to_string());
        }
    }
}
