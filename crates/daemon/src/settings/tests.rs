use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use reconciler_plugins::{DockerSettings, Heal};

use super::*;
use crate::failure::chain;

mod faults;

const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A directory with the files a case needs. `DIR` in a path or a value stands for it.
struct Case {
    dir: tempfile::TempDir,
    config: Option<PathBuf>,
    vars: Vec<(OsString, OsString)>,
    flags: Vec<Flag>,
}

impl Case {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), config: None, vars: vec![], flags: vec![] }
    }

    fn write(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.dir.path().join(name), content).unwrap();
        self
    }

    fn file(mut self, content: &str) -> Self {
        self.config = Some(self.dir.path().join("my.toml"));
        self.write("my.toml", content)
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        let value = value.replace("DIR", self.dir.path().to_str().unwrap());
        self.vars.push((name.into(), value.into()));
        self
    }

    fn flag(mut self, name: &'static str, key: &'static str, value: &str) -> Self {
        self.flags.push(Flag { name, key, value: value.into() });
        self
    }

    fn load(&self) -> Result<Loaded, SettingsError> {
        let default_file = self.dir.path().join("default.toml");
        load(self.config.as_deref(), &self.flags, self.vars.clone(), &default_file)
    }

    fn settings(&self) -> Settings {
        self.load().map_err(|error| lines(&error)).unwrap().settings
    }

    /// The lines of what is wrong, `DIR` again for the directory.
    fn faults(&self) -> Vec<String> {
        let dir = self.dir.path().to_str().unwrap();
        lines(&self.load().unwrap_err()).iter().map(|line| line.replace(dir, "DIR")).collect()
    }
}

fn lines(error: &SettingsError) -> Vec<String> {
    error.0.iter().map(|problem| chain(problem)).collect()
}

#[test]
fn nothing_given_means_the_defaults() {
    let loaded = Case::new().load().unwrap();
    assert_eq!(loaded.settings, Settings::default());
    assert!(loaded.sources.values().all(|source| *source == Source::Default));
}

#[test]
fn the_file_in_config_gives_every_setting_its_default() {
    let documented = include_str!("../../../../config/reconciler.toml");
    let case = Case::new().file(documented);
    let loaded = case.load().map_err(|error| lines(&error)).unwrap();
    assert_eq!(loaded.settings, Settings::default());
    let undocumented: Vec<_> =
        loaded.sources.iter().filter(|(_, source)| **source == Source::Default).collect();
    assert!(undocumented.is_empty(), "{undocumented:?}");
}

#[test]
fn the_plugins_shown_in_config_are_read() {
    let documented = include_str!("../../../../config/reconciler.toml");
    let (_, plugins) = documented.split_once("by default.\n#\n").unwrap();
    let plugins: String =
        plugins.lines().map(|line| format!("{}\n", line.trim_start_matches(['#', ' ']))).collect();
    let case = Case::new().write("hook", WHSEC);
    let secret = case.dir.path().join("hook").to_str().unwrap().to_owned();
    let settings = case.file(&plugins.replace("/run/secrets/hook", &secret)).settings();
    let read: Vec<_> = settings.plugins.iter().collect();
    let [(archive, log), (compose, http), (image, docker), (static_, command)] = read[..] else {
        panic!("{read:?}")
    };
    assert_eq!([archive, compose, image, static_], ["archive", "compose", "image", "static"]);
    assert_eq!(*log, DriverSettings::Log);
    assert!(matches!(http, DriverSettings::Http(http) if http.secret.is_some() && http.retries == 3));
    assert!(matches!(docker, DriverSettings::Docker(docker) if docker.heal == Heal::Off));
    assert!(matches!(command, DriverSettings::Command(command) if command.env == ["DEPLOY_TOKEN"]));
}

#[test]
fn a_later_layer_beats_an_earlier_one() {
    let host = |case: &Case| {
        let loaded = case.load().unwrap();
        (loaded.settings.host.as_str().to_owned(), loaded.source("host").to_string())
    };
    let case = Case::new();
    assert_eq!(host(&case), ("local".into(), "default".into()));
    let case = case.file("host = 'f'");
    let file = format!("file {}", case.dir.path().join("my.toml").display());
    assert_eq!(host(&case), ("f".into(), file));
    let case = case.var("RECONCILER_HOST", "e");
    assert_eq!(host(&case), ("e".into(), "environment variable RECONCILER_HOST".into()));
    let case = case.flag("--host", "host", "g");
    assert_eq!(host(&case), ("g".into(), "flag --host".into()));
}

