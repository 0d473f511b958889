//! Whole queries over a small fixture.
