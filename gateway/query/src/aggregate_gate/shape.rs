//! The closed shape of a query below the aggregate, read from the plan as the user wrote it.

use std::any::Any;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result as EngineResult;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, Filter, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, TableScan, cast,
    col, lit, try_cast,
};
use policies::AggregateRule;

use super::AggregateRefusal;
use super::predicate::total_predicate;
use crate::QueryError;
use crate::policy_table::PolicyTable;

/// What may be asked of a date: parts that are the same for every row whatever its value.
const DATE_UNITS: [&str; 8] = ["year", "quarter", "month", "week", "day", "dow", "doy", "isodow"];

/// Name of the persons column inside.
const PERSON: &str = "person";

/// What one output column of the aggregate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// The group key of that number.
    Key(usize),
    /// `count(*)`.
    Rows,
    /// `count(DISTINCT persons)`.
    Persons,
    /// `count(column)`, by number of the counted column.
    NotNull(usize),
    /// `sum(measure)`, by number of the measure.
    Sum(usize),
    /// `avg(measure)`, by number of the measure.
    Average(usize),
}

/// An aggregate over aggregate-only relations, of the shape that may be answered.
#[derive(Debug)]
pub(crate) struct GroupQuery {
    input: LogicalPlan,
    persons: Column,
    keys: Vec<Expr>,
    /// Distinct columns whose not-null rows are counted.
    counted: Vec<Column>,
    measures: Vec<Column>,
    /// In the order of the aggregate's columns.
    pub(crate) outputs: Vec<Output>,
    /// The strictest of the relations'.
    pub(crate) k: usize,
    /// The strictest of the relations'.
    pub(crate) dominance_percent: u32,
}

/// The table and its rule, if the provider is an aggregate-only relation.
pub(super) fn as_aggregate_only(provider: &Arc<dyn TableProvider>) -> Option<&AggregateRule> {
    let any: &dyn Any = provider.as_ref();
    any.downcast_ref::<PolicyTable>().and_then(PolicyTable::aggregate)
}

impl GroupQuery {
    /// Reads an aggregate.
    pub(super) fn of_aggregate(aggregate: &Aggregate) -> Result<Self, QueryError> {
        let mut query = Self::over(&aggregate.input)?;
        let leaves = Leaves::of(&aggregate.input)?;
        for key in &aggregate.group_expr {
            query.add_key(key, &leaves, aggregate.input.schema())?;
        }
        for expr in &aggregate.aggr_expr {
            query.add_aggregate(expr, &leaves)?;
        }
        Ok(query)
    }

    /// Reads `SELECT DISTINCT keys`: groups without aggregates.
    pub(super) fn of_distinct(input: &LogicalPlan) -> Result<Self, QueryError> {
        let LogicalPlan::Projection(projection) = input else { return Err(refused(AggregateRefusal::Rows)) };
        let mut query = Self::over(&projection.input)?;
        let leaves = Leaves::of(&projection.input)?;
        for key in &projection.expr {
            query.add_key(key, &leaves, projection.input.schema())?;
        }
        Ok(query)
    }

    fn over(input: &Arc<LogicalPlan>) -> Result<Self, QueryError> {
        let leaves = Leaves::of(input)?;
        let input = leaves.checked(input)?;
        let Some(first) = leaves.0.first() else { return Err(refused(AggregateRefusal::Shape)) };
        Ok(Self {
            input,
            persons: Column::new(Some(first.name.clone()), first.rule.persons.clone()),
            keys: Vec::new(),
            counted: Vec::new(),
            measures: Vec::new(),
            outputs: Vec::new(),
            k: leaves
                .0
                .iter()
                .map(|leaf| leaf.rule.k)
                .max()
                .and_then(|k| usize::try_from(k).ok())
                .unwrap_or(usize::MAX),
            dominance_percent: leaves.0.iter().map(|leaf| leaf.rule.dominance_percent).min().unwrap_or(0),
        })
    }

    fn add_key(&mut self, key: &Expr, leaves: &Leaves, schema: &DFSchema) -> Result<(), QueryError> {
        let key = match key {
            Expr::Alias(alias) => alias.expr.as_ref(),
            other => other,
        };
        let plain = match key {
            Expr::Column(column) if leaves.is_key(column) => key.clone(),
            Expr::ScalarFunction(call) => date_key(call, leaves, schema)?,
            Expr::GroupingSet(_) => return Err(refused(AggregateRefusal::GroupingSets)),
            other => return Err(refused(AggregateRefusal::Key { column: shown(other) })),
        };
        self.outputs.push(Output::Key(self.keys.len()));
        self.keys.push(plain);
        Ok(())
    }

