//! The function allow-list. A function that is not named here does not exist for any principal, so a function that a new
//! engine release brings is closed by default.
//!
//! Left out on purpose: what prints storage facts (`input_file_name`, `file_row_index`, `arrow_metadata`), what builds
//! values of any size from short text (`repeat`, `lpad`, `rpad`, `array_repeat`, `array_resize`, `generate_series`),
//! what differs between two runs of the same statement (`random`, `uuid`), and every table function.

use std::sync::Arc;

use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

const SCALAR: &[&str] = &[
    // core
    "arrow_cast",
    "arrow_try_cast",
    "coalesce",
    "get_field",
    "greatest",
    "least",
    "named_struct",
    "nullif",
    "nvl",
    "nvl2",
    "overlay",
    "struct",
    // date and time
    "current_date",
    "current_time",
    "date_bin",
    "date_part",
    "date_trunc",
    "from_unixtime",
    "make_date",
    "make_time",
    "now",
    "to_char",
    "to_date",
    "to_local_time",
    "to_time",
    "to_timestamp",
    "to_timestamp_micros",
    "to_timestamp_millis",
    "to_timestamp_nanos",
    "to_timestamp_seconds",
    "to_unixtime",
    // encoding, hashing
    "decode",
    "encode",
    "digest",
    "md5",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    // numbers
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "cos",
    "cosh",
    "cot",
    "degrees",
    "exp",
    "factorial",
    "floor",
    "gcd",
    "isnan",
    "iszero",
    "lcm",
    "ln",
    "log",
    "log10",
    "log2",
    "nanvl",
    "pi",
    "power",
    "radians",
    "round",
    "signum",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
    "trunc",
    // text
    "ascii",
    "bit_length",
    "btrim",
    "character_length",
    "chr",
    "concat",
    "concat_ws",
    "contains",
    "ends_with",
    "find_in_set",
    "initcap",
    "left",
    "levenshtein",
    "lower",
    "ltrim",
    "octet_length",
    "replace",
    "reverse",
    "right",
    "rtrim",
    "split_part",
    "starts_with",
    "strpos",
    "substr",
    "substr_index",
    "to_hex",
    "translate",
    "upper",
    "regexp_count",
    "regexp_instr",
    "regexp_like",
    "regexp_match",
    "regexp_replace",
    // arrays and maps
    "array_any_value",
    "array_append",
    "array_concat",
    "array_dims",
    "array_distinct",
    "array_element",
    "array_except",
    "array_has",
    "array_has_all",
    "array_has_any",
    "array_intersect",
    "array_length",
    "array_max",
    "array_min",
    "array_ndims",
    "array_pop_back",
    "array_pop_front",
    "array_position",
    "array_positions",
    "array_prepend",
    "array_remove",
    "array_remove_all",
    "array_remove_n",
    "array_replace",
    "array_replace_all",
    "array_replace_n",
    "array_reverse",
    "array_slice",
    "array_sort",
    "array_to_string",
    "array_union",
    "cardinality",
    "empty",
    "flatten",
    "make_array",
    "map",
    "map_entries",
    "map_extract",
    "map_keys",
    "map_values",
    "string_to_array",
];

const AGGREGATE: &[&str] = &[
    "any_value",
    "approx_distinct",
    "approx_median",
    "approx_percentile_cont",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "first_value",
    "grouping",
    "last_value",
    "max",
    "median",
    "min",
    "nth_value",
    "percentile_cont",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "string_agg",
    "sum",
    "var",
    "var_pop",
];

const WINDOW: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
];

/// The functions of every principal's session.
#[derive(Debug, Clone)]
pub(crate) struct AllowedFunctions {
    pub(crate) scalar: Vec<Arc<ScalarUDF>>,
    pub(crate) aggregate: Vec<Arc<AggregateUDF>>,
    pub(crate) window: Vec<Arc<WindowUDF>>,
    /// Names of functions that only tests bring.
    probes: Vec<String>,
}

impl AllowedFunctions {
    /// Picks the allowed ones out of the engine's.
    pub(crate) fn load() -> Self {
        Self {
            scalar: SessionStateDefaults::default_scalar_functions()
                .into_iter()
                .filter(|function| SCALAR.contains(&function.name()))
                .collect(),
            aggregate: SessionStateDefaults::default_aggregate_functions()
                .into_iter()
                .filter(|function| AGGREGATE.contains(&function.name()))
                .collect(),
            window: SessionStateDefaults::default_window_functions()
                .into_iter()
                .filter(|function| WINDOW.contains(&function.name()))
                .collect(),
            probes: Vec::new(),
        }
    }

    /// Adds functions that watch what they are called with. Tests of the barrier need one; nothing that is served does.
    #[cfg(feature = "probes")]
    pub(crate) fn with_probes(mut self, probes: Vec<Arc<ScalarUDF>>) -> Self {
        self.probes.extend(probes.iter().map(|probe| probe.name().to_owned()));
        self.scalar.extend(probes);
        self
    }

    /// Whether a function of that canonical name may appear in a plan.
    pub(crate) fn allows(&self, name: &str) -> bool {
        SCALAR.contains(&name)
            || AGGREGATE.contains(&name)
            || WINDOW.contains(&name)
            || self.probes.iter().any(|probe| probe == name)
    }
}

/// Canonical names of all allowed functions, for documentation and completion.
#[must_use]
pub fn allowed_function_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = SCALAR.iter().chain(AGGREGATE).chain(WINDOW).copied().collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_function_exists_in_the_engine() {
        let allowed = AllowedFunctions::load();
        let missing = |listed: &[&'static str], found: Vec<&str>| {
            listed.iter().copied().filter(|name| !found.contains(name)).collect::<Vec<_>>()
        };
        assert_eq!(missing(SCALAR, allowed.scalar.iter().map(|f| f.name()).collect()), Vec::<&str>::new());
        assert_eq!(missing(AGGREGATE, allowed.aggregate.iter().map(|f| f.name()).collect()), Vec::<&str>::new());
        assert_eq!(missing(WINDOW, allowed.window.iter().map(|f| f.name()).collect()), Vec::<&str>::new());
    }

    #[test]
    fn dangerous_functions_are_not_listed() {
        let allowed = AllowedFunctions::load();
        for name in ["input_file_name", "file_row_index", "arrow_metadata", "repeat", "random", "uuid", "version"] {
            assert!(!allowed.allows(name), "{name}");
        }
    }
}
