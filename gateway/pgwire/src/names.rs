//! What a connection keeps by name, and how much of it.

use std::collections::BTreeSet;

use pgwire::error::PgWireResult;

use crate::errors::error;

/// Statements that one connection may keep, and as many portals.
const KEPT_MAX: usize = 1_000;

/// Names of one kind of what is kept.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeSet<String>);

impl Names {
    /// Takes a name in, or one that replaces what is there. `what`: in Chinese and English, for the error of one too many.
    pub(crate) fn admit(&mut self, name: &str, what: (&str, &str)) -> PgWireResult<()> {
        if !self.0.contains(name) && self.0.len() >= KEPT_MAX {
            return Err(error(
                "53400",
                format!("此连接的{}过多,最多 {KEPT_MAX} 个", what.0),
                format!("this connection keeps too many {}: at most {KEPT_MAX}", what.1),
            ));
        }
        self.0.insert(name.to_owned());
        Ok(())
    }

    pub(crate) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// All of them, none of which is kept any longer.
    pub(crate) fn take(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_is_refused_and_a_name_of_before_is_not() {
        let mut names = Names::default();
        let mut admit = |name: String| names.admit(&name, ("预备语句", "prepared statements"));
        for n in 0..KEPT_MAX {
            admit(n.to_string()).unwrap();
        }
        assert!(admit("one more".to_owned()).is_err());
        admit("7".to_owned()).unwrap();
        names.forget("7");
        names.admit("one more", ("", "")).unwrap();
        assert_eq!(names.take().len(), KEPT_MAX);
        names.admit("a", ("", "")).unwrap();
    }
}
