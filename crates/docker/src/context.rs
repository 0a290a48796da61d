//! The current context of Docker's own client.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use reconciler_core::text::printable;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::endpoint::{EndpointError, Surroundings};

/// The context that stands for no context.
const DEFAULT: &str = "default";
/// The most of a file that is read, in bytes: Docker's client keeps a few kilobytes there.
const MAX_FILE: u64 = 1024 * 1024;

/// A host that a context names.
pub(crate) struct Context {
    /// Where it comes from, for people.
    pub(crate) origin: String,
    /// The host.
    pub(crate) host: String,
    /// The directory with its certificates, if it has its own.
    pub(crate) certificates: Option<PathBuf>,
}

/// The current context's host; `None` if there is no context or it is the default one.
pub(crate) fn current(around: &Surroundings<'_>) -> Result<Option<Context>, EndpointError> {
    let Some(dir) = around.config_dir() else { return Ok(None) };
    let config = dir.join("config.json");
    let (name, origin) = match around.var("DOCKER_CONTEXT") {
        Some(name) => (name, "DOCKER_CONTEXT".to_owned()),
        None => match read::<ConfigFile>(&config)?.and_then(|config| config.current_context) {
            Some(name) => (name, config.display().to_string()),
            None => return Ok(None),
        },
    };
    if name.is_empty() || name == DEFAULT { Ok(None) } else { described(&dir, name, origin) }
}

fn described(dir: &Path, name: String, origin: String) -> Result<Option<Context>, EndpointError> {
    let id = hex(&Sha256::digest(&name));
    let name = printable(name.trim(), 100);
    let file = dir.join("contexts/meta").join(&id).join("meta.json");
    let Some(meta) = read::<MetaFile>(&file)? else {
        return Err(EndpointError::NoContext { name, origin, file });
    };
    let Some(host) = meta.endpoints.docker.and_then(|docker| docker.host).filter(|host| !host.is_empty())
    else {
        return Err(EndpointError::File { file, fault: "it has no Endpoints.docker.Host".into() });
    };
    let certificates = dir.join("contexts/tls").join(&id).join("docker");
    Ok(Some(Context {
        origin: format!("the Docker context {name:?} ({})", file.display()),
        host,
        certificates: certificates.is_dir().then_some(certificates),
    }))
}

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

#[derive(Deserialize)]
struct MetaFile {
    #[serde(rename = "Endpoints", default)]
    endpoints: Endpoints,
}

#[derive(Default, Deserialize)]
struct Endpoints {
    docker: Option<DockerEndpoint>,
}

#[derive(Deserialize)]
struct DockerEndpoint {
    #[serde(rename = "Host")]
    host: Option<String>,
}

/// A file of JSON; `None` if it does not exist. Its content is never quoted: `config.json` holds logins.
fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, EndpointError> {
    let bad = |fault: String| EndpointError::File { file: file.to_owned(), fault };
    let mut text = Vec::new();
    match File::open(file).and_then(|open| open.take(MAX_FILE).read_to_end(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(bad(error.to_string())),
    }
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        bad(format!("it is not the JSON expected, at line {} column {}", error.line(), error.column()))
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
