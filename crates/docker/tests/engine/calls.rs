//! What the calls tell when all is well.

use reconciler_core::container::{Detail, ExitFacts, Health, ImageRef, RestartPolicy, Snapshot};
use reconciler_core::state::DockerState;
use reconciler_docker::{Engine, EngineInfo, Inspection, Start};
use reconciler_testkit::fake_docker::{FakeContainer, FakeDocker, Route};
use serde_json::json;

use super::{LONG, engine, id};

fn found(inspection: Inspection) -> Snapshot {
    match inspection {
        Inspection::Found(snapshot) => snapshot,
        Inspection::Gone => panic!("it is gone"),
    }
}

#[tokio::test]
async fn a_list_and_an_inspect_agree() {
    let fake = FakeDocker::start();
    let web = FakeContainer::new("c1").claim("w", Some("stack"), Some("web")).port(8080).port(80);
    let web = web.label("com.docker.compose.service", "web").label("com.docker.compose.oneoff", "True");
    let web = web.health("starting");
    fake.put(web.image("nginx:1").restart("always"));
    let engine = engine(&fake);

    let listed = engine.list(LONG).await.unwrap();
    let looked = found(engine.inspect(&id("c1")).await.unwrap());
    assert_eq!(listed[0].detail, None);
    assert_eq!(
        looked.detail,
        Some(Detail { restart: RestartPolicy::MayRestart, exit: None, started: 1_700_000_001_500 })
    );
    assert_eq!(listed, [Snapshot { detail: None, ..looked.clone() }]);
    assert_eq!((looked.port, looked.created), (Some(80), 1_700_000_000));
    assert_eq!(looked.image, ImageRef::Reference("nginx:1".into()));
    let claim = looked.claim.unwrap();
    assert_eq!((claim.workload.as_str(), claim.kind.as_deref()), ("w", Some("stack")));
    assert_eq!((claim.service.as_deref(), claim.one_off), (Some("web"), true));
    assert_eq!(looked.health, Some(Health::Starting));
}

#[tokio::test]
async fn a_list_has_all_containers_and_asks_for_them() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    assert_eq!(engine.list(LONG).await.unwrap(), []);
    for n in 0..1000 {
        fake.put(FakeContainer::new(&format!("c{n:03}")).state(if n == 7 {
            "hibernating"
        } else {
            "exited"
        }));
    }
    let listed = engine.list(LONG).await.unwrap();
    assert_eq!(listed.len(), 1000);
    assert_eq!(listed[7].state, DockerState::Other("hibernating".into()));
    assert_eq!(fake.last(Route::List).unwrap(), "/containers/json?all=1");
}

#[tokio::test]
async fn a_peek_sees_exactly_one_container() {
    let fake = FakeDocker::start();
    for name in ["abc", "abcd", "xabc"] {
        fake.put(FakeContainer::new(name));
    }
    let engine = engine(&fake);
    assert_eq!(engine.peek(&id("abc")).await.unwrap().unwrap().id, id("abc"));
    assert_eq!(engine.peek(&id("ab")).await.unwrap(), None);
    assert_eq!(engine.peek(&id("zzz")).await.unwrap(), None);
    assert_eq!((fake.count(Route::Peek), fake.count(Route::List)), (3, 0));
}

#[tokio::test]
async fn an_inspect_tells_how_a_container_ended() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    let base = || FakeContainer::new("c");
    let ended = |code, oom_killed| {
        Some(ExitFacts { finished: 1_700_000_061_500, ..ExitFacts::new(code, oom_killed) })
    };
    for (container, state, exit) in [
        (base(), DockerState::Running, None),
        (base().exited(3), DockerState::Exited, ended(3, false)),
        (base().oom_killed(), DockerState::Exited, ended(137, true)),
        (base().exited(1).state("dead"), DockerState::Dead, ended(1, false)),
        (base().exited(1).state("stopped"), DockerState::Stopped, ended(1, false)),
        (base().exited(9).state("restarting"), DockerState::Restarting, ended(9, false)),
        (base().state("created"), DockerState::Created, None),
        (base().state("paused"), DockerState::Paused, None),
        (base().state("hibernating"), DockerState::Other("hibernating".into()), None),
    ] {
        fake.put(container);
        let seen = found(engine.inspect(&id("c")).await.unwrap());
        assert_eq!((&seen.state, seen.detail.unwrap().exit), (&state, exit), "{state:?}");
    }
}

