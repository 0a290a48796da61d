//! Only crates.io: no other registry, and no mirror of one machine, may get into the repository.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

use super::{Findings, Source};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Hosts that everybody knows.
const PUBLIC: &[&str] =
    &["crates.io", "index.crates.io", "static.crates.io", "github.com", "doc.rust-lang.org"];

/// Hosts of the registries and mirrors that this machine's cargo is told to use.
pub(super) fn of_this_machine() -> BTreeSet<String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let files = ["config.toml", "config"];
    let configs = home
        .iter()
        .flat_map(|home| files.map(|file| fs::read_to_string(home.join(file)).unwrap_or_default()));
    let of_cargo = |name: &str| name.starts_with("CARGO_SOURCE_") || name.starts_with("CARGO_REGISTR");
    let variables = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let settings = configs.chain(variables.filter(|(name, _)| of_cargo(name)).map(|(_, value)| value));
    settings.flat_map(|text| hosts(&text)).collect()
}

pub(super) fn check(sources: &[Source], private: &BTreeSet<String>, findings: &mut Findings) {
    for source in sources {
        let place = source.path.display();
        for (number, line) in source.text.lines().enumerate() {
            let place = format!("{place}:{}", number + 1);
            if private.iter().any(|host| line.contains(host.as_str())) {
                findings.error(format!("{place}: names a registry of this machine; take it out"));
            }
            if source.path.ends_with("Cargo.lock") && is_foreign(line) {
                findings.error(format!("{place}: a dependency from elsewhere than crates.io"));
            }
            let config = source.path.starts_with(".cargo");
            if config && ["[source", "[registr"].iter().any(|table| line.trim_start().starts_with(table)) {
                findings.error(format!("{place}: a registry in the project's own settings; take it out"));
            }
        }
    }
}

fn is_foreign(line: &str) -> bool {
    let source = line.strip_prefix("source = \"").and_then(|rest| rest.strip_suffix('"'));
    source.is_some_and(|source| source != CRATES_IO)
}

/// The hosts of all URLs in a text, with their port if they have one, without those that everybody knows.
fn hosts(text: &str) -> Vec<String> {
    let authorities = text.split("://").skip(1).map(|rest| {
        let end = rest.find(|c: char| c.is_whitespace() || "/\"'?#".contains(c)).unwrap_or(rest.len());
        &rest[..end]
    });
    let hosts = authorities.map(|authority| authority.rsplit('@').next().unwrap_or(authority));
    hosts.filter(|host| host.contains(['.', ':']) && !PUBLIC.contains(host)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_settings() {
        for (text, expected) in [
            (
                "registry = \"sparse+https://user:word@mirror.example.net:8443/index/\"",
                &["mirror.example.net:8443"][..],
            ),
            ("https://index.crates.io/ and git = \"https://github.com/x/y\"", &[]),
            ("http://127.0.0.1:4000", &["127.0.0.1:4000"]),
            ("no url; file:///x", &[]),
        ] {
            assert_eq!(hosts(text), expected, "{text}");
        }
    }

    #[test]
    fn other_registries_are_refused() {
        let private = BTreeSet::from(["mirror.example.net".to_owned()]);
        for (path, text, refused) in [
            ("Cargo.lock", format!("source = \"{CRATES_IO}\""), false),
            ("Cargo.lock", "source = \"git+https://github.com/x/y#1\"".into(), true),
            ("Cargo.lock", "source = \"sparse+https://other.example.org/\"".into(), true),
            ("README.md", "see https://mirror.example.net/x".into(), true),
            ("README.md", "see https://docs.rs".into(), false),
            (".cargo/config.toml", "[source.crates-io]".into(), true),
            (".cargo/config.toml", "[alias]".into(), false),
        ] {
            let mut findings = Findings::default();
            check(&[Source { path: path.into(), text }], &private, &mut findings);
            assert_eq!(!findings.errors.is_empty(), refused, "{path}: {findings:?}");
        }
    }
}
