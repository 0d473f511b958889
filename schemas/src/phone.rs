//! Telephone numbers.

use crate::writing;

/// One telephone number: 11 digits, `0xxx-xxxxxxxx`, or ten digits of a 400 or 800 service. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Phone({} characters)", self.0.len())
    }
}

impl Phone {
    /// Reads one number. Only its writing is normalised: the country code, a trunk zero before a mobile number, spaces,
    /// dashes and brackets go, an extension goes, the area code of a landline is set apart.
    ///
    /// # Errors
    /// [`PhoneError`], whose `Display` is the rule that a rejected row carries.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let text = writing::identifier(text);
        if text.contains('*') {
            return Err(PhoneError::Masked);
        }
        if writing::is_scientific(&text) {
            return Err(PhoneError::PrecisionLost);
        }
        let text = text.strip_suffix(".0").unwrap_or(&text);
        if text.starts_with('+') && !text.starts_with("+86") {
            return Err(PhoneError::Foreign);
        }
        let text = without_extension(text);
        let mut digits = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '0'..='9' => digits.push(c),
                '+' | '-' | '(' | ')' | '—' | '–' | '_' | '.' | '·' => {}
                _ => return Err(PhoneError::Charset),
            }
        }
        number(national(&digits)).map(Self)
    }

    /// The number as written in tables.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The numbers of one cell, in their order, each once. `Debug` hides them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Phones {
    numbers: Vec<Phone>,
    left_out: Option<PhoneError>,
}

impl Phones {
    /// Reads a cell with one or several numbers, apart by `/`, `;`, `、`, `,` or a space. Fillers (`00000000000`) are no
    /// numbers. If some can be read and others are landlines without area code, the readable ones are kept and
    /// [`Phones::left_out`] says so.
    ///
    /// # Errors
    /// [`PhoneError`] of the first number that is certainly wrong, or of the first at all if none can be read.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let mut phones = Self::default();
        for part in text.split(['/', ';', '；', '、', ',', '，', '|', '\n', '／', '\\']) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            match Phone::parse(part) {
                Err(error) if part.contains(char::is_whitespace) => {
                    let several =
                        part.split_whitespace().count() > 1 && part.chars().filter(char::is_ascii_digit).count() > 13;
                    if !several {
                        phones.note(part, Err(error))?;
                        continue;
                    }
                    for token in part.split_whitespace() {
                        phones.note(token, Phone::parse(token))?;
                    }
                }
                read => phones.note(part, read)?,
            }
        }
        match (phones.numbers.is_empty(), phones.left_out) {
            (true, Some(error)) => Err(error),
            _ => Ok(phones),
        }
    }

    fn note(&mut self, part: &str, read: Result<Phone, PhoneError>) -> Result<(), PhoneError> {
        match read {
            Ok(phone) if !self.numbers.contains(&phone) => self.numbers.push(phone),
            Ok(_) => {}
            Err(_) if is_filler(&writing::identifier(part)) => {}
            Err(error) if error.is_open() => self.left_out = self.left_out.or(Some(error)),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The numbers. Empty if the cell held nothing but fillers.
    #[must_use]
    pub fn numbers(&self) -> &[Phone] {
        &self.numbers
    }

    /// Why some of the cell's numbers were not taken.
    #[must_use]
    pub fn left_out(&self) -> Option<PhoneError> {
        self.left_out
    }

    /// All numbers in one text, `|` between them.
    #[must_use]
    pub fn joined(&self) -> String {
        self.numbers.iter().map(Phone::as_str).collect::<Vec<_>>().join("|")
    }
}

/// Why a text is no telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Outside the numbering plan.
    #[error("numbering")]
    Numbering,
    /// A character that a number does not have.
    #[error("charset")]
    Charset,
    /// Masked at the source.
    #[error("masked")]
    Masked,
    /// Digits lost in a spreadsheet.
    #[error("precision_lost")]
    PrecisionLost,
    /// A landline without its area code.
    #[error("no_area_code")]
    NoAreaCode,
    /// A number of another country or region.
    #[error("foreign_number")]
    Foreign,
}

impl PhoneError {
    /// The rule, as rejected rows and quality lists name it.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::Numbering => "numbering",
            Self::Charset => "charset",
            Self::Masked => "masked",
            Self::PrecisionLost => "precision_lost",
            Self::NoAreaCode => "no_area_code",
            Self::Foreign => "foreign_number",
        }
    }

    /// Whether a person could still say what the number is.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::NoAreaCode | Self::Foreign)
    }
}

fn without_extension(text: &str) -> &str {
    let text = text.split(['转', '#', 'X']).next().unwrap_or(text);
    let text = text.split("分机").next().unwrap_or(text);
    match text.rsplit_once('-') {
        Some((before, extension)) if before.contains('-') && extension.len() <= 5 && is_landline(before) => before,
        _ => text,
    }
}

