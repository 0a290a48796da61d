//! The rules of the index, a line of their table each.

mod ended;
mod health;
mod host;
mod image_ref;
mod journal;
mod kind;
mod pass;
mod plugins;
mod port;
mod role;
mod row;
mod state;
mod sweep;
mod times;
mod workload;