    fn add_aggregate(&mut self, expr: &Expr, leaves: &Leaves) -> Result<(), QueryError> {
        let expr = match expr {
            Expr::Alias(alias) => alias.expr.as_ref(),
            other => other,
        };
        let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else {
            return Err(refused(AggregateRefusal::Function));
        };
        let refuse = || refused(AggregateRefusal::Function);
        if params.filter.is_some() || !params.order_by.is_empty() || params.null_treatment.is_some() {
            return Err(refuse());
        }
        let output = match (func.name(), params.args.as_slice(), params.distinct) {
            ("count", [Expr::Literal(value, _)], false) if !value.is_null() => Output::Rows,
            ("count", [Expr::Column(column)], true) if leaves.is_persons(column) => Output::Persons,
            ("count", [Expr::Column(column)], false) if leaves.is_persons(column) => Output::Rows,
            ("count", [Expr::Column(column)], false) if leaves.is_key(column) || leaves.is_measure(column) => {
                Output::NotNull(number_of(&mut self.counted, column))
            }
            ("sum", [Expr::Column(column)], false) if leaves.is_measure(column) => {
                Output::Sum(number_of(&mut self.measures, column))
            }
            ("avg", [Expr::Column(column)], false) if leaves.is_measure(column) => {
                Output::Average(number_of(&mut self.measures, column))
            }
            _ => return Err(refuse()),
        };
        self.outputs.push(output);
        Ok(())
    }

    /// Number of group keys.
    pub(crate) fn n_keys(&self) -> usize {
        self.keys.len()
    }

    /// Number of columns whose not-null rows are counted.
    pub(crate) fn n_counted(&self) -> usize {
        self.counted.len()
    }

    /// Number of measures.
    pub(crate) fn n_measures(&self) -> usize {
        self.measures.len()
    }

    /// One row per group and person: the keys, the person, the number of rows, the not-null counts, and for each measure its
    /// sum and the number of its values. Rows of nobody are left out.
    pub(super) fn persons_plan(&self) -> EngineResult<LogicalPlan> {
        let person = Expr::Column(self.persons.clone());
        let mut rows: Vec<Expr> = Vec::new();
        let named = |prefix: &str, idx: usize| format!("{prefix}{idx}");
        rows.extend(self.keys.iter().enumerate().map(|(idx, key)| key.clone().alias(named("key", idx))));
        rows.push(cast(person.clone(), DataType::Utf8).alias(PERSON));
        rows.extend(
            self.counted.iter().enumerate().map(|(idx, c)| Expr::Column(c.clone()).alias(named("counted", idx))),
        );
        rows.extend(
            self.measures.iter().enumerate().map(|(idx, measure)| {
                cast(Expr::Column(measure.clone()), DataType::Float64).alias(named("measure", idx))
            }),
        );
        let keys = (0..self.keys.len()).map(|idx| col(named("key", idx))).chain([col(PERSON)]);
        let mut aggregates = vec![count(lit(1_i64)).alias("n_rows")];
        aggregates.extend(
            (0..self.counted.len()).map(|idx| count(col(named("counted", idx))).alias(named("n_counted", idx))),
        );
        for idx in 0..self.measures.len() {
            aggregates.push(sum(col(named("measure", idx))).alias(named("sum", idx)));
            aggregates.push(count(col(named("measure", idx))).alias(named("n_measure", idx)));
        }
        LogicalPlanBuilder::from(self.input.clone())
            .filter(person.is_not_null())?
            .project(rows)?
            .aggregate(keys, aggregates)?
            .build()
    }
}

/// The number of a column in a list that it is added to if it is not there.
fn number_of(columns: &mut Vec<Column>, column: &Column) -> usize {
    columns.iter().position(|known| known == column).unwrap_or_else(|| {
        columns.push(column.clone());
        columns.len() - 1
    })
}

/// `date_part('month', d)`, `date_trunc('month', d)` of an allowed key. Both are made total: a date too far away for the
/// engine's timestamps is null, not an error.
fn date_key(call: &ScalarFunction, leaves: &Leaves, schema: &DFSchema) -> Result<Expr, QueryError> {
    let refuse = || refused(AggregateRefusal::Key { column: call.func.name().to_owned() });
    let (unit, column) = match call.args.as_slice() {
        [Expr::Literal(unit, _), key @ Expr::Column(column)] if leaves.is_key(column) => (unit, key),
        _ => return Err(refuse()),
    };
    let unit = unit.try_as_str().flatten().map(str::to_lowercase).ok_or_else(refuse)?;
    let column_type = column.get_type(schema).map_err(|error| QueryError::from_planning(&error))?;
    let is_date = matches!(column_type, DataType::Date32 | DataType::Timestamp(..));
    let total = match call.func.name() {
        "date_part" => column.clone(),
        "date_trunc" => try_cast(column.clone(), DataType::Timestamp(TimeUnit::Microsecond, None)),
        _ => return Err(refuse()),
    };
    if !is_date || !DATE_UNITS.contains(&unit.as_str()) {
        return Err(refuse());
    }
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&call.func), vec![lit(unit), total])))
}

/// The aggregate-only relations below an aggregate, each with the name its columns are qualified by.
struct Leaves(Vec<Leaf>);

struct Leaf {
    name: TableReference,
    rule: AggregateRule,
}

