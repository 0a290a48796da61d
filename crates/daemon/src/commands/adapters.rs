//! The adapters, made from the settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use reconciler_actors::PluginPart;
use reconciler_actors::guardian::Parts;
use reconciler_core::host::DaemonIdentity;
use reconciler_docker::{Deadlines, DockerEngine, Endpoint, EndpointError};
use reconciler_plugins::{DriverSettings, LogPlugin};
use reconciler_store::{Access, Database, DatabaseUrl, Retention, Store, StoreSettings};

use crate::failure::UsageError;
use crate::settings::{Docker, SecretUrl, Settings};

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
    Deadlines { ping: usual, info: usual, peek: usual, inspect: usual.saturating_mul(2), events: usual }
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

/// What the actors are built from.
///
/// # Errors
///
/// If a plugin cannot be made from its settings.
pub(crate) fn parts(
    settings: &Settings,
    engine: Arc<DockerEngine>,
    database: Arc<dyn Database>,
    accept: Option<DaemonIdentity>,
) -> anyhow::Result<Parts> {
    let mut plugins = BTreeMap::new();
    for (kind, driver) in &settings.plugins {
        let plugin = reconciler_plugins::build(kind, driver)?;
        plugins.insert(
            kind.clone(),
            PluginPart { plugin, timeout: driver.timeout(), parallel: driver.parallel() },
        );
    }
    let usual = DriverSettings::Log {};
    let other_plugin = PluginPart {
        plugin: Arc::new(LogPlugin::quiet("other")),
        timeout: usual.timeout(),
        parallel: usual.parallel(),
    };
    let (host, interval) = (settings.host.clone(), settings.reconcile.interval);
    Ok(Parts { engine, database, plugins, other_plugin, host, interval, accept })
}
