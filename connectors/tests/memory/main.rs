//! Memory does not grow with the file. Alone in its process, since the peak is the process's.

#[cfg(test)]
mod bounded;
#[cfg(test)]
#[path = "../it/fixture.rs"]
#[expect(dead_code, reason = "this test needs only the dataset")]
mod fixture;
