//! The layout of policy files: comments stay, the meaning stays, twice is once.

use policies::{PolicySet, format_policy, shipped_cases_text};
use proptest::prelude::*;
use schemas::Registry;

use crate::fixture::{SOUND, parse, render};

fn format(text: &str) -> String {
    format_policy(text).unwrap_or_else(|faults| panic!("{}\n{text}", render(&faults)))
}

fn check(text: &str, expected: &str) {
    assert_eq!(format(text), expected);
    assert_eq!(format(expected), expected, "twice is once");
}

/// Everything a set says, apart from its version.
fn meaning(set: &PolicySet) -> String {
    format!("{set:?}").replace(set.version(), "")
}

#[test]
fn spaces_and_blank_lines_are_made_alike() {
    check(
        "\n\n# head\n\n\n# of the file\n[masks]   # own names\n\n  a={mask=\"keep_first\",n = 1 }# short\n\n\n\tb   =   \"clear\"  \n\
         [role . x]\nzh=\"一\"\n# why\nen = \"one\"\n\n\n\n[[rule]]\nrole=\"x\"\n\n[rule.columns]\n\n  # a note\n\n  name = \"clear\"\n[[rule]]\n\
         # the end\n\n",
        "\
# head

# of the file
[masks] # own names
a = { mask = \"keep_first\", n = 1 } # short

b = \"clear\"

[role.x]
zh = \"一\"
# why
en = \"one\"

[[rule]]
role = \"x\"
[rule.columns]
# a note

name = \"clear\"

[[rule]]

# the end
",
    );
}

#[test]
fn lists_go_over_lines_or_not_as_written() {
    check(
        "a=[ 1,2 , ]\nb = [\n1,\n   [2,\n 3] ]\nc = [ # why\n  1 ]\nd = [ ]\ne = {  }\n",
        "a = [1, 2]\nb = [\n    1,\n    [\n        2,\n        3,\n    ],\n]\nc = [ # why\n  1 ]\nd = []\ne = {}\n",
    );
}

#[test]
fn values_are_left_as_written() {
    let text = "a = 'x  # y '\nb = \"\"\"\n  one   \n\n\n  two\"\"\"\nc = 0x1F\nd = 2027-12-31\n\"quoted key\" = 1_000\ne.f = true\n";
    check(text, text);
}

#[test]
fn a_blank_line_stays_only_one_and_keys_keep_their_order() {
    check("z = 1\n\n\n\na = 2\n", "z = 1\n\na = 2\n");
    check("z.y = 1\nz . x=2\n", "z.y = 1\nz.x = 2\n");
    check("", "");
    check("\n\n", "");
    check("# only a comment", "# only a comment\n");
    check("[a]\r\nb=1\r\n# c\r\n", "[a]\nb = 1\n\n# c\n");
}

#[test]
fn a_text_that_is_no_toml_is_refused_with_every_fault() {
    let faults = format_policy("a = 1\nb = \nc = 3\"\n").unwrap_err();
    assert!(render(&faults).starts_with("policy.toml:2:"), "{}", render(&faults));
    assert!(faults.iter().any(|fault| fault.line == 3), "{}", render(&faults));
}

#[test]
fn the_shipped_files_keep_meaning_comments_and_layout() {
    let relations = Registry::shipped().unwrap().relations();
    let shipped = PolicySet::shipped_text();
    let formatted = format(shipped);
    assert_eq!(format(&formatted), formatted);
    let set = |text: &str| PolicySet::parse("p.toml", text, &relations).unwrap();
    assert_eq!(meaning(&set(shipped)), meaning(&set(&formatted)));
    let comments = |text: &str| text.lines().filter(|l| l.contains('#')).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(comments(shipped), comments(&formatted));
    let cases = shipped_cases_text();
    assert_eq!(format(cases), cases);
}

/// Lays lines out badly without changing what they say: the fixture has no texts over several lines.
fn mutilate(text: &str, how: &[u8]) -> String {
    let mut out = String::new();
    for (line, how) in text.lines().zip(how.iter().cycle()) {
        let line = if how & 1 == 0 { line.replacen(" = ", "=", 1) } else { line.replacen(" = ", "  =\t", 1) };
        let line = if how & 2 == 0 { line.replace(", ", " ,") } else { line };
        let line = if how & 4 == 0 { line.replace("{ ", "{").replace(" }", "}") } else { line };
        let indent = if how & 8 == 0 { "  " } else { "" };
        let end = if how & 16 == 0 { " \t" } else { " # note" };
        let end = if line.is_empty() { "" } else { end };
        out.push_str(&format!("{indent}{line}{end}\n"));
        if how & 32 == 0 {
            out.push_str("\n   \n");
        }
        if how & 64 == 0 {
            out.push_str("\t# a line of its own\n");
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_badly_laid_out_policy_says_the_same_and_settles_at_once(how in prop::collection::vec(any::<u8>(), 1..90)) {
        let bad = mutilate(SOUND, &how);
        let formatted = format(&bad);
        prop_assert_eq!(&format(&formatted), &formatted);
        prop_assert_eq!(meaning(&parse(&bad).unwrap()), meaning(&parse(SOUND).unwrap()));
        prop_assert_eq!(meaning(&parse(&formatted).unwrap()), meaning(&parse(SOUND).unwrap()));
        prop_assert!(formatted.lines().all(|line| line == line.trim_end()));
        prop_assert_eq!(formatted.matches('#').count(), bad.matches('#').count());
        prop_assert!(!formatted.contains("\n\n\n") && !formatted.contains("=".repeat(2).as_str()));
    }
}

/// Pieces of TOML; `@` is a number of its own, so that most sequences are sound.
const PIECES: [&str; 19] = [
    "a@=1\n",
    "  a@ =[1,\n2 ]  # b\n",
    "a@={b=1, c.d= [ 2 ]}\n",
    "a@ = [ # c\n 1\n, 2]\n",
    "a@ = { b = [\n1] }\n",
    "a@ . b=1#c\n",
    "a@.b.c = 1\n",
    "'q @' = \"\"\"\n x  \n\n\n\"\"\"\n",
    "[t@] # d\n",
    "[t@.u . v]\n",
    "[[l]]\n",
    "[[ l.m]]\n",
    "[l.n@]\n",
    "[l.n@.o]\n",
    "[l.m.p@]\n",
    "# e  \n",
    "\n",
    " \t",
    "\r\n",
];

proptest! {
    #[test]
    fn any_text_settles_at_once_and_says_the_same(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..14)) {
        let text: String = pieces.iter().enumerate().map(|(i, piece)| piece.replace('@', &i.to_string())).collect();
        if let Ok(formatted) = format_policy(&text) {
            prop_assert_eq!(&format(&formatted), &formatted);
            prop_assert_eq!(formatted.parse::<toml::Table>().ok(), text.parse::<toml::Table>().ok());
            prop_assert_eq!(formatted.matches('#').count(), text.matches('#').count());
        }
    }
}
