//! A city's exports, read back: bytes, encodings, anatomy, and every cell under the shared rules.

#[cfg(test)]
mod checks;
#[cfg(test)]
mod exports;
