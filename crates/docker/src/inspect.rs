//! One container, looked at.

use reconciler_core::container::{Detail, EndedBy, ExitFacts, Health, ImageRef, RestartPolicy, Snapshot};
use reconciler_core::ids::ContainerId;
use reconciler_core::labels::Claim;
use reconciler_core::state::DockerState;
use serde::de::{IgnoredAny, MapAccess};

use crate::engine::Inspection;
use crate::error::Trouble;
use crate::fault::{self, Fault};
use crate::lenient::{Flag, Keep, Lenient, Number, Text, value};
use crate::list::Labels;
use crate::refusal;
use crate::transport::{MAX_ANSWER, Transport};

/// Looks at a container.
///
/// The client library's model is not used: it refuses an answer for one word that it does not know, and copies all of what a
/// container is, its environment included, for the few fields that matter.
pub(crate) async fn look(transport: &Transport, id: &ContainerId) -> Result<Inspection, Fault> {
    // An id has no character that would have to be escaped.
    let answer = transport.get(&format!("/containers/{id}/json")).await?;
    match refusal::accepted(answer).await {
        Ok(answer) => Ok(read(&answer.whole(MAX_ANSWER).await?)?),
        Err(Fault { trouble: Trouble::Status { code: 404, message }, .. }) if says_gone(&message) => {
            Ok(Inspection::Gone)
        }
        Err(refused) => Err(refused),
    }
}

/// Reads an answer's body.
pub(crate) fn read(body: &[u8]) -> Result<Inspection, Trouble> {
    let Lenient(seen) = serde_json::from_slice::<Lenient<Seen>>(body).map_err(|error| fault::json(&error))?;
    seen.snapshot().map(Inspection::Found)
}

/// `page not found` is a 404 too, and so is a proxy's.
pub(crate) fn says_gone(message: &str) -> bool {
    message.to_ascii_lowercase().contains("no such container")
}

/// What is used of an inspect.
#[derive(Default)]
struct Seen {
    id: Text,
    created: Text,
    state: State,
    host: HostConfig,
    config: Config,
    network: Network,
}

impl Seen {
    fn snapshot(self) -> Result<Snapshot, Trouble> {
        let id = self.id.0.as_deref().and_then(ContainerId::parse);
        let id = id.ok_or_else(|| Trouble::decode("the container has no usable Id"))?;
        let word = self.state.status.0.filter(|word| !word.is_empty());
        let state = DockerState::parse(&word.ok_or_else(|| Trouble::decode("the container has no State"))?);
        let ended = matches!(
            state,
            DockerState::Exited | DockerState::Dead | DockerState::Stopped | DockerState::Restarting
        );
        let runs = state == DockerState::Running;
        let exit = self.state.exit_code.0.filter(|_| ended).map(|code| ExitFacts {
            code,
            oom_killed: self.state.oom_killed.0,
            finished: millis(&self.state.finished),
            by: EndedBy::Unknown,
        });
        Ok(Snapshot {
            id,
            state,
            image: ImageRef::from_inspect(self.config.image.0.as_deref().unwrap_or_default()),
            port: self.network.ports.lowest,
            created: self.created.0.as_deref().map_or(0, whole_seconds),
            claim: self.config.claim,
            // Of one that does not run, it is what was said when it last did.
            health: self.state.health.word.0.as_deref().filter(|_| runs).and_then(Health::parse),
            detail: Some(Detail {
                restart: RestartPolicy::parse(self.host.restart.name.0.as_deref().unwrap_or_default()),
                exit,
                started: millis(&self.state.started),
            }),
        })
    }
}

/// The seconds since the epoch of an RFC 3339 time; 0 if it is none.
fn whole_seconds(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second)
}

/// The milliseconds since the epoch of an RFC 3339 time; 0 if it is none, or the year 1, which is Docker's word for never.
fn millis(time: &Text) -> i64 {
    let time = time.0.as_deref().and_then(|time| time.parse::<jiff::Timestamp>().ok());
    time.map_or(0, |time| time.as_millisecond().max(0))
}

enum SeenKey {
    Id,
    Created,
    State,
    Host,
    Config,
    Network,
}

impl Keep for Seen {
    type Key = SeenKey;

