//! Where persons are mentioned: which fields of which dataset describe which person of a record.
//!
//! This table is all that linking knows of the datasets. A record that names two persons has two roles, told apart by a
//! suffix of the record key.

/// What a role says of a person and how far it may be trusted to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The record is about this person: the person exists.
    Subject,
    /// The record names the person beside something else (a caller, a party). Without a citizen ID number such a
    /// mention makes no person of its own; it only points at one that a register knows.
    Mention,
}

/// Where a role's sex comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SexOf {
    /// The column `sex`.
    Column,
    /// The role itself says it.
    Fixed(u8),
    /// Nowhere.
    Unknown,
}

/// One person of one kind of record.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) dataset: &'static str,
    /// Appended to the record key: empty, or `#` and the role's word.
    pub(crate) suffix: &'static str,
    pub(crate) standing: Standing,
    pub(crate) name: &'static str,
    pub(crate) id_no: &'static str,
    /// A number that begins with the citizen ID number, read where `id_no` is empty.
    pub(crate) id_within: &'static str,
    pub(crate) former_name: &'static str,
    pub(crate) birth_date: &'static str,
    pub(crate) sex: SexOf,
    /// The person's own telephone.
    pub(crate) phone: &'static str,
    /// A telephone the person can be reached at, another's.
    pub(crate) contact_phone: &'static str,
    /// Addresses the person is tied to, whatever the tie.
    pub(crate) places: &'static [&'static str],
    /// A number under which the department itself files this person, in `source_key_scheme`.
    pub(crate) source_key: &'static str,
    /// The dates that say how new the record is, best first; the time of ingestion stands in for all.
    pub(crate) as_of: &'static [&'static str],
    /// The other columns (`ethnicity`, `employer`, …) describe this person.
    pub(crate) describes: bool,
}

/// A role without fields, the base of the others.
pub(crate) static NOBODY: Role = Role {
    dataset: "",
    suffix: "",
    standing: Standing::Subject,
    name: "name",
    id_no: "id_no",
    id_within: "",
    former_name: "",
    birth_date: "",
    sex: SexOf::Unknown,
    phone: "",
    contact_phone: "",
    places: &[],
    source_key: "",
    as_of: &[],
    describes: true,
};

/// Every role, in the order of datasets.
pub(crate) const ROLES: [Role; 17] = [
    Role {
        dataset: "civil.disability",
        id_within: "cert_no",
        sex: SexOf::Column,
        phone: "phone",
        places: &["current_address"],
        as_of: &["issued_on"],
        ..NOBODY
    },
    Role {
        dataset: "civil.elder_allowance",
        birth_date: "birth_date",
        sex: SexOf::Column,
        phone: "phone",
        places: &["current_address"],
        as_of: &["pay_month"],
        ..NOBODY
    },
    Role {
        dataset: "civil.marriage",
        suffix: "#husband",
        name: "husband_name",
        id_no: "husband_id_no",
        birth_date: "husband_birth_date",
        sex: SexOf::Fixed(1),
        as_of: &["registered_on"],
        ..NOBODY
    },
    Role {
        dataset: "civil.marriage",
        suffix: "#wife",
        name: "wife_name",
        id_no: "wife_id_no",
        birth_date: "wife_birth_date",
        sex: SexOf::Fixed(2),
        as_of: &["registered_on"],
        ..NOBODY
    },
    Role { dataset: "civil.subsistence", name: "head_name", as_of: &["start_month"], ..NOBODY },
    Role {
        dataset: "grid.event",
        standing: Standing::Mention,
        name: "reporter_name",
        id_no: "",
        phone: "reporter_phone",
        places: &["place"],
        as_of: &["reported_at"],
        describes: false,
        ..NOBODY
    },
    Role {
        dataset: "health.archive",
        birth_date: "birth_date",
        sex: SexOf::Column,
        phone: "phone",
        places: &["current_address"],
        source_key: "archive_no",
        as_of: &["established_on"],
        ..NOBODY
    },
    Role { dataset: "health.chronic_visit", source_key: "archive_no", as_of: &["visit_on"], ..NOBODY },
    Role {
        dataset: "health.vaccination",
        birth_date: "birth_date",
        sex: SexOf::Column,
        contact_phone: "guardian_phone",
        as_of: &["vaccinated_on"],
        ..NOBODY
    },
    Role {
        dataset: "housing.lease",
        suffix: "#lessee",
        name: "lessee_name",
        id_no: "lessee_id_no",
        phone: "lessee_phone",
        places: &["address"],
        as_of: &["filed_on", "start_on"],
        describes: false,
        ..NOBODY
    },
    Role {
        dataset: "housing.lease",
        suffix: "#lessor",
        name: "lessor_name",
        id_no: "lessor_id_no",
        places: &["address"],
        as_of: &["filed_on", "start_on"],
        describes: false,
        ..NOBODY
    },
    Role {
        dataset: "housing.property",
        name: "owner_name",
        id_no: "owner_id_no",
        places: &["address"],
        as_of: &["registered_on"],
        describes: false,
        ..NOBODY
    },
    Role {
        dataset: "housing.repair",
        standing: Standing::Mention,
        name: "reporter_name",
        id_no: "",
        phone: "reporter_phone",
        places: &["address"],
        as_of: &["reported_at"],
        describes: false,
        ..NOBODY
    },
    Role {
        dataset: "police.floating",
        birth_date: "birth_date",
        sex: SexOf::Column,
        phone: "phone",
        places: &["current_address", "registered_address"],
        as_of: &["updated_at", "registered_on"],
        ..NOBODY
    },
    Role {
        dataset: "police.incident",
        standing: Standing::Mention,
        name: "party_name",
        id_no: "party_id_no",
        places: &["place"],
        as_of: &["reported_at"],
        describes: false,
        ..NOBODY
    },
    Role {
        dataset: "police.resident",
        former_name: "former_name",
        birth_date: "birth_date",
        sex: SexOf::Column,
        phone: "phone",
        places: &["current_address", "registered_address"],
        as_of: &["updated_at"],
        ..NOBODY
    },
    Role {
        dataset: "police.incident",
        suffix: "#reporter",
        standing: Standing::Mention,
        name: "reporter_name",
        id_no: "",
        phone: "reporter_phone",
        as_of: &["reported_at"],
        describes: false,
        ..NOBODY
    },
];

