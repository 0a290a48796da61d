//! What others see of the program: health, API, change feed, metrics and a page, over HTTP.
//!
//! Handlers decide nothing: they read the database over a connection of their own, and ask the actors through their
//! [`Control`](reconciler_actors::Control).

mod access;
mod answer;
mod assets;
mod attempts;
mod body;
mod changes;
mod containers;
mod document;
mod edit;
mod feed;
mod guard;
mod health;
mod hosts;
mod login;
mod metrics;
mod page;
mod problem;
mod query;
mod reconcile;
mod routes;
mod schema;
mod server;
mod state;
mod workloads;

pub use access::{Access, Token};
pub use edit::{EditWorkloads, Editor};
pub use server::{Listen, ServeError, Server, serve};
pub use state::Api;
