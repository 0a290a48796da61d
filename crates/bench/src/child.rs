//! What is measured in a process of its own: this program, run again.

use std::path::PathBuf;

use clap::Subcommand;

use crate::database::Database;
use crate::{actors_floor, bare, decode, feed_readers, moments, statements};

/// Not for people.
#[derive(Debug, Subcommand)]
pub(crate) enum Child {
    /// Follows events, with one upsert each, until it is ended
    #[command(hide = true)]
    Bare { socket: PathBuf, database: String },
    /// The same with a journal, and a thread that writes
    #[command(hide = true)]
    Floor { socket: PathBuf, database: String },
    /// The same through three actors and sea-orm
    #[command(hide = true)]
    ActorsFloor { socket: PathBuf, database: String },
    /// Lists once; prints CPU time in ms and the growth of the peak in MiB
    #[command(hide = true)]
    Decode { variant: decode::Variant, socket: PathBuf },
    /// Prints how many statements a pass costs that finds nothing changed
    #[command(hide = true)]
    Statements { rows: usize, database: String },
    /// Prints when rows of a SQLite file were committed
    #[command(hide = true)]
    Observe { file: PathBuf },
    /// Reads the change feed many times over
    #[command(hide = true)]
    Readers { address: String, count: usize },
}

impl Child {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Bare { socket, database } => bare::follow(&socket, &Database::at(&database)).await,
            Self::Floor { socket, database } => {
                bare::follow_at_the_floor(&socket, &Database::at(&database)).await
            }
            Self::ActorsFloor { socket, database } => {
                actors_floor::follow(socket, &Database::at(&database)).await
            }
            Self::Decode { variant, socket } => decode::once(variant, &socket).await,
            Self::Observe { file } => moments::observe(&file),
            Self::Readers { address, count } => feed_readers::follow(&address, count).await,
            Self::Statements { rows, database } => statements::count(rows, &Database::at(&database)).await,
        }
    }
}
