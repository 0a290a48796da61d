//! Takes values out of a driver's table, and refuses by name what cannot be used.

use std::ops::RangeInclusive;
use std::time::Duration;

use reconciler_core::text::printable;
use serde_json::{Map, Value};

use super::{DEFAULT_PARALLEL, DriverSettings, SettingsError};

/// A driver's table, all keys of which are known to the driver.
pub(super) struct Table(Map<String, Value>);

impl Table {
    pub(super) fn new(
        driver: &'static str,
        known: &[&str],
        table: Map<String, Value>,
    ) -> Result<Self, SettingsError> {
        match table.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(Self(table)),
            Some(key) => {
                let known = if known.is_empty() { "no keys".to_owned() } else { known.join(", ") };
                Err(SettingsError::Unknown { key: printable(key, 100), driver, known })
            }
        }
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, SettingsError> {
        let Some(value) = self.0.remove(key) else { return Ok(None) };
        parse(&value).map(Some).ok_or_else(|| SettingsError::invalid(key, expected, &value))
    }

    /// A value with a default.
    pub(super) fn value<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        default: T,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, SettingsError> {
        Ok(self.read(key, expected, parse)?.unwrap_or(default))
    }

    /// A text that must be there.
    pub(super) fn text<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, SettingsError> {
        let read = self.read(key, expected, |value| parse(value.as_str()?))?;
        read.ok_or_else(|| SettingsError::missing(key, expected))
    }

    /// A text that must not be shown; `parse` says what is wrong with it without showing it.
    pub(super) fn secret<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Result<Option<T>, SettingsError> {
        let Some(value) = self.0.remove(key) else { return Ok(None) };
        let parsed = value.as_str().ok_or("it is not text").and_then(parse);
        parsed.map(Some).map_err(|why| SettingsError::hidden(key, expected, why))
    }

    /// A list of texts, empty by default.
    pub(super) fn texts(
        &mut self,
        key: &'static str,
        expected: &str,
        is_good: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, SettingsError> {
        let Some(value) = self.0.remove(key) else { return Ok(Vec::new()) };
        let Value::Array(values) = value else { return Err(SettingsError::invalid(key, expected, &value)) };
        let text = |value| match value {
            Value::String(text) if is_good(&text) => Ok(text),
            other => Err(SettingsError::invalid(key, expected, &other)),
        };
        values.into_iter().map(text).collect()
    }

    pub(super) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<usize>,
        default: usize,
    ) -> Result<usize, SettingsError> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.value(key, &expected, default, |value| {
            usize::try_from(value.as_u64()?).ok().filter(|number| range.contains(number))
        })
    }

    /// How many workloads are reconciled at once.
    pub(super) fn parallel(&mut self) -> Result<usize, SettingsError> {
        self.number("parallel", 1..=DriverSettings::MAX_PARALLEL, DEFAULT_PARALLEL)
    }

    /// A time from 100 ms to `longest`, which `expected` names.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        expected: &str,
        longest: Duration,
        default: Duration,
    ) -> Result<Duration, SettingsError> {
        let range = Duration::from_millis(100)..=longest;
        self.value(key, expected, default, |value| {
            let duration = value.as_str()?.parse::<jiff::SignedDuration>().ok()?;
            Duration::try_from(duration).ok().filter(|duration| range.contains(duration))
        })
    }

    pub(super) fn boolean(&mut self, key: &'static str, default: bool) -> Result<bool, SettingsError> {
        self.value(key, "true or false", default, Value::as_bool)
    }
}
