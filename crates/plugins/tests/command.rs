//! The driver `command`, with real programs.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reconciler_plugins::{CommandSettings, DriverSettings, Plugin, PluginError, ProgramEnd, Report, build};
use reconciler_testkit::wait::{wait_for, wait_until};

use common::{request, shared};

const LONG: Duration = Duration::from_secs(60);
/// How soon a killed process is expected to be gone.
const SOON: Duration = Duration::from_secs(10);

fn plugin(program: &str, args: &[&str], timeout: Duration) -> Arc<dyn Plugin> {
    with_env(program, args, &[], timeout)
}

fn with_env(program: &str, args: &[&str], env: &[&str], timeout: Duration) -> Arc<dyn Plugin> {
    let [args, env] = [args, env].map(|texts| texts.iter().map(ToString::to_string).collect());
    let settings = CommandSettings { program: program.into(), args, env, timeout, parallel: 1 };
    build("test", &DriverSettings::Command(settings), &shared()).unwrap()
}

fn sh(script: &str, timeout: Duration) -> Arc<dyn Plugin> {
    plugin("sh", &["-c", script], timeout)
}

fn failure(result: Result<Report, PluginError>) -> (ProgramEnd, String) {
    match result {
        Err(PluginError::Failed { end, output, .. }) => (end, output.line()),
        other => panic!("not a program that failed: {other:?}"),
    }
}

