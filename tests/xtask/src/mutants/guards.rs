//! The guards, how each is taken away, and the test that notices.

/// A guard taken away.
#[derive(Debug)]
pub(crate) struct Mutant {
    /// What is missing.
    pub(crate) guard: &'static str,
    /// The test of `tests/tests/attacks` that has to go red.
    pub(crate) test: &'static str,
    /// What is changed. More than one where the guard stands twice.
    pub(crate) edits: &'static [Edit],
}

/// A piece of source and what stands there instead.
#[derive(Debug)]
pub(crate) struct Edit {
    /// From the root of the workspace.
    pub(crate) file: &'static str,
    /// Occurs exactly once.
    pub(crate) piece: &'static str,
    /// Builds.
    pub(crate) instead: &'static str,
}

const BARRIER: &str = "gateway/query/src/leakproof.rs";
const POLICY_TABLE: &str = "gateway/query/src/policy_table.rs";
const POLICY_SCAN: &str = "gateway/query/src/policy_scan.rs";
const STATEMENT: &str = "gateway/query/src/statement.rs";
const PLAN_GATE: &str = "gateway/query/src/plan_gate.rs";
const AGGREGATE_GATE: &str = "gateway/query/src/aggregate_gate.rs";
const SHAPE: &str = "gateway/query/src/aggregate_gate/shape.rs";
const FOLD: &str = "gateway/query/src/aggregate_gate/fold.rs";
const OVERLAP: &str = "gateway/query/src/aggregate_gate/overlap.rs";
const FUNCTIONS: &str = "gateway/query/src/functions.rs";
const REVEAL: &str = "gateway/query/src/reveal.rs";
const ERROR: &str = "gateway/query/src/error/of_engine.rs";
const EPOCH: &str = "gateway/query/src/epoch.rs";
const GATEWAY: &str = "gateway/query/src/gateway.rs";
const RELEASED: &str = "gateway/query/src/released.rs";
const DECIDE: &str = "policies/src/decide.rs";
const PAGE: &str = "gateway/rest/src/page.rs";

