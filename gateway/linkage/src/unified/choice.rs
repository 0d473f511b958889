//! Survivorship: of what several departments say of one thing, which value stands.
//!
//! The department whose word counts for the column comes first, then the newer record, then the record's order. Who says
//! otherwise is kept as a disagreement, not dropped.

use std::cmp::Reverse;

use schemas::Authority;

use crate::unified::department;

/// One department's word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<T> {
    pub(crate) value: T,
    /// The dataset it comes from.
    pub(crate) source: &'static str,
    pub(crate) authority: Authority,
    /// When it was true, in microseconds.
    pub(crate) as_of: i64,
}

/// Puts claims in the order in which they count. Equal ones keep their order, which is that of the records.
pub(crate) fn rank<T>(claims: &mut [Claim<T>], order: &[Authority]) {
    claims.sort_by_key(|claim| {
        let place = order.iter().position(|a| *a == claim.authority).unwrap_or(order.len());
        (place, Reverse(claim.as_of))
    });
}

/// Names a disagreement as `column:department,department`, the department that stands first; `None` if all agree. Of
/// each dataset only the word that counts most is heard. `ranked`: claims in the order in which they count.
pub(crate) fn disagreement<T: Copy>(column: &str, ranked: &[Claim<T>], same: impl Fn(T, T) -> bool) -> Option<String> {
    let (stands, others) = ranked.split_first()?;
    let mut heard = vec![stands.source];
    let mut against: Vec<&str> = Vec::new();
    for claim in others {
        if heard.contains(&claim.source) {
            continue;
        }
        heard.push(claim.source);
        let department = department(claim.source);
        if !same(stands.value, claim.value) && !against.contains(&department) {
            against.push(department);
        }
    }
    if against.is_empty() {
        return None;
    }
    let stands = department(stands.source);
    against.retain(|department| *department != stands);
    against.sort_unstable();
    against.insert(0, stands);
    Some(format!("{column}:{}", against.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(value: &'static str, source: &'static str, authority: Authority, as_of: i64) -> Claim<&'static str> {
        Claim { value, source, authority, as_of }
    }

    #[test]
    fn authority_comes_before_newness_and_newness_before_order() {
        let mut claims = [
            claim("health", "health.archive", Authority::Health, 9),
            claim("old", "police.resident", Authority::Police, 1),
            claim("new", "police.floating", Authority::Police, 5),
            claim("civil", "civil.marriage", Authority::Civil, 2),
        ];
        rank(&mut claims, &[Authority::Police, Authority::Civil]);
        assert_eq!(claims.map(|c| c.value), ["new", "old", "civil", "health"]);
        rank(&mut claims, &[Authority::Health]);
        assert_eq!(claims.map(|c| c.value), ["health", "new", "civil", "old"]);
    }

    #[test]
    fn departments_that_say_otherwise_are_named() {
        let ranked = [
            claim("a", "police.resident", Authority::Police, 3),
            claim("b", "health.archive", Authority::Health, 2),
            claim("c", "civil.disability", Authority::Disabled, 1),
            claim("b", "police.resident", Authority::Police, 0),
        ];
        assert_eq!(disagreement("sex", &ranked, |a, b| a == b), Some("sex:police,civil,health".to_owned()));
        assert_eq!(disagreement("sex", &ranked[..1], |a, b| a == b), None);
        assert_eq!(disagreement("sex", &[ranked[0], ranked[3]], |a, b| a == b), None);
        assert_eq!(disagreement::<&str>("sex", &[], |a, b| a == b), None);
    }
}
