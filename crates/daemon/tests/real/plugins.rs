//! Plugins: every workload with a source kind, and a failure is that workload's alone.

use reconciler_testkit::wait::wait_for;
use serde_json::Value;

use crate::database::Engine;
use crate::stage::{NO_PASSES, PATIENCE, Stage, claim};

on_both!(
    a_pass_hands_over_every_workload,
    a_change_hands_over_its_workload,
    a_failure_is_its_workloads_alone,
    a_change_that_a_plugin_was_at_is_not_lost_with_the_program,
    a_web_hook_is_told
);

/// `tape` keeps what it was handed; `broken` always fails; `hung` never ends.
fn settings(stage: &Stage) {
    let dir = stage.dir().display();
    stage.settings(&format!(
        r#"
[plugins.tape]
driver = "command"
program = "/bin/sh"
args = ["-c", "line=$(cat); printf '%s\\n' \"$line\" >> {dir}/tape"]
[plugins.broken]
driver = "command"
program = "/bin/sh"
args = ["-c", "cat > /dev/null; echo no such luck >&2; exit 3"]
[plugins.hung]
driver = "command"
program = "/bin/sleep"
args = ["1000"]
timeout = "300ms"
"#
    ));
}

/// What the plugin `tape` was handed so far, of one workload.
fn handed(stage: &Stage, workload: &str) -> Vec<Value> {
    let tape = std::fs::read_to_string(stage.dir().join("tape")).unwrap_or_default();
    // Its last line may be half written.
    let complete = tape.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let all = complete.map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|value| value["workload"]["id"] == workload).collect()
}

async fn a_pass_hands_over_every_workload(database: Engine) {
    let stage = Stage::shared(database).await;
    settings(&stage);
    stage.workload("stack").await;
    let other = reconciler_testkit::dockerd::unique("other");
    stage.add_workload(&other, "stack", "of no plugin").await;
    let mine = reconciler_testkit::dockerd::unique("mine");
    stage.add_workload(&mine, "stack", "tape").await;
    let config = r#"{"desired_state": "running", "password": "hush"}"#;
    stage.db.execute(&format!("UPDATE workloads SET source_config = '{config}' WHERE id = '{mine}'")).await;
    let web = stage.launch(&claim(&mine, "stack", "web").sh("exit 4")).await;
    stage.docker_says(&web, "exited").await;
    let summary = stage.once();
    let expected = serde_json::json!({"dispatched": 2, "succeeded": 2, "failed": 0, "skipped": 1});
    assert_eq!(summary["plugins"], expected);
    stage.once();
    let handed = handed(&stage, &mine);
    assert!(handed.len() >= 2, "{handed:?}");
    let last = handed.last().unwrap();
    let workload = serde_json::json!({"id": mine, "name": "W", "kind": "stack", "source_kind": "tape",
        "source_config": {"desired_state": "running", "password": "hush"}});
    assert_eq!(last["workload"], workload);
    let container = &last["containers"][0];
    assert_eq!((&container["container_id"], &container["state"]), (&web.into(), &"stopped".into()));
    assert_eq!((&container["exit_code"], &container["oom_killed"]), (&4.into(), &false.into()));
    assert_eq!((&last["attempt"], last["generation"].is_u64()), (&1.into(), true));
}

async fn a_change_hands_over_its_workload(database: Engine) {
    let stage = Stage::shared(database).await;
    settings(&stage);
    let mine = reconciler_testkit::dockerd::unique("mine");
    stage.add_workload(&mine, "stack", "tape").await;
    let web = stage.launch(&claim(&mine, "stack", "web")).await;
    let _program = stage.follow(NO_PASSES).await;
    stage.sees_state(&web, "running").await;
    stage.docker.pause(&web).await;
    wait_for("the plugin to be handed the change", PATIENCE, async || {
        handed(&stage, &mine).iter().any(|value| value["containers"][0]["state"] == "paused").then_some(())
    })
    .await;
}

