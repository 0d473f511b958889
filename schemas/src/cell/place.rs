//! Addresses.

use super::{Cell, CellValue};
use crate::address::{self, Region};

/// An address in canonical text. Joined flats keep all their rooms, `|` between the addresses.
pub(super) fn address(text: &str, within: Option<&Region>) -> Cell {
    if let Some(field) = copied_field(text) {
        return Cell::Copy(field);
    }
    if text.contains("**") || text.contains("＊＊") {
        return Cell::Reject("masked");
    }
    let reading = address::read(text, within);
    if reading.two_numbers {
        return Cell::Review("two_numbers");
    }
    let mut out = reading.address.to_string();
    if reading.more_rooms.is_empty() {
        return Cell::Value(CellValue::Text(out), reading.remark);
    }
    let mut next = reading.address;
    for room_no in reading.more_rooms {
        next.room_no = room_no;
        out.push('|');
        out.push_str(&next.to_string());
    }
    Cell::Value(CellValue::Text(out), Some("joined_flats"))
}

/// The field that words such as 同户籍地址 point at.
fn copied_field(text: &str) -> Option<&'static str> {
    let what = text
        .strip_prefix('同')
        .or_else(|| text.strip_prefix("与").and_then(|t| t.split_once("一致").map(|(w, _)| w)))?;
    match what {
        "户籍地址" | "户籍地" | "户籍" | "户口所在地" | "户口地址" | "户籍所在地" | "户籍住址" => {
            Some("registered_address")
        }
        "现住地址" | "现住址" | "现居住地址" | "居住地址" | "现居住地" | "住址" => {
            Some("current_address")
        }
        _ => None,
    }
}
