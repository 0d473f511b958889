//! `[limits]` and `[retention]`: how much a query may use, and how much of the past is kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use query::Limits;

use super::Reading;
use super::reader::Section;

/// What is kept of the past.
#[derive(Debug, Clone)]
pub(crate) struct RetentionConfig {
    /// Versions replaced within so many days are kept.
    pub(crate) days: u32,
    /// And at least so many of the newest.
    pub(crate) versions: u32,
    /// Where signed certificates of what was purged go.
    pub(crate) certificates: PathBuf,
}

impl RetentionConfig {
    /// What holds where nothing is said, in this folder.
    pub(crate) fn default_in(folder: &Path) -> Self {
        Self { days: 30, versions: 3, certificates: folder.join("certificates") }
    }
}

impl Reading<'_, '_> {
    pub(super) fn limits(&mut self, top: &Section) -> Option<Limits> {
        let section = self.document.section(top, "limits");
        let mut limits = Limits::default();
        let document = &mut *self.document;
        let mut number = |key: &'static str, most: usize, place: &mut usize| {
            if let Some(value) = document.count(&section, key, 1..=most) {
                *place = value;
            }
        };
        let (mut rows, mut bytes, mut cells, mut spill) = (1_000_000, 1 << 30, 50_000_000, 4 << 30);
        let (mut planning_ms, mut query_ms, mut queue_ms) = (5_000, 30_000, 5_000);
        number("max_sql_bytes", 1 << 20, &mut limits.max_sql_bytes);
        number("max_joins", 256, &mut limits.max_joins);
        number("max_in_list_items", 1 << 20, &mut limits.max_in_list_items);
        number("max_query_memory_bytes", 1 << 40, &mut limits.max_query_memory_bytes);
        number("max_concurrent_queries", 1_024, &mut limits.max_concurrent_queries);
        number("max_concurrent_queries_of_subject", 1_024, &mut limits.max_concurrent_queries_of_subject);
        number("max_released_groups", 1 << 24, &mut limits.max_released_groups);
        number("max_rows", usize::MAX >> 1, &mut rows);
        number("max_result_bytes", usize::MAX >> 1, &mut bytes);
        number("max_cells", usize::MAX >> 1, &mut cells);
        number("max_query_spill_bytes", usize::MAX >> 1, &mut spill);
        number("max_planning_ms", 600_000, &mut planning_ms);
        number("max_query_ms", 86_400_000, &mut query_ms);
        number("max_queue_ms", 600_000, &mut queue_ms);
        let millis = |value: usize| Duration::from_millis(u64::try_from(value).unwrap_or(u64::MAX));
        let wide = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        (limits.max_rows, limits.max_result_bytes) = (wide(rows), wide(bytes));
        (limits.max_cells, limits.max_query_spill_bytes) = (wide(cells), wide(spill));
        limits.max_planning_time = millis(planning_ms);
        limits.max_query_time = millis(query_ms);
        limits.max_queue_time = millis(queue_ms);
        self.document.close(
            &section,
            &[
                "max_sql_bytes",
                "max_joins",
                "max_in_list_items",
                "max_query_memory_bytes",
                "max_query_spill_bytes",
                "max_concurrent_queries",
                "max_concurrent_queries_of_subject",
                "max_released_groups",
                "max_rows",
                "max_result_bytes",
                "max_cells",
                "max_planning_ms",
                "max_query_ms",
                "max_queue_ms",
            ],
        );
        Some(limits)
    }

    pub(super) fn retention(&mut self, top: &Section) -> RetentionConfig {
        let section = self.document.section(top, "retention");
        let mut number = |key, range, default| {
            let found = self.document.count(&section, key, range).and_then(|n| u32::try_from(n).ok());
            found.unwrap_or(default)
        };
        let default = RetentionConfig::default_in(self.base);
        let days = number("days", 0..=36_500, default.days);
        let versions = number("versions", 1..=10_000, default.versions);
        let certificates = self.document.text(&section, "certificates");
        self.document.close(&section, &["days", "versions", "certificates"]);
        RetentionConfig { days, versions, certificates: self.path(certificates).unwrap_or(default.certificates) }
    }
}
