//! The settings in force, as TOML.

use std::fmt::Write;

use reconciler_http::EditWorkloads;
use reconciler_plugins::HookUrl;
use toml::Value;

use super::secret::{HIDDEN, is_secret, without_password};
use super::{Loaded, duration};

impl Loaded {
    /// A settings file that says what is in force, without secrets; behind each setting, where it came from.
    pub(crate) fn to_toml(&self) -> String {
        let mut out = String::new();
        self.line(&mut out, "", "host", self.settings.host.as_str().into());
        for (section, settings) in self.sections() {
            _ = write!(out, "\n[{section}]\n");
            for (key, value) in settings {
                self.line(&mut out, section, key, value);
            }
        }
        for (kind, table) in &self.plugins {
            let section = format!("plugins.{}", quoted(kind));
            _ = write!(out, "\n[{section}]\n");
            for (key, value) in table {
                let value = shown(key, value);
                let source = self.source(&format!("plugins.{kind}.{key}"));
                _ = writeln!(out, "{} = {value}  # {source}", quoted(key));
            }
        }
        out
    }

    fn sections(&self) -> Vec<(&'static str, Vec<(&'static str, Value)>)> {
        let s = &self.settings;
        let time = |d| Value::String(duration::format(d));
        let docker_host = s.docker.host.as_ref().map(ToString::to_string).unwrap_or_default();
        let collector = s.log.otlp.endpoint.as_ref().map(ToString::to_string).unwrap_or_default();
        vec![
            (
                "store",
                vec![
                    ("url", s.store.url.to_string().into()),
                    ("create_tables", s.store.create_tables.into()),
                    ("notify", s.store.notify.into()),
                    ("journal_rows", Value::Integer(i64::try_from(s.store.journal_rows).unwrap_or(i64::MAX))),
                    ("journal_age", time(s.store.journal_age)),
                    ("timeout", time(s.store.timeout)),
                ],
            ),
            ("docker", vec![("host", docker_host.into()), ("timeout", time(s.docker.timeout))]),
            ("reconcile", vec![("interval", time(s.reconcile.interval))]),
            (
                "http",
                vec![
                    ("listen", s.http.listen.as_setting().into()),
                    ("token", hidden(s.http.token.is_some())),
                    ("read_token", hidden(s.http.read_token.is_some())),
                    ("allowed_hosts", s.http.allowed_hosts.join(", ").into()),
                    ("insecure", s.http.insecure.into()),
                    ("edit_workloads", edit_workloads(s.http.edit_workloads)),
                ],
            ),
            ("plugins", vec![("max_actions_per_minute", i64::from(s.max_actions_per_minute).into())]),
            (
                "log",
                vec![
                    ("format", s.log.format.as_str().into()),
                    ("level", s.log.level.as_str().to_ascii_lowercase().into()),
                    ("otlp_endpoint", collector.into()),
                    ("otlp_headers", hidden(!s.log.otlp.headers.0.is_empty())),
                    ("otlp_sample_percent", i64::from(s.log.otlp.sample_percent).into()),
                ],
            ),
        ]
    }

    fn line(&self, out: &mut String, section: &str, key: &str, value: Value) {
        let dotted = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
        _ = writeln!(out, "{key} = {value}  # {}", self.source(&dotted));
    }
}

/// A secret that is there, or none.
fn hidden(there: bool) -> Value {
    if there { HIDDEN } else { "" }.into()
}

fn edit_workloads(setting: EditWorkloads) -> Value {
    match setting {
        EditWorkloads::Auto => "auto".into(),
        EditWorkloads::Always => true.into(),
        EditWorkloads::Never => false.into(),
    }
}

fn shown(key: &str, value: &Value) -> Value {
    match value {
        _ if is_secret(key) => HIDDEN.into(),
        // In a driver's address anything but the place may be a token.
        Value::String(text) if key == "url" => {
            HookUrl::parse(text).map_or_else(|_| HIDDEN.to_owned(), |url| url.to_string()).into()
        }
        Value::String(text) => without_password(text).into(),
        Value::Array(values) => values.iter().map(|value| shown("", value)).collect::<Vec<_>>().into(),
        Value::Table(table) => {
            Value::Table(table.iter().map(|(key, value)| (key.clone(), shown(key, value))).collect())
        }
        other => other.clone(),
    }
}

/// A key as it is written in TOML.
fn quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if bare { key.to_owned() } else { Value::String(key.to_owned()).to_string() }
}
