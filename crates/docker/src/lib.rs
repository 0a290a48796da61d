//! Docker's API behind a small interface: list, inspect, events, identity.
//!
//! [`Engine`] is what the rest of the program knows of an engine; [`DockerEngine`] is the one that talks to it. The
//! types of the client library end here. Everything that the engine says is bounded before it is passed on, every
//! call has a deadline, and dropping a call's future or a stream ends its connection.

mod array;
mod cap;
mod certs;
mod client;
mod context;
pub mod decode;
mod endpoint;
mod engine;
mod error;
mod events;
mod fault;
mod follow;
mod info;
mod inspect;
mod lenient;
mod list;
mod refusal;
mod start;
mod transport;

pub use client::DockerEngine;
pub use endpoint::{Endpoint, EndpointError};
pub use engine::{Deadlines, Engine, EngineEvent, EngineInfo, EventStream, Inspection, Start};
pub use error::{DockerError, Trouble};
