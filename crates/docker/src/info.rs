//! Which engine it is.

use bollard::Docker;
use bollard::errors::Error as BollardError;
use bollard::models::SystemInfo;
use reconciler_core::text::printable;
use serde::de::MapAccess;
use tokio::sync::mpsc;

use crate::engine::EngineInfo;
use crate::error::Trouble;
use crate::fault::{self, Fault};
use crate::lenient::{Keep, Lenient, Number, Text, value};
use crate::transport::{Answered, Head};

/// Longest name of an engine that is passed on, in bytes.
const MAX_NAME: usize = 256;
/// Longest path of an engine that is passed on, in bytes: as long as Linux lets one be.
const MAX_PATH: usize = 4096;

/// Asks for `/info`, once.
pub(crate) async fn ask(docker: Docker) -> Result<EngineInfo, Fault> {
    let (sender, mut head) = mpsc::channel(1);
    let answer = Answered::to(sender, docker).info().await;
    let api_version = head.try_recv().ok().and_then(|Head { api_version, .. }| api_version);
    read(answer, api_version)
}

/// Reads the client library's answer; one that it can't read is read again for just the fields that are used.
pub(crate) fn read(
    answer: Result<SystemInfo, BollardError>,
    api_version: Option<String>,
) -> Result<EngineInfo, Fault> {
    let told = match answer {
        Ok(model) => Told::from(model),
        Err(BollardError::JsonDataError { contents, .. }) => {
            serde_json::from_str::<Lenient<Told>>(&contents).map_err(|error| fault::json(&error))?.0
        }
        Err(other) => return Err(other.into()),
    };
    Ok(told.info(api_version)?)
}

#[derive(Default)]
struct Told {
    id: Text,
    root: Text,
    version: Text,
    system_time: Text,
    containers: Number,
}

impl Told {
    fn info(self, api_version: Option<String>) -> Result<EngineInfo, Trouble> {
        let name = |text: Text, max| printable(text.0.as_deref().unwrap_or_default(), max);
        let root = name(self.root, MAX_PATH);
        if root.is_empty() {
            // Not an engine's answer, whatever answered: nothing may be concluded about the engine.
            return Err(Trouble::decode("it names no DockerRootDir"));
        }
        Ok(EngineInfo {
            id: name(self.id, MAX_NAME),
            root,
            version: name(self.version, MAX_NAME),
            api_version: api_version.map(|version| printable(&version, MAX_NAME)),
            system_time_nanos: self.system_time.0.as_deref().and_then(nanos),
            containers: self.containers.0.and_then(|count| u64::try_from(count).ok()).unwrap_or_default(),
        })
    }
}

/// The nanoseconds since the epoch of an RFC 3339 time.
fn nanos(time: &str) -> Option<i64> {
    i64::try_from(time.parse::<jiff::Timestamp>().ok()?.as_nanosecond()).ok()
}

impl From<SystemInfo> for Told {
    fn from(model: SystemInfo) -> Self {
        Self {
            id: Text(model.id),
            root: Text(model.docker_root_dir),
            version: Text(model.server_version),
            system_time: Text(model.system_time),
            containers: Number(model.containers),
        }
    }
}

enum ToldKey {
    Id,
    Root,
    Version,
    SystemTime,
    Containers,
}

impl Keep for Told {
    type Key = ToldKey;

    fn key(name: &str) -> Option<ToldKey> {
        Some(match name {
            "ID" => ToldKey::Id,
            "DockerRootDir" => ToldKey::Root,
            "ServerVersion" => ToldKey::Version,
            "SystemTime" => ToldKey::SystemTime,
            "Containers" => ToldKey::Containers,
            _ => return None,
        })
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, key: ToldKey, object: &mut A) -> Result<(), A::Error> {
        match key {
            ToldKey::Id => self.id = value(object)?,
            ToldKey::Root => self.root = value(object)?,
            ToldKey::Version => self.version = value(object)?,
            ToldKey::SystemTime => self.system_time = value(object)?,
            ToldKey::Containers => self.containers = value(object)?,
        }
        Ok(())
    }
}
