//! Texts as codes: every distinct text is held, hashed and parsed once, and compared as a number.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Code of a text. [`NONE`] stands for "no text"; the first text gets 1.
pub(crate) type Code = u32;

/// No text.
pub(crate) const NONE: Code = 0;

/// Texts in the order they were first seen, each with its code. The order of insertion alone decides the codes, so
/// that equal input gives equal codes whatever the hash seed.
#[derive(Default)]
pub(crate) struct Dictionary {
    texts: Vec<Box<str>>,
    table: HashTable<Code>,
    hasher: DefaultHashBuilder,
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dictionary({} texts)", self.texts.len())
    }
}

impl Dictionary {
    /// The code of a text, given anew if need be. Empty texts are [`NONE`].
    pub(crate) fn code(&mut self, text: &str) -> Code {
        if text.is_empty() {
            return NONE;
        }
        let Self { texts, table, hasher } = self;
        let hash = hasher.hash_one(text);
        if let Some(found) = table.find(hash, |code| held(texts, *code) == text) {
            return *found;
        }
        texts.push(text.into());
        let code = u32::try_from(texts.len()).unwrap_or(Code::MAX);
        table.insert_unique(hash, code, |code| hasher.hash_one(held(texts, *code)));
        code
    }

    /// The code of a text that was seen.
    pub(crate) fn find(&self, text: &str) -> Option<Code> {
        let hash = self.hasher.hash_one(text);
        self.table.find(hash, |code| held(&self.texts, *code) == text).copied()
    }

    /// The text of a code; empty for [`NONE`].
    pub(crate) fn text(&self, code: Code) -> &str {
        held(&self.texts, code)
    }

    /// How many distinct texts there are; also the highest code.
    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }
}

fn held(texts: &[Box<str>], code: Code) -> &str {
    (code as usize).checked_sub(1).and_then(|at| texts.get(at)).map_or("", AsRef::as_ref)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_a_code_and_the_empty_text_has_none() {
        let mut dictionary = Dictionary::default();
        let first = dictionary.code("甲");
        let second = dictionary.code("乙");
        assert_eq!((first, second, dictionary.code("甲"), dictionary.code("")), (1, 2, 1, NONE));
        assert_eq!((dictionary.text(2), dictionary.text(NONE), dictionary.text(9)), ("乙", "", ""));
        assert_eq!((dictionary.find("乙"), dictionary.find("丙"), dictionary.len()), (Some(2), None, 2));
    }

    #[test]
    fn many_texts_keep_their_codes_while_the_table_grows() {
        let mut dictionary = Dictionary::default();
        for i in 1..=5000_u32 {
            assert_eq!(dictionary.code(&i.to_string()), i);
        }
        assert!((1..=5000_u32).all(|i| dictionary.find(&i.to_string()) == Some(i)));
    }
}
