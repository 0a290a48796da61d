//! What each key may hold.

use std::ops::RangeInclusive;
use std::time::Duration;

use reconciler_http::EditWorkloads;
use reconciler_plugins::DriverSettings;
use reconciler_store::{DatabaseUrl, StoreError};

use super::otlp::{Collector, Headers, Otlp};
use super::reader::{Reader, Section};
use super::secret::{SecretToken, SecretUrl};
use super::{
    DEFAULT_INTERVAL, Docker, Http, Log, MAX_ACTIONS_PER_MINUTE, MAX_INTERVAL, Reconcile, Settings, Store,
};

/// A key of `[plugins]` itself, so that no source kind can be called so.
const ACTIONS_KEY: &str = "max_actions_per_minute";
const MAX_HOST: usize = 255;
const MAX_KIND: usize = 255;
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(5 * 60);

const HOST_WANTED: &str = "a name of 1 to 255 printable bytes";
pub(super) const KIND_WANTED: &str =
    "a source kind of 1 to 255 printable bytes, other than max_actions_per_minute, which is a setting";
const TIMEOUT_WANTED: &str = "a duration from 100ms to 5m";

impl Settings {
    /// All but the source kinds.
    pub(super) fn read(reader: &mut Reader) -> Self {
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

fn host_name(text: &str) -> Option<&str> {
    printable(text, MAX_HOST).then_some(text)
}

pub(super) fn is_source_kind(text: &str) -> bool {
    printable(text, MAX_KIND) && text != ACTIONS_KEY
}

/// The driver that a table sets, if its every key can be used.
pub(super) fn driver(table: &toml::Table) -> Result<DriverSettings, String> {
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
