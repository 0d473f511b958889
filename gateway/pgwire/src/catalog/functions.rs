//! Functions that clients call about the session, the server and comments.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use policies::Principal;

use super::rewriting::NO_NUMBER;
use super::schema::Comments;
use crate::settings::{SERVER_VERSION, Settings};

/// What a function makes of its arguments, one row at a time or all at once.
type Body = dyn Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync;

/// A function of any arguments.
struct Simple {
    name: &'static str,
    signature: Signature,
    returns: DataType,
    body: Arc<Body>,
}

impl std::fmt::Debug for Simple {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simple").field("name", &self.name).finish_non_exhaustive()
    }
}

// Names are unique among the functions of a session.
impl PartialEq for Simple {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Simple {}

impl std::hash::Hash for Simple {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Simple {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let n_rows = arguments.number_rows;
        let arrays =
            arguments.args.into_iter().map(|argument| argument.into_array(n_rows)).collect::<Result<Vec<_>>>()?;
        (self.body)(&arrays, n_rows).map(ColumnarValue::Array)
    }
}

fn function(
    name: &'static str,
    returns: DataType,
    body: impl Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync + 'static,
) -> ScalarUDF {
    of_volatility(Volatility::Stable, name, returns, body)
}

fn of_volatility(
    volatility: Volatility,
    name: &'static str,
    returns: DataType,
    body: impl Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync + 'static,
) -> ScalarUDF {
    let signature = Signature::one_of(vec![TypeSignature::Nullary, TypeSignature::VariadicAny], volatility);
    ScalarUDF::new_from_impl(Simple { name, signature, returns, body: Arc::new(body) })
}

fn no_numbers(_: &[ArrayRef], n_rows: usize) -> Result<ArrayRef> {
    Ok(new_null_array(&DataType::Int32, n_rows))
}

/// A size on the disk: how large a table is would tell how many rows its reader may not see.
fn size(name: &'static str) -> ScalarUDF {
    function(name, DataType::Int64, |_, n_rows| Ok(Arc::new(Int64Array::from(vec![0; n_rows]))))
}

/// A function that gives one text, whatever it is called with.
fn word(name: &'static str, text: Option<String>) -> ScalarUDF {
    function(name, DataType::Utf8, move |_, n_rows| Ok(Arc::new(StringArray::from(vec![text.clone(); n_rows]))))
}

fn answer(name: &'static str, answer: bool) -> ScalarUDF {
    function(name, DataType::Boolean, move |_, n_rows| Ok(Arc::new(BooleanArray::from(vec![answer; n_rows]))))
}

/// Functions that give the same to everybody.
pub(super) fn of_server() -> Vec<ScalarUDF> {
    let version = format!("PostgreSQL {SERVER_VERSION} (Datong {})", env!("CARGO_PKG_VERSION"));
    vec![
        word("version", Some(version)),
        word("inet_server_addr", None),
        word("inet_client_addr", None),
        word("inet_server_port", None),
        word("shobj_description", None),
        word("pg_advisory_unlock_all", None),
        word("pg_get_constraintdef", None),
        word("pg_get_indexdef", None),
        word("pg_get_viewdef", None),
        word("pg_get_triggerdef", None),
        word("pg_get_ruledef", None),
        word("pg_get_functiondef", None),
        word("pg_get_function_result", None),
        word("pg_get_function_arguments", None),
        word("pg_get_function_identity_arguments", None),
        word("pg_get_serial_sequence", None),
        word("pg_tablespace_location", None),
        of_volatility(Volatility::Volatile, NO_NUMBER, DataType::Int32, no_numbers),
        // No types but PostgreSQL's own, which clients know by number.
        function("to_regtype", DataType::Int32, no_numbers),
        size("pg_database_size"),
        size("pg_indexes_size"),
        size("pg_relation_size"),
        size("pg_table_size"),
        size("pg_tablespace_size"),
        size("pg_total_relation_size"),
        function("pg_char_to_encoding", DataType::Int32, no_numbers),
        word("pg_size_pretty", Some("0 bytes".to_owned())),
        word("pg_postmaster_start_time", None),
        word("txid_current", None),
        answer("pg_is_in_recovery", false),
        answer("pg_function_is_visible", true),
        answer("pg_type_is_visible", true),
        answer("pg_operator_is_visible", true),
        answer("pg_collation_is_visible", true),
        answer("pg_conversion_is_visible", true),
        answer("pg_ts_config_is_visible", true),
        answer("pg_is_wal_replay_paused", false),
        answer("pg_opclass_is_visible", true),
        answer("has_column_privilege", true),
        answer("has_function_privilege", true),
        answer("has_sequence_privilege", false),
        answer("pg_has_role", false),
        function("current_setting", DataType::Utf8, |arguments, n_rows| {
            let defaults = Settings::default();
            let value = |name: Option<&str>| name.and_then(|name| defaults.show(name).ok());
            texts(arguments.first(), n_rows, value)
        }),
        // What is set here is set for nothing: the statement is alone in its session.
        function("set_config", DataType::Utf8, |arguments, n_rows| {
            texts(arguments.get(1), n_rows, |value| value.map(str::to_owned))
        }),
    ]
}

/// Functions about who asks and what they see.
pub(super) fn of_principal(principal: &Principal, comments: &Arc<Comments>) -> Vec<ScalarUDF> {
    let of_column = Arc::clone(comments);
    let of_relation = Arc::clone(comments);
    vec![
        word("session_user", Some(principal.subject.clone())),
        word("current_user", Some(principal.subject.clone())),
        word("pg_get_userbyid", Some(principal.subject.clone())),
        function("col_description", DataType::Utf8, move |arguments, n_rows| {
            let (oids, columns) = (numbers(arguments.first())?, numbers(arguments.get(1))?);
            let at = |row| of_column.texts.get(&(number(oids.as_ref(), row)?, number(columns.as_ref(), row)?)).cloned();
            Ok(Arc::new((0..n_rows).map(at).collect::<StringArray>()))
        }),
        function("obj_description", DataType::Utf8, move |arguments, n_rows| {
            let oids = numbers(arguments.first())?;
            let at = |row| of_relation.texts.get(&(number(oids.as_ref(), row)?, 0)).cloned();
            Ok(Arc::new((0..n_rows).map(at).collect::<StringArray>()))
        }),
    ]
}

fn texts(argument: Option<&ArrayRef>, n_rows: usize, of: impl Fn(Option<&str>) -> Option<String>) -> Result<ArrayRef> {
    let Some(argument) = argument else { return Ok(Arc::new(StringArray::new_null(n_rows))) };
    let argument = cast(argument, &DataType::Utf8)?;
    let argument = argument.as_string::<i32>();
    let text = |row| of(argument.is_valid(row).then(|| argument.value(row)));
    Ok(Arc::new((0..n_rows).map(text).collect::<StringArray>()))
}

fn numbers(argument: Option<&ArrayRef>) -> Result<Option<ArrayRef>> {
    Ok(argument.map(|argument| cast(argument, &DataType::Int32)).transpose()?)
}

fn number(array: Option<&ArrayRef>, row: usize) -> Option<i32> {
    let array = array?.as_primitive_opt::<Int32Type>()?;
    array.is_valid(row).then(|| array.value(row))
}
