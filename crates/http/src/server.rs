//! The server: where it listens, and how it ends.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use actix_web::dev::{Extensions, ServerHandle};
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::rt::net;
use actix_web::{App, HttpResponse, HttpServer, web};
use socket2::SockRef;
use tokio::time::Instant;

use crate::attempts::Attempts;
use crate::feed::{self, Feed};
use crate::problem::Problem;
use crate::routes::Routes;
use crate::state::Api;
use crate::{guard, metrics};

/// A client that does not send its request's head within this, and its body within as long again, is cut off.
pub(crate) const SLOW_CLIENT: Duration = Duration::from_secs(10);
/// One that takes nothing of its answer for so long is cut off, too. Longer than the feed waits, which says whom it cuts off.
const TAKES_NOTHING: Duration = Duration::from_secs(20);
/// Connections at once.
const MAX_CONNECTIONS: usize = 4_096;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address and port; port 0 means any that is free.
    Tcp(SocketAddr),
    /// A socket in the file system, made anew.
    Unix(PathBuf),
}

impl Listen {
    /// As the setting has it.
    pub fn as_setting(&self) -> String {
        match self {
            Self::Tcp(address) => address.to_string(),
            Self::Unix(path) => format!("unix:{}", path.display()),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Listen {
    type Err = NotAnAddress;

    /// Reads `ADDRESS:PORT` or `unix:/PATH`.
    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(_) => Err(NotAnAddress),
            None => text.parse().map(Self::Tcp).map_err(|_| NotAnAddress),
        }
    }
}

/// The text says no place to listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no address and port, and no unix:/PATH")]
pub struct NotAnAddress;

/// Why the server cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Nobody can listen there.
    #[error("cannot listen on {listen}; see that nobody else does, or set http.listen")]
    Bind {
        /// Where.
        listen: Listen,
        /// What the system said.
        source: std::io::Error,
    },
    /// Whoever can reach this machine could ask.
    #[error(
        "{listen} can be reached from other machines: set http.token, or http.insecure = true if something else keeps others away"
    )]
    Open {
        /// Where.
        listen: Listen,
    },
}

/// A server that runs.
pub struct Server {
    /// Where it listens: with the port that it was given.
    pub listen: Listen,
    handle: ServerHandle,
}

impl Server {
    /// Ends it, and all that it still serves.
    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

async fn nothing_here() -> Result<HttpResponse, Problem> {
    Err(Problem::new(StatusCode::NOT_FOUND, "there is nothing here"))
}

/// Prepares a connection.
fn connected(io: &dyn Any, data: &mut Extensions) {
    if let Some(stream) = io.downcast_ref::<net::TcpStream>() {
        // The system sees to it, for the server itself waits for ever. A system that cannot changes nothing else.
        _ = SockRef::from(stream).set_tcp_user_timeout(Some(TAKES_NOTHING));
    }
    feed::remember_socket(io, data);
}

/// Begins to serve, on a thread of its own.
///
/// Must be called on an actix system.
///
/// # Errors
///
/// If nobody can listen there.
pub fn serve(api: Api, listen: &Listen) -> Result<Server, ServeError> {
    if api.access.is_open_on(listen) {
        return Err(ServeError::Open { listen: listen.clone() });
    }
    let failed = |source| ServeError::Bind { listen: listen.clone(), source };
    let attempts = web::Data::new(Attempts::new(Instant::now()));
    let app = move || {
        App::new()
            .app_data(web::Data::new(api.clone()))
            .app_data(attempts.clone())
            .app_data(web::Data::new(Feed::start(&api)))
            .wrap(from_fn(guard::check))
            .wrap(from_fn(metrics::count))
            .configure(|config| Routes::all().register(config))
            .configure(|config| Routes::of_the_page().register(config))
            .default_service(web::to(nothing_here))
    };
    let server = HttpServer::new(app)
        .workers(1)
        .on_connect(connected)
        .max_connections(MAX_CONNECTIONS)
        .client_request_timeout(SLOW_CLIENT)
        .shutdown_timeout(1)
        .disable_signals();
    let server = match listen {
        Listen::Tcp(address) => server.bind(address),
        Listen::Unix(path) => {
            // One that a killed process left there.
            if std::os::unix::net::UnixStream::connect(path).is_err() {
                _ = std::fs::remove_file(path);
            }
            server.bind_uds(path)
        }
    };
    let server = server.map_err(failed)?;
    let listen = match (listen, server.addrs().first()) {
        (Listen::Tcp(_), Some(address)) => Listen::Tcp(*address),
        (listen, _) => listen.clone(),
    };
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(Server { listen, handle })
}
