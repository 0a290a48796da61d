//! The layers: file, environment, flags. Each is a flat map of keys; a later one beats an earlier one key by key.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::problem::Problem;
use super::source::Source;
use crate::output::text;

const PREFIX: &str = "RECONCILER_";
pub(super) const CONFIG_VARIABLE: &str = "RECONCILER_CONFIG";
const MAX_FILE: u64 = 1024 * 1024;
const MAX_SECRET: u64 = 64 * 1024;
/// Settings whose value may be a secret: each has a twin that ends in `_file`.
const SECRETS: [[&str; 2]; 4] =
    [["store", "url"], ["http", "token"], ["http", "read_token"], ["log", "otlp_headers"]];
/// As [`SECRETS`], in the table of any source kind.
const PLUGIN_SECRET: &str = "secret";
const TWIN: &str = "_file";
/// Names that others gave to our settings. A variable with our own name beats them.
const FOREIGN: [(&str, [&str; 2]); 3] = [
    ("DATABASE_URL", ["store", "url"]),
    ("DATABASE_URL_FILE", ["store", "url_file"]),
    ("DOCKER_HOST", ["docker", "host"]),
];

/// A setting's key, part by part. What is under `plugins` has three parts, all else at most two.
pub(super) type Key = Vec<String>;

/// A value and where it came from.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) value: Value,
    pub(super) source: Source,
}

pub(super) type Entries = BTreeMap<Key, Entry>;

/// A setting given by a flag.
#[derive(Clone, Debug)]
pub(crate) struct Flag {
    /// The flag, with its dashes.
    pub(crate) name: &'static str,
    /// The dotted key of the setting.
    pub(crate) key: &'static str,
    /// Its value.
    pub(crate) value: String,
}

/// Reads all layers into one.
pub(super) fn merge(
    config: Option<&Path>,
    flags: &[Flag],
    vars: impl IntoIterator<Item = (OsString, OsString)>,
    default_file: &Path,
    problems: &mut Vec<Problem>,
) -> Entries {
    let vars = variables(vars, problems);
    let mut merged = file(config, &vars, default_file, problems);
    for names in [foreign_names(&vars), own_names(&vars)] {
        merged.extend(secrets_read(names, problems));
    }
    merged.extend(flags.iter().map(|flag| {
        let key = flag.key.split('.').map(str::to_owned).collect();
        (key, Entry { value: Value::String(flag.value.clone()), source: Source::Flag(flag.name) })
    }));
    merged
}

