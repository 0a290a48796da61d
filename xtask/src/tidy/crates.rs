//! Who may know whom, from `cargo metadata`.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::Findings;

/// The map: each package's directory, and those that it may depend on. `testkit` is for the tests of all, and for `lab`
/// and `bench`, which nobody may know.
const MAP: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("migrations", &[]),
    ("testkit", &["core"]),
    ("docker", &["core"]),
    ("store", &["core", "migrations"]),
    ("plugins", &["core"]),
    ("actors", &["core", "docker", "store", "plugins"]),
    ("http", &["core", "docker", "store", "plugins", "actors"]),
    ("daemon", &["core", "docker", "store", "plugins", "actors", "http"]),
    ("lab", &["testkit"]),
    ("bench", &["core", "docker", "store", "testkit"]),
    ("xtask", &[]),
];

/// Libraries whose types end in some packages; a `*` stands for any rest. The first line that fits decides.
const CONFINED: &[(&str, &[&str])] = &[
    ("actix", &["actors", "bench"]),
    ("actix-rt", &["actors", "http", "daemon"]),
    ("actix-*", &["http"]),
    ("bollard*", &["docker", "bench"]),
    ("sea-orm*", &["store", "migrations", "lab", "bench"]),
    ("sqlx*", &["store"]),
    ("anyhow", &["bench", "daemon", "lab", "xtask"]),
];

pub(super) fn check(metadata: &Value, findings: &mut Findings) -> anyhow::Result<()> {
    let root = metadata["workspace_root"].as_str().context("cargo metadata: no workspace_root")?;
    let packages = metadata["packages"].as_array().context("cargo metadata: no packages")?;
    for package in packages {
        let name = package["name"].as_str().context("cargo metadata: a package without a name")?;
        let manifest =
            package["manifest_path"].as_str().context("cargo metadata: a package without a manifest")?;
        let dir = Path::new(manifest).parent().context("cargo metadata: a manifest without a directory")?;
        check_package(name, dir, Path::new(root), package["dependencies"].as_array(), findings);
    }
    Ok(())
}

fn check_package(
    name: &str,
    dir: &Path,
    root: &Path,
    dependencies: Option<&Vec<Value>>,
    findings: &mut Findings,
) {
    let place = dir.strip_prefix(root).unwrap_or(dir).display().to_string();
    let known_as = last_part(dir);
    if name != package_name(known_as) {
        findings.error(format!("{place}: the package is named {name}; name it {}", package_name(known_as)));
    }
    let Some((_, may_know)) = MAP.iter().find(|(package, _)| *package == known_as) else {
        findings.error(format!("{place}: not on the map; add to xtask/src/tidy/crates.rs what it may know"));
        return;
    };
    for dependency in dependencies.into_iter().flatten() {
        let of_tests = dependency["kind"] == "dev";
        let library = dependency["name"].as_str().unwrap_or_default();
        match dependency["path"].as_str().map(|path| last_part(Path::new(path))) {
            Some("testkit") if of_tests || may_know.contains(&"testkit") => {}
            Some("testkit") => {
                findings.error(format!(
                    "{place}: depends on testkit, which is for tests: make it a dev-dependency"
                ));
            }
            Some(other) if may_know.contains(&other) => {}
            Some(other) => findings.error(format!("{place}: must not know {other}")),
            None => check_library(&place, known_as, library, of_tests, findings),
        }
    }
}

fn check_library(place: &str, known_as: &str, library: &str, of_tests: bool, findings: &mut Findings) {
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => library.starts_with(start),
        None => library == pattern,
    };
    let Some((_, homes)) = CONFINED.iter().find(|(pattern, _)| fits(pattern)) else { return };
    // A test may use what it likes to look from outside; but an actor framework does not stay outside.
    if homes.contains(&known_as) || (of_tests && !library.starts_with("actix")) {
        return;
    }
    findings.error(format!("{place}: must not know {library}, which is for {} alone", homes.join(" and ")));
}

fn package_name(dir: &str) -> String {
    match dir {
        "daemon" => "tinyforge-reconciler".into(),
        "xtask" => "xtask".into(),
        other => format!("reconciler-{other}"),
    }
}

fn last_part(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn errors(dir: &str, name: &str, dependencies: Value) -> Vec<String> {
        let mut findings = Findings::default();
        let metadata = json!({"workspace_root": "/w", "packages": [
            {"name": name, "manifest_path": format!("/w/crates/{dir}/Cargo.toml"), "dependencies": dependencies}
        ]});
        check(&metadata, &mut findings).unwrap();
        findings.errors
    }

    fn ours(dir: &str) -> Value {
        json!({"name": format!("reconciler-{dir}"), "kind": null, "path": format!("/w/crates/{dir}")})
    }

    #[test]
    fn who_may_know_whom() {
        let of = |kind: Option<&str>, mut dependency: Value| {
            dependency["kind"] = json!(kind);
            dependency
        };
        let library = |name: &str| json!({"name": name, "kind": null});
        for (dir, dependency, refused) in [
            ("actors", ours("store"), false),
            ("store", ours("migrations"), false),
            ("store", ours("docker"), true),
            ("docker", of(Some("dev"), ours("store")), true),
            ("core", ours("plugins"), true),
            ("plugins", ours("actors"), true),
            ("http", ours("actors"), false),
            ("actors", ours("http"), true),
            ("daemon", ours("migrations"), true),
            ("core", of(Some("dev"), ours("testkit")), false),
            ("core", ours("testkit"), true),
            ("core", of(Some("build"), ours("testkit")), true),
            ("lab", ours("testkit"), false),
            ("lab", ours("core"), true),
            ("daemon", ours("lab"), true),
            ("bench", ours("store"), false),
            ("daemon", ours("bench"), true),
            ("testkit", ours("lab"), true),
            ("actors", library("actix"), false),
            ("daemon", library("actix"), true),
            ("daemon", library("actix-rt"), false),
            ("store", of(Some("dev"), library("actix-rt")), true),
            ("http", library("actix-web"), false),
            ("http", library("actix"), true),
            ("actors", library("bollard"), true),
            ("docker", library("bollard"), false),
            ("docker", library("sea-orm"), true),
            ("migrations", library("sea-orm-migration"), false),
            ("store", library("anyhow"), true),
            ("store", of(Some("dev"), library("anyhow")), false),
            ("core", library("serde"), false),
        ] {
            let found = errors(dir, &package_name(dir), json!([dependency.clone()]));
            assert_eq!(!found.is_empty(), refused, "{dir} {dependency}: {found:?}");
        }
    }

    #[test]
    fn packages_are_named_after_their_directories() {
        assert_eq!(errors("core", "reconciler-core", json!([])), Vec::<String>::new());
        assert_eq!(
            errors("store", "database", json!([])),
            ["crates/store: the package is named database; name it reconciler-store"]
        );
        assert!(errors("extra", "reconciler-extra", json!([]))[0].contains("not on the map"));
    }
}
