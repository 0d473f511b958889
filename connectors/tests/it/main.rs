//! Files as departments send them, from bytes to accepted and rejected rows.

mod biff;
mod broken;
mod delimited;
mod fixture;
mod landing;
mod object_store;
mod packed;
mod s3;
mod workbooks;