fn is_landline(text: &str) -> bool {
    let n_digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.starts_with('0') && (10..=12).contains(&n_digits)
}

/// Without country code and the trunk zero of a mobile number.
fn national(digits: &str) -> &str {
    let digits =
        digits.strip_prefix("0086").or_else(|| digits.strip_prefix("86").filter(|d| d.len() > 9)).unwrap_or(digits);
    match digits.strip_prefix('0') {
        Some(rest) if rest.len() == 11 && is_mobile(rest) => rest,
        _ => digits,
    }
}

/// One digit all along. 88888888 is somebody's number: shorter ones count only if no number begins so.
fn is_filler(digits: &str) -> bool {
    writing::is_filler(digits) && (digits.len() > 8 || digits.starts_with(['0', '1']))
}

fn is_mobile(digits: &str) -> bool {
    let mut bytes = digits.bytes();
    digits.len() == 11 && bytes.next() == Some(b'1') && matches!(bytes.next(), Some(b'3'..=b'9'))
}

fn number(digits: &str) -> Result<String, PhoneError> {
    if is_filler(digits) {
        return Err(PhoneError::Numbering);
    }
    if is_mobile(digits) {
        return Ok(digits.to_owned());
    }
    if digits.len() == 10 && (digits.starts_with("400") || digits.starts_with("800")) {
        return Ok(digits.to_owned());
    }
    if matches!(digits.len(), 7 | 8) && !digits.starts_with(['0', '1']) {
        return Err(PhoneError::NoAreaCode);
    }
    // With `+86` a landline loses the zero before its area code.
    let with_zero = if digits.starts_with('0') { digits.to_owned() } else { format!("0{digits}") };
    let area_digits = if with_zero.starts_with("010") || with_zero.starts_with("02") { 3 } else { 4 };
    let (area, local) = with_zero.split_at_checked(area_digits).ok_or(PhoneError::Numbering)?;
    let area_exists = matches!(area.as_bytes().get(1), Some(b'2'..=b'9')) || area == "010";
    let plausible = matches!(local.len(), 7 | 8) && !local.starts_with(['0', '1']) && area_exists;
    let zero_was_lost = !digits.starts_with('0') && digits.len() < 10;
    if plausible && !zero_was_lost { Ok(format!("{area}-{local}")) } else { Err(PhoneError::Numbering) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_way_of_writing() {
        for (written, wanted) in [
            ("+86 138 0013 8000", "13800138000"),
            ("138-0013-8000", "13800138000"),
            ("8613800138000", "13800138000"),
            ("0086-13800138000", "13800138000"),
            ("013800138000", "13800138000"),
            ("13800138000.0", "13800138000"),
            ("057188888888", "0571-88888888"),
            ("(0571)88888888", "0571-88888888"),
            ("0571-88888888-801", "0571-88888888"),
            ("0571-88888888转801", "0571-88888888"),
            ("010-62345678", "010-62345678"),
            ("02162345678", "021-62345678"),
            ("+86 571 88888888", "0571-88888888"),
            ("400-123-4567", "4001234567"),
        ] {
            assert_eq!(Phone::parse(written).unwrap().as_str(), wanted, "{written}");
        }
        assert_eq!(format!("{:?}", Phone::parse("13800138000").unwrap()), "Phone(11 characters)");
    }

    #[test]
    fn wrong_numbers_are_told_apart() {
        for (written, error) in [
            ("12345678901", PhoneError::Numbering),
            ("1380013800", PhoneError::Numbering),
            ("138001380001", PhoneError::Numbering),
            ("123", PhoneError::Numbering),
            ("", PhoneError::Numbering),
            ("138001380OO", PhoneError::Charset),
            ("138****8000", PhoneError::Masked),
            ("1.38001E+10", PhoneError::PrecisionLost),
            ("88888888", PhoneError::NoAreaCode),
            ("+85291234567", PhoneError::Foreign),
        ] {
            assert_eq!(Phone::parse(written), Err(error), "{written}");
            assert_eq!(error.rule(), error.to_string());
        }
    }

    #[test]
    fn a_cell_may_hold_several() {
        for (written, wanted) in [
            ("13800138000/13900139000", "13800138000|13900139000"),
            ("13800138000；13900139000", "13800138000|13900139000"),
            ("13800138000 13900139000", "13800138000|13900139000"),
            ("13800138000、13800138000", "13800138000"),
            ("13800138000/00000000000", "13800138000"),
            ("13800138000/88888889", "13800138000"),
            ("00000000000", ""),
        ] {
            assert_eq!(Phones::parse(written).unwrap().joined(), wanted, "{written}");
        }
        assert_eq!(Phones::parse("13800138000/88888889").unwrap().left_out(), Some(PhoneError::NoAreaCode));
        assert_eq!(Phones::parse("88888889"), Err(PhoneError::NoAreaCode));
        assert_eq!(Phones::parse("13800138000/12345678901"), Err(PhoneError::Numbering));
    }
}