#[test]
fn which_file_is_read() {
    let host = |case: Case| case.settings().host.as_str().to_owned();
    let both = || Case::new().write("default.toml", "host = 'default'").write("named.toml", "host = 'named'");
    assert_eq!(host(both()), "default");
    assert_eq!(host(both().var("RECONCILER_CONFIG", "DIR/named.toml")), "named");
    assert_eq!(host(both().var("RECONCILER_CONFIG", "")), "default");
    assert_eq!(host(both().var("RECONCILER_CONFIG", "DIR/none.toml").file("host = 'flag'")), "flag");
}

#[test]
fn every_setting_is_read_from_file_and_environment() {
    type Check = fn(&Settings) -> bool;
    let cases: [(&str, &str, &str, Check); 16] = [
        ("", "host", "web-1", |s| s.host.as_str() == "web-1"),
        ("store", "url", "postgres://u:p@h/d", |s| s.store.url.expose() == "postgres://u:p@h/d"),
        ("store", "create_tables", "false", |s| !s.store.create_tables),
        ("store", "notify", "false", |s| !s.store.notify),
        ("store", "journal_rows", "7", |s| s.store.journal_rows == 7),
        ("store", "journal_age", "2d", |s| s.store.journal_age == Duration::from_secs(172_800)),
        ("store", "timeout", "1s", |s| s.store.timeout == Duration::from_secs(1)),
        ("docker", "host", "tcp://h:2375", |s| s.docker.host == Some(SecretUrl::new("tcp://h:2375"))),
        ("docker", "timeout", "250ms", |s| s.docker.timeout == Duration::from_millis(250)),
        ("reconcile", "interval", "1m", |s| s.reconcile.interval == Duration::from_secs(60)),
        ("http", "listen", "[::1]:0", |s| s.http.listen == "[::1]:0".parse().unwrap()),
        ("http", "edit_workloads", "true", |s| s.http.edit_workloads == EditWorkloads::Always),
        ("http", "edit_workloads", "false", |s| s.http.edit_workloads == EditWorkloads::Never),
        ("http", "edit_workloads", "auto", |s| s.http.edit_workloads == EditWorkloads::Auto),
        ("plugins", "max_actions_per_minute", "7", |s| s.max_actions_per_minute == 7),
        ("log", "format", "json", |s| s.log.format == LogFormat::Json),
    ];
    for (section, key, value, check) in cases {
        let quoted =
            if matches!(value, "true" | "false" | "7") { value.to_owned() } else { format!("{value:?}") };
        let header = if section.is_empty() { String::new() } else { format!("[{section}]\n") };
        assert!(check(&Case::new().file(&format!("{header}{key} = {quoted}")).settings()), "{section}.{key}");
        let name = if section.is_empty() { key.to_owned() } else { format!("{section}__{key}") };
        let name = format!("RECONCILER_{}", name.to_ascii_uppercase());
        assert!(check(&Case::new().var(&name, value).settings()), "{name}");
    }
    assert_eq!(Case::new().var("RECONCILER_LOG__LEVEL", "trace").settings().log.level, tracing::Level::TRACE);
}

#[test]
fn names_that_others_gave() {
    let url = |case: Case| case.settings().store.url.expose().to_owned();
    let foreign = || Case::new().file("[store]\nurl = 'sqlite://f'").var("DATABASE_URL", "sqlite://e");
    assert_eq!(url(foreign()), "sqlite://e");
    assert_eq!(url(foreign().var("RECONCILER_STORE__URL", "sqlite://own")), "sqlite://own");
    assert_eq!(url(foreign().flag("--database-url", "store.url", "sqlite://flag")), "sqlite://flag");
    let docker = Case::new().file("[docker]\nhost = 'unix:///f'").var("DOCKER_HOST", "unix:///e").settings();
    assert_eq!(docker.docker.host, Some(SecretUrl::new("unix:///e")));
}

