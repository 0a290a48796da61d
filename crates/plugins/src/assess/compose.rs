//! The services of a compose document, as far as they say what should run.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{Error, UserMessageFormatter};

use super::error::BadConfig;
use super::words;

/// Most instances or replicas that are believed.
pub(super) const MAX_REPLICAS: u32 = 1_000;
/// Most services that are believed.
const MAX_SERVICES: usize = 1_000;

/// Services in the order of their names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Services {
    /// Those that are known by name.
    pub(super) services: Vec<Service>,
    /// Whether these are all: a document that includes others may have more.
    pub(super) all: bool,
}

/// What should be of one service.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Service {
    /// Its name.
    pub(super) name: Box<str>,
    /// How many containers of it should run.
    pub(super) replicas: u32,
    /// Only a profile brings it into force, and none is active.
    pub(super) profiled: bool,
    /// It is meant to run to its end.
    pub(super) completes: bool,
}

impl Services {
    /// The service of that name, and its place.
    pub(super) fn find(&self, name: &str) -> Option<(usize, &Service)> {
        let at = self.services.binary_search_by(|service| (*service.name).cmp(name)).ok()?;
        Some((at, self.services.get(at)?))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    services: Option<BTreeMap<String, Option<Written>>>,
    include: Option<IgnoredAny>,
}

/// A service as it is written.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    restart: Scalar,
    replicas: Scalar,
    scale: Scalar,
    deploy: Option<Deploy>,
    profiles: Profiles,
    depends_on: Dependencies,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Deploy {
    replicas: Scalar,
    restart_policy: Option<RestartPolicy>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RestartPolicy {
    condition: Scalar,
}

/// The services of a compose document: YAML text, or the same as JSON. `None` if nothing stands there, or nothing but
/// what includes other documents.
pub(super) fn document(compose: &Value) -> Result<Option<Services>, BadConfig> {
    let document = match compose {
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => yaml(text).map_err(|(line, text)| BadConfig::Yaml { line, text })?,
        Value::Object(_) => json("compose", compose)?,
        _ => return Err(BadConfig::wrong("compose", "the text of a compose document")),
    };
    let includes = document.include.is_some();
    match document.services {
        Some(services) => gathered(services, !includes, "compose: ").map(Some),
        None if includes => Ok(None),
        None => Err(BadConfig::wrong("compose", "a document with the key services")),
    }
}

/// The services of the key `services`: a list of names, of objects with a `name`, or of both; or an object by names.
pub(super) fn listed(services: Value) -> Result<Services, BadConfig> {
    let by_name = match services {
        Value::Object(by_name) => by_name,
        Value::Array(entries) => {
            let mut by_name = Map::new();
            for (at, entry) in entries.into_iter().enumerate() {
                let wrong = |what| BadConfig::wrong(format!("services[{at}]"), what);
                let name = name_of(&entry).ok_or_else(|| wrong("a service's name, or an object with one"))?;
                let service = if entry.is_object() { entry } else { Value::Null };
                if by_name.insert(name, service).is_some() {
                    return Err(wrong("a service that is not there twice"));
                }
            }
            by_name
        }
        _ => return Err(BadConfig::wrong("services", "a list of services")),
    };
    let mut document = Map::new();
    document.insert("services".into(), by_name.into());
    let document = json("services", &document.into())?;
    gathered(document.services.unwrap_or_default(), true, "")
}

fn name_of(entry: &Value) -> Option<String> {
    let name = entry.as_str().or_else(|| entry.get("name")?.as_str())?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// Reads JSON as the YAML that it also is: what is right in one is so in the other.
fn json(at: &str, document: &Value) -> Result<Document, BadConfig> {
    yaml(&document.to_string()).map_err(|(_, text)| BadConfig::Form { at: at.to_owned(), text })
}

/// The error is the line, from 1 or 0 if it is not known, and what is wrong there.
fn yaml(text: &str) -> Result<Document, (u64, String)> {
    // A compose file has hundreds of nodes. What has more than these was made to be expensive.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 200_000,
            max_nodes: 50_000,
            max_depth: 64,
            max_documents: 2,
            max_aliases: 5_000,
            max_anchors: 5_000,
            max_recorded_anchor_events: 100_000,
            max_merge_keys: 1_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 32,
        },
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        null_as_string: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(0, |location| location.line());
        let text = match error.without_snippet() {
            Error::DuplicateMappingKey { .. } => "a key that stands there twice".to_owned(),
            Error::MultipleDocuments { .. } => "a second document; only one can be read".to_owned(),
            Error::Budget { .. } => "too large or too deeply nested".to_owned(),
            error => {
                let told = error.render_with_formatter(&UserMessageFormatter);
                let what = told.split(" at line ").next().unwrap_or_default();
                what.trim_end_matches(" start").to_owned()
            }
        };
        (line, text)
    })
}

