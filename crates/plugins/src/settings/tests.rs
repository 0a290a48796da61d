use serde_json::json;

use super::*;
use crate::{HookUrl, Secret};

fn read(json: serde_json::Value) -> Result<DriverSettings, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn settings_and_their_defaults() {
    let (minute, second) = (Duration::from_secs(60), Duration::from_secs(1));
    let command =
        CommandSettings { program: "deploy".into(), args: vec![], env: vec![], timeout: minute, parallel: 4 };
    let url = HookUrl::parse("https://h/p").unwrap();
    let http = HttpSettings {
        url: url.clone(),
        secret: None,
        timeout: 10 * second,
        retries: 3,
        parallel: 4,
        ca_file: None,
    };
    let docker = DockerSettings { heal: Heal::Off, heal_unwitnessed: false, parallel: 4 };
    for (given, settings) in [
        (json!({"driver": "log"}), DriverSettings::Log),
        (json!({"driver": "docker"}), DriverSettings::Docker(docker.clone())),
        (json!({"driver": "docker", "heal": false}), DriverSettings::Docker(docker.clone())),
        (
            json!({"driver": "docker", "heal": true, "heal_unwitnessed": true, "parallel": 256}),
            DriverSettings::Docker(DockerSettings { heal: Heal::On, heal_unwitnessed: true, parallel: 256 }),
        ),
        (
            json!({"driver": "docker", "heal": "dry-run"}),
            DriverSettings::Docker(DockerSettings { heal: Heal::DryRun, ..docker }),
        ),
        (json!({"driver": "http", "url": "https://h/p"}), DriverSettings::Http(http)),
        (
            json!({"driver": "http", "url": "https://h/p", "secret": SECRET, "timeout": "250ms", "retries": 0,
                "parallel": 1, "ca_file": "/ca.pem"}),
            DriverSettings::Http(HttpSettings {
                url,
                secret: Some(Secret::parse(SECRET).unwrap()),
                timeout: second / 4,
                retries: 0,
                parallel: 1,
                ca_file: Some("/ca.pem".into()),
            }),
        ),
        (json!({"driver": "command", "program": "deploy"}), DriverSettings::Command(command.clone())),
        (
            json!({"driver": "command", "program": "deploy", "args": ["--now", ""], "env": ["API_TOKEN"],
                "timeout": "5m", "parallel": 1}),
            DriverSettings::Command(CommandSettings {
                args: vec!["--now".into(), String::new()],
                env: vec!["API_TOKEN".into()],
                timeout: 5 * minute,
                parallel: 1,
                ..command
            }),
        ),
    ] {
        assert_eq!(read(given.clone()), Ok(settings), "{given}");
    }
}

#[test]
fn what_is_refused_is_named_with_what_is_allowed() {
    let long = "x".repeat(10_000);
    for (settings, says) in [
        (json!({}), "key `driver` is missing; expected docker, http, command or log"),
        (json!({"driver": "magic"}), "key `driver`: expected docker, http, command or log, found \"magic\""),
        (json!({"driver": 5}), "key `driver`: expected docker, http, command or log, found 5"),
        (json!({"driver": "log", "program": "x"}), "unknown key `program`; the driver log has no keys"),
        (
            json!({"driver": "docker", "heel": true}),
            "unknown key `heel`; the driver docker has heal, heal_unwitnessed, parallel",
        ),
        (
            json!({"driver": "docker", "heal": "yes"}),
            "key `heal`: expected true, false or \"dry-run\", found \"yes\"",
        ),
        (json!({"driver": "docker", "heal": 1}), "key `heal`: expected true, false or \"dry-run\", found 1"),
        (
            json!({"driver": "docker", "heal_unwitnessed": "no"}),
            "key `heal_unwitnessed`: expected true or false, found \"no\"",
        ),
        (
            json!({"driver": "command"}),
            "key `program` is missing; expected the program to run: a path or a name, without NUL",
        ),
        (
            json!({"driver": "command", "program": ""}),
            "key `program`: expected the program to run: a path or a name, without NUL, found \"\"",
        ),
        (json!({"driver": "command", "program": "a\0b"}), "key `program`: expected the program to run"),
        (
            json!({"driver": "command", "program": "x", "shell": true}),
            "unknown key `shell`; the driver command has program, args, env, timeout, parallel",
        ),
        (
            json!({"driver": "command", "program": "x", "args": "y"}),
            "key `args`: expected a list of texts without NUL, found \"y\"",
        ),
        (
            json!({"driver": "command", "program": "x", "args": ["y", 1]}),
            "key `args`: expected a list of texts without NUL, found 1",
        ),
        (json!({"driver": "command", "program": "x", "args": ["a\0"]}), "key `args`: expected a list"),
        (
            json!({"driver": "command", "program": "x", "env": ["A=b"]}),
            "key `env`: expected a list of names of environment variables, such as [\"API_TOKEN\"], found \"A=b\"",
        ),
        (json!({"driver": "command", "program": "x", "env": {"A": "b"}}), "API_TOKEN\"], found a table"),
        (
            json!({"driver": "command", "program": "x", "timeout": "soon"}),
            "key `timeout`: expected a duration from \"100ms\" to \"24h\", such as \"5m\", found \"soon\"",
        ),
        (json!({"driver": "command", "program": "x", "timeout": "-3s"}), "found \"-3s\""),
        (json!({"driver": "command", "program": "x", "timeout": "0s"}), "found \"0s\""),
        (json!({"driver": "command", "program": "x", "timeout": "25h"}), "found \"25h\""),
        (json!({"driver": "command", "program": "x", "timeout": 30}), "found 30"),
        (
            json!({"driver": "command", "program": "x", "parallel": -1}),
            "key `parallel`: expected a whole number from 1 to 256, found -1",
        ),
        (json!({"driver": "command", "program": "x", "parallel": 0}), "from 1 to 256, found 0"),
        (json!({"driver": "command", "program": "x", "parallel": 257}), "from 1 to 256, found 257"),
        (json!({"driver": "command", "program": "x", "parallel": 1.5}), "from 1 to 256, found 1.5"),
        (json!({"driver": "http"}), "key `url` is missing; expected an address such as https://"),
        (
            json!({"driver": "http", "url": "http://h", "uri": "x"}),
            "the driver http has url, secret, secret_file, timeout, retries, parallel, ca_file",
        ),
        (json!({"driver": "http", "url": "http://h", "timeout": "6m"}), "from \"100ms\" to \"5m\""),
        (
            json!({"driver": "http", "url": "http://h", "retries": 11}),
            "key `retries`: expected a whole number from 0 to 10, found 11",
        ),
        (
            json!({"driver": "http", "url": "http://h", "ca_file": ""}),
            "key `ca_file`: expected the name of a file, found \"\"",
        ),
        (json!({"driver": "http", "url": "http://h", "secret_file": "x"}), "key `secret_file`: expected"),
        (json!({"driver": long}), "xxx…"),
        (json!({"driver": "log", long: 1}), "xxx`; the driver log has no keys"),
        (json!({"driver": "log", "a\n\u{1b}[31m": 1}), "unknown key `a [31m`"),
    ] {
        let error = read(settings).unwrap_err();
        assert!(
            error.contains(says) && error.len() < 300 && !error.contains(char::is_control),
            "{error}\n{says}"
        );
    }
}