#[tokio::test]
async fn a_container_is_started_once_however_often_it_is_asked_for() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    fake.put(FakeContainer::new("c").exited(1));
    for _ in 0..2 {
        assert_eq!(engine.start(&id("c")).await.unwrap(), Start::Started);
    }
    assert_eq!(found(engine.inspect(&id("c")).await.unwrap()).state, DockerState::Running);
    assert_eq!(engine.start(&id("gone")).await.unwrap(), Start::Gone);
}

#[tokio::test]
async fn health_is_that_of_a_container_that_runs() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    for (container, health) in [
        (FakeContainer::new("c"), None),
        (FakeContainer::new("c").health("none"), None),
        (FakeContainer::new("c").health("healthy"), Some(Health::Healthy)),
        (FakeContainer::new("c").health("unhealthy"), Some(Health::Unhealthy)),
        (FakeContainer::new("c").list("Status", json!("Up 3 days (Paused)")).state("paused"), None),
        (
            FakeContainer::new("c")
                .health("unhealthy")
                .exited(1)
                .list("Status", json!("Exited (1) 2 hours ago")),
            None,
        ),
    ] {
        fake.put(container);
        let looked = found(engine.inspect(&id("c")).await.unwrap());
        let listed = engine.list(LONG).await.unwrap();
        assert_eq!([looked.health, listed[0].health], [health; 2], "{looked:?}");
    }
}

#[tokio::test]
async fn an_inspect_that_the_library_cannot_read_tells_the_same() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    let container = FakeContainer::new("c").claim("w", None, Some("web")).port(80).restart("unless-stopped");
    fake.put(container.clone().exited(5));
    let plain = found(engine.inspect(&id("c")).await.unwrap());
    // Nothing that is used, and of a type that Docker never gives it.
    fake.put(container.exited(5).inspect("/RestartCount", json!("many")));
    assert_eq!(found(engine.inspect(&id("c")).await.unwrap()), plain);
}

#[tokio::test]
async fn odd_inspects() {
    let fake = FakeDocker::start();
    let engine = engine(&fake);
    let base = || FakeContainer::new("c");
    let restarts = |policy: &str| base().restart(policy);
    for (container, restart, created) in [
        (base(), RestartPolicy::Never, 1_700_000_000),
        (restarts(""), RestartPolicy::Never, 1_700_000_000),
        (restarts("on-failure"), RestartPolicy::MayRestart, 1_700_000_000),
        (restarts("on-full-moon"), RestartPolicy::MayRestart, 1_700_000_000),
        (base().inspect("/HostConfig", json!(null)), RestartPolicy::Never, 1_700_000_000),
        (
            base().inspect("/Created", json!("2023-11-14T23:13:20.999+01:00")),
            RestartPolicy::Never,
            1_700_000_000,
        ),
        (base().inspect("/Created", json!("yesterday")), RestartPolicy::Never, 0),
        (base().inspect("/Config/Labels", json!(null)), RestartPolicy::Never, 1_700_000_000),
        (base().inspect("/NetworkSettings/Ports", json!(null)), RestartPolicy::Never, 1_700_000_000),
    ] {
        fake.put(container);
        let seen = found(engine.inspect(&id("c")).await.unwrap());
        assert_eq!((seen.detail.unwrap().restart, seen.created), (restart, created));
    }
    let ports = json!({"9/udp": null, "443/tcp": null, "80/tcp": [], "x/tcp": null, "0/tcp": null});
    fake.put(base().inspect("/NetworkSettings/Ports", ports));
    assert_eq!(found(engine.inspect(&id("c")).await.unwrap()).port, Some(80));
    for broken in [base().inspect("/Id", json!("")), base().inspect("/State", json!(null))] {
        fake.put(broken);
        assert!(engine.inspect(&id("c")).await.is_err());
    }
}

#[tokio::test]
async fn an_info_tells_which_engine_it_is() {
    let fake = FakeDocker::start();
    fake.identify("AB:CD", "/srv/docker");
    fake.put(FakeContainer::new("c"));
    fake.emit("create", "c");
    let engine = engine(&fake);
    engine.ping().await.unwrap();
    let info = engine.info().await.unwrap();
    assert_eq!(
        info,
        EngineInfo {
            id: "AB:CD".into(),
            root: "/srv/docker".into(),
            version: "20.10.24".into(),
            api_version: Some("1.41".into()),
            system_time_nanos: Some(fake.clock()),
            containers: 1,
        }
    );
    assert_eq!((fake.count(Route::Ping), fake.count(Route::Info)), (1, 1));
    assert_eq!(engine.endpoint(), fake.host());
}
