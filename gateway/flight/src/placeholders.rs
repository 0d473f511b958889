//! `?` as ADBC and JDBC write placeholders, numbered as the gateway reads them.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// The statement with `$1`, `$2`, … in the place of each `?`. A `?` within a text, a name or a comment stays.
pub(crate) fn numbered(sql: String) -> String {
    if !sql.contains('?') {
        return sql;
    }
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, &sql).with_unescape(false).tokenize() else { return sql };
    let is_placeholder = |token: &Token| matches!(token, Token::Placeholder(text) if text == "?");
    if !tokens.iter().any(is_placeholder) {
        return sql;
    }
    let mut n = 0;
    let mut text = String::new();
    for token in &tokens {
        if is_placeholder(token) {
            n += 1;
            text.push_str(&format!("${n}"));
        } else {
            text.push_str(&token.to_string());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_placeholders_are_numbered() {
        let cases = [
            ("SELECT 1", "SELECT 1"),
            ("SELECT ? , ?", "SELECT $1 , $2"),
            ("SELECT '?' AS \"a?\" -- ?\n WHERE x = ?", "SELECT '?' AS \"a?\" -- ?\n WHERE x = $1"),
            ("SELECT 'it''s ?', ?", "SELECT 'it''s ?', $1"),
            ("SELECT '? unfinished", "SELECT '? unfinished"),
        ];
        for (sql, expected) in cases {
            assert_eq!(numbered(sql.to_owned()), expected);
        }
    }
}
