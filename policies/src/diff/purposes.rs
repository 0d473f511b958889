//! Purposes that are new or gone, opened or closed to a role, longer or shorter.

use std::cmp::Ordering;

use super::change::{Change, ChangedPart, PolicyChange, Wording};
use super::{Subjects, words};
use crate::{PolicySet, Purpose};

pub(super) fn compare(old: &PolicySet, new: &PolicySet, subjects: &Subjects) -> Vec<PolicyChange> {
    let mut changes = Vec::new();
    for (role, purpose) in subjects.iter() {
        let Some(id) = purpose else { continue };
        let found = match (open_to(old, role, id), open_to(new, role, id)) {
            (None, None) => None,
            (None, Some(_)) => Some((ChangedPart::Purpose, Change::More, closed(), open())),
            (Some(_), None) => Some((ChangedPart::Purpose, Change::Less, open(), closed())),
            (Some(was), Some(is)) => match was.expires.cmp(&is.expires) {
                Ordering::Equal => None,
                order => {
                    let change = if order == Ordering::Less { Change::More } else { Change::Less };
                    Some((ChangedPart::Expiry, change, words::of_expiry(was.expires), words::of_expiry(is.expires)))
                }
            },
        };
        changes.extend(found.map(|(part, change, before, after)| PolicyChange {
            role: role.to_owned(),
            purpose: Some(id.to_owned()),
            relation: None,
            part,
            change,
            subject: subjects.title(role, purpose),
            before,
            after,
            example: None,
        }));
    }
    changes
}

fn open_to<'s>(set: &'s PolicySet, role: &str, purpose: &str) -> Option<&'s Purpose> {
    set.role(role)?;
    set.purpose(purpose).filter(|purpose| purpose.roles.iter().any(|open| open == role))
}

fn open() -> Wording {
    Wording::new("可声明", "may be declared")
}

fn closed() -> Wording {
    Wording::new("不可声明", "may not be declared")
}
