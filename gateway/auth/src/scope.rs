//! What a request is about to do, and where it comes in.

/// What a request is about to do. A token of the identity service may do all of it; a personal one what it was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Ask a statement, through any door.
    RunSql,
    /// Read records, lists, changes and the catalog, and search for a person.
    ReadData,
    /// Ask for one masked field in clear, and look at it.
    AskReveal,
    /// Agree to what another person has asked for. No personal token can.
    DecideReveal,
}

impl Scope {
    /// Those that a personal token can have.
    pub const GRANTABLE: [Self; 3] = [Self::RunSql, Self::ReadData, Self::AskReveal];

    /// As written in commands, files and errors.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RunSql => "sql:run",
            Self::ReadData => "data:read",
            Self::AskReveal => "reveal:ask",
            Self::DecideReveal => "reveal:decide",
        }
    }

    /// The grantable scope of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::GRANTABLE.into_iter().find(|scope| scope.name() == name)
    }
}

/// Where a request comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Door {
    /// REST over HTTP.
    Rest,
    /// PostgreSQL's protocol.
    Pg,
    /// Arrow Flight SQL.
    Flight,
}

impl Door {
    /// Every door.
    pub const ALL: [Self; 3] = [Self::Rest, Self::Pg, Self::Flight];

    /// As written in commands and files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Pg => "pg",
            Self::Flight => "flight",
        }
    }

    /// The door of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|door| door.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_deciding_is_not_granted() {
        for scope in Scope::GRANTABLE {
            assert_eq!(Scope::from_name(scope.name()), Some(scope));
        }
        for door in Door::ALL {
            assert_eq!(Door::from_name(door.name()), Some(door));
        }
        for name in ["reveal:decide", "SQL:run", "sql", "*", ""] {
            assert_eq!(Scope::from_name(name), None, "{name}");
        }
        assert_eq!(Door::from_name("console"), None);
    }
}
