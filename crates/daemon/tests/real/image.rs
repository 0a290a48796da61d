//! The image, built by the Dockerfile around the program under test, and what runs in it.
//!
//! No registry is asked: its base is made of the libraries that the program needs here.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use hyper::Method;
use hyper::body::Bytes;
use reconciler_testkit::dockerd::{ContainerSpec, Docker, IMAGE, Options, PrivateDockerd, busybox_tar};
use reconciler_testkit::wait::wait_for;
use serde_json::{Value, json};

use crate::database::{Database, Row};
use crate::fleet::measured;
use crate::stage::{PATIENCE, claim};

/// What the image is called, by the compose file too.
pub(crate) const NAME: &str = "tinyforge-reconciler";

/// The user in the image.
pub(crate) const USER: u32 = 65_532;
const PROGRAM: &str = env!("CARGO_BIN_EXE_tinyforge-reconciler");
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

/// Where the project is.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Builds the image on a daemon.
pub(crate) async fn build(daemon: &PrivateDockerd) {
    let docker = daemon.docker();
    docker.import(tar(&libraries(), Path::new("/")), "base", "test").await;
    docker.import(tar_of_builder(), "builder", "test").await;
    let args = json!({
        "BUILDER_IMAGE": "builder:test",
        "BASE_IMAGE": "base:test",
        "PROGRAM": "dist/tinyforge-reconciler",
        "REVISION": "abc",
    });
    docker.build(context(), NAME, &args).await;
}

/// The Dockerfile, and the program without what debuggers want of it.
fn context() -> Bytes {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("dist")).unwrap();
    fs::copy(project().join("Dockerfile"), dir.path().join("Dockerfile")).unwrap();
    run(Command::new("strip").arg("-o").arg(dir.path().join("dist/tinyforge-reconciler")).arg(PROGRAM));
    tar(&[".".into()], dir.path())
}

/// A shell and certificates: what the Dockerfile needs where there is nothing to build.
fn tar_of_builder() -> Bytes {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("busybox.tar");
    fs::write(&archive, busybox_tar()).unwrap();
    let root = dir.path().join("root");
    let certificates = root.join(CERTIFICATES);
    fs::create_dir_all(certificates.parent().unwrap()).unwrap();
    fs::write(certificates, "# none\n").unwrap();
    run(Command::new("tar").arg("-C").arg(&root).arg("-xf").arg(&archive));
    tar(&[".".into()], &root)
}

/// The files of the shared libraries that the program is linked with, below `/`.
fn libraries() -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(PROGRAM).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let paths = told.split_whitespace().filter(|word| word.starts_with('/'));
    paths.map(|path| Path::new(path).strip_prefix("/").unwrap().to_owned()).collect()
}

pub(crate) fn tar(files: &[PathBuf], below: &Path) -> Bytes {
    run(Command::new("tar").args(["--dereference", "-c", "-C"]).arg(below).args(files)).into()
}

pub(crate) fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Waits until a container is healthy by its own check.
pub(crate) async fn is_healthy(docker: &Docker, container: &str) {
    wait_for("the container to be healthy", PATIENCE, async || {
        let state = docker.inspect(container).await.unwrap()["State"].take();
        assert_eq!(state["Running"], true, "{state}");
        (state["Health"]["Status"] == "healthy").then_some(())
    })
    .await;
}

/// The program as `docker run` starts it, with everything taken from it that it can do without.
fn sidecar(daemon: &PrivateDockerd, data: &Path) -> ContainerSpec {
    let run = daemon.socket().parent().unwrap();
    let group = fs::metadata(daemon.socket()).unwrap().gid();
    ContainerSpec::unnamed().image(NAME).cmd([]).with(|body| {
        // The image's own.
        body.as_object_mut().unwrap().remove("StopSignal");
        body["Env"] = json!(["DOCKER_HOST=unix:///host/run/docker.sock"]);
        // The image's, but sooner.
        body["Healthcheck"] = json!({"Interval": 1_000_000_000});
        let host = &mut body["HostConfig"];
        host["ReadonlyRootfs"] = true.into();
        host["CapDrop"] = json!(["ALL"]);
        host["SecurityOpt"] = json!(["no-new-privileges"]);
        host["GroupAdd"] = json!([group.to_string()]);
        host["Binds"] =
            json!([format!("{}:/host/run:ro", run.display()), format!("{}:/data", data.display())]);
    })
}

