//! What is wrong with settings, and the line that says so.

use super::*;

#[test]
fn what_is_wrong_in_the_file() {
    let long = "x".repeat(10_000);
    for (content, fault) in [
        (
            "hots = 'x'",
            "unknown setting `hots` from file DIR/my.toml; there are host and the sections docker, http, log, plugins, reconcile, store",
        ),
        (
            "[store]\nurll = 'x'",
            "unknown setting `store.urll` from file DIR/my.toml; section [store] has create_tables, journal_age, journal_rows, notify, timeout, url",
        ),
        ("[stroe]\nurl = 'x'", "unknown setting `stroe.url` from file DIR/my.toml; there are host and"),
        ("[stroe]", "unknown setting `stroe` from file DIR/my.toml; there are host and"),
        ("store = 'x'", "unknown setting `store` from file DIR/my.toml; section [store] has"),
        (
            "plugins = 1",
            "unknown setting `plugins` from file DIR/my.toml; write [plugins.NAME] and its keys, or max_actions_per_minute",
        ),
        (
            "[plugins]\ncompose = 'x'",
            "unknown setting `plugins.compose` from file DIR/my.toml; write [plugins.NAME]",
        ),
        (
            "[plugins.c]",
            "section [plugins.c]: key `driver` is missing; expected docker, http, command or log",
        ),
        (
            "[plugins.c]\ndriver = 'magic'",
            "section [plugins.c]: key `driver`: expected docker, http, command or log, found \"magic\"",
        ),
        (
            "[plugins.c]\ndriver = 'log'\nurl = 'x'",
            "section [plugins.c]: unknown key `url`; the driver log has no keys",
        ),
        (
            "[plugins.c]\ndriver = 'command'\nprogram = ''",
            "section [plugins.c]: key `program`: expected the program to run",
        ),
        (
            "[plugins.'']\ndriver = 'log'",
            "setting `plugins..driver` from file DIR/my.toml: expected a source kind of 1 to 255 printable bytes, other than max_actions_per_minute, which is a setting, found \"\"",
        ),
        (
            "[plugins.max_actions_per_minute]\ndriver = 'log'",
            "other than max_actions_per_minute, which is a setting, found \"max_actions_per_minute\"",
        ),
        ("[plugins.max_actions_per_minute]", "expected a whole number from 1 to 1000, found a table"),
        (
            "[plugins]\nmax_actions_per_minute = 0",
            "setting `plugins.max_actions_per_minute` from file DIR/my.toml: expected a whole number from 1 to 1000, found 0",
        ),
        ("[plugins]\nmax_actions_per_minute = 1001", "expected a whole number from 1 to 1000, found 1001"),
        (
            "[plugins.c]\ndriver = 'http'\nurl = 'https://u:hunter2@h:99999'",
            "section [plugins.c]: key `url`: expected an address such as https://deployer.example/hooks/compose; it is not a URL",
        ),
        (
            "[plugins.c]\ndriver = 'http'\nurl = 'http://h'\nsecret = 'hunter2'",
            "as made by: echo whsec_$(openssl rand -base64 32); it does not begin with whsec_",
        ),
        (
            &format!(
                "[plugins.c]\ndriver = 'http'\nurl = 'http://h'\nsecret = '{WHSEC}'\nsecret_file = '/none'"
            ),
            "both `plugins.c.secret` from file DIR/my.toml and `plugins.c.secret_file` from file DIR/my.toml are given; leave one of them out",
        ),
        (
            "[plugins.c]\ndriver = 'http'\nurl = 'http://h'\nsecret_file = '/nowhere/s'",
            "cannot read the secret file that file DIR/my.toml names /nowhere/s: No such file",
        ),
        (
            "[plugins.c]\ndriver = 'http'\nurl = 'http://h'\nsecret_file = 5",
            "setting `plugins.c.secret_file` from file DIR/my.toml: expected a path",
        ),
        (
            "host = ''",
            "setting `host` from file DIR/my.toml: expected a name of 1 to 255 printable bytes, found \"\"",
        ),
        ("host = ' a'", "expected a name of 1 to 255 printable bytes, found \" a\""),
        ("host = \"a\\u001b[2J\"", "found \"a\u{fffd}[2J\""),
        (
            "host = 5",
            "setting `host` from file DIR/my.toml: expected a name of 1 to 255 printable bytes, found 5",
        ),
        (
            &format!("host = '{long}'"),
            "found \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…\"",
        ),
        (
            "[store]\nurl = 'mysql://u:hunter2@h/d'",
            "setting `store.url` from file DIR/my.toml: expected sqlite://FILE or postgres://USER@HOST/NAME; it begins with neither sqlite: nor postgres:",
        ),
        (
            "[store]\nurl = 'sqlite:'",
            "setting `store.url` from file DIR/my.toml: expected sqlite://FILE or postgres://USER@HOST/NAME; ",
        ),
        ("[store]\nurl_file = 1", "setting `store.url_file` from file DIR/my.toml: expected a path"),
        (
            "[store]\nurl = 'sqlite://x'\nurl_file = 'x'",
            "both `store.url` from file DIR/my.toml and `store.url_file` from file DIR/my.toml are given; leave one of them out",
        ),
        (
            "[store]\nurl_file = '/nowhere/s'",
            "cannot read the secret file that file DIR/my.toml names /nowhere/s: No such file",
        ),
        (
            "[store]\ncreate_tables = 'no'",
            "setting `store.create_tables` from file DIR/my.toml: expected true or false, found \"no\"",
        ),
        ("[store]\nnotify = 1", "expected true or false, found 1"),
        (
            "[store]\njournal_rows = 0",
            "setting `store.journal_rows` from file DIR/my.toml: expected a whole number, 1 or more, found 0",
        ),
        ("[store]\njournal_rows = '10'", "expected a whole number, 1 or more, found \"10\""),
        (
            "[store]\njournal_age = '5s'",
            "setting `store.journal_age` from file DIR/my.toml: expected a duration of 1m or more, such as 12h or 30d, found \"5s\"",
        ),
        (
            "[store]\ntimeout = '1ms'",
            "setting `store.timeout` from file DIR/my.toml: expected a duration from 100ms to 5m, found \"1ms\"",
        ),
        (
            "[docker]\nhost = '/var/run/docker.sock'",
            "setting `docker.host` from file DIR/my.toml: expected an address such as unix:///var/run/docker.sock",
        ),
        (
            "[docker]\ntimeout = '1h'",
            "setting `docker.timeout` from file DIR/my.toml: expected a duration from 100ms to 5m",
        ),
        (
            "[reconcile]\ninterval = 30",
            "setting `reconcile.interval` from file DIR/my.toml: expected a duration such as 30s or 5m, found 30",
        ),
        ("[reconcile]\ninterval = [1]", "expected a duration such as 30s or 5m, found [1]"),
        (
            "[reconcile.interval]\nx = 1",
            "setting `reconcile.interval` from file DIR/my.toml: expected a duration such as 30s or 5m, found a table",
        ),
        (
            "[http]\nlisten = 'localhost'",
            "setting `http.listen` from file DIR/my.toml: expected an address and port such as 127.0.0.1:8787 or [::1]:8787, or unix:/PATH, found \"localhost\"",
        ),
        (
            "[http]\ntoken = 'hunter2'",
            "setting `http.token` from file DIR/my.toml: expected 16 to 1024 visible ASCII characters; it is too short, too long, or has other characters",
        ),
        (
            "[http]\nedit_workloads = 'yes'",
            "setting `http.edit_workloads` from file DIR/my.toml: expected auto, true or false, found \"yes\"",
        ),
        (
            "[http]\nallowed_hosts = 'a.example, b:1'",
            "setting `http.allowed_hosts` from file DIR/my.toml: expected names with commas between them, without ports, found \"a.example, b:1\"",
        ),
        (
            "[log]\nformat = 'xml'",
            "setting `log.format` from file DIR/my.toml: expected text or json, found \"xml\"",
        ),
        (
            "[log]\nlevel = 'loud'",
            "setting `log.level` from file DIR/my.toml: expected error, warn, info, debug or trace, found \"loud\"",
        ),
        ("host = 'a'\n\n[store\n", "settings file DIR/my.toml line 3 is not TOML:"),
        ("host = 'a'\nhost = 'b'", "settings file DIR/my.toml line 2 is not TOML: duplicate key"),
    ] {
        let faults = Case::new().file(content).faults();
        assert_eq!(faults.len(), 1, "{content}: {faults:#?}");
        assert!(faults[0].contains(fault), "{content}\n{}\n{fault}", faults[0]);
        assert!(!faults[0].contains("hunter2") && faults[0].len() < 500);
    }
}

