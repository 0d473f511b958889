//! Files as departments send them, from bytes to accepted and rejected rows.

#[cfg(test)]
mod biff;
#[cfg(test)]
mod broken;
#[cfg(test)]
mod delimited;
#[cfg(test)]
mod dirt;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod landing;
#[cfg(test)]
mod object_store;
#[cfg(test)]
mod packed;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod workbooks;
