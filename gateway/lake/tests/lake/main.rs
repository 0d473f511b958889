//! The lake from outside: publishing and reading, failures at any moment, and what somebody without the key can do.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod edits;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod many_versions;
#[cfg(test)]
mod publishing;
#[cfg(test)]
mod records;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod synthetic;
#[cfg(test)]
mod tampering;
