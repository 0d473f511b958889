//! How much a mask shows: for the console, for the difference of two policies, for the linter.

use super::{Keep, Mask};

/// How much a mask shows, in six steps. The order of the steps is for display; [`Mask::shows_no_more_than`] is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disclosure {
    /// Nothing at all.
    Nothing,
    /// Whether there is a value.
    Presence,
    /// Whether two values are equal, inside one purpose.
    Equality,
    /// A coarser value: a year, a band, a region.
    Generalized,
    /// Some characters of the value.
    Partial,
    /// The value.
    Full,
}

/// Which part of the original value the mask shows, for finding columns that complete each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Positions {
    /// No part.
    None,
    /// So many characters at the start and at the end.
    Ends {
        /// At the start.
        first: usize,
        /// At the end.
        last: usize,
    },
    /// The surname of a name: one or two characters at the start.
    Surname,
    /// The year of a date, and nothing of month and day.
    Year,
    /// A range of so many units that holds the value.
    Range {
        /// Years of age, or units of the number.
        width: u64,
    },
    /// An address down to its compound.
    Compound,
    /// The text around its numbers.
    TextWithoutNumbers,
    /// Every part.
    All,
}

impl Mask {
    /// How much it shows.
    #[must_use]
    pub fn disclosure(&self) -> Disclosure {
        match self {
            Self::Null => Disclosure::Nothing,
            Self::Constant { .. } => Disclosure::Presence,
            Self::Token { .. } => Disclosure::Equality,
            Self::Year
            | Self::AgeBand { .. }
            | Self::DivisionPrefix { .. }
            | Self::AddressToCompound
            | Self::AmountBand { .. } => Disclosure::Generalized,
            Self::Keep(_) | Self::SurnameOnly | Self::FirstChar | Self::RedactFreeText => Disclosure::Partial,
            Self::Clear => Disclosure::Full,
        }
    }

    /// Which part of the original it shows.
    #[must_use]
    pub fn positions(&self) -> Positions {
        match self {
            Self::Null | Self::Constant { .. } | Self::Token { .. } => Positions::None,
            Self::Keep(keep) => Positions::Ends { first: keep.first, last: keep.last },
            Self::SurnameOnly => Positions::Surname,
            Self::FirstChar => Positions::Ends { first: 1, last: 0 },
            Self::Year => Positions::Year,
            Self::AgeBand { width, .. } => Positions::Range { width: u64::from(*width) },
            Self::AmountBand { width } => Positions::Range { width: *width },
            Self::DivisionPrefix { digits } => {
                Positions::Ends { first: usize::try_from(*digits).unwrap_or(usize::MAX), last: 0 }
            }
            Self::AddressToCompound => Positions::Compound,
            Self::RedactFreeText => Positions::TextWithoutNumbers,
            Self::Clear => Positions::All,
        }
    }

    /// Whether one value always gives the same output, in every purpose and on every day. Inside one [`super::MaskContext`]
    /// every mask does.
    #[must_use]
    pub fn is_deterministic(&self) -> bool {
        !matches!(self, Self::AgeBand { .. } | Self::Token { .. })
    }

    /// Whether sorting the masked column sorts the originals, ties apart.
    #[must_use]
    pub fn preserves_order(&self) -> bool {
        matches!(self, Self::Clear | Self::Year)
    }

    /// Whether everything this mask shows of a value can be computed from what `other` shows of it. Exact where it says yes;
    /// a no may only mean that the two cannot be compared.
    #[must_use]
    pub fn shows_no_more_than(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        match (self, other) {
            (Self::Null, _) | (_, Self::Clear) => true,
            // A year column turns absurd dates into nulls, so presence cannot be read from it.
            (Self::Constant { .. }, other) => !matches!(other, Self::Null | Self::Year),
            (Self::Keep(mine), Self::Keep(theirs)) => keeps_no_more(mine, theirs),
            (Self::AgeBand { width, top }, Self::AgeBand { width: finer, top: higher }) => {
                is_multiple(u64::from(*width), u64::from(*finer))
                    && (top == higher || (top < higher && is_multiple(u64::from(*top), u64::from(*finer))))
            }
            (Self::DivisionPrefix { digits }, Self::DivisionPrefix { digits: more }) => digits <= more,
            (Self::AmountBand { width }, Self::AmountBand { width: finer }) => is_multiple(*width, *finer),
            _ => false,
        }
    }
}

