//! The program as its users see it: what it prints, and the code it ends with.

mod place;

use std::io::Read as _;

use place::{Place, stderr, stdout};

#[test]
fn help_and_version() {
    let place = Place::new();
    for (args, says) in [
        (&["--help"][..], "Usage: tinyforge-reconciler"),
        (&["workload", "add", "--help"], "--source-config <JSON|@FILE>"),
        (&["--version"], "tinyforge-reconciler "),
    ] {
        let output = place.run(args);
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains(says), "{}", stdout(&output));
    }
}

#[test]
fn wrong_use_ends_with_2() {
    let place = Place::new();
    for args in [&["walk"][..], &["--nonsense"], &["run", "--accept-daemon", "x"], &["workload", "add", "w"]]
    {
        let output = place.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && stderr(&output).starts_with("error: "), "{}", stderr(&output));
    }
}

#[test]
fn wrong_settings_end_every_command_with_2_and_a_line_each() {
    let place = Place::new();
    for args in [&["config"][..], &["ps"], &["run"], &[], &["doctor"], &["workload", "list"], &["migrate"]] {
        let mut command = place.command(args);
        command.env("RECONCILER_LOG__LEVEL", "loud").env("DATABASE_URL", "mysql://u:hunter2@h/d");
        command.env("RUST_BACKTRACE", "full").env("RUST_LIB_BACKTRACE", "1");
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        let lines: Vec<_> = stderr(&output).lines().collect();
        assert_eq!(lines.len(), 2, "{args:?}: {lines:#?}");
        assert!(lines.iter().all(|line| line.starts_with("error: setting `") && !line.contains("hunter2")));
    }
    let output = place.command(&["config"]).env("RUST_LOG", "a=b=c").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: environment variable RUST_LOG: expected directives"));
}

#[test]
fn config_shows_what_is_in_force() {
    let place = Place::new();
    std::fs::write(place.path().join("my.toml"), "host = 'from-file'\n[reconcile]\ninterval = '10m'")
        .unwrap();
    let mut command = place.command(&["config", "--config", "my.toml", "--listen", "127.0.0.1:0"]);
    let output = command.env("DATABASE_URL", "postgres://u:hunter2@h/d").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for line in [
        "host = \"from-file\"  # file my.toml",
        "url = \"postgres://u:***@h/d\"  # environment variable DATABASE_URL",
        "interval = \"5m\"  # file my.toml",
        "listen = \"127.0.0.1:0\"  # flag --listen",
    ] {
        assert!(stdout(&output).lines().any(|shown| shown == line), "{line}\n{}", stdout(&output));
    }
    assert!(output.stderr.is_empty());
}

#[test]
fn completions_need_no_settings() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = place.command(&["completions", shell]).env("RECONCILER_NONSENSE", "x").output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains("accept-daemon"));
    }
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let place = Place::new();
    for args in [&["config"][..], &["completions", "bash"], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = place.command(args).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn an_output_that_is_full_is_one() {
    let place = Place::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = place.command(&["config"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let line = "error: cannot write to standard output: No space left on device (os error 28)\n";
    assert_eq!(stderr(&output), line);
}

#[test]
fn a_pipe_gets_no_colour() {
    let place = Place::new();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = place.command(&["config", "--host", ""]);
    let mut child = command.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
    drop(command);
    let mut shown = String::new();
    reader.read_to_string(&mut shown).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert!(
        shown.starts_with("error: setting `host` from flag --host") && !shown.contains('\u{1b}'),
        "{shown}"
    );
}
