//! The end of an address, from building to room, read backwards.

use super::road::without_zeros;
use crate::numeral::{chinese_number, is_numeral};

/// What stands before the text whose end is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Front<'a> {
    pub(super) road: &'a str,
    pub(super) has_plate: bool,
}

/// What was found at the end.
#[derive(Debug, Default)]
pub(super) struct Tail<'t> {
    /// The text before it.
    pub(super) head: &'t str,
    pub(super) building_no: String,
    pub(super) unit_no: String,
    pub(super) floor_no: String,
    /// The room, and those joined to it.
    pub(super) rooms: Vec<String>,
    /// A plate that was written without 号.
    pub(super) plate: Option<String>,
    pub(super) two_numbers: bool,
}

const UNIT: [&str; 3] = ["单元", "门", "梯"];
const BUILDING: [&str; 6] = ["号楼", "#楼", "幢", "栋", "座", "#"];
const ROOM: [&str; 4] = ["号房", "房间", "室", "房"];

/// Reads the end of `text`.
pub(super) fn read<'t>(text: &'t str, front: Front<'_>) -> Tail<'t> {
    let mut tail = Tail { head: trim(text), ..Tail::default() };
    read_rooms(&mut tail, front);
    read_floor(&mut tail);
    if tail.unit_no.is_empty()
        && let Some((head, number)) = numbered(tail.head, &UNIT)
    {
        (tail.head, tail.unit_no) = (head, number);
    }
    if tail.building_no.is_empty() {
        read_building(&mut tail);
    }
    tail
}

/// A plate at the end of what is left: 翠苑小区3号.
pub(super) fn plate_at_end(head: &str) -> Option<(&str, String)> {
    let (before, number) = number_back(trim(head).strip_suffix('号')?)?;
    match before.strip_suffix('-').and_then(number_back) {
        Some((before, main)) => Some((trim(before), format!("{main}之{number}"))),
        None => Some((trim(before), number)),
    }
}

fn trim(text: &str) -> &str {
    text.trim_end_matches(['-', '/', '.', '·'])
}

/// The number before one of the words at the end.
fn numbered<'t>(text: &'t str, words: &[&str]) -> Option<(&'t str, String)> {
    let before = words.iter().find_map(|word| text.strip_suffix(word))?;
    let (head, number) = number_back(before)?;
    Some((trim(head), number))
}

/// The number at the end: letters and digits, or a Chinese number as digits.
fn number_back(text: &str) -> Option<(&str, String)> {
    let start = text.char_indices().rev().take_while(|(_, c)| c.is_ascii_alphanumeric()).last();
    if let Some((at, _)) = start {
        let (head, number) = text.split_at_checked(at)?;
        return Some((head, without_zeros(number).to_owned()));
    }
    let is_part = |c: char| is_numeral(c) || c == '0';
    let (at, _) = text.char_indices().rev().take_while(|(_, c)| is_part(*c)).last()?;
    let (head, number) = text.split_at_checked(at)?;
    let value = if number.contains('0') { chinese_number(&number.replace('0', "〇")) } else { chinese_number(number) };
    value.map(|value| (head, value.to_string()))
}

fn has_digit(number: &str) -> bool {
    number.bytes().any(|b| b.is_ascii_digit())
}

/// The run of numbers at the end, `3-2-501` or `501/502`, with or without 室.
fn read_rooms(tail: &mut Tail<'_>, front: Front<'_>) {
    let whole = tail.head;
    let marked = ROOM.iter().find_map(|word| whole.strip_suffix(word));
    let Some((mut head, last)) = number_back(marked.unwrap_or(whole)) else { return };
    if marked.is_none() && !(has_digit(&last) && ends_in_room(whole)) {
        return;
    }
    let mut joined = vec![last];
    while let Some((before, number)) =
        head.strip_suffix('/').and_then(|h| number_back(strip_room(h))).filter(|(_, n)| has_digit(n))
    {
        joined.insert(0, number);
        head = before;
    }
    let mut run = Vec::new();
    while let Some((before, number)) = head.strip_suffix('-').and_then(number_back).filter(|(_, n)| has_digit(n)) {
        run.insert(0, number);
        head = before;
    }
    let behind_building = BUILDING.iter().any(|word| trim(head).ends_with(word));
    let mut run = run.into_iter();
    match (run.len(), run.next(), run.next()) {
        (0, ..) if marked.is_some() || follows_number_word(head) || (head.is_empty() && front.has_plate) => {}
        (0, ..) if head.is_empty() && !front.road.is_empty() && joined.len() == 1 => {
            (tail.head, tail.plate) = (head, joined.pop());
            return;
        }
        (0, ..) => return,
        (1, Some(unit), _) if behind_building => tail.unit_no = unit,
        (1, Some(plate), _) if head.is_empty() && front.road.ends_with('弄') && !front.has_plate => {
            tail.plate = Some(plate)
        }
        (2, Some(building), Some(unit)) if !behind_building => (tail.building_no, tail.unit_no) = (building, unit),
        _ => {
            tail.two_numbers = true;
            return;
        }
    }
    (tail.head, tail.rooms) = (trim(head), joined);
}

fn strip_room(text: &str) -> &str {
    ROOM.iter().find_map(|word| text.strip_suffix(word)).unwrap_or(text)
}

/// A room without 室 is written in ASCII, or in at least three Chinese digits.
fn ends_in_room(text: &str) -> bool {
    text.ends_with(|c: char| c.is_ascii_alphanumeric())
        || text.chars().rev().take_while(|c| is_numeral(*c)).count() >= 3
}

/// Whether a number may follow without its own word: 3幢501, 2单元501, 12号501.
fn follows_number_word(head: &str) -> bool {
    let head = trim(head);
    UNIT.iter().chain(&BUILDING).chain(&["号", "层", "楼", "院"]).any(|word| head.ends_with(word))
}

fn read_floor(tail: &mut Tail<'_>) {
    if let Some((head, number)) = numbered(tail.head, &["层"]) {
        (tail.head, tail.floor_no) = (head, number);
        return;
    }
    let is_building = tail.head.ends_with("号楼") || tail.head.ends_with("#楼") || !tail.unit_no.is_empty();
    if is_building || tail.rooms.is_empty() {
        return;
    }
    if let Some((head, number)) = numbered(tail.head, &["楼"]).filter(|(_, n)| has_digit(n)) {
        (tail.head, tail.floor_no) = (head, number);
    }
}

fn read_building(tail: &mut Tail<'_>) {
    let below = !tail.unit_no.is_empty() || !tail.rooms.is_empty();
    if let Some((head, number)) = numbered(tail.head, &BUILDING) {
        (tail.head, tail.building_no) = (head, number);
        return;
    }
    if below && let Some((head, number)) = numbered(tail.head, &["楼"]).filter(|(_, n)| has_digit(n)) {
        (tail.head, tail.building_no) = (head, number);
        return;
    }
    let Some(before) = ["幢", "栋", "座"].iter().find_map(|word| tail.head.strip_suffix(word)) else { return };
    let named = before.char_indices().next_back().filter(|(_, c)| "甲乙丙丁戊东西南北中主副".contains(*c));
    if let Some((head, name)) = named.and_then(|(at, _)| before.split_at_checked(at)) {
        (tail.head, tail.building_no) = (trim(head), name.to_owned());
    }
}
