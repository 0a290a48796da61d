//! What the program is told: defaults, a file, the environment and flags, each beating the one before.

mod duration;
mod layers;
mod origin;
mod otlp;
mod problem;
mod reader;
mod secret;
mod sections;
mod show;
mod source;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use reconciler_core::ids::HostName;
use reconciler_http::{EditWorkloads, Listen};
use reconciler_plugins::DriverSettings;

pub(crate) use layers::Flag;
pub(crate) use origin::{FilePrint, Origin};
pub(crate) use otlp::Otlp;
pub(crate) use problem::{Problem, SettingsError};
use reader::Reader;
pub(crate) use secret::{SecretToken, SecretUrl};
pub(crate) use source::Source;

/// Read where neither `--config` nor `RECONCILER_CONFIG` names a file, if it is there.
const DEFAULT_FILE: &str = "/etc/tinyforge/reconciler.toml";

/// Every setting, with a usable value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The name of this host: the `host` column of its rows.
    pub(crate) host: HostName,
    /// The database.
    pub(crate) store: Store,
    /// The daemon.
    pub(crate) docker: Docker,
    /// The passes.
    pub(crate) reconcile: Reconcile,
    /// The API.
    pub(crate) http: Http,
    /// By source kind: its driver.
    pub(crate) plugins: BTreeMap<String, DriverSettings>,
    /// How many containers the driver `docker` may start on this host in a minute; at most
    /// [`MAX_ACTIONS_PER_MINUTE`], at least one.
    pub(crate) max_actions_per_minute: u32,
    /// The log.
    pub(crate) log: Log,
}

/// `[store]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Store {
    /// Where the database is. Begins with `sqlite:`, `postgres:` or `postgresql:`.
    pub(crate) url: SecretUrl,
    /// Whether to make tinyforge's own tables where they are missing.
    pub(crate) create_tables: bool,
    /// Whether PostgreSQL gets triggers that tell of a write; without them it is asked.
    pub(crate) notify: bool,
    /// How many rows of the journal are kept.
    pub(crate) journal_rows: u64,
    /// How long rows of the journal are kept.
    pub(crate) journal_age: Duration,
    /// The deadline of a write, and how long a locked database is waited for.
    pub(crate) timeout: Duration,
}

/// `[docker]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Docker {
    /// Where the daemon is; `None`: as Docker's own command line finds it.
    pub(crate) host: Option<SecretUrl>,
    /// The deadline of a call. A list that once took longer is given more.
    pub(crate) timeout: Duration,
}

/// `[reconcile]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reconcile {
    /// The time from one full pass to the next: more than zero, and [`MAX_INTERVAL`] at most.
    pub(crate) interval: Duration,
}

/// `[http]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Http {
    /// Where the API listens.
    pub(crate) listen: Listen,
    /// What lets somebody read and act.
    pub(crate) token: Option<SecretToken>,
    /// What lets somebody read.
    pub(crate) read_token: Option<SecretToken>,
    /// Names by which it is called besides addresses and `localhost`.
    pub(crate) allowed_hosts: Vec<String>,
    /// Whether other machines may ask without a token.
    pub(crate) insecure: bool,
    /// Whether workloads may be written there.
    pub(crate) edit_workloads: EditWorkloads,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    /// How a line looks.
    pub(crate) format: LogFormat,
    /// The level of this program's own lines.
    pub(crate) level: tracing::Level,
    /// Traces: the keys that begin with `otlp_`.
    pub(crate) otlp: Otlp,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// An object a line.
    Json,
}

impl LogFormat {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// The interval where none is given, and where none above zero is.
pub(crate) const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
/// The longest interval: a longer one means this.
pub(crate) const MAX_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// The most that [`Settings::max_actions_per_minute`] may be.
pub(crate) const MAX_ACTIONS_PER_MINUTE: u32 = 1000;

/// The source kinds whose driver is `docker` unless another is set.
const DOCKER_KINDS: [&str; 3] = ["compose", "image", "static"];

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: "local".into(),
            store: Store {
                url: SecretUrl::new("sqlite://data/tinyforge.db"),
                create_tables: true,
                notify: true,
                journal_rows: 100_000,
                journal_age: Duration::from_secs(30 * 24 * 3600),
                timeout: Duration::from_secs(5),
            },
            docker: Docker { host: None, timeout: Duration::from_secs(5) },
            reconcile: Reconcile { interval: DEFAULT_INTERVAL },
            http: Http {
                listen: Listen::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 8787))),
                token: None,
                read_token: None,
                allowed_hosts: Vec::new(),
                insecure: false,
                edit_workloads: EditWorkloads::Auto,
            },
            plugins: DOCKER_KINDS
                .map(|kind| (kind.to_owned(), DriverSettings::Docker(Default::default())))
                .into(),
            max_actions_per_minute: 10,
            log: Log {
                format: LogFormat::Text,
                level: tracing::Level::INFO,
                otlp: Otlp { endpoint: None, headers: otlp::Headers::default(), sample_percent: 100 },
            },
        }
    }
}