fn gathered(
    written: BTreeMap<String, Option<Written>>,
    all: bool,
    place: &str,
) -> Result<Services, BadConfig> {
    if written.len() > MAX_SERVICES {
        return Err(BadConfig::wrong(format!("{place}services"), format!("at most {MAX_SERVICES}")));
    }
    let awaited: HashSet<String> =
        written.values().flatten().flat_map(|service| service.depends_on.0.iter().cloned()).collect();
    let service = |(name, service): (String, Option<Written>)| {
        let service = service.unwrap_or_default();
        Ok(Service {
            replicas: service.replicas().map_err(|key| {
                let at = format!("{place}services.{}.{key}", words::quoted(&name));
                BadConfig::wrong(at, format!("a whole number from 0 to {MAX_REPLICAS}"))
            })?,
            profiled: service.profiles.0,
            completes: service.runs_once() || awaited.contains(&name),
            name: name.into(),
        })
    };
    Ok(Services { services: written.into_iter().map(service).collect::<Result<_, _>>()?, all })
}

impl Written {
    /// How many containers; the key that says something else is the error.
    fn replicas(&self) -> Result<u32, &'static str> {
        let deployed = self.deploy.as_ref().map_or(&Scalar::Null, |deploy| &deploy.replicas);
        for (key, scalar) in
            [("scale", &self.scale), ("deploy.replicas", deployed), ("replicas", &self.replicas)]
        {
            if let Some(count) = scalar.count().map_err(|NotACount| key)? {
                return Ok(count);
            }
        }
        Ok(1)
    }

    /// Whether it is said that its containers are not to be started again.
    fn runs_once(&self) -> bool {
        let policy = self.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref());
        match &self.restart {
            Scalar::Null => policy.is_some_and(|policy| policy.condition.text() == Some("none")),
            // YAML's plain `no`.
            Scalar::Bool(restart) => !restart,
            restart => restart.text() == Some("no"),
        }
    }
}

/// A value of which only the simple ones matter.
#[derive(Clone, Debug, Default)]
enum Scalar {
    #[default]
    Null,
    Bool(bool),
    Number(u64),
    Text(Box<str>),
    Other,
}

struct NotACount;

impl Scalar {
    /// How many it says; `None` if it says nothing, or what only the deployer's environment knows.
    fn count(&self) -> Result<Option<u32>, NotACount> {
        let count = match self {
            Self::Null => return Ok(None),
            Self::Number(number) => u32::try_from(*number).ok(),
            Self::Text(_) => match self.text() {
                Some(text) => text.parse().ok(),
                None => return Ok(None),
            },
            Self::Bool(_) | Self::Other => None,
        };
        count.filter(|count| *count <= MAX_REPLICAS).map(Some).ok_or(NotACount)
    }

    /// Its text; of a variable the default. `None` if it is none, or a variable's without a default.
    fn text(&self) -> Option<&str> {
        let Self::Text(text) = self else { return None };
        match text.strip_prefix('$') {
            None => Some(text),
            Some(variable) => {
                let (_, default) = variable.strip_prefix('{')?.strip_suffix('}')?.split_once('-')?;
                (!default.contains('$')).then_some(default)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_none<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(u64::try_from(value).map_or(Scalar::Other, Scalar::Number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

/// Whether `profiles` names any.
#[derive(Default)]
struct Profiles(bool);

impl<'de> Deserialize<'de> for Profiles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let profiles: Option<Vec<IgnoredAny>> = Deserialize::deserialize(deserializer)?;
        Ok(Self(profiles.is_some_and(|profiles| !profiles.is_empty())))
    }
}

/// The services of `depends_on` that must have run to their end.
#[derive(Default)]
struct Dependencies(Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum DependsOn {
    Conditions(BTreeMap<String, Option<Dependency>>),
    Other(IgnoredAny),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Dependency {
    condition: Scalar,
}

impl<'de> Deserialize<'de> for Dependencies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let DependsOn::Conditions(conditions) = DependsOn::deserialize(deserializer)? else {
            return Ok(Self::default());
        };
        let to_their_end = |dependency: &Option<Dependency>| {
            dependency
                .as_ref()
                .is_some_and(|one| one.condition.text() == Some("service_completed_successfully"))
        };
        Ok(Self(conditions.into_iter().filter(|(_, one)| to_their_end(one)).map(|(name, _)| name).collect()))
    }
}