#[test]
fn a_secret_may_be_in_a_file() {
    let secret = || Case::new().write("s", "postgres://u:p@h/d\r\n");
    for case in [
        secret().var("DATABASE_URL_FILE", "DIR/s"),
        secret().var("RECONCILER_STORE__URL_FILE", "DIR/s"),
        // Only both at one level are a contradiction.
        secret().var("RECONCILER_STORE__URL_FILE", "DIR/s").var("DATABASE_URL", "sqlite://x"),
        secret().var("DATABASE_URL_FILE", "DIR/s").file("[store]\nurl = 'sqlite://x'"),
    ] {
        let loaded = case.load().unwrap();
        assert_eq!(loaded.settings.store.url.expose(), "postgres://u:p@h/d");
        let source = loaded.source("store.url").to_string();
        assert!(source.contains("/s (environment variable ") && source.contains("_FILE"), "{source}");
    }
    let case = secret();
    let file = format!("[store]\nurl_file = '{}'", case.dir.path().join("s").display());
    assert_eq!(case.file(&file).settings().store.url.expose(), "postgres://u:p@h/d");
    let flag =
        secret().var("DATABASE_URL_FILE", "DIR/s").flag("--database-url", "store.url", "sqlite://flag");
    assert_eq!(flag.settings().store.url.expose(), "sqlite://flag");
}

#[test]
fn intervals() {
    for (given, seconds) in
        [("0", 30), ("0s", 30), ("-1", 30), ("-5m", 30), ("1s", 1), ("5m", 300), ("6m", 300), ("1w", 300)]
    {
        let case = Case::new().flag("--interval", "reconcile.interval", given);
        assert_eq!(case.settings().reconcile.interval, Duration::from_secs(seconds), "{given}");
    }
    for number in [0, -1] {
        let case = Case::new().file(&format!("[reconcile]\ninterval = {number}"));
        assert_eq!(case.settings().reconcile.interval, DEFAULT_INTERVAL);
    }
}

#[test]
fn plugins_are_read_from_all_layers() {
    let settings = Case::new()
        .file("[plugins.'a.b c']\ndriver = 'log'\n[plugins.compose]\ndriver = 'command'\nprogram = 'x'")
        .var("RECONCILER_PLUGINS__COMPOSE__PARALLEL", "2")
        .var("RECONCILER_PLUGINS__COMPOSE__ARGS", "['a', \"b\"]")
        .var("RECONCILER_PLUGINS__COMPOSE__TIMEOUT", "5s")
        .var("RECONCILER_PLUGINS__IMAGE__DRIVER", "log")
        .settings();
    assert_eq!(settings.plugins.keys().collect::<Vec<_>>(), ["a.b c", "compose", "image", "static"]);
    let DriverSettings::Command(command) = &settings.plugins["compose"] else { panic!("another driver") };
    assert_eq!((command.parallel, command.timeout), (2, Duration::from_secs(5)));
    assert_eq!(command.args, ["a", "b"]);
}

#[test]
fn the_driver_of_three_source_kinds_is_docker_unless_another_is_set() {
    let settings =
        Case::new().file("[plugins.image]\nheal = 'dry-run'\n[plugins.static]\ndriver = 'log'").settings();
    let docker = |heal| DriverSettings::Docker(DockerSettings { heal, ..DockerSettings::default() });
    assert_eq!(settings.plugins["image"], docker(Heal::DryRun));
    assert_eq!(settings.plugins["compose"], docker(Heal::Off));
    assert_eq!(settings.plugins["static"], DriverSettings::Log);
    let shown = Case::new().load().unwrap().to_toml();
    assert!(shown.contains("[plugins.compose]\ndriver = \"docker\"  # default\n"), "{shown}");
}

#[test]
fn what_a_running_program_takes_over() {
    let file = |content: &str| Case::new().file(content).settings();
    let (mut in_force, next) = (
        file(""),
        file(
            "host = 'h'\n[docker]\ntimeout = '1s'\n[plugins.x]\ndriver = 'log'\n[log]\nlevel = 'debug'\nformat = 'json'",
        ),
    );
    assert_eq!(in_force.changed_by(&next), ["plugins", "log.level"]);
    assert_eq!(in_force.fixed_but_changed_by(&next), ["host", "docker", "log.format"]);
    in_force.take_over(next.clone());
    assert_eq!(in_force.changed_by(&next), [""; 0]);
    assert_eq!(in_force.fixed_but_changed_by(&next), ["host", "docker", "log.format"], "they still wait");
    let next = file(
        "[reconcile]\ninterval = '1s'\n[plugins]\nmax_actions_per_minute = 1\n[http]\nlisten = '[::1]:1'",
    );
    assert_eq!(file("").changed_by(&next), ["plugins.max_actions_per_minute", "reconcile.interval"]);
    assert_eq!(file("").fixed_but_changed_by(&next), ["http"]);
}

