//! What others see of the program: health, API, change feed, metrics and a page, over HTTP.
//!
//! Handlers decide nothing: they read the database over a connection of their own, and ask the actors through their
//! [`Control`](reconciler_actors::Control).

mod access;
mod guard;
mod health;
mod problem;
mod reconcile;
mod server;
mod state;

pub use access::{Access, Token};
pub use server::{Listen, ServeError, Server, serve};
pub use state::Api;