fn is_multiple(coarse: u64, fine: u64) -> bool {
    fine > 0 && coarse.is_multiple_of(fine)
}

/// Only for equal expectations: otherwise the two redact different values. One expected length at least, since without one
/// the number of shown characters decides what is redacted.
fn keeps_no_more(mine: &Keep, theirs: &Keep) -> bool {
    mine.lengths == theirs.lengths
        && !mine.lengths.is_empty()
        && mine.each == theirs.each
        && mine.digits == theirs.digits
        && mine.first <= theirs.first
        && mine.last <= theirs.last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(first: usize, last: usize) -> Mask {
        Mask::Keep(Keep { first, last, lengths: vec![18], ..Keep::default() })
    }

    fn all() -> Vec<Mask> {
        vec![
            Mask::Clear,
            Mask::Null,
            Mask::redacted(),
            keep(6, 4),
            Mask::SurnameOnly,
            Mask::FirstChar,
            Mask::Year,
            Mask::AgeBand { width: 5, top: 90 },
            Mask::DivisionPrefix { digits: 6 },
            Mask::AddressToCompound,
            Mask::AmountBand { width: 500 },
            Mask::RedactFreeText,
            Mask::Token { class: "citizen_id".to_owned() },
        ]
    }

    #[test]
    fn null_is_the_least_and_clear_the_most() {
        for mask in all() {
            assert!(Mask::Null.shows_no_more_than(&mask), "{mask:?}");
            assert!(mask.shows_no_more_than(&Mask::Clear), "{mask:?}");
            assert!(mask.shows_no_more_than(&mask));
            assert_eq!(Mask::Clear.shows_no_more_than(&mask), mask == Mask::Clear);
            assert_eq!(mask.shows_no_more_than(&Mask::Null), mask == Mask::Null);
        }
    }

    #[test]
    fn fewer_characters_show_no_more() {
        assert!(keep(6, 0).shows_no_more_than(&keep(6, 4)));
        assert!(!keep(6, 4).shows_no_more_than(&keep(6, 0)));
        assert!(!keep(8, 0).shows_no_more_than(&keep(6, 4)));
        let other_length = Mask::Keep(Keep { first: 1, last: 0, lengths: vec![15], ..Keep::default() });
        assert!(!other_length.shows_no_more_than(&keep(6, 4)));
    }

    #[test]
    fn wider_bands_show_no_more_only_if_they_line_up() {
        let age = |width, top| Mask::AgeBand { width, top };
        assert!(age(10, 90).shows_no_more_than(&age(5, 90)));
        assert!(age(10, 80).shows_no_more_than(&age(5, 90)));
        assert!(!age(10, 82).shows_no_more_than(&age(5, 90)));
        assert!(!age(12, 90).shows_no_more_than(&age(5, 90)));
        assert!(!age(5, 90).shows_no_more_than(&age(10, 90)));
        assert!(Mask::AmountBand { width: 1000 }.shows_no_more_than(&Mask::AmountBand { width: 500 }));
        assert!(!Mask::AmountBand { width: 700 }.shows_no_more_than(&Mask::AmountBand { width: 500 }));
        assert!(Mask::DivisionPrefix { digits: 4 }.shows_no_more_than(&Mask::DivisionPrefix { digits: 6 }));
    }

    #[test]
    fn a_relation_between_masks_never_contradicts_the_steps() {
        for a in all() {
            for b in all() {
                if a.shows_no_more_than(&b) {
                    assert!(a.disclosure() <= b.disclosure(), "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn only_tokens_and_ages_depend_on_the_context() {
        let dependent: Vec<Mask> = all().into_iter().filter(|m| !m.is_deterministic()).collect();
        assert_eq!(dependent.len(), 2);
        assert!(matches!(dependent.as_slice(), [Mask::AgeBand { .. }, Mask::Token { .. }]));
    }
}
