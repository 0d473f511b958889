//! What a column holds, as far as the linter cares: by declared type, and by a few well-known names.

use schemas::FieldType;

/// What a column, or a pair of coordinates, tells about a person or a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Number of an identity document; also the number of a disability certificate, which starts with it.
    CitizenId,
    BirthDate,
    /// Completed years, as a number.
    Age,
    Sex,
    Phone,
    PersonName,
    /// Points at one person across relations.
    PersonKey,
    /// Points at one house or building across relations.
    PlaceKey,
    Address,
    Longitude,
    Latitude,
    /// Longitude and latitude of one relation together.
    Coordinates,
}

/// How a name is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// The word, or any name that ends with `_` and the word; what stands before says whose it is: `owner_id_no`.
    End,
    /// The word alone.
    Whole,
}

/// The well-known names. A declared type that decides alone (ID number, phone, person's name, address) needs no line here,
/// but for the part of its name that says whose it is.
const WORDS: [(&str, Fit, Kind); 27] = [
    ("id_no", Fit::End, Kind::CitizenId),
    ("id_number", Fit::End, Kind::CitizenId),
    ("cert_no", Fit::End, Kind::CitizenId),
    ("birth_date", Fit::End, Kind::BirthDate),
    ("birthday", Fit::End, Kind::BirthDate),
    ("age", Fit::Whole, Kind::Age),
    ("sex", Fit::End, Kind::Sex),
    ("gender", Fit::End, Kind::Sex),
    ("phone", Fit::End, Kind::Phone),
    ("phones", Fit::End, Kind::Phone),
    ("mobile", Fit::End, Kind::Phone),
    ("name", Fit::End, Kind::PersonName),
    ("name_key", Fit::Whole, Kind::PersonName),
    ("person_id", Fit::End, Kind::PersonKey),
    ("archive_no", Fit::Whole, Kind::PersonKey),
    ("house_id", Fit::Whole, Kind::PlaceKey),
    ("building_id", Fit::Whole, Kind::PlaceKey),
    ("std_address", Fit::Whole, Kind::Address),
    ("cur_address", Fit::Whole, Kind::Address),
    ("current_address", Fit::Whole, Kind::Address),
    ("residence_address", Fit::Whole, Kind::Address),
    ("place", Fit::Whole, Kind::Address),
    ("address", Fit::End, Kind::Address),
    ("lon", Fit::Whole, Kind::Longitude),
    ("lat", Fit::Whole, Kind::Latitude),
    ("longitude", Fit::Whole, Kind::Longitude),
    ("latitude", Fit::Whole, Kind::Latitude),
];

/// Names of plain texts that hold a person's name. `name` at the end is not enough there: `grid_name`, `bank_name`.
const TEXT_NAMES: [&str; 4] = ["name", "name_key", "owner_name", "person_name"];

/// What a column holds, and whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recognised {
    pub(super) kind: Kind,
    /// The well-known part of the name: `person_id` of `owner_person_id`.
    pub(super) word: String,
    /// The rest: `owner`; empty for the person or place that the row is about.
    pub(super) subject: String,
}

/// Recognises a column; `None` if the linter has nothing to say about its kind.
pub(super) fn recognise(name: &str, field: FieldType) -> Option<Recognised> {
    let by_type = match field {
        FieldType::CitizenId | FieldType::DisabilityCertNo => Some(Kind::CitizenId),
        FieldType::Phone => Some(Kind::Phone),
        FieldType::PersonName => Some(Kind::PersonName),
        FieldType::Address => Some(Kind::Address),
        _ => None,
    };
    let word = WORDS.iter().find_map(|(word, fit, kind)| {
        let subject = subject_of(name, word, *fit)?;
        (by_type.is_none_or(|t| t == *kind)).then(|| Recognised {
            kind: *kind,
            word: (*word).to_owned(),
            subject: subject.to_owned(),
        })
    });
    match (by_type, word) {
        (Some(_), Some(found)) => Some(found),
        (Some(kind), None) => Some(Recognised { kind, word: name.to_owned(), subject: name.to_owned() }),
        (None, found) => found.filter(|found| may_hold(found.kind, name, field)),
    }
}

/// Whether a column of that type can hold the kind its name promises.
fn may_hold(kind: Kind, name: &str, field: FieldType) -> bool {
    let text = matches!(field, FieldType::Text | FieldType::TextList);
    match kind {
        Kind::CitizenId => text && !name.ends_with("cert_no"),
        Kind::Phone | Kind::PersonKey | Kind::PlaceKey | Kind::Address => text,
        Kind::PersonName => text && TEXT_NAMES.contains(&name),
        Kind::BirthDate => text || matches!(field, FieldType::Date | FieldType::PartialDate),
        Kind::Sex => text || field == FieldType::Code,
        Kind::Age => field == FieldType::Integer,
        Kind::Longitude | Kind::Latitude | Kind::Coordinates => field == FieldType::Float,
    }
}

fn subject_of<'n>(name: &'n str, word: &str, fit: Fit) -> Option<&'n str> {
    let before = name.strip_suffix(word)?;
    match (before, fit) {
        ("", _) => Some(""),
        (before, Fit::End) => before.strip_suffix('_'),
        (_, Fit::Whole) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, field: FieldType, expected: Option<(Kind, &str)>) {
        let found = recognise(name, field);
        assert_eq!(found.as_ref().map(|f| (f.kind, f.subject.as_str())), expected, "{name}");
    }

    #[test]
    fn the_type_decides_and_the_name_says_whose() {
        check("id_no", FieldType::CitizenId, Some((Kind::CitizenId, "")));
        check("owner_id_no", FieldType::CitizenId, Some((Kind::CitizenId, "owner")));
        check("cert_no", FieldType::DisabilityCertNo, Some((Kind::CitizenId, "")));
        check("reporter_phone", FieldType::Phone, Some((Kind::Phone, "reporter")));
        check("doctor", FieldType::PersonName, Some((Kind::PersonName, "doctor")));
        check("cur_address", FieldType::Address, Some((Kind::Address, "")));
        check("reg_address", FieldType::Address, Some((Kind::Address, "reg")));
    }

    #[test]
    fn plain_columns_are_known_by_their_names() {
        check("id_number", FieldType::Text, Some((Kind::CitizenId, "")));
        check("phones", FieldType::TextList, Some((Kind::Phone, "")));
        check("husband_birth_date", FieldType::PartialDate, Some((Kind::BirthDate, "husband")));
        check("owner_person_id", FieldType::Text, Some((Kind::PersonKey, "owner")));
        check("lon", FieldType::Float, Some((Kind::Longitude, "")));
        check("owner_name", FieldType::Text, Some((Kind::PersonName, "owner")));
    }

    #[test]
    fn names_that_only_look_alike_are_left_alone() {
        check("grid_name", FieldType::Text, None);
        check("cert_no", FieldType::Text, None);
        check("inflow_date", FieldType::Date, None);
        check("stage", FieldType::Integer, None);
        check("tag_id", FieldType::Text, None);
    }
}