    fn key(name: &str) -> Option<SeenKey> {
        Some(match name {
            "Id" => SeenKey::Id,
            "Created" => SeenKey::Created,
            "State" => SeenKey::State,
            "HostConfig" => SeenKey::Host,
            "Config" => SeenKey::Config,
            "NetworkSettings" => SeenKey::Network,
            _ => return None,
        })
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, key: SeenKey, object: &mut A) -> Result<(), A::Error> {
        match key {
            SeenKey::Id => self.id = value(object)?,
            SeenKey::Created => self.created = value(object)?,
            SeenKey::State => self.state = value(object)?,
            SeenKey::Host => self.host = value(object)?,
            SeenKey::Config => self.config = value(object)?,
            SeenKey::Network => self.network = value(object)?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct State {
    status: Text,
    exit_code: Number,
    oom_killed: Flag,
    started: Text,
    finished: Text,
    health: HealthState,
}

enum StateKey {
    Status,
    ExitCode,
    OomKilled,
    Started,
    Finished,
    Health,
}

impl Keep for State {
    type Key = StateKey;

    fn key(name: &str) -> Option<StateKey> {
        match name {
            "Status" => Some(StateKey::Status),
            "ExitCode" => Some(StateKey::ExitCode),
            "OOMKilled" => Some(StateKey::OomKilled),
            "StartedAt" => Some(StateKey::Started),
            "FinishedAt" => Some(StateKey::Finished),
            "Health" => Some(StateKey::Health),
            _ => None,
        }
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, key: StateKey, object: &mut A) -> Result<(), A::Error> {
        match key {
            StateKey::Status => self.status = value(object)?,
            StateKey::ExitCode => self.exit_code = value(object)?,
            StateKey::OomKilled => self.oom_killed = value(object)?,
            StateKey::Started => self.started = value(object)?,
            StateKey::Finished => self.finished = value(object)?,
            StateKey::Health => self.health = value(object)?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct HealthState {
    word: Text,
}

impl Keep for HealthState {
    type Key = ();

    fn key(name: &str) -> Option<()> {
        (name == "Status").then_some(())
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, (): (), object: &mut A) -> Result<(), A::Error> {
        self.word = value(object)?;
        Ok(())
    }
}

#[derive(Default)]
struct HostConfig {
    restart: Restart,
}

impl Keep for HostConfig {
    type Key = ();

    fn key(name: &str) -> Option<()> {
        (name == "RestartPolicy").then_some(())
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, (): (), object: &mut A) -> Result<(), A::Error> {
        self.restart = value(object)?;
        Ok(())
    }
}

#[derive(Default)]
struct Restart {
    name: Text,
}

impl Keep for Restart {
    type Key = ();

    fn key(name: &str) -> Option<()> {
        (name == "Name").then_some(())
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, (): (), object: &mut A) -> Result<(), A::Error> {
        self.name = value(object)?;
        Ok(())
    }
}

#[derive(Default)]
struct Config {
    image: Text,
    claim: Option<Claim>,
}

enum ConfigKey {
    Image,
    Labels,
}

impl Keep for Config {
    type Key = ConfigKey;

    fn key(name: &str) -> Option<ConfigKey> {
        match name {
            "Image" => Some(ConfigKey::Image),
            "Labels" => Some(ConfigKey::Labels),
            _ => None,
        }
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, key: ConfigKey, object: &mut A) -> Result<(), A::Error> {
        match key {
            ConfigKey::Image => self.image = value(object)?,
            ConfigKey::Labels => self.claim = value::<Labels, A>(object)?.claim(),
        }
        Ok(())
    }
}

#[derive(Default)]
struct Network {
    ports: Ports,
}

impl Keep for Network {
    type Key = ();

    fn key(name: &str) -> Option<()> {
        (name == "Ports").then_some(())
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, (): (), object: &mut A) -> Result<(), A::Error> {
        self.ports = value(object)?;
        Ok(())
    }
}

/// The lowest private TCP port of an inspect's object, whose keys are written `80/tcp`.
#[derive(Default)]
struct Ports {
    lowest: Option<u16>,
}

impl Keep for Ports {
    type Key = u16;

    fn key(name: &str) -> Option<u16> {
        name.strip_suffix("/tcp")?.parse().ok().filter(|port| *port != 0)
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, port: u16, object: &mut A) -> Result<(), A::Error> {
        self.lowest = Some(self.lowest.map_or(port, |lowest| lowest.min(port)));
        object.next_value::<IgnoredAny>().map(drop)
    }
}