#[test]
fn what_may_be_a_secret_is_never_shown() {
    for (key, value, says) in [
        ("url", json!("https://u:hunter2@h:99999/"), "key `url`: expected an address such as https://"),
        ("url", json!("hunter2"), "; it is not a URL"),
        ("url", json!(["hunter2"]), "; it is not text"),
        ("secret", json!("hunter2"), "whsec_$(openssl rand -base64 32); it does not begin with whsec_"),
        ("secret", json!("whsec_hunter2"), "; what follows whsec_ is not base64"),
        ("secret", json!({"hunter2": "hunter2"}), "; it is not text"),
        ("secret", json!(4711), "; it is not text"),
    ] {
        let mut table = json!({"driver": "http", "url": "http://h/"});
        table[key] = value;
        let error = read(table).unwrap_err();
        assert!(error.contains(says) && !error.contains("hunter2") && !error.contains("4711"), "{error}");
    }
    let settings =
        read(json!({"driver": "http", "url": "http://u:hunter2@h/p?t=hunter2", "secret": SECRET})).unwrap();
    let debug = format!("{settings:?}");
    assert!(debug.contains("\"http://h/p\"") && !debug.contains("hunter2"), "{debug}");
    assert!(!debug.contains("MfKQ9r8G") && debug.contains("***"), "{debug}");
}

#[test]
fn the_deadline_leaves_a_driver_time_to_end_by_itself() {
    for (settings, seconds) in [
        (json!({"driver": "log"}), 60.0),
        (json!({"driver": "command", "program": "x", "timeout": "3s"}), 8.0),
        // Four tries, pauses of 0.5, 1 and 2 seconds that jitter may double, and two seconds besides.
        (json!({"driver": "http", "url": "http://h"}), 40.0 + 7.0 + 2.0),
        (json!({"driver": "http", "url": "http://h", "retries": 0}), 12.0),
        // The longest pause is 30 seconds: 0.5 + 1 + 2 + 4 + 8 + 16 + 4 × 30.
        (json!({"driver": "http", "url": "http://h", "retries": 10}), 110.0 + 2.0 * 151.5 + 2.0),
    ] {
        let deadline = read(settings.clone()).unwrap().deadline();
        assert_eq!(deadline, Duration::from_secs_f64(seconds), "{settings}");
    }
}

#[test]
fn pauses_stay_within_what_the_budget_has_for_them() {
    let DriverSettings::Http(http) =
        read(json!({"driver": "http", "url": "http://h", "retries": 10})).unwrap()
    else {
        panic!("another driver")
    };
    for _ in 0..200 {
        let pauses: Vec<_> = http.pauses().collect();
        assert_eq!(pauses.len(), 10);
        for (n, pause) in pauses.iter().enumerate() {
            let base = Duration::from_millis(500 << n).min(Duration::from_secs(30));
            assert!((base..=2 * base).contains(pause), "{n}: {pause:?}");
        }
    }
}
