//! Whether a masked text begins with a prefix, as a function of the original: for filters that the barrier asks itself.

use std::hash::Hash;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use policies::Mask;
use std::sync::Arc;

/// Never registered: no statement can name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ShowsPrefix {
    mask: Mask,
    prefix: String,
    signature: Signature,
}

impl ShowsPrefix {
    /// `mask` has to keep the prefix ([`Mask::keeps_prefix`]).
    pub(crate) fn new(mask: Mask, prefix: &str, text_type: DataType) -> Self {
        let signature = Signature::exact(vec![text_type], Volatility::Immutable);
        Self { mask, prefix: prefix.to_owned(), signature }
    }
}

impl ScalarUDFImpl for ShowsPrefix {
    fn name(&self) -> &'static str {
        "shows_prefix"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        let told = columns.first().and_then(|texts| self.mask.shows_prefix(texts, &self.prefix));
        let told = told.ok_or_else(|| DataFusionError::Internal("shows_prefix(): no text".to_owned()))?;
        Ok(ColumnarValue::Array(Arc::new(told) as ArrayRef))
    }
}
