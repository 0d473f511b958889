//! Rows of a file that no longer count, because a later change wrote them anew or removed them.
//!
//! They are kept as deletion vectors in the table's log, inline, in the format of the Delta protocol ("Deletion Vector Format"):
//! a file of a million rows of which one in a hundred is superseded costs 25 KB in the log entry.

use deltalake::kernel::{DeletionVectorDescriptor, StorageType};
use parquet::arrow::arrow_reader::RowSelection;
use roaring::RoaringTreemap;

/// What stands before the bitmap: the portable serialization.
const PORTABLE: [u8; 4] = 1_681_511_377_u32.to_le_bytes();
/// The text form takes four bytes at a time.
const WORD: usize = 4;

/// Positions in one file, from 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Superseded(RoaringTreemap);

impl Superseded {
    /// None if it is not kept inline, or not in that format.
    pub(crate) fn parse(descriptor: &DeletionVectorDescriptor) -> Option<Self> {
        if descriptor.storage_type != StorageType::Inline {
            return None;
        }
        let bytes = z85::decode(&descriptor.path_or_inline_dv).ok()?;
        let bitmap = RoaringTreemap::deserialize_from(bytes.strip_prefix(&PORTABLE)?).ok()?;
        (i64::try_from(bitmap.len()).ok()? == descriptor.cardinality).then_some(Self(bitmap))
    }

    /// As it stands in the log. None if it is too long for that.
    pub(crate) fn to_descriptor(&self) -> Option<DeletionVectorDescriptor> {
        let mut bytes = PORTABLE.to_vec();
        self.0.serialize_into(&mut bytes).ok()?;
        let size_in_bytes = i32::try_from(bytes.len()).ok()?;
        bytes.resize(bytes.len().next_multiple_of(WORD), 0);
        Some(DeletionVectorDescriptor {
            storage_type: StorageType::Inline,
            path_or_inline_dv: z85::encode(bytes),
            offset: None,
            size_in_bytes,
            cardinality: i64::try_from(self.0.len()).ok()?,
        })
    }

    pub(crate) fn insert(&mut self, position: u64) {
        self.0.insert(position);
    }

    pub(crate) fn contains(&self, position: u64) -> bool {
        self.0.contains(position)
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    /// The rows that are left of a file of `n_rows`.
    pub(crate) fn rows_left(&self, n_rows: usize) -> RowSelection {
        let mut ranges = Vec::new();
        let mut start = 0;
        for position in &self.0 {
            let position = usize::try_from(position).unwrap_or(usize::MAX).min(n_rows);
            if start < position {
                ranges.push(start..position);
            }
            start = position.saturating_add(1);
        }
        if start < n_rows {
            ranges.push(start..n_rows);
        }
        RowSelection::from_consecutive_ranges(ranges.into_iter(), n_rows)
    }
}

#[cfg(test)]
mod tests {
    use parquet::arrow::arrow_reader::RowSelector;

    use super::*;

    fn superseded(positions: impl IntoIterator<Item = u64>) -> Superseded {
        Superseded(positions.into_iter().collect())
    }

    #[test]
    fn what_is_written_is_read_whatever_its_length() {
        for n in 0..40 {
            let written = superseded((0..n).map(|i| i * i * 7_919));
            let descriptor = written.to_descriptor().unwrap();
            assert_eq!(Superseded::parse(&descriptor), Some(written));
        }
    }

    #[test]
    fn what_is_not_inline_or_not_whole_is_not_read() {
        let good = superseded([1, 2, 3]).to_descriptor().unwrap();
        assert_eq!(Superseded::parse(&DeletionVectorDescriptor { cardinality: 2, ..good.clone() }), None);
        let kept_elsewhere = DeletionVectorDescriptor { storage_type: StorageType::AbsolutePath, ..good.clone() };
        assert_eq!(Superseded::parse(&kept_elsewhere), None);
        for cut in 0..good.path_or_inline_dv.len() {
            let path_or_inline_dv = good.path_or_inline_dv.chars().take(cut).collect();
            assert_eq!(Superseded::parse(&DeletionVectorDescriptor { path_or_inline_dv, ..good.clone() }), None);
        }
    }

    #[test]
    fn what_is_left_is_the_rest() {
        let left = |positions: &[u64]| Vec::from(superseded(positions.iter().copied()).rows_left(5));
        assert_eq!(left(&[]), [RowSelector::select(5)]);
        assert_eq!(left(&[0]), [RowSelector::skip(1), RowSelector::select(4)]);
        assert_eq!(left(&[4]), [RowSelector::select(4), RowSelector::skip(1)]);
        assert_eq!(left(&[1, 2]), [RowSelector::select(1), RowSelector::skip(2), RowSelector::select(2)]);
        assert_eq!(left(&[0, 1, 2, 3, 4]), [RowSelector::skip(5)]);
    }
}
