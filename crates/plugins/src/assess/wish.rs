//! What should be, as `source_config` says it.

use reconciler_core::member::Member;
use serde::Deserialize;
use serde_json::Value;

use super::compose::{self, MAX_REPLICAS, Services};
use super::error::BadConfig;

/// Longest `source_config` that is read, in bytes.
pub(super) const MAX_LEN: usize = 1024 * 1024;

/// What should be of a workload.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing of it should run.
    Stopped,
    /// It should run, in this shape.
    Running(Shape),
}

/// What a running workload consists of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// So many of the same.
    Instances(u32),
    /// The services of a compose document.
    Services(Services),
    /// Whatever has a row.
    Rows,
}

/// Where a container belongs in a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In this part: a service, or the only one.
    Part(usize),
    /// In a service that no active profile brings into force.
    OutOfForce,
    /// In none.
    Nowhere,
}

/// The keys that are read here. All others are the plugin's.
#[derive(Default, Deserialize)]
struct Config {
    desired_state: Option<Value>,
    instances: Option<Value>,
    compose: Option<Value>,
    services: Option<Value>,
}

impl Wish {
    /// Reads a `source_config`, and of it only what matters to its source kind.
    pub(super) fn read(source_kind: &str, text: &str) -> Result<Self, BadConfig> {
        let config = Config::read(text)?;
        let shape = match source_kind {
            "image" => Shape::Instances(instances(config.instances.as_ref())?),
            "static" => Shape::Instances(1),
            "compose" => {
                let services = match config.compose {
                    None => None,
                    Some(compose) => compose::document(&compose)?,
                };
                match (services, config.services) {
                    (Some(services), _) => Shape::Services(services),
                    (None, Some(services)) => Shape::Services(compose::listed(services)?),
                    (None, None) => Shape::Rows,
                }
            }
            _ => Shape::Rows,
        };
        match config.desired_state.as_ref().map(Value::as_str) {
            None | Some(Some("running")) => Ok(Self::Running(shape)),
            Some(Some("stopped")) => Ok(Self::Stopped),
            Some(_) => Err(BadConfig::wrong("desired_state", "\"running\" or \"stopped\"")),
        }
    }
}

impl Config {
    fn read(text: &str) -> Result<Self, BadConfig> {
        if text.len() > MAX_LEN {
            return Err(BadConfig::TooLarge);
        }
        match text.trim() {
            "" | "null" => Ok(Self::default()),
            // What else there is in JSON, serde would in part take for the object's fields in their order.
            text if text.starts_with('{') => {
                serde_json::from_str(text).map_err(|error| BadConfig::NotJson(error.to_string()))
            }
            _ => Err(BadConfig::wrong("source_config", "a JSON object")),
        }
    }
}

fn instances(value: Option<&Value>) -> Result<u32, BadConfig> {
    let Some(value) = value else { return Ok(1) };
    let count = value.as_u64().and_then(|count| u32::try_from(count).ok()).filter(|n| *n <= MAX_REPLICAS);
    count.ok_or_else(|| {
        BadConfig::wrong("instances", format_args!("a whole number from 0 to {MAX_REPLICAS}").to_string())
    })
}

impl Shape {
    /// Where a container belongs.
    pub(super) fn place(&self, member: &Member) -> Place {
        let Self::Services(services) = self else { return Place::Part(0) };
        match services.find(member.service.as_deref().unwrap_or(&member.row.role)) {
            Some((_, service)) if service.profiled => Place::OutOfForce,
            Some((at, _)) => Place::Part(at),
            None => Place::Nowhere,
        }
    }
}
