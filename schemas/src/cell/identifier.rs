//! Identifiers of persons, organisations, divisions and diseases, and telephone numbers.

use super::{Cell, CellValue, value};
use crate::address::Region;
use crate::division::DivisionCodeError;
use crate::writing::{self, is_han};
use crate::{CitizenId, CitizenIdError, CreditCode, CreditCodeError, DivisionCode, Divisions, PhoneError, Phones};

/// A citizen ID number, or another document as it is written.
pub(super) fn citizen_id(text: &str, divisions: &Divisions) -> Cell {
    let text = writing::identifier(text);
    if writing::is_filler(&text) {
        return Cell::Null;
    }
    if let Some(cell) = with_words(&text, divisions) {
        return cell;
    }
    if let Some(remark) = other_document(&text) {
        return Cell::Value(CellValue::Text(text.into_owned()), Some(remark));
    }
    let id = match CitizenId::parse_written(&text) {
        Ok(id) => id,
        Err(CitizenIdError::CenturyOpen) => return Cell::Review(CitizenIdError::CenturyOpen.rule()),
        Err(error) => return Cell::Reject(error.rule()),
    };
    if !divisions.ever_assigned(id.county()) {
        return Cell::Reject("division");
    }
    let remark = match id.county() {
        "810000" | "820000" | "830000" => Some("residence_permit_hmt"),
        _ if text.len() == 15 => Some("id15"),
        _ => None,
    };
    Cell::Value(CellValue::Text(id.as_str().to_owned()), remark)
}

/// A number with words around it: whose number it is, or what document.
fn with_words(text: &str, divisions: &Divisions) -> Option<Cell> {
    if text.is_ascii() || !text.chars().any(is_han) {
        return None;
    }
    let has = |words: &[&str]| words.iter().any(|w| text.contains(w));
    let number: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    if has(&["母", "父", "监护", "爸", "妈", "代", "配偶", "亲属", "户主"]) && number.len() >= 15 {
        return Some(Cell::Review("guardian_id"));
    }
    if has(&["军", "警官", "士兵", "文职", "港澳", "台胞", "台湾", "回乡", "护照", "出生证", "证字第"])
    {
        return Some(Cell::Value(CellValue::Text(text.to_owned()), Some("other_document")));
    }
    let label = text.trim_start_matches(|c: char| is_han(c) || c == ':');
    (label.len() < text.len() && !label.is_empty() && label.is_ascii()).then(|| citizen_id(label, divisions))
}

/// What document other than an ID card a number is of: one to three letters and six to twelve digits.
fn other_document(text: &str) -> Option<&'static str> {
    let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
    let digits = text.len() - letters;
    let shaped = (1..=3).contains(&letters) && text.bytes().skip(letters).all(|b| b.is_ascii_digit());
    match (letters, digits) {
        _ if !shaped => None,
        (1, 8 | 10) if text.starts_with(['H', 'M']) => Some("travel_permit_hmt"),
        (3, 12) => Some("permanent_residence_permit"),
        (1 | 2, 6..=9) => Some("passport"),
        _ => None,
    }
}

/// Citizen ID, one digit for the type and one for the level; `B1` behind it counts reissues.
pub(super) fn disability_cert_no(text: &str, divisions: &Divisions) -> Cell {
    let text = writing::identifier(text);
    if writing::is_filler(&text) {
        return Cell::Null;
    }
    if text.contains('*') {
        return Cell::Reject("masked");
    }
    if writing::is_scientific(&text) {
        return Cell::Reject("precision_lost");
    }
    let (number, reissue) = match text.split_at_checked(20) {
        Some((number, behind)) if behind.len() == 2 && behind.starts_with('B') => (number, Some("reissued")),
        Some((number, "")) => (number, None),
        _ => return Cell::Reject("length"),
    };
    let (id, kind) = number.split_at_checked(18).unwrap_or((number, ""));
    let mut kind = kind.bytes();
    if !(matches!(kind.next(), Some(b'1'..=b'7')) && matches!(kind.next(), Some(b'1'..=b'4'))) {
        return Cell::Reject("charset");
    }
    match citizen_id(id, divisions) {
        Cell::Value(CellValue::Text(id), None) => {
            let behind = number.get(18..).unwrap_or_default();
            Cell::Value(CellValue::Text(format!("{id}{behind}")), reissue)
        }
        Cell::Value(..) => Cell::Reject("charset"),
        other => other,
    }
}

