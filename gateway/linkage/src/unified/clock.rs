//! Whether an event was handled in time.

/// The moments that decide whether an event was handled in time.
pub(crate) struct Clock {
    pub(crate) deadline: Option<i64>,
    /// When it was handled.
    pub(crate) done: Option<i64>,
    /// When it was closed, by whatever means.
    pub(crate) ended: Option<i64>,
    pub(crate) is_forced: bool,
    pub(crate) is_void: bool,
}

impl Clock {
    /// Handled by the deadline. A void event counts neither way, and one closed by force was not handled. Unknown without
    /// a deadline, and while the event is open.
    pub(crate) fn is_timely(&self) -> Option<bool> {
        if self.is_void {
            return None;
        }
        if self.is_forced {
            return Some(false);
        }
        Some(self.done? <= self.deadline?)
    }

    /// Handled, closed or still open after the deadline. Unknown without one.
    pub(crate) fn is_overdue(&self, now_us: i64) -> Option<bool> {
        if self.is_void {
            return None;
        }
        Some(self.done.or(self.ended).unwrap_or(now_us) > self.deadline?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(deadline: Option<i64>, done: Option<i64>) -> Clock {
        Clock { deadline, done, ended: None, is_forced: false, is_void: false }
    }

    #[test]
    fn timely_and_overdue_exclude_one_another_and_leave_open_what_is_open() {
        let in_time = clock(Some(10), Some(10));
        assert_eq!((in_time.is_timely(), in_time.is_overdue(99)), (Some(true), Some(false)));
        let late = clock(Some(10), Some(11));
        assert_eq!((late.is_timely(), late.is_overdue(99)), (Some(false), Some(true)));
        let open = clock(Some(10), None);
        assert_eq!((open.is_timely(), open.is_overdue(9), open.is_overdue(11)), (None, Some(false), Some(true)));
        let without = clock(None, Some(1));
        assert_eq!((without.is_timely(), without.is_overdue(9)), (None, None));
    }

    #[test]
    fn forced_and_void_events_are_counted_apart() {
        let forced = Clock { is_forced: true, ended: Some(5), ..clock(Some(10), None) };
        assert_eq!((forced.is_timely(), forced.is_overdue(99)), (Some(false), Some(false)));
        let void = Clock { is_void: true, ..clock(Some(10), Some(11)) };
        assert_eq!((void.is_timely(), void.is_overdue(99)), (None, None));
    }
}
