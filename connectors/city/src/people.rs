//! The people of the city and the households they form.

mod attributes;
mod compose;

pub(crate) use attributes::{Attributes, Education, describe};
pub(crate) use compose::{Family, Fate, Member, Role, compose, singles};

use chrono::NaiveDate;

/// Sex, as the identity number has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Sex {
    /// 男
    Male,
    /// 女
    Female,
}

impl Sex {
    /// The code of GB/T 2261.1.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Male => 1,
            Self::Female => 2,
        }
    }

    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Male => Self::Female,
            Self::Female => Self::Male,
        }
    }
}

/// One person. `Debug` is for tests of people who do not exist, yet it hides them: habits travel.
#[derive(Clone)]
pub(crate) struct Person {
    /// `p` and the index within the city, or `x` for somebody who lives elsewhere and only owns, lets or married here.
    pub(crate) uid: String,
    /// Number that keys the person's own randomness.
    pub(crate) index: u64,
    pub(crate) sex: Sex,
    pub(crate) birth: NaiveDate,
    pub(crate) id_no: String,
    pub(crate) name: String,
    pub(crate) former_name: Option<String>,
    pub(crate) ethnicity: &'static str,
    pub(crate) phone: Option<String>,
    pub(crate) old_phone: Option<String>,
    pub(crate) marital: Marital,
    pub(crate) attributes: Attributes,
    pub(crate) presence: Presence,
    /// Place among the block's households; none for somebody from elsewhere.
    pub(crate) household: Option<usize>,
    pub(crate) role: Role,
    /// The parent whose number a desk writes down for a child.
    pub(crate) parent: Option<usize>,
    /// The other of a married (or once married) couple.
    pub(crate) spouse: Option<usize>,
    pub(crate) twin: bool,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Person({})", self.uid)
    }
}

impl Person {
    pub(crate) fn death(&self) -> Option<NaiveDate> {
        match self.presence {
            Presence::Dead(day) => Some(day),
            Presence::Here | Presence::Away => None,
        }
    }

    pub(crate) fn is_here(&self) -> bool {
        self.presence == Presence::Here
    }

    pub(crate) fn age(&self) -> i32 {
        crate::calendar::age(self.birth)
    }
}

/// Whether the person is where the household is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Lives with the household.
    Here,
    /// Registered with the household, lives outside the city.
    Away,
    /// Died on that day and is still in the registers.
    Dead(NaiveDate),
}

/// Marital status, GB/T 2261.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marital {
    /// 未婚
    Single,
    /// 已婚, since that day if it is known here.
    Married,
    /// 丧偶
    Widowed,
    /// 离婚
    Divorced,
}

/// A household: the people of one 户号, or the tenants of one flat.
#[derive(Debug, Clone)]
pub(crate) struct Household {
    /// Nine digits.
    pub(crate) number: String,
    pub(crate) kind: HouseholdKind,
    /// Members, the head first, as places among the block's people.
    pub(crate) members: Vec<usize>,
    /// The flat it lives in; none if it is registered here and lives nowhere in the city.
    pub(crate) flat: Option<usize>,
    /// The flat it is registered in; none if registered elsewhere.
    pub(crate) registered_flat: Option<usize>,
    pub(crate) tenure: Tenure,
    /// When it moved in.
    pub(crate) since: NaiveDate,
    /// When the head and the spouse married.
    pub(crate) wed: Option<NaiveDate>,
}

/// Whether the household is registered in the city.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HouseholdKind {
    /// 户籍
    Registered,
    /// 流动
    Floating,
}

/// How the household holds its flat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tenure {
    /// Owner-occupier.
    Own,
    /// Tenant.
    Rent,
    /// Employer's dormitory.
    Dormitory,
    /// 空挂户: registered only.
    PaperOnly,
}
