//! A mask as a function, for filters that the barrier asks of masked texts itself.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use policies::{Mask, MaskContext};

use crate::QueryError;

/// Masks one column of texts. Never registered: no statement can name it.
#[derive(Clone)]
pub(crate) struct MaskedText {
    mask: Mask,
    context: Arc<MaskContext>,
    signature: Signature,
}

impl MaskedText {
    pub(crate) fn new(mask: Mask, context: Arc<MaskContext>, text_type: DataType) -> Self {
        Self { mask, context, signature: Signature::exact(vec![text_type], Volatility::Immutable) }
    }
}

impl fmt::Debug for MaskedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskedText").finish_non_exhaustive()
    }
}

impl PartialEq for MaskedText {
    fn eq(&self, other: &Self) -> bool {
        self.mask == other.mask && self.signature == other.signature && Arc::ptr_eq(&self.context, &other.context)
    }
}

impl Eq for MaskedText {}

impl Hash for MaskedText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.mask.hash(state);
        self.signature.hash(state);
    }
}

impl ScalarUDFImpl for MaskedText {
    fn name(&self) -> &'static str {
        "masked"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let text_type = arguments.first().ok_or_else(|| DataFusionError::Internal("masked(): no column".to_owned()))?;
        Ok(self.mask.output_type(text_type))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        let raw = columns.first().ok_or_else(|| DataFusionError::Internal("masked(): no column".to_owned()))?;
        let masked = self.mask.apply(raw, &self.context);
        let unfit = |_| DataFusionError::External(Box::new(QueryError::internal("mask does not fit its column")));
        Ok(ColumnarValue::Array(masked.map_err(unfit)?))
    }
}
