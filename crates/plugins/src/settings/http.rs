//! The settings of the driver `http`.

use std::path::PathBuf;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use serde_json::{Map, Value};

use super::{SettingsError, Table};
use crate::http::{HookUrl, Secret};

/// The settings of the driver `http`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// Where to.
    pub url: HookUrl,
    /// What deliveries are signed with; none are if there is none.
    pub secret: Option<Secret>,
    /// How long one try may take; ten seconds by default.
    pub timeout: Duration,
    /// How often a delivery that failed is tried again, at most; 3 by default.
    pub retries: usize,
    /// How many workloads are reconciled at once, from 1 to [`MAX_PARALLEL`](super::DriverSettings::MAX_PARALLEL).
    pub parallel: usize,
    /// PEM certificates that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// What lies between tries and pauses on a busy machine, so that the last try has its whole time.
const SLACK: Duration = Duration::from_secs(1);
const MARGIN: Duration = Duration::from_secs(1);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_TIMEOUT: Duration = Duration::from_secs(5 * 60);
const DEFAULT_RETRIES: usize = 3;
const MAX_RETRIES: usize = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl HttpSettings {
    const KEYS: &[&str] = &["url", "secret", "secret_file", "timeout", "retries", "parallel", "ca_file"];
    const URL: &str = "an address such as https://deployer.example/hooks/compose";
    const SECRET: &str =
        "whsec_ and 24 to 64 random bytes in base64, as made by: echo whsec_$(openssl rand -base64 32)";

    pub(super) fn read(table: Map<String, Value>) -> Result<Self, SettingsError> {
        let mut table = Table::new("http", Self::KEYS, table)?;
        let url = table.secret("url", Self::URL, HookUrl::parse)?;
        // Whoever reads the settings file reads the secret's file too, and hands on what is in it as `secret`.
        let unread = |_: &str| Err("it is still the file's name");
        table.secret::<()>("secret_file", "a file whose content was put in its place as `secret`", unread)?;
        let path = |value: &Value| Some(PathBuf::from(value.as_str().filter(|path| !path.is_empty())?));
        Ok(Self {
            url: url.ok_or_else(|| SettingsError::missing("url", Self::URL))?,
            secret: table.secret("secret", Self::SECRET, Secret::parse)?,
            timeout: table.duration(
                "timeout",
                "a duration from \"100ms\" to \"5m\", such as \"10s\"",
                MAX_TIMEOUT,
                DEFAULT_TIMEOUT,
            )?,
            retries: table.number("retries", 0..=MAX_RETRIES, DEFAULT_RETRIES)?,
            parallel: table.parallel()?,
            ca_file: table.value("ca_file", "the name of a file", None, |value| path(value).map(Some))?,
        })
    }

    /// The pauses before a delivery is tried again, one each.
    pub(crate) fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        self.backoff().with_jitter().build()
    }

    /// How long a delivery with all its tries and pauses may take.
    pub(crate) fn budget(&self) -> Duration {
        let tries = u32::try_from(self.retries).unwrap_or(u32::MAX).saturating_add(1);
        // The jitter at most doubles a pause.
        let pauses = self.backoff().build().fold(Duration::ZERO, |sum, pause| sum.saturating_add(pause * 2));
        self.timeout.saturating_mul(tries).saturating_add(pauses).saturating_add(SLACK)
    }

    pub(super) fn deadline(&self) -> Duration {
        self.budget().saturating_add(MARGIN)
    }

    fn backoff(&self) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(self.retries)
    }
}
