//! What one query may use. Each limit is named in the error that reports it.

use std::time::Duration;

/// Limits of one query. Zero never means "no limit".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// `max_sql_bytes`: length of the statement text. Planning cost grows with it.
    pub max_sql_bytes: usize,
    /// `max_plan_nodes`: nodes of the logical plan, subqueries included.
    pub max_plan_nodes: usize,
    /// `max_joins`: joins of the logical plan.
    pub max_joins: usize,
    /// `max_in_list_items`: literals of all IN lists and VALUES rows together.
    pub max_in_list_items: usize,
    /// `max_planning_time`: parsing, planning and optimising.
    pub max_planning_time: Duration,
    /// `max_query_time`: from the first plan step to the last row.
    pub max_query_time: Duration,
    /// `max_rows`: rows released.
    pub max_rows: u64,
    /// `max_result_bytes`: Arrow bytes released.
    pub max_result_bytes: u64,
    /// `max_cells`: rows × columns released.
    pub max_cells: u64,
    /// `max_query_memory_bytes`: operators' memory.
    pub max_query_memory_bytes: usize,
    /// `max_query_spill_bytes`: what sorts, groups and merge joins may have on the disk beyond it.
    pub max_query_spill_bytes: u64,
    /// `max_concurrent_queries`: queries planned or executed at once; more wait up to `max_queue_time`.
    pub max_concurrent_queries: usize,
    /// `max_concurrent_queries_of_subject`: of one subject; more wait for that subject's own.
    pub max_concurrent_queries_of_subject: usize,
    /// `max_queue_time`: waiting for a free place.
    pub max_queue_time: Duration,
    /// `max_released_groups`: groups of aggregate-only relations released to one subject from one published version.
    pub max_released_groups: usize,
    /// `max_recursion`: rounds of a recursive query are bounded by rows; this bounds its nesting.
    pub max_recursive_queries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_sql_bytes: 64 * 1024,
            max_plan_nodes: 2_000,
            max_joins: 32,
            max_in_list_items: 4_096,
            max_planning_time: Duration::from_secs(5),
            max_query_time: Duration::from_secs(30),
            max_rows: 1_000_000,
            max_result_bytes: 1 << 30,
            max_cells: 50_000_000,
            max_query_memory_bytes: 512 << 20,
            max_query_spill_bytes: 4 << 30,
            max_concurrent_queries: 8,
            max_concurrent_queries_of_subject: 4,
            max_queue_time: Duration::from_secs(5),
            max_released_groups: 20_000,
            max_recursive_queries: 2,
        }
    }
}
