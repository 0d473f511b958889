//! Cells that are certainly unusable, each with the rule under which the row is rejected.

use super::writing::split_chars;
use crate::identity::with_check_digit;
use crate::rng::Rng;

/// A fault in one cell of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// One digit of the identity number is wrong.
    Checksum,
    /// Masked before it was exported: `290102********002X`.
    Masked,
    /// A letter O for a zero in the identity number.
    Charset,
    /// One digit of the identity number is missing.
    Length,
    /// A month or day that does not exist inside a number whose check digit is right.
    BirthDate,
    /// The number went through a spreadsheet as a number.
    PrecisionLost,
    /// A date that does not exist.
    Date,
    /// A telephone number outside the numbering plan.
    Numbering,
}

/// Faults an identity number can have, by weight.
pub(crate) const ID_FAULTS: &[(Fault, u32)] = &[
    (Fault::Checksum, 46),
    (Fault::Masked, 24),
    (Fault::Charset, 4),
    (Fault::Length, 10),
    (Fault::BirthDate, 7),
    (Fault::PrecisionLost, 9),
];

impl Fault {
    /// The rule a row with this fault is rejected under.
    pub(crate) fn rule(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::Masked => "masked",
            Self::Charset => "charset",
            Self::Length => "length",
            Self::BirthDate => "birth_date",
            Self::PrecisionLost => "precision_lost",
            Self::Date => "date",
            Self::Numbering => "numbering",
        }
    }

    /// The identity number with this fault; none for faults of other cells.
    pub(crate) fn spoil_id(self, id: &str, rng: &mut Rng) -> Option<String> {
        let (head, tail) = split_chars(id, 6);
        match self {
            Self::Checksum => Some(wrong_digit(id, rng)),
            Self::Masked => Some(format!("{head}********{}", split_chars(&tail, 8).1)),
            Self::Charset => Some(format!("{}O{}", split_chars(id, 2).0, split_chars(id, 3).1)),
            Self::Length => Some(split_chars(id, 17).0),
            Self::BirthDate => {
                let (year, rest) = split_chars(&tail, 4);
                let (_, sequence) = split_chars(&rest, 4);
                let month_day = rng.text(&["1331", "0230", "0431", "1400", "0231"]);
                Some(with_check_digit(&format!("{head}{year}{month_day}{}", split_chars(&sequence, 3).0)))
            }
            Self::PrecisionLost => {
                let (first, rest) = split_chars(id, 1);
                Some(format!("{first}.{}E+17", split_chars(&rest, 5).0))
            }
            Self::Date | Self::Numbering => None,
        }
    }
}

/// One of the first two sequence digits is off. The check digit finds every single wrong digit. A number that would then
/// end in three zeros is left to its check digit: it would look like one that lost its last digits.
fn wrong_digit(id: &str, rng: &mut Rng) -> String {
    if id.ends_with("00") {
        let (head, _) = split_chars(id, 17);
        return format!("{head}{}", rng.text(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "X"]));
    }
    let at = 14 + rng.index(2);
    let step = u32::try_from(rng.between(1, 9)).unwrap_or(1);
    id.chars()
        .enumerate()
        .map(|(i, c)| match c.to_digit(10) {
            Some(d) if i == at => char::from_digit((d + step) % 10, 10).unwrap_or(c),
            _ => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    #[test]
    fn each_fault_breaks_what_it_says() {
        let id = with_check_digit("29010219840229123");
        let mut rng = Rng::keyed(1, Stream::Records, 0, 0);
        for _ in 0..50 {
            let wrong = Fault::Checksum.spoil_id(&id, &mut rng).unwrap();
            assert_ne!(wrong, id);
            assert_eq!(wrong.len(), 18);
            assert_ne!(with_check_digit(wrong.get(..17).unwrap()), wrong);
            let impossible = Fault::BirthDate.spoil_id(&id, &mut rng).unwrap();
            assert_eq!(with_check_digit(impossible.get(..17).unwrap()), impossible);
        }
        let last = id.get(14..).unwrap();
        assert_eq!(Fault::Masked.spoil_id(&id, &mut rng).unwrap(), format!("290102********{last}"));
        assert_eq!(Fault::Charset.spoil_id(&id, &mut rng).unwrap(), id.replacen('0', "O", 1));
        assert_eq!(Fault::Length.spoil_id(&id, &mut rng).unwrap().len(), 17);
        assert_eq!(Fault::PrecisionLost.spoil_id(&id, &mut rng).unwrap(), "2.90102E+17");
    }
}
