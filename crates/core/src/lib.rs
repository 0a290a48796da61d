//! What is true: the index of containers as a state machine without I/O.
//!
//! Pure: no clock, no async, no actor, no database, no socket. Everything it knows it is told, and everything it
//! wants done it returns as plain data.

pub mod assessment;
pub mod container;
pub mod event;
pub mod heal;
pub mod host;
pub mod ids;
pub mod index;
pub mod labels;
pub mod member;
pub mod plan;
pub mod row;
pub mod stamp;
pub mod state;
pub mod text;
pub mod workload;