async fn row_is(database: &Database, container: &str, state: &str) -> Row {
    wait_for(format!("the row of {container} to be {state}"), PATIENCE, async || {
        database.rows_of(container).await.into_iter().find(|row| row.state == state)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn follows_the_daemon_that_it_runs_on() {
    let daemon = PrivateDockerd::start_with(Options { live_restore: true }).await;
    build(&daemon).await;
    let docker = daemon.docker();
    let data = tempfile::tempdir().unwrap();
    chown(data.path(), Some(USER), Some(USER)).unwrap();
    let container = docker.run(&sidecar(&daemon, data.path())).await;
    is_healthy(docker, &container).await;

    let file = data.path().join("tinyforge.db");
    assert_eq!(fs::metadata(&file).unwrap().uid(), USER);
    let database = Database::open(&format!("sqlite://{}", file.display())).await;
    let add =
        "INSERT INTO workloads (id, name, kind, created_at, updated_at) VALUES ('shop', '', 'stack', '', '')";
    database.execute(add).await;
    let web = docker.run(&claim("shop", "stack", "web")).await;
    row_is(&database, &web, "running").await;

    // Its containers live on, and so does ours: the socket that comes is another one.
    daemon.terminate().await;
    assert!(!daemon.socket().exists());
    daemon.start_again().await;
    docker.kill(&web, "KILL").await;
    row_is(&database, &web, "stopped").await;

    let begun = Instant::now();
    docker.stop(&container).await;
    let took = begun.elapsed();
    let state = docker.inspect(&container).await.unwrap()["State"].take();
    assert_eq!(state["ExitCode"], 0, "{state}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    measured(format_args!("in its image the program ends {took:?} after `docker stop`"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holds_nothing_but_the_program() {
    let daemon = PrivateDockerd::start().await;
    build(&daemon).await;
    let docker = daemon.docker();
    let image = docker.request(Method::GET, &format!("/images/{NAME}/json"), None).await.json();
    let config = &image["Config"];
    assert_eq!(config["User"], format!("{USER}:{USER}"));
    assert_eq!(config["Volumes"], json!({"/data": {}}));
    assert_eq!(config["WorkingDir"], "/");
    assert_eq!(config["Entrypoint"], json!(["/usr/local/bin/tinyforge-reconciler"]));
    // Not by a shell, for there is none.
    assert_eq!(
        config["Healthcheck"]["Test"],
        json!(["CMD", "/usr/local/bin/tinyforge-reconciler", "healthcheck"])
    );
    let label = |name: &str| config["Labels"][format!("org.opencontainers.image.{name}")].clone();
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(label("revision"), "abc");

    let made = docker.create(&ContainerSpec::unnamed().image(NAME)).await;
    let all = files(docker, &made).await;
    let from_base: BTreeSet<String> = libraries().iter().map(|path| path.display().to_string()).collect();
    let ours: Vec<&String> = all.iter().filter(|path| !from_base.contains(*path)).collect();
    assert_eq!(ours, [CERTIFICATES, "usr/local/bin/tinyforge-reconciler"]);
    assert!(all.iter().all(|path| !path.contains("busybox")), "{IMAGE} built it, and is not in it: {all:?}");
}

/// The files that a container has of its image.
async fn files(docker: &Docker, container: &str) -> BTreeSet<String> {
    let path = format!("/containers/{container}/export");
    let export = docker.request(Method::GET, &path, None).await;
    let archive = tempfile::NamedTempFile::new().unwrap();
    fs::write(archive.path(), &export.body).unwrap();
    let list = String::from_utf8(run(Command::new("tar").arg("-tf").arg(archive.path()))).unwrap();
    // What the daemon puts into every container for itself.
    let of_daemon =
        [".dockerenv", "dev/", "etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab", "proc/", "sys/"];
    let is_file = |path: &&str| !path.ends_with('/') && !of_daemon.iter().any(|own| path.starts_with(own));
    list.lines().filter(is_file).map(str::to_owned).collect()
}

/// `docker inspect`'s answer for a name.
pub(crate) async fn inspect(docker: &Docker, name: &str) -> Value {
    docker.inspect(name).await.unwrap_or_else(|| panic!("there is no container {name}"))
}
