//! The policy language: closed, typed, checked whole.
//!
//! ```toml
//! [classification]                          # may be left out; then the standard in force since 2025-11-01
//! standard = "GB/T 45574-2025"              # or "GB/T 35273-2020": by which `classes` are resolved
//!
//! [masks]                                   # own names for masks used often
//! id_number = { mask = "keep_first_last", first = 6, last = 4, length = 18, digits = true }
//!
//! [role.grid_worker]
//! zh = "网格员"
//! en = "grid worker"
//! attributes = ["grids"]
//!
//! [purpose.case_investigation]
//! zh = "案件侦办"
//! en = "case investigation"
//! legal_basis = "《中华人民共和国刑事诉讼法》第五十四条"
//! matter = "立案决定书文号"                  # the matter it is bound to, or what number its matters have
//! fields = ["unified.person.id_no"]         # all of which it may show more than the base rules; may be empty
//! expires = 2027-12-31                      # last day
//! roles = ["police_officer"]
//!
//! [[rule]]
//! role = "grid_worker"
//! purpose = "case_investigation"            # may be left out
//! relations = ["unified.person"]
//! zh = "网格员查看本网格人员"
//! en = "a grid worker sees the people of the own grids"
//! legal_basis = "……"
//! rows = { column = "grid_id", in = "grids" }
//! classes = { none = "clear" }              # defaults by classification; may be left out
//! columns = { name = "clear", id_no = "id_number" }
//!
//! [rule.aggregate]                          # may be left out; then rows may be read
//! persons = "person_id"                     # what is counted as a person
//! k = 5                                     # fewest persons of a group
//! keys = ["grid_id", "sex"]                 # may be grouped by and compared
//! measures = ["cost"]                       # may be summed and averaged
//! dominance_percent = 80                    # most of a sum that one person may make up
//!
//! [rule.search]                             # may be left out; then nobody is found by a value that is not shown
//! by = ["id_no", "name+birth_date"]         # full values only
//! per_hour = 30                             # most tries of one subject
//!
//! [rule.reveal]                             # may be left out; then no masked field of one record is shown in clear
//! columns = ["phone"]                       # of columns that the rule masks
//! seconds = 60                              # how long
//! per_hour = 10                             # how often one subject
//! approved_by = ["privacy_officer"]         # roles of which another person agrees first; may be left out
//!
//! [rule.lift]                               # may be left out; stronger masks for the rows of children
//! birth_date = "birth_date"                 # the date column that decides; it need not be shown
//! under_years = 14
//! columns = { phone = "null" }              # of columns that the rule shows
//! classes = { P = "null" }                  # of the other columns of a class; one of the two may be left out
//!
//! [[deny]]                                  # taken away after every rule
//! role = "any"                              # or one role, or a list of roles
//! purpose = "case_investigation"            # only for that purpose; otherwise for every one and for none
//! relations = ["unified.person"]
//! columns = ["ethnicity"]                   # without it: the whole relation
//! zh = "不得查看民族"
//! en = "nobody sees the ethnicity"
//! legal_basis = "……"
//! ```
//!
//! `rows` is `"all"`, `{ column, in = ATTRIBUTE }`, `{ column, prefix = ATTRIBUTE }`, `{ column, equals = [TEXT] }`,
//! `{ column, starts_with = [TEXT] }`, `{ and = [..] }` or `{ or = [..] }`. A column that neither `columns` nor `classes`
//! names is hidden. What a text does not say is never assumed: a word not known here is a fault.
//!
//! A rule of a purpose that shows a column more than the base rule of the same role and relation does (by its mask, by
//! further rows, or by rows in place of groups), and that is not among the purpose's `fields`, is a fault.
//!
//! A lifted mask has the output type of the ordinary one and shows no more; it holds for a row whose subject is under that
//! age on the day of the query, and for one without a usable birth date. A date without its day is stored as the first of its
//! month or year and counts as that: where such dates are common, `under_years` should be one higher. So it should by
//! GB/T 35273-2020, whose children are those up to and including 14. What is counted or summed of an aggregate cannot be
//! lifted, its keys can.
//!
//! A deny takes a column out of an aggregate too; without its persons an aggregate, and the relation with it, is invisible. Row
//! rules may still compare the column.

mod aggregate_spec;
mod case_spec;
mod class_set;
mod deny_spec;
mod fault;
mod lift_spec;
mod mask_spec;
mod reader;
mod reveal_spec;
mod row_spec;
mod rules;
mod search_spec;
mod subjects;
mod syntax;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::Relation;
use sha2::{Digest, Sha256};

pub(crate) use case_spec::read_cases;
pub use fault::{FaultKind, PolicyFault};
pub(crate) use syntax::check_syntax;
use syntax::read_document;

use self::reader::TableReader;
use crate::PolicySet;

/// Longest policy text, in bytes: far above any sensible policy, far below what could hurt.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// Reads and checks a policy set. See [`PolicySet::parse`].
pub(crate) fn parse(file: &str, text: &str, relations: &[Relation]) -> Result<PolicySet, Vec<PolicyFault>> {
    let (document, mut faults) = read_document(file, text)?;
    let span = document.span();
    let mut top = TableReader::new(document.get_ref(), span);
    let classification = class_set::read(top.get("classification"), &mut faults);
    let masks = mask_spec::read_named(top.optional_table("masks", &mut faults), &mut faults);
    let roles = subjects::read_roles(top.optional_table("role", &mut faults), &mut faults);
    let by_name: BTreeMap<String, &Relation> = relations.iter().map(|r| (r.name.to_string(), r)).collect();
    let purposes = top.optional_table("purpose", &mut faults);
    let (purposes, unread_fields) = subjects::read_purposes(purposes, &roles, &by_name, &mut faults);
    let known = rules::Known {
        roles: &roles,
        purposes: &purposes,
        unread_fields: &unread_fields,
        classification,
        masks: &masks,
        relations: &by_name,
    };
    let rules = rules::read_rules(top.optional_array("rule", &mut faults), &known, &mut faults);
    let denies = deny_spec::read_denies(top.optional_array("deny", &mut faults), &known, &mut faults);
    top.close(&mut faults);
    let version = hex::encode(Sha256::digest(text.as_bytes()));
    faults.into_result(PolicySet {
        version: version.chars().take(16).collect(),
        roles: Arc::new(roles),
        purposes: Arc::new(purposes),
        rules: Arc::new(rules),
        denies: Arc::new(denies),
        standard: classification.map_or_else(String::new, |set| set.standard.clone()),
    })
}