impl Leaves {
    fn of(input: &LogicalPlan) -> Result<Self, QueryError> {
        let mut leaves = Self(Vec::new());
        leaves.collect(input, None)?;
        Ok(leaves)
    }

    fn collect(&mut self, plan: &LogicalPlan, alias: Option<&TableReference>) -> Result<(), QueryError> {
        match plan {
            LogicalPlan::TableScan(scan) => self.add(scan, alias),
            LogicalPlan::SubqueryAlias(named) => match named.input.as_ref() {
                // One relation under another name; of anything else the columns' origin would be lost.
                LogicalPlan::TableScan(scan) => self.add(scan, Some(&named.alias)),
                _ => Err(refused(AggregateRefusal::Shape)),
            },
            LogicalPlan::Filter(filter) => self.collect(&filter.input, alias),
            LogicalPlan::Join(join) => {
                self.collect(&join.left, alias)?;
                self.collect(&join.right, alias)
            }
            _ => Err(refused(AggregateRefusal::Shape)),
        }
    }

    fn add(&mut self, scan: &TableScan, alias: Option<&TableReference>) -> Result<(), QueryError> {
        let provider = source_as_provider(&scan.source).map_err(|_| refused(AggregateRefusal::Shape))?;
        // Joined with rows that may be read, a count would tell which of those rows have a partner.
        let rule = as_aggregate_only(&provider).ok_or_else(|| refused(AggregateRefusal::Join))?;
        let name = alias.unwrap_or(&scan.table_name).clone();
        self.0.push(Leaf { name, rule: rule.clone() });
        Ok(())
    }

    /// The plan below the aggregate with its predicates made total, if every node of it is of the allowed shape.
    fn checked(&self, plan: &LogicalPlan) -> Result<LogicalPlan, QueryError> {
        let as_planning = |error| QueryError::from_planning(&error);
        match plan {
            LogicalPlan::TableScan(scan) if scan.filters.is_empty() && scan.fetch.is_none() => Ok(plan.clone()),
            LogicalPlan::SubqueryAlias(named) => self.checked(&named.input).map(|_| plan.clone()),
            LogicalPlan::Filter(filter) => {
                let is_key = |column: &Column| self.is_key(column);
                let predicate = total_predicate(&filter.predicate, filter.input.schema(), &is_key)
                    .ok_or_else(|| refused(AggregateRefusal::Predicate))?;
                let input = Arc::new(self.checked(&filter.input)?);
                Filter::try_new(predicate, input).map(LogicalPlan::Filter).map_err(as_planning)
            }
            LogicalPlan::Join(join) => {
                self.check_join(join)?;
                let inputs = vec![self.checked(&join.left)?, self.checked(&join.right)?];
                plan.with_new_exprs(plan.expressions(), inputs).map_err(as_planning)
            }
            _ => Err(refused(AggregateRefusal::Shape)),
        }
    }

    fn check_join(&self, join: &Join) -> Result<(), QueryError> {
        let both_persons = |left: &Expr, right: &Expr| match (left, right) {
            (Expr::Column(left), Expr::Column(right)) => {
                self.is_persons(left) && self.is_persons(right) && left.relation != right.relation
            }
            _ => false,
        };
        // Written with ON, the comparison is still a filter here; with USING, it is a pair.
        let of_filter = join.filter.iter().flat_map(split_conjunction).map(|part| match part {
            Expr::BinaryExpr(binary) if binary.op == Operator::Eq => both_persons(&binary.left, &binary.right),
            _ => false,
        });
        let of_pairs = join.on.iter().map(|(left, right)| both_persons(left, right));
        let conditions: Vec<bool> = of_filter.chain(of_pairs).collect();
        let sound =
            join.join_type == JoinType::Inner && !conditions.is_empty() && conditions.into_iter().all(|sound| sound);
        if sound { Ok(()) } else { Err(refused(AggregateRefusal::Join)) }
    }

    fn rule_of(&self, column: &Column) -> Option<&AggregateRule> {
        let relation = column.relation.as_ref()?;
        self.0.iter().find(|leaf| leaf.name.resolved_eq(relation)).map(|leaf| &leaf.rule)
    }

    fn is_key(&self, column: &Column) -> bool {
        self.rule_of(column).is_some_and(|rule| rule.keys.contains(&column.name))
    }

    fn is_measure(&self, column: &Column) -> bool {
        self.rule_of(column).is_some_and(|rule| rule.measures.contains(&column.name))
    }

    fn is_persons(&self, column: &Column) -> bool {
        self.rule_of(column).is_some_and(|rule| rule.persons == column.name)
    }
}

/// A name for a refused key: of the statement, never of the data.
fn shown(expr: &Expr) -> String {
    match expr {
        Expr::Column(column) => column.name.clone(),
        _ => "an expression".to_owned(),
    }
}

fn refused(refusal: AggregateRefusal) -> QueryError {
    QueryError::AggregateOnly { refusal }
}
