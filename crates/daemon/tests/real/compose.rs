//! The compose file, as a user starts it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::process::Command;
use std::time::{Duration, Instant};

use reconciler_testkit::dockerd::{ContainerSpec, IMAGE, PrivateDockerd};
use reconciler_testkit::wait::wait_for;
use serde_json::{Value, json};

use crate::image;
use crate::stage::{PATIENCE, claim};

const TOKEN: &str = "a-token-for-everything";

/// A folder with the file, the settings, and what its head says to make before the first start; and the daemon that it is
/// started on.
struct Compose<'a> {
    daemon: &'a PrivateDockerd,
    dir: tempfile::TempDir,
}

impl<'a> Compose<'a> {
    fn new(daemon: &'a PrivateDockerd) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for folder in ["config", "secrets"] {
            fs::create_dir(path(folder)).unwrap();
        }
        for file in ["docker-compose.yml", "config/reconciler.toml"] {
            fs::copy(image::project().join(file), path(file)).unwrap();
        }
        fs::write(path("secrets/token"), TOKEN).unwrap();
        fs::set_permissions(path("secrets/token"), Permissions::from_mode(0o400)).unwrap();
        chown(path("secrets/token"), Some(image::USER), None).unwrap();
        let group = fs::metadata(daemon.socket()).unwrap().gid();
        let run = daemon.socket().parent().unwrap();
        fs::write(path(".env"), format!("DOCKER_GID={group}\nDOCKER_SOCKET_DIR={}\n", run.display()))
            .unwrap();
        Self { daemon, dir }
    }

    /// `docker-compose` with these arguments, and nothing of this environment.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("docker-compose");
        command.args(["--project-name", "tf"]).args(args).env_clear().current_dir(self.dir.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.dir.path());
        command.env("DOCKER_HOST", self.daemon.host());
        command
    }

    fn done(&self, args: &[&str]) -> String {
        String::from_utf8(image::run(&mut self.command(args))).unwrap()
    }

    /// The program's own command line, in its container.
    fn program(&self, args: &[&str]) -> String {
        self.done(&[&["exec", "-T", "reconciler", "tinyforge-reconciler"], args].concat())
    }

    /// The exit code of busybox's wget for an address, asked from where the daemon publishes its ports.
    async fn wget(&self, args: &str) -> i64 {
        let ask = ContainerSpec::unnamed().sh(&format!("wget -q -O /dev/null {args}"));
        let docker = self.daemon.docker();
        let id = docker.run(&ask.with(|body| body["HostConfig"]["NetworkMode"] = "host".into())).await;
        wait_for("wget to end", PATIENCE, async || {
            let state = image::inspect(docker, &id).await["State"].take();
            (state["Status"] == "exited").then(|| state["ExitCode"].as_i64().unwrap())
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_started_as_it_is() {
    let daemon = PrivateDockerd::start().await;
    image::build(&daemon).await;
    let compose = Compose::new(&daemon);
    compose.done(&["up", "-d", "--no-build"]);
    let docker = daemon.docker();
    let id = compose.done(&["ps", "-q"]);
    let id = id.trim();

    let made = image::inspect(docker, id).await;
    assert_eq!(made["HostConfig"]["ReadonlyRootfs"], true);
    assert_eq!(made["HostConfig"]["CapDrop"], json!(["ALL"]));
    assert_eq!(made["Config"]["User"], "65532:65532");
    let ready = wait_for("it to be ready", PATIENCE, async || {
        let check = compose.command(&["exec", "-T", "reconciler", "tinyforge-reconciler", "healthcheck"]);
        let output = { check }.output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    })
    .await;
    assert_eq!(ready, "ready\n");

    compose.program(&["workload", "add", "shop", "--name", "Shop", "--kind", "stack"]);
    docker.run(&claim("shop", "stack", "web")).await;
    wait_for("the container's row", PATIENCE, async || {
        let rows: Value = serde_json::from_str(&compose.program(&["ps", "--json"])).unwrap();
        (rows[0]["state"] == "running").then_some(())
    })
    .await;
    let address = "http://127.0.0.1:8787/readyz";
    assert_ne!(compose.wget(address).await, 0, "a stranger is answered");
    assert_eq!(compose.wget(&format!("--header 'Authorization: Bearer {TOKEN}' {address}")).await, 0);

    let begun = Instant::now();
    docker.stop(id).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(image::inspect(docker, id).await["State"]["ExitCode"], 0);
    compose.done(&["down", "--volumes"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_profile_is_understood() {
    let compose = Compose::new(PrivateDockerd::shared().await);
    for profiles in [&[][..], &["proxy"], &["postgres"], &["proxy", "postgres"]] {
        let chosen: Vec<&str> = profiles.iter().flat_map(|profile| ["--profile", *profile]).collect();
        compose.done(&[&chosen[..], &["config", "--quiet"]].concat());
    }
    fs::write(compose.dir.path().join(".env"), "").unwrap();
    let without_group = compose.command(&["config"]).output().unwrap();
    let said = String::from_utf8_lossy(&without_group.stderr).into_owned();
    assert!(!without_group.status.success() && said.contains("write it to .env"), "{said}");
}

/// With the proxy, the program has no way to the socket but through it. (Both images are stand-ins.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_the_proxy_there_is_no_socket() {
    let daemon = PrivateDockerd::start().await;
    let docker = daemon.docker();
    let compose = Compose::new(&daemon);
    fs::write(compose.dir.path().join("Dockerfile"), format!("FROM {IMAGE}\nCMD [\"true\"]\n")).unwrap();
    for name in [image::NAME, "tecnativa/docker-socket-proxy:v0.4.1"] {
        docker.build(image::tar(&["Dockerfile".into()], compose.dir.path()), name, &json!({})).await;
    }
    compose.done(&["up", "--no-start", "--no-build", "proxied"]);

    let mut services = Vec::new();
    for container in docker.ps_all().await {
        let made = image::inspect(docker, container["Id"].as_str().unwrap()).await;
        let mounts = made["Mounts"].as_array().unwrap();
        let has_socket = mounts.iter().any(|mount| mount["Destination"] == "/host/run");
        let service = made["Config"]["Labels"]["com.docker.compose.service"].as_str().unwrap();
        let environment = made["Config"]["Env"].to_string();
        match service {
            "docker-proxy" => assert!(has_socket && environment.contains("\"POST=0\""), "{environment}"),
            _ => assert!(!has_socket && environment.contains("tcp://docker-proxy:2375"), "{environment}"),
        }
        services.push(service.to_owned());
    }
    services.sort_unstable();
    assert_eq!(services, ["docker-proxy", "proxied"]);
}