/// All of them, by the way of a query.
pub(crate) const GUARDS: &[Mutant] = &[
    Mutant {
        guard: "gate 1: one statement",
        test: "spellings::two_statements_are_refused_whole",
        edits: &[Edit { file: STATEMENT, piece: "(Some(statement), 1) =>", instead: "(Some(statement), _) =>" }],
    },
    Mutant {
        guard: "gate 1: queries only",
        test: "gates::what_is_no_query_stops_at_the_first_gate",
        edits: &[Edit {
            file: STATEMENT,
            piece: "other => refuse(&leading_words(&other.to_string())),",
            instead: "_ => Ok(ParsedQuery { statement: Statement::Statement(inner), searches: Vec::new() }),",
        }],
    },
    Mutant {
        guard: "policy epoch: policies are read when planning",
        test: "lifecycle::new_policies_hold_for_the_next_question",
        edits: &[Edit {
            file: GATEWAY,
            piece: "let policies = &access.policies;",
            instead: "static FIRST: std::sync::OnceLock<Arc<PolicySet>> = std::sync::OnceLock::new();
        let policies = FIRST.get_or_init(|| Arc::clone(&access.policies));",
        }],
    },
    Mutant {
        guard: "policy epoch: answers under way end",
        test: "lifecycle::an_answer_belongs_to_the_moment_it_was_asked",
        edits: &[Edit { file: EPOCH, piece: "if !self.shows_the_same(&now) {", instead: "if false {" }],
    },
    Mutant {
        guard: "data epoch: data are read when planning",
        test: "lifecycle::a_new_version_is_read_by_the_next_question",
        edits: &[Edit {
            file: GATEWAY,
            piece: "self.data.store(Some(Arc::new(data)));",
            instead: "if self.data.load().is_none() {
            self.data.store(Some(Arc::new(data)));
        }",
        }],
    },
    Mutant {
        guard: "decision: unsound purposes refuse",
        test: "purposes::an_unsound_purpose_is_refused_and_never_downgraded",
        edits: &[Edit {
            file: DECIDE,
            piece: "Err(reason) => return Decision::Refused { reason },",
            instead: "Err(_) => None,",
        }],
    },
    Mutant {
        guard: "decision: a changed column is hidden",
        test: "lifecycle::a_column_no_policy_speaks_of_is_hidden",
        edits: &[Edit {
            file: DECIDE,
            piece: "(shown.field_type == column.field_type).then(|| ColumnGrant {",
            instead: "(column.name.as_str() == shown.rule || true).then(|| ColumnGrant {",
        }],
    },
    Mutant {
        guard: "gate 2: every node of a plan",
        test: "gates::what_is_no_allowed_plan_stops_at_the_second_gate",
        edits: &[Edit {
            file: PLAN_GATE,
            piece: "gate.check_node(node).map_err(|error| DataFusionError::External(Box::new(error)))?;",
            instead: "let _ = gate.check_node(node);",
        }],
    },
    Mutant {
        guard: "function allow-list",
        test: "gates::a_function_off_the_list_does_not_exist",
        edits: &[
            Edit {
                file: FUNCTIONS,
                piece: ".filter(|function| SCALAR.contains(&function.name()))",
                instead: ".filter(|function| !function.name().is_empty())",
            },
            Edit {
                file: FUNCTIONS,
                piece: "        SCALAR.contains(&name)\n            || AGGREGATE",
                instead: "        !name.is_empty()\n            || SCALAR.contains(&name)\n            || AGGREGATE",
            },
        ],
    },
    Mutant {
        guard: "gate 3: aggregate-only relations",
        test: "aggregates::ways_round_the_gate_are_refused",
        edits: &[Edit {
            file: AGGREGATE_GATE,
            piece: "if !mentions_aggregate_only(&plan)? {",
            instead: "if mentions_aggregate_only(&plan).is_ok() {",
        }],
    },
    Mutant {
        guard: "gate 3: predicates that cannot fail",
        test: "aggregates::ways_round_the_gate_are_refused",
        edits: &[Edit {
            file: SHAPE,
            piece: ".ok_or_else(|| refused(AggregateRefusal::Predicate))?;",
            instead: ".unwrap_or_else(|| filter.predicate.clone());",
        }],
    },
    Mutant {
        guard: "gate 3: joins on the persons",
        test: "aggregates::ways_round_the_gate_are_refused",
        edits: &[Edit {
            file: SHAPE,
            piece: "if sound { Ok(()) } else {",
            instead: "if sound || !self.0.is_empty() { Ok(()) } else {",
        }],
    },
    Mutant {
        guard: "gate 3: groups of k persons",
        test: "aggregates::few_persons_look_like_nobody",
        edits: &[Edit {
            file: FOLD,
            piece: "group.persons.len() >= query.k as u64",
            instead: "!group.persons.is_empty()",
        }],
    },
    Mutant {
        guard: "gate 3: sums of one person",
        test: "aggregates::a_sum_that_is_one_persons_is_withheld",
        edits: &[Edit {
            file: FOLD,
            piece: "!total.is_finite() || most * 100.0 > total * f64::from(percent)",
            instead: "most * 100.0 > total * f64::from(percent) * 100.0",
        }],
    },
    Mutant {
        guard: "gate 3: a total less its parts",
        test: "aggregates::released_figures_are_right_and_small_groups_are_not_there",
        edits: &[Edit {
            file: FOLD,
            piece: "while !self.withheld.is_empty() && self.withheld.len() < self.k as u64",
            instead: "while !self.withheld.is_empty() && self.k == 0",
        }],
    },
    Mutant {
        guard: "gate 3: differences of two answers",
        test: "aggregates::differences_of_two_answers_are_refused",
        edits: &[Edit {
            file: OVERLAP,
            piece: "apart > 0 && apart < k as u64",
            instead: "apart > 0 && apart < k as u64 && k == 0",
        }],
    },
    Mutant {
        guard: "row filter",
        test: "corpus::every_asserted_line_holds_on_every_door",
        edits: &[Edit {
            file: POLICY_TABLE,
            piece: "let row_filter = row_filter(&grant.rows, &raw_schema);",
            instead: "let row_filter = row_filter(&grant.rows, &raw_schema).filter(|_| raw_schema.fields().is_empty());",
        }],
    },
    Mutant {
        guard: "barrier: only leakproof filters below it",
        test: "corpus::every_asserted_line_holds_on_every_door",
        edits: &[Edit {
            file: BARRIER,
            piece: "        match filter {\n            Expr::BinaryExpr(BinaryExpr { left, op: op @",
            instead: "        if !self.columns.is_empty() {
            use datafusion::common::tree_node::{Transformed, TreeNode};
            return filter
                .clone()
                .transform(|node| {
                    Ok(match node {
                        Expr::Column(column) => Transformed::yes(Expr::Column(Column::new_unqualified(column.name))),
                        other => Transformed::no(other),
                    })
                })
                .ok()
                .map(|found| found.data);
        }
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: op @",
        }],
    },
    Mutant {
        guard: "barrier: what the user's functions see",
        test: "probe::the_probe_sees_visible_values_only",
        edits: &[Edit {
            file: BARRIER,
            piece: "            Expr::Like(like) => self.like(like),\n            _ => None,",
            instead: "            Expr::Like(like) => self.like(like),
            Expr::ScalarFunction(_) => {
                use datafusion::common::tree_node::{Transformed, TreeNode};
                filter
                .clone()
                .transform(|node| {
                    Ok(match node {
                        Expr::Column(column) => Transformed::yes(Expr::Column(Column::new_unqualified(column.name))),
                        other => Transformed::no(other),
                    })
                })
                .ok()
                .map(|found| found.data)
            }
            _ => None,",
        }],
    },
    Mutant {
        guard: "barrier: masked texts are asked whole",
        test: "push_down::texts_of_another_shape_are_asked_as_they_are_shown",
        edits: &[Edit {
            file: BARRIER,
            piece: "asks(raw.clone()).and(shows.call(vec![raw]))",
            instead: "{ let _ = shows; asks(raw) }",
        }],
    },
    Mutant {
        guard: "barrier: filters of operators on clear columns",
        test: "push_down::filters_of_running_operators_reach_clear_columns_only",
        edits: &[Edit {
            file: POLICY_SCAN,
            piece: "column.mask == Mask::Clear && column.lift.is_none()",
            instead: "column.lift.is_none()",
        }],
    },
    Mutant {
        guard: "barrier: filters of operators in total statements",
        test: "push_down::filters_of_running_operators_reach_clear_columns_only",
        edits: &[Edit {
            file: GATEWAY,
            piece: "if !is_total(&optimized).map_err(as_planning)? {",
            instead: "if !is_total(&optimized).map_err(as_planning)? && limits.max_rows == 0 {",
        }],
    },
    Mutant {
        guard: "reveal: within the caller's rows",
        test: "endpoints::a_reveal_stays_within_the_rows_of_the_caller",
        edits: &[Edit {
            file: REVEAL,
            piece: "RowPredicate::And(vec![of_caller, is_it])",
            instead: "{ let _ = of_caller; is_it }",
        }],
    },
    Mutant {
        guard: "reveal: under the policy of now",
        test: "lifecycle::a_reveal_lasts_no_longer_than_its_policy",
        edits: &[Edit {
            file: "gateway/query/src/catalog.rs",
            piece: "target.check_still_given(asked_under, &grant)?;",
            instead: "let _ = asked_under;",
        }],
    },
    Mutant {
        guard: "barrier: masks",
        test: "corpus::every_asserted_line_holds_on_every_door",
        edits: &[Edit {
            file: POLICY_SCAN,
            piece: "None => self.mask.apply(raw, context),",
            instead: "None => Mask::Clear.apply(raw, context),",
        }],
    },
    Mutant {
        guard: "barrier: masks of children",
        test: "corpus::every_asserted_line_holds_on_every_door",
        edits: &[Edit {
            file: POLICY_SCAN,
            piece: "lift.apply(&self.mask, raw, births, context)",
            instead: "{ let _ = (lift, births); self.mask.apply(raw, context) }",
        }],
    },
    Mutant {
        guard: "barrier: no words of dictionaries left out",
        test: "bytes::dictionary_arrays",
        edits: &[
            Edit {
                file: POLICY_SCAN,
                piece: "DataType::Dictionary(_, values) => *values,",
                instead: "DataType::Dictionary(keys, values) => DataType::Dictionary(keys, values),",
            },
            Edit {
                file: POLICY_SCAN,
                piece: "DataType::Dictionary(..) => cast(&released, released_type)?,",
                instead: "DataType::Dictionary(..) if released_type.is_null() => cast(&released, released_type)?,",
            },
        ],
    },
    Mutant {
        guard: "barrier: no bytes of rows left out",
        test: "bytes::view_arrays_of_which_most_is_shown",
        edits: &[Edit {
            file: POLICY_SCAN,
            piece: "released = Arc::new(views.gc());\n    } else if let Some(views) = released.as_binary_view_opt() {",
            instead: "released = Arc::new(views.clone());\n    } else if let Some(views) = released.as_binary_view_opt() {",
        }],
    },
    Mutant {
        guard: "error sanitiser",
        test: "spellings::errors_quote_no_value",
        edits: &[Edit {
            file: ERROR,
            piece: "            | DataFusionError::SchemaError(..) => Self::EvaluationFailed,",
            instead: "            | DataFusionError::SchemaError(..) => Self::Unplannable { detail: error.to_string() },",
        }],
    },
    Mutant {
        guard: "answers that break off",
        test: "found::an_answer_that_breaks_off_is_no_answer",
        edits: &[Edit {
            file: RELEASED,
            piece: "Err(_) => Err(QueryError::internal(\"execution panicked\")),",
            instead: "Err(_) => {
                    let closed = self.close(None).await;
                    return closed.err().map(|error| (Err(error), self));
                }",
        }],
    },
    Mutant {
        guard: "cursors belong to their holder",
        test: "records::pages_end_with_the_visible_rows",
        edits: &[Edit { file: PAGE, piece: "holder: holder(client),", instead: "holder: String::new()," }],
    },
];