impl Settings {
    /// The settings that a running program can take over and that are others in `next`.
    pub(crate) fn changed_by(&self, next: &Self) -> Vec<&'static str> {
        named([
            ("plugins", self.plugins != next.plugins),
            ("plugins.max_actions_per_minute", self.max_actions_per_minute != next.max_actions_per_minute),
            ("reconcile.interval", self.reconcile != next.reconcile),
            ("log.level", self.log.level != next.log.level),
        ])
    }

    /// The settings that only a restart can take over and that are others in `next`.
    pub(crate) fn fixed_but_changed_by(&self, next: &Self) -> Vec<&'static str> {
        named([
            ("host", self.host != next.host),
            ("store", self.store != next.store),
            ("docker", self.docker != next.docker),
            ("http", self.http != next.http),
            ("log.format", self.log.format != next.log.format),
            ("log.otlp_endpoint", self.log.otlp != next.log.otlp),
        ])
    }

    /// Takes over what a running program can.
    pub(crate) fn take_over(&mut self, next: Self) {
        self.plugins = next.plugins;
        self.max_actions_per_minute = next.max_actions_per_minute;
        self.reconcile = next.reconcile;
        self.log.level = next.log.level;
    }
}

fn named<const N: usize>(changes: [(&'static str, bool); N]) -> Vec<&'static str> {
    changes.into_iter().filter_map(|(name, changed)| changed.then_some(name)).collect()
}

/// The settings in force, and where each came from.
pub(crate) struct Loaded {
    /// The settings.
    pub(crate) settings: Settings,
    /// By dotted key.
    sources: BTreeMap<String, Source>,
    /// By source kind: the driver's table, as it was given.
    plugins: BTreeMap<String, toml::Table>,
}

/// Leaves out the drivers' tables as they were given: secrets stand in them.
impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("settings", &self.settings)
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}

impl Loaded {
    /// Where the setting of that dotted key came from.
    pub(crate) fn source(&self, key: &str) -> &Source {
        self.sources.get(key).unwrap_or(&Source::Default)
    }

    /// How many settings are not left at their defaults.
    pub(crate) fn given(&self) -> usize {
        self.sources.values().filter(|source| **source != Source::Default).count()
    }
}

/// Reads all layers. `config` is the file named by `--config`; `default_file` is read if none is named and it exists.
///
/// # Errors
///
/// All that is wrong anywhere, at once.
pub(crate) fn load(
    config: Option<&Path>,
    flags: &[Flag],
    vars: impl IntoIterator<Item = (OsString, OsString)>,
    default_file: &Path,
) -> Result<Loaded, SettingsError> {
    let mut problems = Vec::new();
    let entries = layers::merge(config, flags, vars, default_file, &mut problems);
    let mut reader = Reader::new(entries, problems);
    let mut settings = Settings::read(&mut reader);
    let mut plugins = reader.tables("plugins", sections::KIND_WANTED, sections::is_source_kind);
    for kind in DOCKER_KINDS {
        plugins.entry(kind.to_owned()).or_default().entry("driver").or_insert_with(|| "docker".into());
    }
    let (sources, mut problems) = reader.finish();
    for (kind, table) in &plugins {
        match sections::driver(table) {
            Ok(driver) => drop(settings.plugins.insert(kind.clone(), driver)),
            Err(message) => problems.push(Problem::Plugin { kind: kind.clone(), message }),
        }
    }
    if problems.is_empty() { Ok(Loaded { settings, sources, plugins }) } else { Err(SettingsError(problems)) }
}

#[cfg(test)]
mod tests;
