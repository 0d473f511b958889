//! From a column of any type to the kernel of its values: dictionaries, lists, texts, dates, numbers.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBufferBuilder, GenericListArray, GenericStringArray, GenericStringBuilder,
    OffsetSizeTrait, StringViewArray, StringViewBuilder,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Date32Type, Field, FieldRef};

use super::pseudonymize::Tokens;
use super::{Mask, MaskContext, MaskError, REDACTED, address, free_text, generalize, name};

/// Masks a column with any mask but `Clear` and `Null`.
pub(super) fn apply(mask: &Mask, values: &ArrayRef, context: &MaskContext) -> Result<ArrayRef, MaskError> {
    if let Some(dictionary) = values.as_any_dictionary_opt() {
        let masked = mask.apply(dictionary.values(), context)?;
        return Ok(take(&masked, dictionary.keys(), None)?);
    }
    if mask.masks_elements() {
        if let Some(list) = values.as_list_opt::<i32>().filter(|l| is_text(&l.value_type())) {
            return mask_list(mask, list, context);
        }
        if let Some(list) = values.as_list_opt::<i64>().filter(|l| is_text(&l.value_type())) {
            return mask_list(mask, list, context);
        }
    }
    apply_flat(mask, values, context)
}

/// Whether a type is text, or a dictionary of text.
pub(super) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// The element field of a masked list: same name, nullable, new type, no metadata.
pub(super) fn element_field(element: &FieldRef, data_type: DataType) -> FieldRef {
    Arc::new(Field::new(element.name(), data_type, true))
}

fn mask_list<O: OffsetSizeTrait>(
    mask: &Mask,
    list: &GenericListArray<O>,
    context: &MaskContext,
) -> Result<ArrayRef, MaskError> {
    let masked = mask.apply(list.values(), context)?;
    let (DataType::List(inner) | DataType::LargeList(inner)) = list.data_type() else {
        return redact_all(list);
    };
    let field = element_field(inner, masked.data_type().clone());
    let built = GenericListArray::<O>::try_new(field, list.offsets().clone(), masked, list.nulls().cloned())?;
    Ok(Arc::new(built))
}

fn apply_flat(mask: &Mask, values: &ArrayRef, context: &MaskContext) -> Result<ArrayRef, MaskError> {
    match mask {
        Mask::Clear => Ok(ArrayRef::clone(values)),
        Mask::Null | Mask::Constant { .. } => {
            let text = if let Mask::Constant { text } = mask { text.as_str() } else { REDACTED };
            if is_text(values.data_type()) {
                map_text(values, |_, out| out.push_str(text))
            } else {
                fill(values.as_ref(), text)
            }
        }
        Mask::Keep(keep) => map_text(values, |value, out| keep.write(value, out)),
        Mask::SurnameOnly => map_text(values, name::write_surname),
        Mask::FirstChar => map_text(values, name::write_first_char),
        Mask::Year => match values.as_primitive_opt::<Date32Type>() {
            Some(dates) => Ok(generalize::years(dates)),
            None => map_text(values, generalize::write_year),
        },
        Mask::AgeBand { width, top } => {
            let bands = generalize::AgeBands { width: *width, top: *top, today: context.today() };
            match values.as_primitive_opt::<Date32Type>() {
                Some(dates) => Ok(bands.of_dates(dates)),
                None => map_text(values, |value, out| bands.write_text(value, out)),
            }
        }
        Mask::DivisionPrefix { digits } => {
            map_text(values, |value, out| generalize::write_division(*digits, value, out))
        }
        Mask::AddressToCompound => map_text(values, address::write_compound),
        Mask::AmountBand { width } => match generalize::amount_bands(values.as_ref(), *width) {
            Some(bands) => Ok(bands),
            None => redact_all(values.as_ref()),
        },
        Mask::RedactFreeText => map_text(values, free_text::write_redacted),
        Mask::Token { class } => {
            let tokens = Tokens::new(context, class)?;
            map_text(values, |value, out| tokens.write(value, out))
        }
    }
}

/// Runs `write` over each text that is not null, with one scratch buffer for all of them. Anything but a text is redacted.
fn map_text(values: &ArrayRef, write: impl FnMut(&str, &mut String)) -> Result<ArrayRef, MaskError> {
    if let Some(texts) = values.as_string_opt::<i32>() {
        return map_strings(texts, i32::MAX as usize, write);
    }
    if let Some(texts) = values.as_string_opt::<i64>() {
        return map_strings(texts, usize::MAX, write);
    }
    if let Some(texts) = values.as_string_view_opt() {
        return map_views(texts, write);
    }
    redact_all(values.as_ref())
}

fn map_strings<O: OffsetSizeTrait>(
    texts: &GenericStringArray<O>,
    limit_bytes: usize,
    mut write: impl FnMut(&str, &mut String),
) -> Result<ArrayRef, MaskError> {
    let data_bytes = texts.value_data().len().min(texts.len().saturating_mul(32));
    let mut builder = GenericStringBuilder::<O>::with_capacity(texts.len(), data_bytes);
    let mut scratch = String::new();
    for text in texts {
        let Some(text) = text else {
            builder.append_null();
            continue;
        };
        scratch.clear();
        write(text, &mut scratch);
        if builder.values_slice().len().saturating_add(scratch.len()) > limit_bytes {
            return Err(MaskError::TooLarge { limit_bytes });
        }
        builder.append_value(&scratch);
    }
    Ok(Arc::new(builder.finish()))
}

fn map_views(texts: &StringViewArray, mut write: impl FnMut(&str, &mut String)) -> Result<ArrayRef, MaskError> {
    let mut builder = StringViewBuilder::with_capacity(texts.len());
    let mut scratch = String::new();
    for text in texts {
        let Some(text) = text else {
            builder.append_null();
            continue;
        };
        scratch.clear();
        write(text, &mut scratch);
        builder.try_append_value(&scratch)?;
    }
    Ok(Arc::new(builder.finish()))
}

/// `***` for every value of a column whose type the mask does not expect.
pub(super) fn redact_all(values: &dyn Array) -> Result<ArrayRef, MaskError> {
    if is_text(values.data_type()) {
        let values = arrow::array::make_array(values.to_data());
        return map_text(&values, |_, out| out.push_str(REDACTED));
    }
    fill(values, REDACTED)
}

/// `Utf8` of equal length with `text` wherever the column is not null.
fn fill(values: &dyn Array, text: &str) -> Result<ArrayRef, MaskError> {
    let nulls = values.logical_nulls();
    let limit_bytes = i32::MAX as usize;
    if text.len().saturating_mul(values.len()) > limit_bytes {
        return Err(MaskError::TooLarge { limit_bytes });
    }
    let mut builder = GenericStringBuilder::<i32>::with_capacity(values.len(), text.len().saturating_mul(values.len()));
    let mut valid = BooleanBufferBuilder::new(values.len());
    match &nulls {
        Some(nulls) => valid.append_buffer(nulls.inner()),
        None => valid.append_n(values.len(), true),
    }
    for is_valid in &valid.finish() {
        if is_valid {
            builder.append_value(text);
        } else {
            builder.append_null();
        }
    }
    Ok(Arc::new(builder.finish()))
}
