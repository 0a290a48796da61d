use clap::{CommandFactory as _, Parser as _};

use super::*;

fn parse(args: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("tinyforge-reconciler").chain(args.split_whitespace()))
}

#[test]
fn the_definition_holds() {
    Cli::command().debug_assert();
}

#[test]
fn what_is_understood() {
    for args in [
        "",
        "run",
        "run --accept-daemon AB:CD@/var/lib/docker",
        "once --json --accept-daemon -@/var/lib/docker",
        "ps --json --all --workload w --state running --host b",
        "ps -a",
        "--host b ps",
        "workload add w --name N --kind site",
        "workload add w --name N --kind stack --source-kind compose --source-config @f",
        "workload list --json",
        "workload show w --json",
        "workload remove w",
        "sync",
        "sync --json",
        "sync w",
        "healthcheck --listen unix:/x",
        "watch",
        "watch --json --workload w --state running --kind container --after 0 --host b",
        "doctor -vv --log-format json",
        "migrate --status",
        "config --config x.toml --interval -5s --listen 127.0.0.1:0",
        "--database-url sqlite://x --docker-host unix:///y run",
        "completions zsh",
    ] {
        parse(args).unwrap_or_else(|error| panic!("{args}: {error}"));
    }
}

#[test]
fn what_is_refused_ends_with_2() {
    for args in [
        "walk",
        "--nonsense",
        "ps extra",
        "run --accept-daemon x",
        "run --json",
        "workload",
        "workload add",
        "workload add w --name N",
        "workload add w --name N --kind planet",
        "--log-format xml",
        "--host",
        "--host a --host b",
        "completions teletype",
        "watch --after -1",
        "watch --after x",
        "watch --kind planet",
        "watch w",
    ] {
        assert_eq!(parse(args).unwrap_err().exit_code(), 2, "{args}");
    }
}

#[test]
fn help_and_version_end_with_0() {
    for args in ["--help", "-h", "--version", "ps --help", "workload add --help"] {
        assert_eq!(parse(args).unwrap_err().exit_code(), 0, "{args}");
    }
}

#[test]
fn without_a_command_it_runs() {
    let command = parse("").unwrap().command.unwrap_or_default();
    assert!(matches!(command, Command::Run(Run { accept_daemon: None })));
}

#[test]
fn flags_become_settings() {
    let cli =
        parse("ps --database-url a --docker-host b --host c --interval d --listen e --log-format json -vv")
            .unwrap();
    let flags: Vec<_> = cli.global.flags().into_iter().map(|flag| (flag.key, flag.value)).collect();
    let wanted = [
        ("store.url", "a"),
        ("docker.host", "b"),
        ("host", "c"),
        ("reconcile.interval", "d"),
        ("http.listen", "e"),
        ("log.format", "json"),
        ("log.level", "trace"),
    ];
    assert_eq!(flags, wanted.map(|(key, value)| (key, value.to_owned())));
    assert!(parse("ps").unwrap().global.flags().is_empty());
}
