//! Tests of the policy language, the decision and the masks, through the public API.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod classification;
#[cfg(test)]
mod decision;
#[cfg(test)]
mod default_closed;
#[cfg(test)]
mod deny;
#[cfg(test)]
mod diff;
#[cfg(test)]
mod diff_mutations;
#[cfg(test)]
mod diff_rows;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod format;
#[cfg(test)]
mod json_schema;
#[cfg(test)]
mod lift;
#[cfg(test)]
mod lint;
#[cfg(test)]
mod mask_values;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod read_restrictions;
#[cfg(test)]
mod reveal;
#[cfg(test)]
mod search;
#[cfg(test)]
mod shipped;
#[cfg(test)]
mod tokens;
