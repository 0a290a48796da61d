//! The driver `command`: runs a program.

mod environment;
mod group;
mod output;

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use async_trait::async_trait;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

pub(crate) use self::environment::is_variable_name;
pub use self::output::{Captured, Output};

use self::group::ProcessGroup;
use self::output::Tail;
use crate::{CommandSettings, Plugin, PluginError, ProgramEnd, Report, Request};

/// Runs a program for each request, with the request as JSON on its standard input.
///
/// Exit code 0 is success. The program leads a process group of its own, and however the run ends — by itself, by the
/// deadline, because the future is dropped — that whole group is killed. (A process that leaves the group on purpose is
/// out of reach.) Of what it writes to standard output and standard error the ends are kept for the error. It inherits
/// this program's working directory, and of its environment what programs usually need and what the settings name.
#[derive(Clone, Debug)]
pub struct CommandPlugin {
    kind: String,
    settings: CommandSettings,
}

impl CommandPlugin {
    /// A plugin for workloads of this source kind.
    pub fn new(kind: impl Into<String>, settings: CommandSettings) -> Self {
        Self { kind: kind.into(), settings }
    }

    fn spawn(&self) -> Result<Child, PluginError> {
        Command::new(&self.settings.program)
            .args(&self.settings.args)
            .env_clear()
            .envs(environment::inherited(std::env::vars_os(), &self.settings.env))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| PluginError::Start { program: self.program(), source })
    }

    fn program(&self) -> String {
        self.settings.program.clone()
    }

    fn verdict(&self, status: ExitStatus, output: Output) -> Result<Report, PluginError> {
        let end = match (status.code(), status.signal()) {
            (Some(0), _) => return Ok(Report::default()),
            (Some(code), _) => ProgramEnd::Code(code),
            (None, signal) => ProgramEnd::Signal(signal.unwrap_or_default()),
        };
        Err(PluginError::Failed { program: self.program(), end, output: Box::new(output) })
    }
}

#[async_trait]
impl Plugin for CommandPlugin {
    fn name(&self) -> &str {
        &self.kind
    }

    async fn reconcile(&self, request: &Request) -> Result<Report, PluginError> {
        let request = serde_json::to_vec(request).map_err(PluginError::Encode)?;
        let mut child = self.spawn()?;
        // Declared after the child, so that a dropped future ends the group before the child is handed to the reaper.
        let group = ProcessGroup::led_by(&child);
        let stdin = child.stdin.take();
        let mut streams =
            Streams { stdout: Tail::of(child.stdout.take()), stderr: Tail::of(child.stderr.take()) };
        let ended = timeout(self.settings.timeout, attend(&mut child, stdin, &request, &mut streams)).await;
        group.kill();
        let output = streams.output();
        match ended {
            Ok(Ok(status)) => self.verdict(status, output),
            Ok(Err(source)) => Err(PluginError::Wait { program: self.program(), source }),
            // The child is dead or dying; dropped, it is reaped by the runtime.
            Err(_) => Err(PluginError::TimedOut {
                program: self.program(),
                after: self.settings.timeout,
                output: Box::new(output),
            }),
        }
    }
}

/// What the program writes to.
struct Streams {
    stdout: Tail<ChildStdout>,
    stderr: Tail<ChildStderr>,
}

impl Streams {
    /// Reads until both end.
    async fn drain(&mut self) {
        tokio::join!(self.stdout.drain(), self.stderr.drain());
    }

    /// What was written until now.
    fn output(mut self) -> Output {
        self.stdout.take_what_is_there();
        self.stderr.take_what_is_there();
        Output { stdout: self.stdout.captured(), stderr: self.stderr.captured() }
    }
}

/// Feeds the program and reads what it says until it ends. Its pipes are not waited for: a process that it left behind
/// may hold them open.
async fn attend(
    child: &mut Child,
    stdin: Option<ChildStdin>,
    request: &[u8],
    streams: &mut Streams,
) -> std::io::Result<ExitStatus> {
    let pipes = async { tokio::join!(feed(stdin, request), streams.drain()) };
    tokio::select! {
        status = child.wait() => return status,
        _ = pipes => {}
    }
    child.wait().await
}

/// A program may close its standard input or never read it: that is no error.
async fn feed(stdin: Option<ChildStdin>, request: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(request).await;
    }
}
