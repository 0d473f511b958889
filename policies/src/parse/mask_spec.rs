//! Masks as written in a policy: a name, or a name with parameters.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::fault::{FaultKind, Faults};
use super::reader::{TableReader, Value, number_of, text_of, wrong_type};
use super::subjects::check_name;
use crate::{Keep, Mask, REDACTED};

/// The catalogue.
const NAMES: [&str; 15] = [
    "clear",
    "null",
    "constant",
    "keep_first",
    "keep_last",
    "keep_first_last",
    "surname_only",
    "first_char",
    "year",
    "age_band",
    "division_prefix",
    "address_to_compound",
    "amount_band",
    "redact_free_text",
    "token",
];

/// Most characters a mask may show at one end, and longest expected length.
const CHARACTERS_MAX: u64 = 256;
/// From this age on ages are told together, unless the policy says otherwise.
const AGE_TOP: u64 = 90;

/// The masks of `[masks]`, by their own names. `None`: declared with a fault, so that its uses do not report it again.
pub(super) type NamedMasks = BTreeMap<String, Option<Mask>>;

pub(super) fn read_named(table: Option<&DeTable<'_>>, faults: &mut Faults<'_>) -> NamedMasks {
    let mut named = NamedMasks::new();
    for (key, value) in table.into_iter().flatten() {
        let name: &str = key.get_ref();
        check_name(name, key.span(), false, faults);
        if NAMES.contains(&name) {
            faults.add(key.span(), FaultKind::MaskNameTaken { name: name.to_owned() });
        }
        // Own names are built from the catalogue only, never from one another.
        let mask = read_mask(value, &NamedMasks::new(), faults);
        named.insert(name.to_owned(), mask);
    }
    named
}

/// A mask of the catalogue, with parameters or without, or an own name.
pub(super) fn read_mask(value: &Value<'_>, named: &NamedMasks, faults: &mut Faults<'_>) -> Option<Mask> {
    if value.get_ref().is_str() {
        let name = text_of("mask", value, faults)?;
        return match named.get(&name.text) {
            Some(mask) => mask.clone(),
            None => build(&name.text, value.span(), None, named, faults),
        };
    }
    if !value.get_ref().is_table() {
        wrong_type("mask", value, "a mask name or a table", faults);
        return None;
    }
    let mut reader = TableReader::of_value("mask", value, faults)?;
    let name = reader.require_text("mask", faults)?;
    build(&name.text, name.span, Some(reader), named, faults)
}

fn build(
    name: &str,
    span: std::ops::Range<usize>,
    reader: Option<TableReader<'_>>,
    named: &NamedMasks,
    faults: &mut Faults<'_>,
) -> Option<Mask> {
    let Some(name) = NAMES.iter().copied().find(|n| *n == name) else {
        let known = NAMES.iter().copied().chain(named.keys().map(String::as_str));
        faults.add_unknown(span, FaultKind::UnknownMask { name: name.to_owned() }, name, known);
        return None;
    };
    let mut parameters = Parameters { mask: name, span, reader, faults };
    let mask = parameters.read();
    parameters.close();
    mask
}

/// The parameters of one mask.
struct Parameters<'r, 'f, 't> {
    mask: &'static str,
    span: std::ops::Range<usize>,
    reader: Option<TableReader<'r>>,
    faults: &'f mut Faults<'t>,
}

