//! A stronger mask for the rows of children: personal data of a person under 14 are sensitive whatever the column.
//!
//! Source: Personal Information Protection Law (个人信息保护法), articles 28 and 31.

use std::fmt;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::{DataType, Date32Type};

use crate::mask::{MaskError, is_under_age};
use crate::{Mask, MaskContext};

/// Which rows get another mask of a column, and which mask. It shows no more than the ordinary one, and its output has the
/// same type.
///
/// That a value is masked otherwise tells that its subject is a child or has no known birth date; this is not hidden.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lift {
    /// The date column of the relation that decides, as stored. The principal need not be able to see it.
    pub birth_date: String,
    /// The lift holds for a row whose subject has completed fewer years today.
    pub under_years: u32,
    /// What is done to the values of such rows.
    pub mask: Mask,
}

impl Lift {
    /// Which of n rows it holds for; no nulls. `births`: the birth dates of these rows, `None` if there is no such column.
    ///
    /// | birth date | holds |
    /// |---|---|
    /// | younger than `under_years` on the day `today` | yes |
    /// | null, in the future, over 130 years ago, or no date at all | yes |
    /// | otherwise | no |
    #[must_use]
    pub fn holds(&self, births: Option<&ArrayRef>, n_rows: usize, today: i32) -> BooleanArray {
        let dates = births.and_then(|births| births.as_primitive_opt::<Date32Type>());
        match dates.filter(|dates| dates.len() == n_rows) {
            Some(dates) => is_under_age(dates, self.under_years, today),
            None => BooleanArray::from(vec![true; n_rows]),
        }
    }

    /// Masks a column: by this lift where it holds, by `ordinary` elsewhere. `births` as in [`Lift::holds`]. Result: as of
    /// [`Mask::apply`] with `ordinary`, dictionaries unpacked. Linear in the rows; both masks see every value.
    ///
    /// # Errors
    /// [`MaskError`], for the whole column and never because of a value.
    pub fn apply(
        &self,
        ordinary: &Mask,
        values: &ArrayRef,
        births: Option<&ArrayRef>,
        context: &MaskContext,
    ) -> Result<ArrayRef, MaskError> {
        let target = match ordinary.output_type(values.data_type()) {
            DataType::Dictionary(_, unpacked) => *unpacked,
            other => other,
        };
        // The names of list elements and their metadata may differ, and a dictionary is unpacked.
        let masked = |mask: &Mask| -> Result<ArrayRef, MaskError> {
            let masked = mask.apply(values, context)?;
            Ok(if *masked.data_type() == target { masked } else { cast(&masked, &target)? })
        };
        let holds = self.holds(births, values.len(), context.today());
        Ok(zip(&holds, &masked(&self.mask)?, &masked(ordinary)?)?)
    }
}

/// What is shown of one column, row by row: its mask, and the lift if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown<'m> {
    pub(crate) mask: &'m Mask,
    pub(crate) lift: Option<&'m Lift>,
}

impl Shown<'_> {
    /// Whether in every row no more is shown than by `other`, for all ages. As exact as [`Mask::shows_no_more_than`].
    pub(crate) fn shows_no_more_than(self, other: Self) -> bool {
        let kinds = match (self.lift, other.lift) {
            // One column decides for both: who is younger than the one age is younger than the higher one.
            (Some(mine), Some(theirs)) if mine.birth_date == theirs.birth_date => {
                let between = (mine.under_years > theirs.under_years, mine.under_years < theirs.under_years);
                vec![(true, true), (false, false), between]
            }
            _ => vec![(true, true), (true, false), (false, true), (false, false)],
        };
        kinds.into_iter().all(|(mine, theirs)| self.where_it(mine).shows_no_more_than(other.where_it(theirs)))
    }

    /// The mask of the rows for which the lift holds, or of the others.
    fn where_it(&self, holds: bool) -> &Mask {
        self.lift.filter(|_| holds).map_or(self.mask, |lift| &lift.mask)
    }

    /// In one word for tables and headers; `None` if shown as it is, to everybody and in every row.
    pub(crate) fn name(self) -> Option<String> {
        match self.lift {
            Some(Lift { under_years, mask, .. }) => {
                Some(format!("{}_under_{under_years}_{}", self.mask.name(), mask.name()))
            }
            None => (*self.mask != Mask::Clear).then(|| self.mask.name().to_owned()),
        }
    }

    /// What is shown, in Chinese.
    pub(crate) fn zh(self) -> String {
        let mask = self.mask.zh();
        self.lift.map_or(mask.clone(), |Lift { birth_date, under_years, mask: lifted }| {
            format!("{mask}；未满{under_years}周岁或出生日期（{birth_date}）不详的，{}", lifted.zh())
        })
    }

    /// The same in English.
    pub(crate) fn en(self) -> String {
        let mask = self.mask.en();
        self.lift.map_or(mask.clone(), |Lift { birth_date, under_years, mask: lifted }| {
            format!("{mask}; under the age of {under_years} or without a known {birth_date} {}", lifted.en())
        })
    }
}

impl fmt::Display for Shown<'_> {
    /// `clear`, or with a lift `clear, under 14 by birth_date: surname_only`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.mask)?;
        match self.lift {
            Some(Lift { birth_date, under_years, mask }) => write!(f, ", under {under_years} by {birth_date}: {mask}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
