//! Tokens made by hand, good ones and forged ones, against the public interface.

#[cfg(test)]
mod claims;
#[cfg(test)]
mod forge;
#[cfg(test)]
mod issuer;
#[cfg(test)]
mod key_sources;
#[cfg(test)]
mod signatures;
