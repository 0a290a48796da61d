//! Where the engine is.

use std::fmt;
use std::path::{Path, PathBuf};

use hyper::http::uri::Authority;
use reconciler_core::text::printable;

use crate::context;

/// Where Docker listens unless it is told otherwise.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// The longest path that the address of a Unix socket has room for, in bytes.
const MAX_SOCKET_PATH: usize = 107;
/// The ports that Docker uses where a host names none.
const PORT: u16 = 2375;
const TLS_PORT: u16 = 2376;

/// Where an engine is and how to speak to it. Holds no secret: its text and its `Debug` can be shown to anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    shown: String,
    address: Address,
}

/// How to get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A Unix socket's path: absolute, short enough.
    Unix(PathBuf),
    /// TCP, with TLS if there is a directory with its certificates.
    Tcp {
        /// `host:port`
        authority: String,
        /// Comes before every path: empty, or `/…` without a slash at its end.
        prefix: String,
        /// Where `ca.pem`, `cert.pem` and `key.pem` are.
        tls: Option<PathBuf>,
    },
}

/// What names no endpoint. The text is one line, names the variable or file, and never shows a password.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// A host that is none.
    #[error("{origin} is {value:?}: {fault}")]
    Host {
        /// The setting, variable or file that has it.
        origin: String,
        /// The value, bounded, its credentials hidden.
        value: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A file of Docker's client that cannot be used.
    #[error("cannot use {} to find the Docker host: {fault}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A Docker context that there is not.
    #[error(
        "the Docker context {name:?}, which {origin} names, does not exist: there is no {}; \
         see `docker context ls`",
        file.display()
    )]
    NoContext {
        /// The context.
        name: String,
        /// The variable or file that names it.
        origin: String,
        /// The file that would describe it.
        file: PathBuf,
    },
    /// TLS without a place for its certificates.
    #[error(
        "TLS to Docker needs certificates: set DOCKER_CERT_PATH to the directory with ca.pem, cert.pem and key.pem"
    )]
    NoCertificates,
}

/// The environment, as far as it says where Docker is.
pub(crate) struct Surroundings<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    home: Option<&'a Path>,
}

impl Surroundings<'_> {
    /// A variable that is set and not empty.
    pub(crate) fn var(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.is_empty())
    }

    /// Where Docker's client keeps its files: `DOCKER_CONFIG`, else `~/.docker`.
    pub(crate) fn config_dir(&self) -> Option<PathBuf> {
        let set = self.var("DOCKER_CONFIG").map(PathBuf::from);
        set.or_else(|| self.home.map(|home| home.join(".docker")))
    }

    /// Where the certificates are, if the environment asks for TLS.
    fn tls(&self) -> Result<Option<PathBuf>, EndpointError> {
        self.var("DOCKER_TLS_VERIFY").map(|_| self.certificates()).transpose()
    }

    fn certificates(&self) -> Result<PathBuf, EndpointError> {
        let set = self.var("DOCKER_CERT_PATH").map(PathBuf::from);
        set.or_else(|| self.config_dir()).ok_or(EndpointError::NoCertificates)
    }
}

