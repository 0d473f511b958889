//! What the tests of the whole product share. The tests themselves stand in `tests/tests`.

pub mod attacks;
pub mod content;
pub mod datong;
pub mod http;
pub mod many_people;
pub mod published;
pub mod servers;
pub mod traces;
