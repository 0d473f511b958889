//! Linking as its callers see it: landed tables in, unified tables out.

mod city;
mod houses;
mod persons;
mod runs;
mod sensitive;
mod survivorship;