impl Endpoint {
    /// Finds the endpoint as Docker's own client does. The first that says something wins:
    ///
    /// 1. `explicit`, from a flag or a setting;
    /// 2. `DOCKER_HOST`;
    /// 3. the context that `DOCKER_CONTEXT` or `config.json` (in `DOCKER_CONFIG`, else `~/.docker`) names;
    /// 4. `unix:///var/run/docker.sock`.
    ///
    /// A host is `unix:///path`, `tcp://host[:port]`, `http://…` or `https://…`; `tcp` is TLS where `DOCKER_TLS_VERIFY`
    /// is not empty. Certificates are those in `DOCKER_CERT_PATH`, else in Docker's own directory; a context's own come
    /// first. A user and a password in a host are dropped, as Docker's client drops them.
    ///
    /// `env` looks up environment variables, `home` is the user's home directory. Empty values count as unset. Reads
    /// files, and connects to nothing.
    ///
    /// # Errors
    /// Whatever names no host; see [`EndpointError`].
    pub fn resolve(
        explicit: Option<&str>,
        env: &dyn Fn(&str) -> Option<String>,
        home: Option<&Path>,
    ) -> Result<Self, EndpointError> {
        let around = Surroundings { env, home };
        if let Some(host) = explicit.filter(|host| !host.is_empty()) {
            return Self::parse("the Docker host (--docker-host)", host, None, &around);
        }
        if let Some(host) = around.var("DOCKER_HOST") {
            return Self::parse("DOCKER_HOST", &host, None, &around);
        }
        match context::current(&around)? {
            Some(context) => Self::parse(&context.origin, &context.host, context.certificates, &around),
            None => Ok(Self::unix(PathBuf::from(DEFAULT_SOCKET))),
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    fn unix(path: PathBuf) -> Self {
        Self { shown: format!("unix://{}", path.display()), address: Address::Unix(path) }
    }

    /// Reads one host. `certificates` are its own; without them the environment's count.
    fn parse(
        origin: &str,
        value: &str,
        certificates: Option<PathBuf>,
        around: &Surroundings<'_>,
    ) -> Result<Self, EndpointError> {
        let bad = |fault: &str| EndpointError::Host {
            origin: origin.to_owned(),
            value: printable(without_credentials(value).trim(), 200),
            fault: fault.to_owned(),
        };
        let Some((scheme, rest)) = value.split_once("://") else {
            return Err(bad("a Docker host begins with unix://, tcp://, http:// or https://"));
        };
        let tls = match scheme {
            "unix" => return socket(rest).map(Self::unix).map_err(bad),
            "tcp" => certificates.map_or_else(|| around.tls(), |dir| Ok(Some(dir)))?,
            "http" => None,
            "https" => Some(certificates.map_or_else(|| around.certificates(), Ok)?),
            "ssh" => {
                return Err(bad(
                    "ssh:// is not supported; forward the socket (ssh -L) and use unix:// or tcp://",
                ));
            }
            "npipe" => return Err(bad("npipe:// is Windows' own; use unix:// or tcp://")),
            _ => return Err(bad("this scheme is unknown; use unix://, tcp://, http:// or https://")),
        };
        let (authority, prefix) = place(rest, default_port(scheme, tls.is_some())).map_err(bad)?;
        Ok(Self {
            shown: format!("{scheme}://{authority}{prefix}"),
            address: Address::Tcp { authority, prefix, tls },
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

fn default_port(scheme: &str, tls: bool) -> u16 {
    match (scheme, tls) {
        ("http", _) => 80,
        ("https", _) => 443,
        (_, true) => TLS_PORT,
        (_, false) => PORT,
    }
}

fn socket(path: &str) -> Result<PathBuf, &'static str> {
    if !path.starts_with('/') {
        return Err("the socket's path must be absolute: unix:///path/to/docker.sock");
    }
    if path.len() > MAX_SOCKET_PATH {
        return Err("the socket's path is longer than the 107 bytes that a Unix socket's may have");
    }
    if path.contains(char::is_control) {
        return Err("the socket's path has a control character");
    }
    Ok(PathBuf::from(path))
}

/// `[user[:password]@]host[:port][/prefix]` as authority and prefix.
fn place(rest: &str, default_port: u16) -> Result<(String, String), &'static str> {
    let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = match authority.rsplit_once('@') {
        Some((_, host)) => {
            tracing::warn!("the user and password in the Docker host are not used: Docker has no such login");
            host
        }
        None => authority,
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/._~-".contains(&byte);
    if !prefix.bytes().all(fits) {
        return Err("its path has characters that a Docker host's may not have");
    }
    Ok((host_and_port(authority, default_port)?, prefix.trim_end_matches('/').to_owned()))
}

fn host_and_port(text: &str, default_port: u16) -> Result<String, &'static str> {
    let authority: Authority = text.parse().map_err(|_| "it names no host")?;
    let host = authority.host();
    if host.is_empty() || host == "[]" {
        return Err("it names no host");
    }
    match text.strip_prefix(host) {
        Some("" | ":") => Ok(format!("{host}:{default_port}")),
        Some(port) => match port.trim_start_matches(':').parse::<u16>() {
            Ok(0) | Err(_) => Err("its port is no number from 1 to 65535"),
            Ok(port) => Ok(format!("{host}:{port}")),
        },
        None => Err("it names no host"),
    }
}

/// Whatever stands where a user and a password would, hidden; and whatever follows a `?`, where a token might.
fn without_credentials(value: &str) -> String {
    let value = value.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = value.split_once("://").map_or(("", value), |(scheme, rest)| (scheme, rest));
    let separator = if scheme.is_empty() { "" } else { "://" };
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}{separator}…@{host}"),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests;
