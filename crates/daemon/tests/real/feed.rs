//! The change feed, and who follows it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reconciler_testkit::dockerd::PrivateDockerd;
use reconciler_testkit::wait::{wait_for, wait_until};
use serde_json::Value;

use crate::api::address;
use crate::database::{Database, Engine};
use crate::stage::{NO_PASSES, PATIENCE, Stage, claim};

on_both!(
    a_change_arrives,
    a_reader_goes_on_over_kills,
    changes_of_all_hosts_arrive,
    who_does_not_read_is_cut_off,
    it_ends_with_readers,
    watching_ends_quietly_or_says_why,
    a_terminal_shows_the_rows_as_they_are,
);

/// `watch`, of which each line goes to a file.
struct Watcher {
    child: Child,
    out: PathBuf,
    log: PathBuf,
}

impl Watcher {
    fn start(stage: &Stage, name: &str, listen: &str, args: &[&str]) -> Self {
        let (out, log) = (stage.dir().join(format!("{name}.out")), stage.dir().join(format!("{name}.log")));
        let file = |path| Stdio::from(std::fs::File::create(path).unwrap());
        let mut command = stage.command(&[&["watch", "--listen", listen], args].concat());
        // Not only this host's changes.
        command.env_remove("RECONCILER_HOST");
        let child = command.stdout(file(&out)).stderr(file(&log)).spawn().unwrap();
        Self { child, out, log }
    }

    fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.out).unwrap();
        // A line that is being written has not come yet.
        text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect()
    }

    fn changes(&self) -> Vec<Value> {
        self.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn numbers(&self) -> Vec<i64> {
        self.changes()
            .iter()
            .map(|change| change["seq"].as_i64().unwrap_or_else(|| panic!("{change}")))
            .collect()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// How often it lost the feed and has it again.
    fn times_back(&self) -> usize {
        self.log().matches("the change feed is back").count()
    }

    /// Waits until it has printed a change, as tests of it say.
    async fn prints(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        wait_for(format!("{what} in the feed"), PATIENCE, async || self.changes().into_iter().find(&holds))
            .await
    }

    /// Waits until it has printed the whole journal after an entry, each once and in order.
    async fn prints_the_journal(&self, db: &Database, after: i64) {
        let what = "the whole journal in the feed, each entry once and in order";
        wait_for(what, PATIENCE, async || {
            let mut journal = journal(db).await;
            journal.retain(|seq| *seq > after);
            (self.numbers() == journal).then_some(())
        })
        .await;
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// All numbers of the journal.
async fn journal(db: &Database) -> Vec<i64> {
    let aggregate = match db.engine() {
        Engine::Sqlite => "group_concat(seq)",
        Engine::Postgres => "string_agg(CAST(seq AS TEXT), ',')",
    };
    let all = db
        .text(&format!("SELECT {aggregate} FROM (SELECT seq FROM container_changes ORDER BY seq) AS j"))
        .await;
    all.unwrap_or_default().split(',').filter(|seq| !seq.is_empty()).map(|seq| seq.parse().unwrap()).collect()
}

async fn newest(db: &Database) -> i64 {
    journal(db).await.last().copied().unwrap_or_default()
}

fn socket(stage: &Stage) -> String {
    format!("unix:{}", stage.dir().join("api.sock").display())
}

async fn a_change_arrives(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let program = stage.follow(NO_PASSES).await;
    let listen = address(&program);
    let all = Watcher::start(&stage, "all", &listen, &["--json", "--after", "0"]);
    let lines = Watcher::start(
        &stage,
        "lines",
        &listen,
        &["--after", "0", "--kind", "container", "--workload", &workload],
    );
    let stopped =
        Watcher::start(&stage, "stopped", &listen, &["--json", "--after", "0", "--state", "stopped"]);
    let nobody =
        Watcher::start(&stage, "nobody", &listen, &["--json", "--after", "0", "--workload", "nobody"]);
    let id = stage.launch(&claim(&workload, "stack", "web")).await;
    let change = all.prints("that it runs", |change| change["to_state"] == "running").await;
    assert_eq!(
        (&change["container_id"], &change["host"]),
        (&id.as_str().into(), &stage.host.as_str().into())
    );
    assert_eq!(
        (&change["row_id"], &change["kind"]),
        (&format!("{workload}:web").into(), &"container".into())
    );
    stage.docker.kill(&id, "KILL").await;
    all.prints("how it ended", |change| change["to_state"] == "stopped" && change["exit_code"] == 137).await;
    stopped.prints("how it ended", |change| change["exit_code"] == 137).await;
    all.prints_the_journal(&stage.db, 0).await;
    assert!(stopped.changes().iter().all(|change| change["to_state"] == "stopped"));
    assert!(nobody.lines().is_empty());
    wait_until("lines for people", PATIENCE, || {
        lines.lines().iter().any(|line| line.contains("exit code 137"))
    })
    .await;
    assert!(lines.lines()[0].contains(&format!(" {} {workload}:web: ", stage.host)), "{:?}", lines.lines());
    assert!(all.log().is_empty() && lines.log().is_empty());
}

async fn a_reader_goes_on_over_kills(database: Engine) {
    let stage = Stage::shared(database).await;
    let (workload, listen) = (stage.workload("stack").await, socket(&stage));
    let start = || stage.start(&["--interval", NO_PASSES, "--listen", &listen]);
    let mut program = start();
    stage.following(&program).await;
    let id = stage.launch(&claim(&workload, "stack", "web")).await;
    stage.sees_state(&id, "running").await;
    let from_now_on = Watcher::start(&stage, "now", &listen, &["--json"]);
    let all = Watcher::start(&stage, "all", &listen, &["--json", "--after", "0"]);
    all.prints_the_journal(&stage.db, 0).await;
    // Until it is known that the other one listens: a change of which it tells.
    stage.docker.pause(&id).await;
    from_now_on.prints("a pause", |change| change["to_state"] == "paused").await;
    for round in 1..=3 {
        stage.docker.unpause(&id).await;
        program.kill();
        stage.docker.pause(&id).await;
        stage.docker.unpause(&id).await;
        program = start();
        stage.following(&program).await;
        stage.sees_state(&id, "running").await;
        stage.docker.pause(&id).await;
        stage.sees_state(&id, "paused").await;
        for watcher in [&all, &from_now_on] {
            wait_until("the feed to be back", PATIENCE, || watcher.times_back() == round).await;
        }
    }
    all.prints_the_journal(&stage.db, 0).await;
    from_now_on.prints_the_journal(&stage.db, from_now_on.numbers()[0] - 1).await;
    for watcher in [&all, &from_now_on] {
        assert_eq!(watcher.log().matches("trying again").count(), 3, "{}", watcher.log());
    }
}

async fn changes_of_all_hosts_arrive(database: Engine) {
    let daemon = PrivateDockerd::start().await;
    let here = Stage::shared(database).await;
    let there = here.neighbour(&daemon).await;
    let workload = here.workload("stack").await;
    let program = here.follow(NO_PASSES).await;
    let other = there.start(&["--interval", NO_PASSES]);
    there.following(&other).await;
    let (address, neighbours) = (address(&program), address(&other));
    let all = Watcher::start(&here, "all", &address, &["--json", "--after", "0"]);
    let theirs =
        Watcher::start(&here, "theirs", &address, &["--json", "--after", "0", "--host", &there.host]);
    let from_there = Watcher::start(&here, "there", &neighbours, &["--json", "--after", "0"]);
    let web = here.launch(&claim(&workload, "stack", "web")).await;
    let db = there.launch(&claim(&workload, "stack", "db")).await;
    for watcher in [&all, &from_there] {
        for id in [&web, &db] {
            watcher
                .prints("both", |change| change["container_id"] == **id && change["to_state"] == "running")
                .await;
        }
    }
    theirs.prints("their own", |change| change["container_id"] == *db).await;
    here.docker.pause(&web).await;
    there.docker.pause(&db).await;
    here.sees_state(&web, "paused").await;
    here.sees_state(&db, "paused").await;
    all.prints_the_journal(&here.db, 0).await;
    from_there.prints_the_journal(&here.db, 0).await;
    assert!(theirs.changes().iter().all(|change| change["host"] == *there.host));
}

/// A request for the feed over a connection of its own.
fn ask(address: &str, query: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET /api/v1/changes/stream{query} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

async fn who_does_not_read_is_cut_off(database: Engine) {
    let stage = Stage::shared(database).await;
    let program = stage.follow(NO_PASSES).await;
    let listen = address(&program);
    let mut stalled = ask(&listen, "?after=0");
    let quick = Watcher::start(&stage, "quick", &listen, &["--json", "--after", "0"]);
    // More than the sockets on both sides hold.
    let detail = "x".repeat(4_000);
    let many = format!(
        "INSERT INTO container_changes (at, kind, host, row_id, workload_id, container_id, to_state, cause, detail) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
         SELECT '2026-01-02T03:04:05.000000Z', 'container', 'other', 'w:a', 'w', 'c', 'running', 'list', '{detail}' FROM n"
    );
    for _ in 0..10 {
        stage.db.execute(&many).await;
    }
    program.says("cut off from the change feed").await;
    quick.prints_the_journal(&stage.db, 0).await;
    assert!(quick.log().is_empty(), "{}", quick.log());
    // It still finds what its socket holds, and then the end.
    stalled.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut got = Vec::new();
    let ended = stalled.read_to_end(&mut got);
    let text = String::from_utf8_lossy(&got);
    assert!(text.contains("text/event-stream") && text.contains("x-accel-buffering: no"), "{ended:?}");
    let last = text.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap();
    assert!(last.parse::<i64>().unwrap() < newest(&stage.db).await);
    assert!(program.resident_kib() < 200 * 1024);
}

async fn it_ends_with_readers(database: Engine) {
    let stage = Stage::shared(database).await;
    let mut program = stage.follow(NO_PASSES).await;
    let listen = address(&program);
    let readers: Vec<_> = (0..50).map(|_| ask(&listen, "")).collect();
    let mut heard = &readers[49];
    assert!(heard.read(&mut [0; 64]).unwrap() > 0);
    let (status, took) = program.terminate().await;
    assert!(status.success() && took.as_secs() < 3, "{took:?}\n{}", program.log());
}

async fn watching_ends_quietly_or_says_why(database: Engine) {
    let stage = Stage::shared(database).await;
    let said = stage.fails(&["watch", "--json", "--listen", &socket(&stage)]);
    assert!(said.contains("nobody answers at unix:") && said.lines().count() == 1, "{said}");
    stage.settings("[http]\ntoken = \"a-token-for-everything\"\n");
    let program = stage.follow(NO_PASSES).await;
    let listen = address(&program);
    let workload = stage.workload("stack").await;
    stage.launch(&claim(&workload, "stack", "web")).await;
    let mut watcher = Watcher::start(&stage, "watcher", &listen, &["--json", "--after", "0"]);
    // From then on it needs the settings no more, which are others below.
    watcher.prints("a change", |_| true).await;
    // Nobody reads what it prints: it ends, though it has nothing to print.
    let mut command = stage.command(&["watch", "--json", "--listen", &listen]);
    let mut unread = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(unread.stdout.take());
    let status = wait_for("it to end", PATIENCE, async || unread.try_wait().unwrap()).await;
    let mut said = String::new();
    unread.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(status.success() && said.is_empty(), "{status} {said}");
    stage.settings("");
    let said = stage.fails(&["watch", "--json", "--listen", &listen]);
    assert!(said.contains("send the token"), "{said}");
    let pid = Pid::from_raw(watcher.child.id().cast_signed());
    kill(pid, Signal::SIGINT).unwrap();
    let status = wait_for("it to end", PATIENCE, async || watcher.child.try_wait().unwrap()).await;
    assert!(watcher.log().is_empty(), "{status} {}", watcher.log());
}

/// `watch` on a terminal of its own, of which everything that is drawn goes to a file.
fn on_a_terminal(stage: &Stage, listen: &str, more: &str) -> Watcher {
    let (out, log) = (stage.dir().join("screen.out"), stage.dir().join("screen.log"));
    let file = |path| Stdio::from(std::fs::File::create(path).unwrap());
    let watch = stage.command(&[]);
    let program = watch.get_program().to_str().unwrap();
    let drawn = format!("stty cols 150 rows 10; exec {program} watch --listen {listen} {more}");
    let mut command = std::process::Command::new("script");
    command.args(["--quiet", "--flush", "--return", "--command", &drawn, "/dev/null"]).env("TERM", "xterm");
    command.env_remove("NO_COLOR").stdin(Stdio::null());
    let child = command.stdout(file(&out)).stderr(file(&log)).spawn().unwrap();
    Watcher { child, out, log }
}

async fn a_terminal_shows_the_rows_as_they_are(database: Engine) {
    let stage = Stage::shared(database).await;
    let workload = stage.workload("stack").await;
    let program = stage.follow(NO_PASSES).await;
    let web = stage.launch(&claim(&workload, "stack", "web")).await;
    stage.launch(&claim(&workload, "stack", "\u{202e}evil")).await;
    stage.sees_state(&web, "running").await;
    let screen = on_a_terminal(&stage, &address(&program), "");
    let shows = async |what: &str, state: &str| {
        let (state, row) = (format!("{state}\u{1b}[0m "), format!(" {workload}  {what} "));
        wait_for(format!("{row} to be {state:?} on the screen"), PATIENCE, async || {
            let drawn = std::fs::read_to_string(&screen.out).unwrap();
            // The last frame that was drawn whole.
            let frame = drawn.rsplit("\u{1b}[J").nth(1)?;
            frame.lines().any(|line| line.contains(&row) && line.contains(&state)).then_some(())
        })
        .await;
    };
    shows("web", "running").await;
    shows("\u{fffd}evil", "running").await;
    stage.docker.pause(&web).await;
    shows("web", "paused").await;
    stage.docker.unpause(&web).await;
    stage.docker.rm(&web).await;
    shows("web", "missing").await;
    let db = stage.launch(&claim(&workload, "stack", "db")).await;
    shows("db", "running").await;
    stage.docker.kill(&db, "KILL").await;
    shows("db", "stopped").await;
    let drawn = std::fs::read_to_string(&screen.out).unwrap();
    assert!(!drawn.contains('\u{202e}'), "{drawn:?}");
}