async fn a_failure_is_its_workloads_alone(database: Engine) {
    let stage = Stage::shared(database).await;
    settings(&stage);
    let [good, bad, slow] = ["good", "bad", "slow"].map(reconciler_testkit::dockerd::unique);
    for (workload, source) in [(&good, "tape"), (&bad, "broken"), (&slow, "hung")] {
        stage.add_workload(workload, "stack", source).await;
        stage.launch(&claim(workload, "stack", "web")).await;
    }
    let output = stage.run(&["once", "--json", "--strict"]);
    assert_eq!(output.status.code(), Some(1), "a plugin's failure is one if that is asked for");
    let output = stage.run(&["once", "--json"]);
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{log}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = serde_json::json!({"dispatched": 3, "succeeded": 1, "failed": 2, "skipped": 0});
    assert_eq!(summary["plugins"], expected, "{log}");
    assert_eq!(summary["rows"]["unchanged"], 3);
    for (workload, kind) in [(&bad, "broken"), (&slow, "hung")] {
        let told = |line: &&str| line.contains(workload.as_str()) && line.contains(kind);
        assert!(log.lines().any(|line| told(&line)), "{log}");
    }
    assert!(log.contains("no such luck"), "{log}");
    assert!(!handed(&stage, &good).is_empty());
}

async fn a_change_that_a_plugin_was_at_is_not_lost_with_the_program(database: Engine) {
    let stage = Stage::shared(database).await;
    let begun = stage.dir().join("begun");
    stage.settings(&format!(
        "[plugins.tape]\ndriver = \"command\"\nprogram = \"/bin/sh\"\nargs = [\"-c\", \"grep -q paused && touch {}; sleep 1000\"]\n",
        begun.display()
    ));
    let mine = reconciler_testkit::dockerd::unique("mine");
    stage.add_workload(&mine, "stack", "tape").await;
    let web = stage.launch(&claim(&mine, "stack", "web")).await;
    stage.docker.pause(&web).await;
    let mut program = stage.follow(NO_PASSES).await;
    wait_for("a run", PATIENCE, async || begun.exists().then_some(())).await;
    program.kill();
    settings(&stage);
    let _program = stage.follow(NO_PASSES).await;
    wait_for("another run", PATIENCE, async || {
        handed(&stage, &mine).iter().any(|value| value["containers"][0]["state"] == "paused").then_some(())
    })
    .await;
}

/// The head and the body of the requests that come to a port, the first answered with this status and the others with 204.
pub(crate) fn receiver(
    first: &'static str,
) -> (std::net::SocketAddr, std::sync::mpsc::Receiver<(Vec<String>, Value)>) {
    use std::io::{BufRead, BufReader, Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (send, requests) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (number, connection) in listener.incoming().enumerate() {
            let mut reader = BufReader::new(connection.unwrap());
            let mut head = Vec::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                head.push(line.trim().to_ascii_lowercase());
            }
            let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            let status = if number == 0 { first } else { "204 Done" };
            let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
            if send.send((head, serde_json::from_slice(&body).unwrap())).is_err() {
                return;
            }
        }
    });
    (address, requests)
}

async fn a_web_hook_is_told(database: Engine) {
    let stage = Stage::shared(database).await;
    let (address, requests) = receiver("500 No");
    let secret = stage.dir().join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    stage.settings(&format!(
        "[plugins.hook]\ndriver = \"http\"\nurl = \"http://{address}/deploy?token=hush\"\nsecret_file = \"{}\"\n",
        secret.display()
    ));
    let mine = reconciler_testkit::dockerd::unique("mine");
    stage.add_workload(&mine, "stack", "hook").await;
    let web = stage.launch(&claim(&mine, "stack", "web").sh("exit 4")).await;
    stage.docker_says(&web, "exited").await;
    let summary = stage.once();
    assert_eq!(summary["plugins"]["succeeded"], 1, "{summary}");
    let told: Vec<_> = requests.try_iter().collect();
    // How it ended may be one more change.
    assert!(told.len() >= 2, "it was not tried again");
    let id = |head: &[String]| head.iter().find(|line| line.starts_with("webhook-id: ")).cloned();
    assert!(id(&told[0].0).is_some() && id(&told[0].0) == id(&told[1].0), "{told:?}");
    let (head, body) = told.last().unwrap();
    assert_eq!(head[0], "post /deploy?token=hush http/1.1");
    assert!(head.iter().any(|line| line.starts_with("webhook-signature: v1,")), "{head:?}");
    assert_eq!(
        (&body["workload"]["id"], &body["assessment"]["phase"]),
        (&mine.as_str().into(), &"down".into())
    );
    assert_eq!(body["containers"][0]["exit_code"], 4);
    let shown = stage.done(&["config"]);
    assert!(!shown.contains("hush") && !shown.contains("MfKQ9r8"), "{shown}");
}
