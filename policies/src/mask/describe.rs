//! A mask in words: its short form for tables and audit, and a sentence for people.

use std::fmt;

use super::{Keep, Mask};

impl Mask {
    /// The name in policy files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Null => "null",
            Self::Constant { .. } => "constant",
            Self::Keep(Keep { last: 0, .. }) => "keep_first",
            Self::Keep(Keep { first: 0, .. }) => "keep_last",
            Self::Keep(_) => "keep_first_last",
            Self::SurnameOnly => "surname_only",
            Self::FirstChar => "first_char",
            Self::Year => "year",
            Self::AgeBand { .. } => "age_band",
            Self::DivisionPrefix { .. } => "division_prefix",
            Self::AddressToCompound => "address_to_compound",
            Self::AmountBand { .. } => "amount_band",
            Self::RedactFreeText => "redact_free_text",
            Self::Token { .. } => "token",
        }
    }

    /// What is shown, in Chinese, after "原值": `只显示前6位和后4位`.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Clear => "按原值显示".to_owned(),
            Self::Null => "不显示，恒为空".to_owned(),
            Self::Constant { text } => format!("不显示，一律以“{text}”代替"),
            Self::Keep(Keep { first, last: 0, .. }) => format!("只显示前{first}位"),
            Self::Keep(Keep { first: 0, last, .. }) => format!("只显示后{last}位"),
            Self::Keep(Keep { first, last, .. }) => format!("只显示前{first}位和后{last}位"),
            Self::SurnameOnly => "只显示姓氏".to_owned(),
            Self::FirstChar => "只显示第一个字".to_owned(),
            Self::Year => "只显示年份".to_owned(),
            Self::AgeBand { width, top } => format!("只显示{width}岁一档的年龄段，{top}岁及以上合并"),
            Self::DivisionPrefix { digits } => format!("只显示区划代码前{digits}位"),
            Self::AddressToCompound => "只显示到道路和小区，不含门牌、楼栋、单元和室".to_owned(),
            Self::AmountBand { width } => format!("只显示宽度为{width}的数值区间"),
            Self::RedactFreeText => "隐去文中的号码".to_owned(),
            Self::Token { .. } => "以本用途专用的假名代替，不同用途之间不可关联".to_owned(),
        }
    }

    /// The same in English.
    #[must_use]
    pub fn en(&self) -> String {
        match self {
            Self::Clear => "shown as it is".to_owned(),
            Self::Null => "not shown, always null".to_owned(),
            Self::Constant { text } => format!("not shown, always `{text}`"),
            Self::Keep(Keep { first, last: 0, .. }) => format!("only the first {first} characters"),
            Self::Keep(Keep { first: 0, last, .. }) => format!("only the last {last} characters"),
            Self::Keep(Keep { first, last, .. }) => format!("only the first {first} and the last {last} characters"),
            Self::SurnameOnly => "only the surname".to_owned(),
            Self::FirstChar => "only the first character".to_owned(),
            Self::Year => "only the year".to_owned(),
            Self::AgeBand { width, top } => format!("only an age band of {width} years, {top} and over together"),
            Self::DivisionPrefix { digits } => format!("only the first {digits} digits of the division code"),
            Self::AddressToCompound => "only road and compound, without plate, building, unit and room".to_owned(),
            Self::AmountBand { width } => format!("only a band {width} wide"),
            Self::RedactFreeText => "numbers inside the text are removed".to_owned(),
            Self::Token { .. } => "a token that holds inside this purpose only".to_owned(),
        }
    }
}

impl fmt::Display for Mask {
    /// Name and parameters: `keep_first_last(6, 4, length 18, digits)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Self::Constant { text } => write!(f, "{name}({text:?})"),
            Self::Keep(keep) => write!(f, "{name}({keep})"),
            Self::AgeBand { width, top } => write!(f, "{name}({width}, top {top})"),
            Self::DivisionPrefix { digits } => write!(f, "{name}({digits})"),
            Self::AmountBand { width } => write!(f, "{name}({width})"),
            Self::Token { class } => write!(f, "{name}({class})"),
            Self::Clear
            | Self::Null
            | Self::SurnameOnly
            | Self::FirstChar
            | Self::Year
            | Self::AddressToCompound
            | Self::RedactFreeText => f.write_str(name),
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (first, 0) => write!(f, "{first}")?,
            (0, last) => write!(f, "{last}")?,
            (first, last) => write!(f, "{first}, {last}")?,
        }
        if !self.lengths.is_empty() {
            let lengths: Vec<String> = self.lengths.iter().map(usize::to_string).collect();
            write!(f, ", length {}", lengths.join("/"))?;
        }
        if self.digits {
            f.write_str(", digits")?;
        }
        match self.each {
            Some(separator) => write!(f, ", each {separator:?}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_names_every_parameter() {
        let keep = Keep { first: 3, last: 4, lengths: vec![11], each: Some('|'), digits: true };
        assert_eq!(Mask::Keep(keep).to_string(), "keep_first_last(3, 4, length 11, digits, each '|')");
        let first = Keep { first: 6, ..Keep::default() };
        assert_eq!(Mask::Keep(first).to_string(), "keep_first(6)");
        assert_eq!(Mask::redacted().to_string(), "constant(\"***\")");
        assert_eq!(Mask::AgeBand { width: 5, top: 90 }.to_string(), "age_band(5, top 90)");
        assert_eq!(Mask::Clear.to_string(), "clear");
    }

    #[test]
    fn both_languages_say_what_is_shown() {
        let keep = Mask::Keep(Keep { first: 6, last: 4, ..Keep::default() });
        assert_eq!(keep.zh(), "只显示前6位和后4位");
        assert_eq!(keep.en(), "only the first 6 and the last 4 characters");
    }
}
