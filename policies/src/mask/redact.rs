//! Keeps the ends of a text and covers the rest.

/// What stands for a value of which nothing is shown.
pub const REDACTED: &str = "***";

/// Enough for every usual mask.
const STARS: &str = "********************************";

/// Stars where the expected length is not one fixed number, so that their count tells nothing.
const STARS_UNKNOWN_LENGTH: usize = 4;

/// First and last characters, the rest as stars.
///
/// | `first`, `last`, `lengths` | value | shown |
/// |---|---|---|
/// | 6, 4, `[18]` | `11010519491231002X` | `110105********002X` |
/// | 3, 4, `[11]` | `13912345678` | `139****5678` |
/// | 3, 4, `[11]` | `0571-12345678` | `***` |
/// | 1, 0, `[]` | `云州纺织厂` | `云****` |
///
/// Characters are Unicode scalar values. With one expected length the stars fill up to it; otherwise there are four. A value
/// whose length is not among `lengths` is redacted; without `lengths`, one of which no more than half would be covered is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Keep {
    /// Characters shown at the start.
    pub first: usize,
    /// Characters shown at the end.
    pub last: usize,
    /// Expected lengths in characters, sorted; empty if any will do.
    pub lengths: Vec<usize>,
    /// The value holds several parts joined by this character; each part is masked by itself.
    pub each: Option<char>,
    /// Only ASCII digits, and X at the end, are expected; a part with anything else is redacted.
    pub digits: bool,
}

impl Keep {
    pub(super) fn write(&self, value: &str, out: &mut String) {
        let Some(separator) = self.each else {
            self.write_part(value, out);
            return;
        };
        for (at, part) in value.split(separator).enumerate() {
            if at > 0 {
                out.push(separator);
            }
            self.write_part(part, out);
        }
    }

    /// Whether the shown text begins with a prefix of at most `first` characters without a star or separator: without writing
    /// it out. An unexpected part is shown as stars, which such a prefix never begins with.
    pub(super) fn shows_prefix(&self, value: &str, prefix: &str) -> bool {
        let first_part = match self.each {
            Some(separator) => value.split(separator).next().unwrap_or_default(),
            None => value,
        };
        first_part.starts_with(prefix) && self.expects(first_part)
    }

    fn write_part(&self, part: &str, out: &mut String) {
        if !self.expects(part) {
            out.push_str(REDACTED);
            return;
        }
        // The ends by bytes where every character is one.
        let ends = part
            .is_ascii()
            .then(|| Some((part.get(..self.first)?, part.get(part.len().checked_sub(self.last)?..)?)))
            .flatten();
        if let Some((first, _)) = ends {
            out.push_str(first);
        } else {
            out.extend(part.chars().take(self.first));
        }
        let n_stars = self.stars();
        match STARS.get(..n_stars) {
            Some(stars) => out.push_str(stars),
            None => out.extend(std::iter::repeat_n('*', n_stars)),
        }
        if let Some((_, last)) = ends {
            out.push_str(last);
        } else {
            out.extend(part.chars().skip(part.chars().count().saturating_sub(self.last)));
        }
    }

    fn expects(&self, part: &str) -> bool {
        let length = if part.is_ascii() { part.len() } else { part.chars().count() };
        self.expects_length(length) && (!self.digits || is_number(part))
    }

    fn expects_length(&self, length: usize) -> bool {
        let shown = self.first.saturating_add(self.last);
        if self.lengths.is_empty() {
            length > 0 && shown <= length / 2
        } else {
            shown < length && self.lengths.contains(&length)
        }
    }

    fn stars(&self) -> usize {
        match self.lengths.as_slice() {
            [only] => only.saturating_sub(self.first.saturating_add(self.last)),
            _ => STARS_UNKNOWN_LENGTH,
        }
    }
}

/// Digits throughout, or digits and one X at the end.
fn is_number(part: &str) -> bool {
    let digits = part.strip_suffix(['X', 'x']).unwrap_or(part);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keep: &Keep, value: &str, expected: &str) {
        let mut out = String::new();
        keep.write(value, &mut out);
        assert_eq!(out, expected, "{value}");
    }

    fn id() -> Keep {
        Keep { first: 6, last: 4, lengths: vec![18], each: None, digits: true }
    }

    fn phone() -> Keep {
        Keep { first: 3, last: 4, lengths: vec![11], each: Some('|'), digits: true }
    }

    #[test]
    fn the_middle_of_an_id_is_covered() {
        check(&id(), "11010519491231002X", "110105********002X");
        check(&id(), "110105194912310021", "110105********0021");
    }

    #[test]
    fn another_length_is_redacted() {
        for value in ["", "1", "110105491231002", "11010519491231002X1", "１１０１０５１９４９１２３１００２Ｘ1"]
        {
            check(&id(), value, REDACTED);
        }
    }

    #[test]
    fn a_text_of_the_right_length_but_another_alphabet_is_redacted() {
        check(&id(), "云州市示范区翠苑小区三幢二单元五〇一", REDACTED);
        check(&id(), "110105X94912310021", REDACTED);
        check(&phone(), "张三的电话号码在下一行", REDACTED);
    }

    #[test]
    fn each_of_several_phones_is_masked() {
        check(&phone(), "13912345678", "139****5678");
        check(&phone(), "13912345678|0571-12345678|13700001111", "139****5678|***|137****1111");
        check(&phone(), "|", "***|***");
    }

    #[test]
    fn characters_count_not_bytes() {
        let keep = Keep { first: 1, last: 1, lengths: vec![4], ..Keep::default() };
        check(&keep, "甲乙丙丁", "甲**丁");
        check(&keep, "🙂乙丙🙃", "🙂**🙃");
        check(&keep, "e\u{301}ab", "e**b");
    }

    #[test]
    fn without_lengths_half_must_be_covered_and_the_stars_do_not_tell_the_length() {
        let keep = Keep { first: 1, last: 0, ..Keep::default() };
        check(&keep, "云州纺织厂", "云****");
        check(&keep, "云州", "云****");
        check(&keep, "云", REDACTED);
        check(&keep, "", REDACTED);
        let account = Keep { first: 0, last: 4, ..Keep::default() };
        check(&account, "6222000011112222", "****2222");
        check(&account, "1234567", REDACTED);
    }

    #[test]
    fn several_lengths_give_the_same_stars() {
        let keep = Keep { first: 1, last: 1, lengths: vec![15, 18], ..Keep::default() };
        check(&keep, "110105491231002", "1****2");
        check(&keep, "11010519491231002X", "1****X");
    }
}
