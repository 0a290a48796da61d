//! Builders for the core's values.
