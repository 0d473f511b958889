//! What a masked value tells of its original, so that a look-up by the one can be a look-up by the other.

use arrow::array::{ArrayRef, AsArray, BooleanArray};

use super::pseudonymize::{Behind, Tokens};
use super::{Keep, Mask, MaskContext, MaskError};

impl Mask {
    /// The originals that are shown as one of `shown`: all of them and no others; none if nothing is shown so. `None` if that
    /// cannot be told without the data, as for every mask but a token.
    ///
    /// # Errors
    /// [`MaskError::Key`].
    pub fn originals(&self, shown: &[&str], context: &MaskContext) -> Result<Option<Vec<String>>, MaskError> {
        let Self::Token { class } = self else { return Ok(None) };
        let tokens = Tokens::new(context, class)?;
        let mut originals = Vec::new();
        for one in shown {
            match tokens.behind(one) {
                Behind::Values(values) => originals.extend(values),
                Behind::Unknown => return Ok(None),
            }
        }
        Ok(Some(originals))
    }

    /// Whether only originals that begin with `prefix` are shown as texts that begin with it. Not the other way round: an
    /// original of an unexpected shape is shown as `***`, whatever it begins with.
    #[must_use]
    pub fn keeps_prefix(&self, prefix: &str) -> bool {
        match self {
            Self::Keep(Keep { first, each, .. }) => {
                !prefix.is_empty()
                    && prefix.chars().count() <= *first
                    && !prefix.contains('*')
                    && each.is_none_or(|separator| !prefix.contains(separator))
            }
            _ => false,
        }
    }

    /// Which texts are shown with a prefix that [`Mask::keeps_prefix`] allows; null where the text is. `None` if these are no
    /// texts, or the mask keeps no prefix.
    #[must_use]
    pub fn shows_prefix(&self, texts: &ArrayRef, prefix: &str) -> Option<BooleanArray> {
        let Self::Keep(keep) = self else { return None };
        let shows = |text: Option<&str>| text.map(|text| keep.shows_prefix(text, prefix));
        if let Some(texts) = texts.as_string_view_opt() {
            return Some(texts.iter().map(shows).collect());
        }
        if let Some(texts) = texts.as_string_opt::<i32>() {
            return Some(texts.iter().map(shows).collect());
        }
        texts.as_string_opt::<i64>().map(|texts| texts.iter().map(shows).collect())
    }

    /// Whether a text is shown as null where it is null and nowhere else, so that asking for nulls needs no masking.
    #[must_use]
    pub fn keeps_nulls_of_texts(&self) -> bool {
        matches!(self, Self::Clear | Self::Keep(_) | Self::Token { .. })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, StringArray};
    use proptest::prelude::*;

    use super::*;

    fn shown(mask: &Mask, value: &str) -> String {
        let raw: ArrayRef = Arc::new(StringArray::from(vec![value]));
        let masked = mask.apply(&raw, &MaskContext::new([3; 32], "p", 20_000)).unwrap();
        masked.as_string::<i32>().value(0).to_owned()
    }

    fn phone() -> Mask {
        Mask::Keep(Keep { first: 3, last: 4, lengths: vec![11], each: Some('|'), digits: true })
    }

    #[test]
    fn a_prefix_passes_up_to_what_is_shown() {
        let keep = phone();
        assert!(keep.keeps_prefix("1") && keep.keeps_prefix("139"));
        for beyond in ["", "1391", "***", "1*", "|", "1|"] {
            assert!(!keep.keeps_prefix(beyond), "{beyond}");
        }
        assert!(!Mask::SurnameOnly.keeps_prefix("张") && !Mask::Clear.keeps_prefix("1"));
    }

    #[test]
    fn nulls_are_nulls_of_the_original() {
        let raw: ArrayRef = Arc::new(StringArray::from(vec![Some(""), None, Some("***"), Some("|")]));
        let context = MaskContext::new([3; 32], "p", 20_000);
        for mask in [phone(), Mask::Token { class: "c".to_owned() }] {
            let masked = mask.apply(&raw, &context).unwrap();
            assert!(mask.keeps_nulls_of_texts());
            assert_eq!(masked.nulls(), raw.nulls());
        }
        assert!(!Mask::Null.keeps_nulls_of_texts());
    }

    proptest! {
        #[test]
        fn whatever_is_shown_with_a_prefix_has_it(
            value in "[0-9X*|张]{0,20}",
            prefix in "[0-9X*|张]{0,4}",
            first in 0_usize..5,
            digits: bool,
            each in prop_oneof![Just(None), Just(Some('|'))],
            lengths in prop_oneof![Just(vec![]), Just(vec![11]), Just(vec![5, 9])],
        ) {
            let keep = Mask::Keep(Keep { first, last: 2, lengths, each, digits });
            if keep.keeps_prefix(&prefix) {
                let is_shown = shown(&keep, &value).starts_with(&prefix);
                prop_assert!(!is_shown || value.starts_with(&prefix));
                let texts: ArrayRef = Arc::new(StringArray::from(vec![Some(value.as_str()), None]));
                let told = keep.shows_prefix(&texts, &prefix).unwrap();
                prop_assert_eq!(told.iter().collect::<Vec<_>>(), [Some(is_shown), None]);
            }
        }

        #[test]
        fn originals_of_a_token_are_all_there_are(value in "\\PC{0,20}|[0-9]{10,31}X?|[0-9a-f]{32}", other in "\\PC{0,6}") {
            let token = Mask::Token { class: "c".to_owned() };
            let context = MaskContext::new([3; 32], "p", 20_000);
            let asked = shown(&token, &value);
            if let Some(values) = token.originals(&[&asked], &context).unwrap() {
                prop_assert!(values.contains(&value));
                for found in &values {
                    prop_assert_eq!(shown(&token, found), asked.clone());
                }
                prop_assert_eq!(values.contains(&other), shown(&token, &other) == asked);
            }
        }
    }
}