#[test]
fn what_is_wrong_in_environment_and_flags() {
    let bad = "RECONCILER_STORE__JOURNAL_ROWS";
    let hook = || Case::new().file("[plugins.c]\ndriver = 'http'\nurl = 'http://h/'");
    for (case, fault) in [
        (
            Case::new().var("RECONCILER_STORE__URLL", "x"),
            "unknown setting `store.urll` from environment variable RECONCILER_STORE__URLL; section [store] has",
        ),
        (
            Case::new().var("RECONCILER_HOSTS", "x"),
            "unknown setting `hosts` from environment variable RECONCILER_HOSTS; there are host and",
        ),
        (
            Case::new().var("RECONCILER_LOG__LEVEL_FILE", "x"),
            "unknown setting `log.level_file` from environment variable",
        ),
        (
            Case::new().var("RECONCILER_PLUGINS__A__B__C", "x"),
            "unknown setting `plugins.a.b.c` from environment variable",
        ),
        (Case::new().var("RECONCILER_", "x"), "unknown setting `` from environment variable RECONCILER_;"),
        (
            Case::new().var(bad, "many"),
            "setting `store.journal_rows` from environment variable RECONCILER_STORE__JOURNAL_ROWS: expected a whole number, 1 or more, found \"many\"",
        ),
        (Case::new().var("RECONCILER_STORE__NOTIFY", "yes"), "expected true or false, found \"yes\""),
        (
            Case::new().var("DATABASE_URL", "hunter2"),
            "setting `store.url` from environment variable DATABASE_URL: expected sqlite://FILE or postgres://USER@HOST/NAME; it begins with neither sqlite: nor postgres:",
        ),
        (
            Case::new().var("DOCKER_HOST", "hunter2"),
            "setting `docker.host` from environment variable DOCKER_HOST: expected an address",
        ),
        (
            Case::new().var("DATABASE_URL", "sqlite://x").var("DATABASE_URL_FILE", "DIR/s"),
            "both DATABASE_URL and DATABASE_URL_FILE are given; leave one of them out",
        ),
        (
            Case::new().var("RECONCILER_STORE__URL", "sqlite://x").var("RECONCILER_STORE__URL_FILE", "DIR/s"),
            "both RECONCILER_STORE__URL and RECONCILER_STORE__URL_FILE are given",
        ),
        (
            Case::new().var("DATABASE_URL_FILE", "DIR/s"),
            "cannot read the secret file that environment variable DATABASE_URL_FILE names DIR/s: No such file",
        ),
        (
            hook().var("RECONCILER_PLUGINS__C__SECRET", "4711"),
            "section [plugins.c]: key `secret`: expected whsec_ and 24 to 64 random bytes in base64",
        ),
        (
            hook()
                .var("RECONCILER_PLUGINS__C__SECRET", WHSEC)
                .var("RECONCILER_PLUGINS__C__SECRET_FILE", "DIR/s"),
            "both RECONCILER_PLUGINS__C__SECRET and RECONCILER_PLUGINS__C__SECRET_FILE are given",
        ),
        (
            Case::new().var("RECONCILER_PLUGINS__MAX_ACTIONS_PER_MINUTE", "many"),
            "expected a whole number from 1 to 1000, found \"many\"",
        ),
        (
            Case::new().write("s", "\n").var("DATABASE_URL_FILE", "DIR/s"),
            "setting `store.url` from file DIR/s (environment variable DATABASE_URL_FILE): expected sqlite://FILE or postgres://USER@HOST/NAME; ",
        ),
        (
            Case::new().write("s", "x".repeat(70_000)).var("DATABASE_URL_FILE", "DIR/s"),
            "DIR/s: it has more than 65536 bytes",
        ),
        (
            Case::new().write("s", [0xff]).var("DATABASE_URL_FILE", "DIR/s"),
            "DIR/s: stream did not contain valid UTF-8",
        ),
        (
            Case::new().write("huge", "#".repeat(1 << 21)).var("RECONCILER_CONFIG", "DIR/huge"),
            "cannot read the settings file (environment variable RECONCILER_CONFIG) DIR/huge: it has more than 1048576 bytes",
        ),
        (
            Case::new().var("RECONCILER_CONFIG", "DIR"),
            "cannot read the settings file (environment variable RECONCILER_CONFIG) DIR: Is a directory",
        ),
        (
            Case::new().flag("--interval", "reconcile.interval", "soon"),
            "setting `reconcile.interval` from flag --interval: expected a duration such as 30s or 5m, found \"soon\"",
        ),
        (Case::new().flag("--host", "host", ""), "setting `host` from flag --host: expected a name"),
        (
            Case::new().flag("--database-url", "store.url", "hunter2"),
            "setting `store.url` from flag --database-url: expected sqlite://FILE or postgres://USER@HOST/NAME; ",
        ),
    ] {
        let faults = case.faults();
        assert_eq!(faults.len(), 1, "{faults:#?}");
        assert!(faults[0].contains(fault), "{}\n{fault}", faults[0]);
        assert!(!faults[0].contains("hunter2"));
    }
}

#[test]
fn a_named_file_must_be_there() {
    let mut case = Case::new();
    case.config = Some(case.dir.path().join("none.toml"));
    assert_eq!(
        case.faults(),
        [
            "cannot read the settings file (flag --config) DIR/none.toml: No such file or directory (os error 2)"
        ]
    );
}

#[test]
fn a_variable_that_is_not_text_is_named() {
    let mut case = Case::new();
    case.vars.push(("RECONCILER_HOST".into(), OsString::from_vec(vec![0xff])));
    case.vars.push((OsString::from_vec(vec![0xff]), "of no concern".into()));
    assert_eq!(case.faults(), ["environment variable RECONCILER_HOST is not UTF-8"]);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let case = Case::new()
        .file("hots = 'x'\n[log]\nlevel = 'loud'")
        .var("RECONCILER_STORE__NOTIFY", "maybe")
        .flag("--listen", "http.listen", "here");
    let faults = case.faults();
    assert_eq!(faults.len(), 4, "{faults:#?}");
    for key in ["hots", "log.level", "store.notify", "http.listen"] {
        assert!(faults.iter().any(|line| line.contains(&format!("`{key}`"))), "{key}: {faults:#?}");
    }
}
