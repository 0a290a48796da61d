//! The private dockerd: that it is a real one, that it can be treated badly, and that nothing of it is left.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use reconciler_testkit::dockerd::{
    ContainerSpec, Docker, IMAGE, Options, PrivateDockerd, busybox_tar, unique,
};
use reconciler_testkit::wait::wait_for;

const DEADLINE: Duration = Duration::from_secs(30);

/// What a daemon has outside of its namespaces, to be looked for when it is gone.
struct Traces {
    dir: PathBuf,
    docker0: bool,
}

impl Traces {
    fn of(daemon: &PrivateDockerd) -> Self {
        Self { dir: daemon.dir().to_owned(), docker0: docker0() }
    }

    /// What is left, in words; empty if nothing.
    fn left(&self) -> Vec<String> {
        let name = self.dir.file_name().unwrap().to_str().unwrap();
        let mut left = Vec::new();
        if self.dir.exists() {
            left.push(format!("the directory {}", self.dir.display()));
        }
        if fs::read_to_string("/proc/self/mountinfo").unwrap().contains(name) {
            left.push("a mount".into());
        }
        if docker0() != self.docker0 {
            left.push("a change of the machine's docker0".into());
        }
        let cgroups = Path::new("/sys/fs/cgroup");
        let hierarchies = fs::read_dir(cgroups).unwrap().map(|entry| entry.unwrap().path());
        let groups =
            hierarchies.chain([cgroups.to_owned()]).map(|dir| dir.join(name)).filter(|dir| dir.exists());
        left.extend(groups.map(|group| format!("the cgroup {}", group.display())));
        left.extend(processes_with(name));
        left
    }
}

fn docker0() -> bool {
    Path::new("/sys/class/net/docker0").exists()
}

/// All processes that have the text in their command line or their cgroups.
fn processes_with(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        let read =
            |file: &str| fs::read(path.join(file)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let (cmdline, cgroup) = (read("cmdline").unwrap_or_default(), read("cgroup").unwrap_or_default());
        if cmdline.contains(text) || cgroup.contains(text) {
            found.push(format!("the process {}", cmdline.replace('\0', " ")));
        }
    }
    found
}

async fn state_is(docker: &Docker, id: &str, expected: &str) {
    wait_for(format!("{id} to be {expected}"), DEADLINE, async || {
        (docker.state(id).await.as_deref() == Some(expected)).then_some(())
    })
    .await;
}

fn listed<'a>(list: &'a [serde_json::Value], id: &str) -> Option<&'a serde_json::Value> {
    list.iter().find(|item| item["Id"] == id)
}

#[tokio::test]
async fn containers_of_a_shared_daemon() {
    let daemon = PrivateDockerd::shared().await;
    let docker = daemon.docker();
    let name = unique("web");
    let web = docker.run(&ContainerSpec::new(&name).label("a.b", "c").expose(8080).memory(64 << 20)).await;
    let failed = docker.run(&ContainerSpec::unnamed().sh("exit 3")).await;
    let made = docker.create(&ContainerSpec::unnamed().restart("always").stop_signal("SIGTERM")).await;
    state_is(docker, &failed, "exited").await;

    let list = docker.ps_all().await;
    let item = listed(&list, &web).unwrap();
    assert_eq!((&item["State"], &item["Image"]), (&"running".into(), &IMAGE.into()));
    assert_eq!(item["Names"][0], format!("/{name}"));
    assert_eq!(item["Labels"]["a.b"], "c");
    assert_eq!(item["Ports"][0]["PrivatePort"], 8080);
    assert_eq!(listed(&list, &made).unwrap()["State"], "created");
    assert_eq!(docker.inspect(&failed).await.unwrap()["State"]["ExitCode"], 3);
    assert_eq!(docker.inspect(&made).await.unwrap()["HostConfig"]["RestartPolicy"]["Name"], "always");

    docker.pause(&web).await;
    assert_eq!(docker.state(&web).await.unwrap(), "paused");
    docker.unpause(&web).await;
    let renamed = unique("other");
    docker.rename(&web, &renamed).await;
    assert_eq!(docker.inspect(&web).await.unwrap()["Name"], format!("/{renamed}"));
    docker.restart(&web).await;
    docker.kill(&web, "KILL").await;
    state_is(docker, &web, "exited").await;
    docker.start(&web).await;
    docker.stop(&web).await;
    assert_eq!(docker.state(&web).await.unwrap(), "exited");
    for id in [&web, &failed, &made] {
        docker.rm(id).await;
        assert_eq!(docker.state(id).await, None);
    }
}

/// An image whose tag moved on is listed by its bare id.
#[tokio::test]
async fn images_can_be_renamed() {
    let docker = PrivateDockerd::shared().await.docker();
    let repo = unique("image");
    docker.tag(IMAGE, &repo, "one").await;
    let id = docker.run(&ContainerSpec::unnamed().image(&format!("{repo}:one"))).await;
    let image = docker.import(busybox_tar(), &repo, "one").await;
    let list = docker.ps_all().await;
    let shown = listed(&list, &id).unwrap()["Image"].as_str().unwrap().to_owned();
    assert!(shown.starts_with("sha256:") && shown != image, "{shown}");
    docker.rm(&id).await;
}