#[test]
fn a_driver_s_secret_may_be_in_a_file() {
    let hook = |keys: &str| {
        let content = format!(
            "[plugins.'a.b']\ndriver = 'http'\nurl = 'http://h/'\n{keys}\n[plugins.c]\ndriver = 'log'"
        );
        Case::new().file(&content)
    };
    let signed = |case: &Case| {
        let DriverSettings::Http(http) = &case.settings().plugins["a.b"] else { panic!("another driver") };
        http.secret.is_some()
    };
    assert!(!signed(&hook("")));
    assert!(signed(&hook(&format!("secret = '{WHSEC}'"))));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    std::fs::write(&path, format!("{WHSEC}\n")).unwrap();
    let case = hook(&format!("secret_file = '{}'", path.display()));
    assert!(signed(&case));
    let shown = case.load().unwrap().to_toml();
    let line = format!("secret = \"***\"  # file {} (file ", path.display());
    assert!(shown.contains(&line) && !shown.contains("whsec_"), "{shown}");
}

#[test]
fn a_driver_s_secret_in_the_environment() {
    let hook = |keys: &str| {
        Case::new()
            .write("s", format!("{WHSEC}\n"))
            .file(&format!("[plugins.c]\ndriver = 'http'\nurl = 'http://h/'\n{keys}"))
    };
    for case in [
        hook("").var("RECONCILER_PLUGINS__C__SECRET", WHSEC),
        hook("").var("RECONCILER_PLUGINS__C__SECRET_FILE", "DIR/s"),
        // A later layer's beats an earlier one's, whichever of the two it is.
        hook("secret = 'bad'").var("RECONCILER_PLUGINS__C__SECRET_FILE", "DIR/s"),
    ] {
        let loaded = case.load().map_err(|error| lines(&error)).unwrap();
        let DriverSettings::Http(http) = &loaded.settings.plugins["c"] else { panic!("another driver") };
        assert!(http.secret.is_some());
        let source = loaded.source("plugins.c.secret").to_string();
        assert!(source.contains("environment variable RECONCILER_PLUGINS__C__SECRET"), "{source}");
        assert!(!format!("{loaded:?}").contains("whsec_") && !loaded.to_toml().contains("whsec_"));
    }
}

#[test]
fn of_a_hook_s_address_only_the_place_is_shown() {
    let case = Case::new()
        .file("[plugins.c]\ndriver = 'http'\nurl = 'https://hunter2@h:8443/p?key=hunter2&sig=hunter2'");
    let loaded = case.load().unwrap();
    let shown = loaded.to_toml();
    assert!(shown.contains("url = \"https://h:8443/p\"  # file "), "{shown}");
    assert!(!shown.contains("hunter2") && !format!("{loaded:?}").contains("hunter2"), "{shown}");
}

#[test]
fn what_is_in_force_is_shown_without_secrets_and_read_back() {
    let case = Case::new()
        .file("[plugins.'a b']\ndriver = 'command'\nprogram = 'x'\nargs = ['postgres://u:hunter2@h']")
        .var("DATABASE_URL", "postgres://u:hunter2@h/d")
        .var("DOCKER_HOST", "tcp://u:hunter2@h:1")
        .flag("--interval", "reconcile.interval", "90s");
    let loaded = case.load().unwrap();
    let shown = loaded.to_toml();
    assert!(
        !shown.contains("hunter2") && !format!("{loaded:?}").contains("url: \"postgres://u:hunter2"),
        "{shown}"
    );
    for line in [
        "host = \"local\"  # default",
        "url = \"postgres://u:***@h/d\"  # environment variable DATABASE_URL",
        "interval = \"1m 30s\"  # flag --interval",
        "[plugins.\"a b\"]",
        "journal_age = \"30d\"  # default",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    let again = Case::new().file(&shown).settings();
    assert_eq!(again.reconcile, loaded.settings.reconcile);
    assert_eq!(again.log, loaded.settings.log);
    assert_eq!(again.store.url.expose(), "postgres://u:***@h/d");
}
