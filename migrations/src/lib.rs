//! The schema's frozen steps.
