//! One container, looked at.

use bollard::Docker;
use bollard::errors::Error as BollardError;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::InspectContainerOptions;
use reconciler_core::container::{Detail, EndedBy, ExitFacts, Health, ImageRef, RestartPolicy, Snapshot};
use reconciler_core::ids::ContainerId;
use reconciler_core::labels::{Claim, KIND_LABEL, ONE_OFF_LABEL, ROLE_LABEL, SERVICE_LABEL, WORKLOAD_LABEL};
use reconciler_core::state::DockerState;
use serde::de::{IgnoredAny, MapAccess};

use crate::engine::Inspection;
use crate::error::Trouble;
use crate::fault::{self, Fault};
use crate::lenient::{Flag, Keep, Lenient, Number, Text, value};
use crate::list::Labels;

/// Looks at a container; an answer that the client library can't read, for a state it does not know, is read again
/// for just the fields that are used.
pub(crate) async fn look(docker: &Docker, id: &ContainerId) -> Result<Inspection, Fault> {
    read(docker.inspect_container(id.as_str(), None::<InspectContainerOptions>).await)
}

/// Reads the client library's answer.
pub(crate) fn read(answer: Result<ContainerInspectResponse, BollardError>) -> Result<Inspection, Fault> {
    let seen = match answer {
        Ok(model) => Seen::from(model),
        Err(BollardError::JsonDataError { contents, .. }) => read_again(&contents)?,
        Err(BollardError::DockerResponseServerError { status_code: 404, message }) if says_gone(&message) => {
            return Ok(Inspection::Gone);
        }
        Err(other) => return Err(other.into()),
    };
    Ok(Inspection::Found(seen.snapshot()?))
}

/// `page not found` is a 404 too, and so is a proxy's.
pub(crate) fn says_gone(message: &str) -> bool {
    message.to_ascii_lowercase().contains("no such container")
}

fn read_again(contents: &str) -> Result<Seen, Trouble> {
    serde_json::from_str::<Lenient<Seen>>(contents).map(|kept| kept.0).map_err(|error| fault::json(&error))
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

impl From<ContainerInspectResponse> for Seen {
    fn from(model: ContainerInspectResponse) -> Self {
        let state = model.state.unwrap_or_default();
        let config = model.config.unwrap_or_default();
        let labels = config.labels.unwrap_or_default();
        let label = |name| labels.get(name).map(String::as_str);
        let restart = model.host_config.and_then(|host| host.restart_policy).and_then(|policy| policy.name);
        let mut ports = Ports::default();
        for port in model.network_settings.and_then(|network| network.ports).unwrap_or_default().into_keys() {
            ports.see(&port);
        }
        Self {
            id: Text(model.id),
            created: Text(model.created),
            state: State {
                status: Text(state.status.map(|word| word.to_string())),
                exit_code: Number(state.exit_code),
                oom_killed: Flag(state.oom_killed.unwrap_or_default()),
                started: Text(state.started_at),
                finished: Text(state.finished_at),
                health: HealthState {
                    word: Text(state.health.and_then(|health| health.status).map(|word| word.to_string())),
                },
            },
            host: HostConfig { restart: Restart { name: Text(restart.map(|name| name.to_string())) } },
            config: Config {
                image: Text(config.image),
                claim: Claim::read(label(WORKLOAD_LABEL), label(KIND_LABEL), label(ROLE_LABEL))
                    .map(|claim| claim.made_by_compose(label(SERVICE_LABEL), label(ONE_OFF_LABEL))),
            },
            network: Network { ports },
        }
    }
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

impl Ports {
    fn see(&mut self, key: &str) {
        if let Some(port) = Self::key(key) {
            self.lowest = Some(self.lowest.map_or(port, |lowest| lowest.min(port)));
        }
    }
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
