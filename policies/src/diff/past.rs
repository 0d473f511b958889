//! Roles that may look further back than before, or less far.

use super::Subjects;
use super::change::{Change, ChangedPart, PolicyChange, Wording};
use crate::PolicySet;

pub(super) fn compare(old: &PolicySet, new: &PolicySet, subjects: &Subjects) -> Vec<PolicyChange> {
    let roles = subjects.iter().filter(|(_, purpose)| purpose.is_none()).map(|(role, _)| role);
    roles
        .filter_map(|role| {
            let (was, is) = (days(old, role), days(new, role));
            (was != is).then(|| PolicyChange {
                role: role.to_owned(),
                purpose: None,
                relation: None,
                part: ChangedPart::Past,
                change: if was < is { Change::More } else { Change::Less },
                subject: subjects.title(role, None),
                before: words(was),
                after: words(is),
                example: None,
            })
        })
        .collect()
}

fn days(set: &PolicySet, role: &str) -> u32 {
    set.role(role).map_or(0, |role| role.past_days)
}

fn words(days: u32) -> Wording {
    match days {
        0 => Wording::new("只看现行版本", "only what is published now"),
        days => Wording::new(format!("{days} 天以内"), format!("{days} days back")),
    }
}