#[tokio::test]
async fn a_program_reads_the_request_and_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("request");
    let script = format!("cat > '{}'; echo chatter; echo chatter >&2", file.display());
    sh(&script, LONG).reconcile(&request(r#"{"a":1}"#)).await.unwrap();
    let read: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(read, serde_json::to_value(request(r#"{"a":1}"#)).unwrap());
    assert_eq!(read["workload"]["source_config"]["a"], 1);
}

#[tokio::test]
async fn how_a_program_failed() {
    for (script, end, said, text) in [
        ("exit 3", ProgramEnd::Code(3), "", "the plugin's program `sh` ended with exit code 3"),
        (
            "echo no such image >&2; echo giving up >&2; exit 1",
            ProgramEnd::Code(1),
            "no such image | giving up",
            "the plugin's program `sh` ended with exit code 1: no such image | giving up",
        ),
        (
            "kill -TERM $$",
            ProgramEnd::Signal(15),
            "",
            "the plugin's program `sh` ended with signal 15 (SIGTERM)",
        ),
    ] {
        let error = sh(script, LONG).reconcile(&request("{}")).await.unwrap_err();
        assert_eq!(error.to_string(), text);
        assert_eq!(failure(Err(error)), (end, said.to_owned()));
    }
}

#[tokio::test]
async fn the_end_of_a_huge_standard_error_is_kept() {
    let script =
        "i=0; while [ $i -lt 20000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done >&2;
        printf '\\033[31mthe\\000 reason\\n' >&2; exit 2";
    let (end, stderr) = failure(sh(script, LONG).reconcile(&request("{}")).await);
    assert_eq!(end, ProgramEnd::Code(2));
    assert!(stderr.ends_with(" | [31mthe reason"), "{stderr}");
    assert!(stderr.len() <= 4096 && !stderr.contains(char::is_control));
}

/// What was written just before the exit is never lost to a race of the exit with the pipe.
#[tokio::test]
async fn the_last_words_are_never_lost() {
    let plugin = sh("echo last words >&2; exit 1", LONG);
    for _ in 0..200 {
        assert_eq!(failure(plugin.reconcile(&request("{}")).await).1, "last words");
    }
}

#[tokio::test]
async fn a_program_that_does_not_read_is_no_error() {
    let large = request(&"x".repeat(1 << 20));
    for script in ["exit 0", "exec 0<&-; exit 0", "head -c 10 >/dev/null"] {
        sh(script, LONG).reconcile(&large).await.unwrap();
    }
}

#[tokio::test]
async fn a_large_request_arrives_while_the_program_talks() {
    let script =
        "head -c 300000 /dev/zero >&2; n=$(wc -c); [ \"$n\" -gt 1048576 ] || { echo only $n; exit 1; } >&2";
    sh(script, LONG).reconcile(&request(&"x".repeat(1 << 20))).await.unwrap();
}

#[tokio::test]
async fn a_program_that_is_not_there() {
    for program in ["no-such-program-anywhere", "/no/such/program", "/dev/null"] {
        let error = plugin(program, &[], LONG).reconcile(&request("{}")).await.unwrap_err();
        assert!(matches!(error, PluginError::Start { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&format!("`{program}`")) && !text.contains('\n'), "{text}");
    }
}

/// A shell that has started a process of its own, and waits: their numbers stand in the file.
fn family(dir: &Path, then: &str) -> String {
    let file = dir.join("pids");
    format!("sleep 1000 & echo $$ $! > '{0}.new'; mv '{0}.new' '{0}'; {then}", file.display())
}

/// Two processes, killed when the test is done with them if they still are there.
struct Family {
    program: Pid,
    other: Pid,
}

impl Family {
    async fn born(dir: &Path) -> Self {
        let file = dir.join("pids");
        wait_for("the program to start its own", SOON, async || {
            let text = std::fs::read_to_string(&file).ok()?;
            let mut pids = text.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap()));
            Some(Self { program: pids.next()?, other: pids.next()? })
        })
        .await
    }

    /// The program must be reaped; what it left behind is init's to reap.
    async fn is_gone(&self) {
        wait_until("the program to be reaped", SOON, || kill(self.program, None) == Err(Errno::ESRCH)).await;
        wait_until("the program's own process to end", SOON, || has_ended(self.other)).await;
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        for pid in [self.program, self.other] {
            if !has_ended(pid) {
                let _ = kill(pid, Signal::SIGKILL);
            }
        }
    }
}

fn has_ended(pid: Pid) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

#[tokio::test]
async fn a_dropped_run_ends_the_whole_group() {
    let dir = tempfile::tempdir().unwrap();
    let plugin = sh(&family(dir.path(), "sleep 1000"), LONG);
    let run = tokio::spawn(async move { plugin.reconcile(&request("{}")).await });
    let family = Family::born(dir.path()).await;
    run.abort();
    assert!(run.await.unwrap_err().is_cancelled());
    family.is_gone().await;
}

#[tokio::test]
async fn the_deadline_ends_the_whole_group() {
    let dir = tempfile::tempdir().unwrap();
    // Deaf to all but SIGKILL.
    let script =
        family(dir.path(), "trap '' TERM HUP INT; echo still at it >&2; while :; do sleep 1000; done");
    let plugin = sh(&script, Duration::from_secs(3));
    let error = plugin.reconcile(&request("{}")).await.unwrap_err();
    let family = Family::born(dir.path()).await;
    assert_eq!(
        error.to_string(),
        "the plugin's program `sh` did not end within 3s and was killed; give it a longer `timeout` if it needs one: \
         still at it"
    );
    family.is_gone().await;
}

#[tokio::test]
async fn what_a_program_left_behind_is_ended_and_does_not_delay_it() {
    for (then, succeeds) in [("exit 0", true), ("exit 4", false)] {
        let dir = tempfile::tempdir().unwrap();
        let began = Instant::now();
        // The sleep inherits both outputs and holds them open.
        let result = sh(&family(dir.path(), then), LONG).reconcile(&request("{}")).await;
        let family = Family::born(dir.path()).await;
        assert_eq!(result.is_ok(), succeeds, "{result:?}");
        assert!(began.elapsed() < SOON, "took {:?}", began.elapsed());
        family.is_gone().await;
    }
}

/// A process that left the group is out of reach; it must not hold up the run nevertheless.
#[tokio::test]
async fn a_daemon_that_left_the_group_does_not_delay_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let script = format!(
        "setsid sh -c 'echo $$ > \"{0}\"; exec sleep 1000' & while ! [ -s '{0}' ]; do :; done; echo bye >&2; exit 5",
        file.display()
    );
    let result = sh(&script, LONG).reconcile(&request("{}")).await;
    let pid = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    assert_eq!(failure(result), (ProgramEnd::Code(5), "bye".to_owned()));
}

#[tokio::test]
async fn only_what_is_named_is_inherited_besides_the_usual() {
    // Cargo sets this one for its tests, and no shell does.
    const FOREIGN: &str = "CARGO_MANIFEST_DIR";
    assert!(std::env::var(FOREIGN).is_ok() && std::env::var("PATH").is_ok());
    for (env, inherits) in [(&[][..], false), (&[FOREIGN, "NOT_SET_ANYWHERE"], true)] {
        let plugin = with_env("sh", &["-c", "env; exit 1"], env, LONG);
        let Err(PluginError::Failed { output, .. }) = plugin.reconcile(&request("{}")).await else {
            panic!("it did not fail")
        };
        let has = |name: &str| output.stdout.text.lines().any(|line| line.starts_with(&format!("{name}=")));
        assert_eq!((has("PATH"), has(FOREIGN), has("NOT_SET_ANYWHERE")), (true, inherits, false));
        assert!(!has("CARGO"));
    }
}

#[tokio::test]
async fn the_error_holds_the_ends_of_both_outputs() {
    let script = "i=0; while [ $i -lt 5000 ]; do echo line $i of the plan; echo line $i of the trouble >&2; i=$((i+1)); done;
        exit 1";
    let error = sh(script, LONG).reconcile(&request("{}")).await.unwrap_err();
    let line = error.to_string();
    assert!(line.len() < 4300 && line.ends_with("| line 4999 of the trouble"), "{line}");
    assert!(!line.contains("of the plan"), "{line}");
    let PluginError::Failed { output, .. } = error else { panic!("not a program that failed: {error:?}") };
    for (captured, what) in [(&output.stdout, "plan"), (&output.stderr, "trouble")] {
        assert_eq!((captured.text.len(), captured.cut), (65_536, true), "{what}");
        let expected = (4_900..5_000).map(|i| format!("line {i} of the {what}\n")).collect::<String>();
        assert!(captured.text.ends_with(&expected), "{what}");
    }
}

#[tokio::test]
async fn a_program_that_says_nothing_on_standard_error_is_heard_nevertheless() {
    let error = sh("echo no space left; exit 1", LONG).reconcile(&request("{}")).await.unwrap_err();
    assert_eq!(error.to_string(), "the plugin's program `sh` ended with exit code 1: no space left");
}
