//! The adapters, made from the settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use reconciler_actors::guardian::Parts;
use reconciler_actors::metrics::MetricsError;
use reconciler_actors::{Metrics, PluginPart, Signals, Traces};
use reconciler_core::host::DaemonIdentity;
use reconciler_core::ids::{ContainerId, HostName};
use reconciler_docker::{Deadlines, DockerEngine, Endpoint, EndpointError, Engine as _, Start};
use reconciler_http::{Access as HttpAccess, Token};
use reconciler_plugins::{DriverSettings, Healer, LogPlugin, Plugin, Shared, Started, Starter};
use reconciler_store::{Access, Database, DatabaseUrl, Retention, Store, StoreSettings};

use crate::failure::{self, UsageError};
use crate::settings::{Docker, Http, SecretToken, SecretUrl, Settings};

/// The Docker engine that the settings name, else the one that Docker's own command line would ask. Connects to
/// nothing yet.
///
/// # Errors
///
/// A [`UsageError`] if the settings or the environment name no engine.
pub(crate) fn docker(settings: &Docker) -> anyhow::Result<DockerEngine> {
    let endpoint = endpoint(settings).map_err(|error| UsageError(error.to_string()))?;
    Ok(DockerEngine::connect(&endpoint, deadlines(settings))?)
}

/// Where the engine is.
fn endpoint(settings: &Docker) -> Result<Endpoint, EndpointError> {
    let explicit = settings.host.as_ref().map(SecretUrl::expose);
    Endpoint::resolve(explicit, &|name| std::env::var(name).ok(), std::env::home_dir().as_deref())
}

/// An inspect waits for a container's lock, so it gets twice the time.
fn deadlines(settings: &Docker) -> Deadlines {
    let usual = settings.timeout;
    Deadlines {
        ping: usual,
        info: usual,
        peek: usual,
        inspect: usual.saturating_mul(2),
        // Networks and mounts are set up before it is answered.
        start: usual.saturating_mul(6),
        events: usual,
    }
}

/// Who may ask the API.
pub(crate) fn access(settings: &Http) -> HttpAccess {
    let token = |token: &Option<SecretToken>| token.as_ref().map(|token| Token::new(token.expose()));
    HttpAccess {
        token: token(&settings.token),
        read_token: token(&settings.read_token),
        hosts: settings.allowed_hosts.clone(),
        insecure: settings.insecure,
    }
}

/// How the store is opened. A call that waits for a lock as long as it may has the same time again for its work.
///
/// # Errors
///
/// A [`UsageError`] if the database's URL cannot be used.
pub(crate) fn store_settings(settings: &Settings, access: Access) -> Result<StoreSettings, UsageError> {
    let store = &settings.store;
    let url: DatabaseUrl = store.url.expose().parse().map_err(|error| UsageError(format!("{error}")))?;
    Ok(StoreSettings {
        url,
        host: settings.host.clone(),
        create_tables: store.create_tables,
        notify: store.notify,
        retention: Retention { rows: store.journal_rows, age: store.journal_age },
        busy_timeout: store.timeout,
        deadline: store.timeout.saturating_mul(2),
        access,
    })
}

/// The database that the settings name, open.
///
/// # Errors
///
/// If it cannot be reached by the deadline, or a [`UsageError`] if its URL cannot be used.
pub(crate) async fn store(settings: &Settings, access: Access) -> anyhow::Result<Store> {
    Ok(Store::open(&store_settings(settings, access)?).await?)
}

/// What this process tells of itself besides its log.
pub(crate) struct Telemetry {
    pub(crate) metrics: Metrics,
    pub(crate) traces: Traces,
}

impl Telemetry {
    /// Metrics, and no traces.
    ///
    /// # Errors
    ///
    /// If the program has a mistake.
    pub(crate) fn new(host: &HostName) -> Result<Self, MetricsError> {
        let metrics = Metrics::new(host.as_str(), env!("CARGO_PKG_VERSION"))?;
        Ok(Self { metrics, traces: Traces::default() })
    }
}

/// What the actors are built from, whatever the settings are: it outlives them.
pub(crate) struct Workshop {
    engine: Arc<DockerEngine>,
    database: Arc<dyn Database>,
    accept: Option<DaemonIdentity>,
    healer: Arc<Healer>,
    shared: Shared,
    signals: Signals,
    metrics: Metrics,
    traces: Traces,
}

impl Workshop {
    pub(crate) fn new(
        engine: Arc<DockerEngine>,
        database: Arc<dyn Database>,
        accept: Option<DaemonIdentity>,
        telemetry: Telemetry,
    ) -> Self {
        let Telemetry { metrics, traces } = telemetry;
        let healer = Arc::new(Healer::new(Arc::new(Starts(Arc::clone(&engine))), 0));
        let shared = Shared::new(Arc::clone(&healer));
        Self { engine, database, accept, healer, shared, signals: Signals::default(), metrics, traces }
    }

    /// What the actors let others know.
    pub(crate) fn signals(&self) -> Signals {
        self.signals.clone()
    }

    /// What they count and measure.
    pub(crate) fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// The parts, as these settings want them.
    ///
    /// # Errors
    ///
    /// A [`UsageError`] if a plugin cannot be made from its settings; then nothing is changed.
    pub(crate) fn parts(&self, settings: &Settings) -> Result<Parts, UsageError> {
        let mut plugins = BTreeMap::new();
        for (kind, driver) in &settings.plugins {
            let plugin = reconciler_plugins::build(kind, driver, &self.shared).map_err(|error| {
                UsageError(format!("section [plugins.{kind}]: {}", failure::chain(&error)))
            })?;
            plugins.insert(kind.clone(), part(plugin, driver));
        }
        self.healer.set_per_minute(settings.max_actions_per_minute as usize);
        Ok(Parts {
            engine: Arc::clone(&self.engine) as _,
            database: Arc::clone(&self.database),
            plugins,
            other_plugin: part(Arc::new(LogPlugin::quiet("other")), &DriverSettings::Log),
            host: settings.host.clone(),
            interval: settings.reconcile.interval,
            accept: self.accept.clone(),
            signals: self.signals.clone(),
            metrics: self.metrics.clone(),
            traces: self.traces.clone(),
        })
    }
}

fn part(plugin: Arc<dyn Plugin>, driver: &DriverSettings) -> PluginPart {
    PluginPart { plugin, timeout: driver.deadline(), parallel: driver.parallel() }
}

/// Starts containers for the driver `docker`.
struct Starts(Arc<DockerEngine>);

#[async_trait]
impl Starter for Starts {
    async fn start(&self, container: &ContainerId) -> Result<Started, String> {
        match self.0.start(container).await {
            Ok(Start::Started) => Ok(Started::Started),
            Ok(Start::Gone) => Ok(Started::Gone),
            Err(error) => Err(failure::chain(&error)),
        }
    }
}