impl Parameters<'_, '_, '_> {
    fn read(&mut self) -> Option<Mask> {
        Some(match self.mask {
            "clear" => Mask::Clear,
            "null" => Mask::Null,
            "constant" => Mask::Constant { text: self.text("text", Some(REDACTED))? },
            "keep_first" => {
                let first = self.characters("n");
                self.keep(first, Some(0))?
            }
            "keep_last" => {
                let last = self.characters("n");
                self.keep(Some(0), last)?
            }
            "keep_first_last" => {
                let first = self.characters("first");
                let last = self.characters("last");
                self.keep(first, last)?
            }
            "surname_only" => Mask::SurnameOnly,
            "first_char" => Mask::FirstChar,
            "year" => Mask::Year,
            "age_band" => {
                let width = self.number("width", 1..=50, None);
                let top = self.number("top", 1..=130, Some(AGE_TOP));
                Mask::AgeBand { width: u32::try_from(width?).ok()?, top: u32::try_from(top?).ok()? }
            }
            "division_prefix" => self.division_prefix()?,
            "address_to_compound" => Mask::AddressToCompound,
            "amount_band" => Mask::AmountBand { width: self.number("width", 1..=1_000_000_000, None)? },
            "redact_free_text" => Mask::RedactFreeText,
            "token" => self.token()?,
            _ => return None,
        })
    }

    fn close(self) {
        if let Some(reader) = self.reader {
            reader.close(self.faults);
        }
    }

    fn fault(&mut self, parameter: &'static str, expected: impl Into<String>) {
        let kind = FaultKind::MaskParameter { mask: self.mask, parameter, expected: expected.into() };
        self.faults.add(self.span.clone(), kind);
    }

    fn text(&mut self, key: &'static str, default: Option<&str>) -> Option<String> {
        match self.reader.as_mut().and_then(|r| r.get(key)) {
            Some(value) => Some(text_of(key, value, self.faults)?.text),
            None => {
                if default.is_none() {
                    self.fault(key, "given");
                }
                default.map(str::to_owned)
            }
        }
    }

    fn number(&mut self, key: &'static str, range: std::ops::RangeInclusive<u64>, default: Option<u64>) -> Option<u64> {
        let given = match self.reader.as_mut().and_then(|r| r.get(key)) {
            Some(value) => number_of(value),
            None => default,
        };
        let sound = given.filter(|n| range.contains(n));
        if sound.is_none() {
            self.fault(key, format!("a whole number from {} to {}", range.start(), range.end()));
        }
        sound
    }

    fn characters(&mut self, key: &'static str) -> Option<usize> {
        self.number(key, 1..=CHARACTERS_MAX, None).and_then(|n| usize::try_from(n).ok())
    }

    fn keep(&mut self, first: Option<usize>, last: Option<usize>) -> Option<Mask> {
        let lengths = self.lengths();
        let each = self.each();
        let digits = self.flag("digits");
        let (first, last, lengths) = (first?, last?, lengths?);
        if lengths.iter().any(|length| first.saturating_add(last) >= *length) {
            self.fault("length", "more than what is shown");
            return None;
        }
        Some(Mask::Keep(Keep { first, last, lengths, each: each?, digits: digits? }))
    }

    /// `length = 18` or `length = [15, 18]`; none if any length will do.
    fn lengths(&mut self) -> Option<Vec<usize>> {
        let Some(value) = self.reader.as_mut().and_then(|r| r.get("length")) else { return Some(Vec::new()) };
        let numbers: Option<Vec<u64>> = match value.get_ref().as_array() {
            Some(items) if !items.is_empty() => items.iter().map(number_of).collect(),
            Some(_) => None,
            None => number_of(value).map(|n| vec![n]),
        };
        let sound = numbers.filter(|all| all.iter().all(|n| (1..=CHARACTERS_MAX).contains(n)));
        if sound.is_none() {
            self.fault("length", format!("one or several whole numbers from 1 to {CHARACTERS_MAX}"));
        }
        let mut lengths: Vec<usize> = sound?.into_iter().filter_map(|n| usize::try_from(n).ok()).collect();
        lengths.sort_unstable();
        lengths.dedup();
        Some(lengths)
    }

    /// Outer `None`: a fault.
    fn each(&mut self) -> Option<Option<char>> {
        let Some(value) = self.reader.as_mut().and_then(|r| r.get("each")) else { return Some(None) };
        let mut characters = value.get_ref().as_str().unwrap_or("").chars();
        match (characters.next(), characters.next()) {
            (Some(only), None) => Some(Some(only)),
            _ => {
                self.fault("each", "one character");
                None
            }
        }
    }

    fn flag(&mut self, key: &'static str) -> Option<bool> {
        let Some(value) = self.reader.as_mut().and_then(|r| r.get(key)) else { return Some(false) };
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.fault(key, "true or false");
        }
        flag
    }

    fn division_prefix(&mut self) -> Option<Mask> {
        let digits = self.number("digits", 2..=9, None)?;
        match digits {
            2 | 4 | 6 | 9 => Some(Mask::DivisionPrefix { digits: u32::try_from(digits).ok()? }),
            _ => {
                self.fault("digits", "2, 4, 6 or 9");
                None
            }
        }
    }

    fn token(&mut self) -> Option<Mask> {
        let class = self.text("class", None)?;
        check_name(&class, self.span.clone(), false, self.faults);
        Some(Mask::Token { class })
    }
}
