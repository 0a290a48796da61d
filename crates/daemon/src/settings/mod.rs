//! What the program is told: defaults, a file, the environment and flags, each beating the one before.

mod duration;
mod layers;
mod origin;
mod otlp;
mod problem;
mod reader;
mod secret;
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
use reconciler_store::{DatabaseUrl, StoreError};

pub(crate) use layers::Flag;
pub(crate) use origin::{FilePrint, Origin};
pub(crate) use otlp::Otlp;
use otlp::{Collector, Headers};
pub(crate) use problem::{Problem, SettingsError};
use reader::{Reader, Section};
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

/// A key of `[plugins]` itself, so that no source kind can be called so.
const ACTIONS_KEY: &str = "max_actions_per_minute";
const MAX_HOST: usize = 255;
const MAX_KIND: usize = 255;
const TIMEOUT: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(5 * 60);

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
                otlp: Otlp { endpoint: None, headers: Headers::default(), sample_percent: 100 },
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
    let mut plugins = reader.tables("plugins", KIND_WANTED, source_kind);
    for kind in DOCKER_KINDS {
        plugins.entry(kind.to_owned()).or_default().entry("driver").or_insert_with(|| "docker".into());
    }
    let (sources, mut problems) = reader.finish();
    for (kind, table) in &plugins {
        match driver(table) {
            Ok(driver) => drop(settings.plugins.insert(kind.clone(), driver)),
            Err(message) => problems.push(Problem::Plugin { kind: kind.clone(), message }),
        }
    }
    if problems.is_empty() { Ok(Loaded { settings, sources, plugins }) } else { Err(SettingsError(problems)) }
}

impl Settings {
    fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        Self {
            host: reader.root().text("host", HOST_WANTED, default.host, |t| host_name(t).map(Into::into)),
            store: Store::read(&mut reader.section("store"), default.store),
            docker: Docker::read(&mut reader.section("docker"), default.docker),
            reconcile: Reconcile::read(&mut reader.section("reconcile"), default.reconcile),
            http: Http::read(&mut reader.section("http"), default.http),
            plugins: default.plugins,
            max_actions_per_minute: reader.section("plugins").number(
                ACTIONS_KEY,
                1..=MAX_ACTIONS_PER_MINUTE,
                default.max_actions_per_minute,
            ),
            log: Log::read(&mut reader.section("log"), default.log),
        }
    }
}

impl Store {
    fn read(section: &mut Section<'_>, default: Self) -> Self {
        Self {
            url: section.secret(
                "url",
                "sqlite://FILE or postgres://USER@HOST/NAME",
                default.url,
                database_url,
            ),
            create_tables: section.boolean("create_tables", default.create_tables),
            notify: section.boolean("notify", default.notify),
            journal_rows: section.count("journal_rows", 1, default.journal_rows),
            journal_age: section.duration(
                "journal_age",
                "a duration of 1m or more, such as 12h or 30d",
                default.journal_age,
                |age| Duration::try_from(age).ok().filter(|age| *age >= Duration::from_secs(60)),
            ),
            timeout: section.duration("timeout", TIMEOUT_WANTED, default.timeout, timeout),
        }
    }
}

impl Docker {
    fn read(section: &mut Section<'_>, default: Self) -> Self {
        Self {
            host: section.secret(
                "host",
                "an address such as unix:///var/run/docker.sock or tcp://192.0.2.1:2376",
                default.host,
                docker_host,
            ),
            timeout: section.duration("timeout", TIMEOUT_WANTED, default.timeout, timeout),
        }
    }
}

impl Reconcile {
    fn read(section: &mut Section<'_>, default: Self) -> Self {
        let wanted = "a duration such as 30s or 5m";
        Self {
            interval: section.duration("interval", wanted, default.interval, |given| Some(interval(given))),
        }
    }
}