pub(super) fn credit_code(text: &str) -> Cell {
    match CreditCode::parse(text) {
        Ok(code) => value(code.as_str().to_owned()),
        Err(CreditCodeError::Length | CreditCodeError::LegacyRegistration)
            if writing::is_filler(&writing::identifier(text)) =>
        {
            Cell::Null
        }
        Err(error) => Cell::Reject(error.rule()),
    }
}

/// Telephone numbers, `|` between them. A remark in brackets (本人, 儿子) goes and is noted.
pub(super) fn phone(text: &str) -> Cell {
    let (bare, remark) = without_words(text);
    if bare.trim().is_empty() {
        return Cell::Review("ambiguous");
    }
    match Phones::parse(&bare) {
        Ok(phones) if phones.numbers().is_empty() => Cell::Null,
        Ok(phones) => Cell::Value(CellValue::Text(phones.joined()), phones.left_out().map(PhoneError::rule).or(remark)),
        Err(error) if error.is_open() => Cell::Review(error.rule()),
        Err(_) if writing::is_null_word(&bare) || bare.trim() == "0" => Cell::Null,
        Err(error) => Cell::Reject(error.rule()),
    }
}

fn without_words(text: &str) -> (std::borrow::Cow<'_, str>, Option<&'static str>) {
    if !text.chars().any(|c| is_han(c) && c != '转' && !"分机".contains(c)) {
        return (text.into(), None);
    }
    let bare: String = text
        .chars()
        .map(|c| if is_han(c) && !"转分机".contains(c) || "（）()：:".contains(c) { ' ' } else { c })
        .collect();
    (bare.trim().to_owned().into(), Some("phone_remark"))
}

/// A code, or the full name of a county, prefecture or province.
pub(super) fn division_code(text: &str, divisions: &Divisions) -> Cell {
    let code = writing::identifier(text);
    let code = code.strip_suffix(".0").unwrap_or(&code);
    if code.chars().any(is_han) {
        return match Region::code_of(code) {
            Some(code) => Cell::Value(CellValue::Text(code), Some("from_name")),
            None => Cell::Review("ambiguous"),
        };
    }
    if writing::is_scientific(code) {
        return Cell::Reject("precision_lost");
    }
    if code.bytes().all(|b| b == b'0') {
        return Cell::Null;
    }
    match DivisionCode::parse(code) {
        Ok(code) if divisions.was_ever_within(&code) => value(code.as_str().to_owned()),
        Ok(_) => Cell::Reject("division"),
        Err(DivisionCodeError::Charset) => Cell::Reject("charset"),
        Err(DivisionCodeError::Length) => Cell::Reject("length"),
    }
}

/// National clinical ICD-10: `I10`, `E11.9`, `E11.900`, `I10.x00x002`. Letter upper case, x lower case, dot restored, a
/// name behind the code split off.
pub(super) fn diagnosis_code(text: &str) -> Cell {
    let compact = writing::compact(text);
    let end = compact.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(compact.len());
    let code = compact.get(..end).unwrap_or_default().to_lowercase();
    let behind = compact.get(end..).unwrap_or_default();
    if behind.chars().any(|c| c.is_ascii_digit() || matches!(c, '†' | '*' | '+')) {
        return Cell::Review(if code.is_empty() { "text_diagnosis" } else { "ambiguous" });
    }
    let mut chars = code.chars();
    let Some(letter) = chars.next().filter(char::is_ascii_lowercase) else { return Cell::Review("text_diagnosis") };
    let rest: String = chars.filter(|c| *c != '.').collect();
    match icd_rest(&rest) {
        Some(rest) => value(format!("{}{rest}", letter.to_ascii_uppercase())),
        None => Cell::Review("text_diagnosis"),
    }
}

/// What stands behind the letter, with its dot.
fn icd_rest(rest: &str) -> Option<String> {
    let (category, detail) = rest.split_at_checked(2)?;
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if !digits(category) {
        return None;
    }
    if detail.is_empty() {
        return Some(category.to_owned());
    }
    let (first, others) = detail.split_at_checked(1)?;
    let first_fits = digits(first) || first == "x";
    let others_fit = match others.split_once('x') {
        None => digits(others) && matches!(others.len(), 0 | 2),
        Some((middle, last)) => digits(middle) && middle.len() == 2 && digits(last) && last.len() == 3,
    };
    (first_fits && others_fit).then(|| format!("{category}.{detail}"))
}