/// Where a record names a house.
#[derive(Debug)]
pub(crate) struct HouseRole {
    pub(crate) dataset: &'static str,
    pub(crate) column: &'static str,
    /// The column that stands in where the first is empty; none if empty itself. The police leave the current address
    /// out where it is the registered one, and a record without any current address still speaks of one house.
    pub(crate) or_column: &'static str,
    /// Appended to the record key under which the house is filed.
    pub(crate) suffix: &'static str,
    /// Whether the record is enough for the house to exist. Calls and complaints name places in passing.
    pub(crate) founds: bool,
}

const fn founding(dataset: &'static str, column: &'static str, suffix: &'static str) -> HouseRole {
    HouseRole { dataset, column, or_column: "", suffix, founds: true }
}

const fn passing(dataset: &'static str, column: &'static str) -> HouseRole {
    HouseRole { dataset, column, or_column: "", suffix: "", founds: false }
}

/// Every naming of a house.
pub(crate) const HOUSE_ROLES: [HouseRole; 11] = [
    founding("civil.disability", "current_address", ""),
    founding("civil.elder_allowance", "current_address", ""),
    founding("health.archive", "current_address", ""),
    founding("housing.lease", "address", ""),
    founding("housing.property", "address", ""),
    founding("police.floating", "current_address", ""),
    HouseRole {
        dataset: "police.resident",
        column: "current_address",
        or_column: "registered_address",
        suffix: "",
        founds: true,
    },
    founding("police.resident", "registered_address", "#registered"),
    passing("grid.event", "place"),
    passing("housing.repair", "address"),
    passing("police.incident", "place"),
];

/// The role of that dataset and suffix.
pub(crate) fn role_index(dataset: &str, suffix: &str) -> Option<usize> {
    ROLES.iter().position(|role| role.dataset == dataset && role.suffix == suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_name_declared_fields_only() {
        let registry = schemas::Registry::shipped().unwrap();
        for role in &ROLES {
            let dataset = registry.dataset(&role.dataset.try_into().unwrap()).expect(role.dataset);
            let single = [
                role.name,
                role.id_no,
                role.id_within,
                role.former_name,
                role.birth_date,
                role.phone,
                role.contact_phone,
                role.source_key,
            ];
            for field in single.iter().chain(role.places).chain(role.as_of).filter(|f| !f.is_empty()) {
                assert!(dataset.field(field).is_some(), "{} {field}", role.dataset);
            }
        }
        for role in HOUSE_ROLES {
            let dataset = registry.dataset(&role.dataset.try_into().unwrap()).unwrap();
            for column in [role.column, role.or_column].into_iter().filter(|column| !column.is_empty()) {
                assert!(dataset.field(column).is_some(), "{} {column}", role.dataset);
            }
        }
    }

    #[test]
    fn a_role_is_found_by_dataset_and_suffix() {
        let at = role_index("civil.marriage", "#wife").unwrap();
        assert_eq!(ROLES[at].name, "wife_name");
        assert_eq!(role_index("civil.marriage", ""), None);
    }
}
