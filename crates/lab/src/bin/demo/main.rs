//! `demo`: the program beside a Docker daemon of the demo's own, with a few workloads to look at.
//!
//! Everything it makes is in that daemon's namespaces and directory, which go when this process ends, however it ends.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the person who runs it")]

mod program;
mod samples;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, panic};

use anyhow::Context as _;
use clap::Parser;
use reconciler_testkit::dockerd::PrivateDockerd;
use tokio::signal::unix::{SignalKind, signal};

use self::program::Program;

/// Shows the program at work until Ctrl-C.
#[derive(Parser)]
struct Args {
    /// The program
    #[arg(long)]
    program: PathBuf,
}

/// One workload heals, so that there is something to see of it.
const SETTINGS: &str = "\
[plugins.image]
driver = \"docker\"
heal = true
";

fn main() -> ExitCode {
    let args = Args::parse();
    // The daemon's part says what it lacks by a panic, in one line.
    panic::set_hook(Box::new(|panic| eprintln!("error: {}", panic.payload_as_str().unwrap_or("a panic"))));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.context("cannot start").and_then(|runtime| runtime.block_on(demo(&args.program))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whatever is under way when a signal comes is dropped, and with it what was made.
async fn demo(program: &Path) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let shown = tokio::select! {
        shown = show(program) => shown,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };
    println!("the containers, the daemon and the database are gone again");
    shown
}

/// Ends only if something goes wrong.
async fn show(program: &Path) -> anyhow::Result<()> {
    let program = std::path::absolute(program)?;
    println!("starting a Docker daemon of the demo's own; yours is not touched");
    let daemon = PrivateDockerd::start().await;
    let dir = daemon.dir().join("demo");
    fs::create_dir(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    fs::write(dir.join("reconciler.toml"), SETTINGS)?;
    let mut program = Program::start(program, dir, daemon.host()).await?;
    samples::make(daemon.docker(), &program).await?;
    println!("{}", banner(&daemon, &program));
    tokio::select! {
        ended = program.ended() => ended,
        ended = samples::go_on(daemon.docker()) => ended,
    }
}

fn banner(daemon: &PrivateDockerd, program: &Program) -> String {
    let (page, docker, database) = (program.address(), daemon.host(), program.database_url());
    let command = program.file().display();
    format!(
        "
  {page}/

  shop      a stack with a health check, which passes after some seconds
  blog      a site that is deployed anew every 20 s: running, missing, running
  mailer    exits by itself every 30 s, and is started again, each time after a longer pause
  importer  crashes as soon as it starts, again and again

  Take a hand in it:   docker -H {docker} kill shop-web
  From the shell:      DATABASE_URL={database} {command} ps

  Ctrl-C takes all of it away again."
    )
}