/// The variables that concern us. An empty one counts as absent: Compose hands on unset ones so.
fn variables(
    vars: impl IntoIterator<Item = (OsString, OsString)>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, String> {
    let mut ours = BTreeMap::new();
    for (name, value) in vars {
        let Ok(name) = name.into_string() else { continue };
        if !name.starts_with(PREFIX) && !FOREIGN.iter().any(|(foreign, _)| *foreign == name) {
            continue;
        }
        match value.into_string() {
            Ok(value) if value.is_empty() => {}
            Ok(value) => drop(ours.insert(name, value)),
            Err(_) => problems.push(Problem::NotUtf8(text::cell(&name, 100))),
        }
    }
    ours
}

fn foreign_names(vars: &BTreeMap<String, String>) -> Entries {
    let given = FOREIGN.iter().filter_map(|(name, key)| Some((name, key, vars.get(*name)?)));
    given
        .map(|(name, key, value)| {
            let source = Source::Environment((*name).to_owned());
            (key.map(str::to_owned).to_vec(), Entry { value: Value::String(value.clone()), source })
        })
        .collect()
}

fn own_names(vars: &BTreeMap<String, String>) -> Entries {
    let given = vars.iter().filter(|(name, _)| *name != CONFIG_VARIABLE);
    given
        .filter_map(|(name, value)| {
            let key: Key = name.strip_prefix(PREFIX)?.split("__").map(str::to_ascii_lowercase).collect();
            let is_typed = key[0] == "plugins" && !key.last().is_some_and(|name| is_secret_or_twin(name));
            let value = if is_typed { typed(value) } else { Value::String(value.clone()) };
            Some((key, Entry { value, source: Source::Environment(name.clone()) }))
        })
        .collect()
}

/// A secret is text even if it reads as a number.
fn is_secret_or_twin(name: &str) -> bool {
    name.strip_suffix(TWIN).unwrap_or(name) == PLUGIN_SECRET
}

/// A driver's key has a type that only the driver knows: what reads as a TOML value is one, all else is text.
fn typed(text: &str) -> Value {
    let parsed = toml::from_str::<Table>(&format!("value = {text}")).ok();
    match parsed.filter(|table| table.len() == 1).and_then(|mut table| table.remove("value")) {
        Some(Value::Datetime(_)) | None => Value::String(text.to_owned()),
        Some(value) => value,
    }
}

fn file(
    config: Option<&Path>,
    vars: &BTreeMap<String, String>,
    default_file: &Path,
    problems: &mut Vec<Problem>,
) -> Entries {
    let named = config.map(|path| (path.to_owned(), Source::Flag("--config"))).or_else(|| {
        vars.get(CONFIG_VARIABLE).map(|p| (p.into(), Source::Environment(CONFIG_VARIABLE.to_owned())))
    });
    let optional = named.is_none();
    let (path, what) = match named {
        Some((path, by)) => (path, format!("the settings file ({by})")),
        None => (default_file.to_owned(), "the settings file".to_owned()),
    };
    match bounded(&path, MAX_FILE) {
        Ok(content) => secrets_read(table(&path, &content, problems), problems),
        Err(error) if optional && error.kind() == io::ErrorKind::NotFound => Entries::new(),
        Err(source) => {
            problems.push(Problem::Unreadable { what, path, source });
            Entries::new()
        }
    }
}

fn table(path: &Path, content: &str, problems: &mut Vec<Problem>) -> Entries {
    let mut entries = Entries::new();
    match toml::from_str::<Table>(content) {
        Ok(table) => flatten(table, &[], &Source::File(path.to_owned()), &mut entries),
        Err(error) => {
            let before = error.span().and_then(|span| content.get(..span.start)).unwrap_or_default();
            let line = 1 + before.matches('\n').count();
            problems.push(Problem::Syntax {
                path: path.to_owned(),
                line,
                message: text::cell(error.message(), 200),
            });
        }
    }
    entries
}

fn flatten(table: Table, parents: &[String], source: &Source, into: &mut Entries) {
    for (name, value) in table {
        let key: Key = parents.iter().cloned().chain([name]).collect();
        let depth = if key[0] == "plugins" { 2 } else { 1 };
        match value {
            Value::Table(table) if key.len() <= depth && !table.is_empty() => {
                flatten(table, &key, source, into)
            }
            value => drop(into.insert(key, Entry { value, source: source.clone() })),
        }
    }
}

/// Replaces each `…_file` in a layer by what is in the file.
fn secrets_read(mut layer: Entries, problems: &mut Vec<Problem>) -> Entries {
    for key in secret_keys(&layer) {
        let Some(twin) = layer.remove(&twin(&key)) else { continue };
        if let Some(value) = layer.get(&key) {
            problems.push(both(&key, value, &twin));
        } else if let Some(entry) = secret(&key, twin, problems) {
            layer.insert(key, entry);
        }
    }
    layer
}

/// The secrets that a layer may give.
fn secret_keys(layer: &Entries) -> Vec<Key> {
    let fixed = SECRETS.iter().map(|key| key.map(str::to_owned).to_vec());
    let of_plugins = layer.keys().filter_map(|key| match key.as_slice() {
        [section, kind, name] if section == "plugins" && is_secret_or_twin(name) => {
            Some(vec![section.clone(), kind.clone(), PLUGIN_SECRET.to_owned()])
        }
        _ => None,
    });
    fixed.chain(of_plugins).collect()
}

/// The key that names a secret's file.
fn twin(key: &Key) -> Key {
    let mut key = key.clone();
    if let Some(name) = key.last_mut() {
        name.push_str(TWIN);
    }
    key
}

fn both(key: &Key, value: &Entry, twin: &Entry) -> Problem {
    let named = |entry: &Entry, key: String| match &entry.source {
        Source::Environment(name) => name.clone(),
        source => format!("`{key}` from {source}"),
    };
    let key = key.join(".");
    Problem::Both { value: named(value, key.clone()), file: named(twin, format!("{key}_file")) }
}

fn secret(key: &Key, twin: Entry, problems: &mut Vec<Problem>) -> Option<Entry> {
    let Value::String(path) = twin.value else {
        let key = format!("{}_file", key.join("."));
        problems.push(Problem::Invalid {
            key,
            origin: twin.source,
            expected: "a path".into(),
            detail: String::new(),
        });
        return None;
    };
    let path = PathBuf::from(path);
    match bounded(&path, MAX_SECRET) {
        Ok(content) => {
            let value = Value::String(content.trim_end_matches(['\r', '\n']).to_owned());
            Some(Entry { value, source: Source::SecretFile { file: path, named_by: Box::new(twin.source) } })
        }
        Err(source) => {
            let what = format!("the secret file that {} names", twin.source);
            problems.push(Problem::Unreadable { what, path, source });
            None
        }
    }
}

/// Reads a file whole, if it has no more than `max` bytes.
fn bounded(path: &Path, max: u64) -> io::Result<String> {
    let mut content = String::new();
    let read = File::open(path)?.take(max + 1).read_to_string(&mut content)?;
    if read as u64 > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {max} bytes")));
    }
    Ok(content)
}