#[tokio::test]
async fn it_can_be_frozen_killed_and_restarted() {
    let daemon = PrivateDockerd::start().await;
    let docker = daemon.docker();
    let always = docker.run(&ContainerSpec::new("always").restart("always")).await;
    let never = docker.run(&ContainerSpec::new("never")).await;

    daemon.freeze().await;
    assert!(!docker.answers().await);
    daemon.thaw().await;
    assert!(docker.answers().await);

    let first = daemon.pid();
    daemon.kill().await;
    assert!(!docker.answers().await);
    assert_eq!(daemon.processes().iter().filter(|name| *name == "sleep").count(), 2, "containers live on");
    daemon.start_again().await;
    assert_ne!(daemon.pid(), first);
    // A start after a crash ends what lived on, and then goes by the restart policy.
    state_is(docker, &always, "running").await;
    state_is(docker, &never, "exited").await;

    daemon.restart().await;
    state_is(docker, &always, "running").await;
    docker.start(&never).await;
    daemon.freeze().await;
    daemon.kill().await;
    daemon.start_again().await;
    state_is(docker, &always, "running").await;
}

#[tokio::test]
async fn with_live_restore_containers_survive_the_daemon() {
    let daemon = PrivateDockerd::start_with(Options { live_restore: true }).await;
    let docker = daemon.docker();
    let id = docker.run(&ContainerSpec::new("survivor")).await;
    let pid = docker.inspect(&id).await.unwrap()["State"]["Pid"].clone();
    daemon.kill().await;
    daemon.start_again().await;
    let after = docker.inspect(&id).await.unwrap();
    assert_eq!((&after["State"]["Status"], &after["State"]["Pid"]), (&"running".into(), &pid));
}

/// Two daemons of one machine have one id; the data root tells them apart.
#[tokio::test]
async fn two_daemons_do_not_see_each_other() {
    let (one, other) = tokio::join!(PrivateDockerd::start(), PrivateDockerd::start());
    let id = one.docker().run(&ContainerSpec::new("web").expose(80)).await;
    let twin = other.docker().run(&ContainerSpec::new("web").expose(80)).await;
    assert_eq!(other.docker().state(&id).await, None);
    let (one_is, other_is) = (one.docker().info().await, other.docker().info().await);
    assert_eq!(one_is["ID"], other_is["ID"]);
    assert_ne!(one_is["DockerRootDir"], other_is["DockerRootDir"]);
    drop(one);
    assert_eq!(other.docker().state(&twin).await.unwrap(), "running");
}

/// With everything that resists: a frozen daemon, a paused container, one that is deaf to signals.
async fn misuse(daemon: &PrivateDockerd) {
    let docker = daemon.docker();
    let paused = docker.run(&ContainerSpec::new("paused")).await;
    docker.pause(&paused).await;
    docker
        .run(&ContainerSpec::new("deaf").sh("trap '' TERM INT HUP; while :; do sleep 1; done").expose(80))
        .await;
    daemon.freeze().await;
}

#[tokio::test]
async fn nothing_is_left_when_it_is_dropped() {
    let daemon = PrivateDockerd::start().await;
    let traces = Traces::of(&daemon);
    assert!(!traces.left().is_empty(), "there is something to look for");
    misuse(&daemon).await;
    drop(daemon);
    assert_eq!(traces.left(), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_left_when_the_test_panics() {
    let (tell, told) = tokio::sync::oneshot::channel();
    let test = tokio::spawn(async move {
        let daemon = PrivateDockerd::start().await;
        misuse(&daemon).await;
        drop(tell.send(Traces::of(&daemon)));
        std::panic::resume_unwind(Box::new("a test that fails"));
    });
    assert!(test.await.unwrap_err().is_panic());
    assert_eq!(told.await.unwrap().left(), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_left_when_the_test_is_killed() {
    let docker0 = docker0();
    let mut test = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_test_that_is_killed", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(test.stdout.take().unwrap()).lines();
    let dir = lines.map_while(Result::ok).find_map(|line| Some(PathBuf::from(line.split_once("DIR=")?.1)));
    test.kill().unwrap();
    test.wait().unwrap();
    let traces = Traces { dir: dir.unwrap(), docker0 };
    wait_for("the killed test's daemon to be gone", DEADLINE, async || {
        traces.left().is_empty().then_some(())
    })
    .await;
}

/// Run by the test above, in a process of its own.
#[tokio::test]
#[ignore = "it waits to be killed"]
async fn a_test_that_is_killed() {
    let daemon = PrivateDockerd::shared().await;
    misuse(daemon).await;
    println!("DIR={}", daemon.dir().display());
    tokio::time::sleep(DEADLINE).await;
}
