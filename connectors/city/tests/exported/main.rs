//! A city's exports as whoever receives them sees them.

#[cfg(test)]
mod exports;
#[cfg(test)]
mod reading_back;