impl Http {
    fn read(section: &mut Section<'_>, default: Self) -> Self {
        let listen = "an address and port such as 127.0.0.1:8787 or [::1]:8787, or unix:/PATH";
        let token = "16 to 1024 visible ASCII characters";
        let hosts = "names with commas between them, without ports";
        Self {
            listen: section.text("listen", listen, default.listen, |text| text.parse().ok()),
            token: section.secret("token", token, default.token, optional_token),
            read_token: section.secret("read_token", token, default.read_token, optional_token),
            allowed_hosts: section.text("allowed_hosts", hosts, default.allowed_hosts, host_names),
            insecure: section.boolean("insecure", default.insecure),
            edit_workloads: section.boolean_or(
                ("auto", EditWorkloads::Auto),
                "edit_workloads",
                default.edit_workloads,
                |yes| if yes { EditWorkloads::Always } else { EditWorkloads::Never },
            ),
        }
    }
}

impl Log {
    fn read(section: &mut Section<'_>, default: Self) -> Self {
        Self {
            format: section.text("format", "text or json", default.format, |text| {
                clap::ValueEnum::from_str(text, false).ok()
            }),
            level: section.text("level", "error, warn, info, debug or trace", default.level, |text| {
                matches!(text, "error" | "warn" | "info" | "debug" | "trace").then(|| text.parse().ok())?
            }),
            otlp: Otlp {
                endpoint: section.secret(
                    "otlp_endpoint",
                    "an address such as http://collector:4318",
                    default.otlp.endpoint,
                    collector,
                ),
                headers: section.secret(
                    "otlp_headers",
                    "NAME=VALUE, with commas between them",
                    default.otlp.headers,
                    Headers::parse,
                ),
                sample_percent: section.number("otlp_sample_percent", 1..=100, default.otlp.sample_percent),
            },
        }
    }
}

const HOST_WANTED: &str = "a name of 1 to 255 printable bytes";
const KIND_WANTED: &str =
    "a source kind of 1 to 255 printable bytes, other than max_actions_per_minute, which is a setting";
const TIMEOUT_WANTED: &str = "a duration from 100ms to 5m";

fn host_name(text: &str) -> Option<&str> {
    printable(text, MAX_HOST).then_some(text)
}

fn source_kind(text: &str) -> bool {
    printable(text, MAX_KIND) && text != ACTIONS_KEY
}

/// The driver that a table sets, if its every key can be used.
fn driver(table: &toml::Table) -> Result<DriverSettings, String> {
    table.clone().try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

fn printable(text: &str, max: usize) -> bool {
    !text.trim().is_empty() && text.trim() == text && text.len() <= max && !text.contains(char::is_control)
}

fn database_url(text: &str) -> Result<SecretUrl, String> {
    match text.parse::<DatabaseUrl>() {
        Ok(_) => Ok(SecretUrl::new(text)),
        Err(StoreError::Url { reason }) => Err(reason),
        Err(error) => Err(error.to_string()),
    }
}

fn optional_token(text: &str) -> Result<Option<SecretToken>, String> {
    if text.is_empty() { Ok(None) } else { SecretToken::parse(text).map(Some) }
}

fn collector(text: &str) -> Result<Option<Collector>, String> {
    if text.is_empty() { Ok(None) } else { Collector::parse(text).map(Some) }
}

fn host_names(text: &str) -> Option<Vec<String>> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let is_name =
        |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    names.map(|name| is_name(name).then(|| name.to_owned())).collect()
}

fn docker_host(text: &str) -> Result<Option<SecretUrl>, String> {
    match text {
        "" => Ok(None),
        text if text.contains("://") => Ok(Some(SecretUrl::new(text))),
        _ => Err("it has no scheme".to_owned()),
    }
}

fn timeout(given: jiff::SignedDuration) -> Option<Duration> {
    Duration::try_from(given).ok().filter(|given| TIMEOUT.contains(given))
}

/// No interval above zero means the default; one that is too long means the longest.
fn interval(given: jiff::SignedDuration) -> Duration {
    match Duration::try_from(given) {
        Err(_) | Ok(Duration::ZERO) => DEFAULT_INTERVAL,
        Ok(given) => given.min(MAX_INTERVAL),
    }
}

#[cfg(test)]
mod tests;
