//! The driver `command`: runs a program.

mod group;
mod tail;

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::time::timeout;

use self::group::ProcessGroup;
use self::tail::Tail;
use crate::{CommandSettings, Plugin, PluginError, ProgramEnd, Request};

/// Runs a program for each request, with the request as JSON on its standard input.
///
/// Exit code 0 is success. The program leads a process group of its own, and however the run ends — by itself, by the
/// deadline, because the future is dropped — that whole group is killed. (A process that leaves the group on purpose is
/// out of reach.) What it writes to standard output is discarded; of standard error the end is kept for the error. It
/// inherits this program's environment and working directory.
#[derive(Clone, Debug)]
pub struct CommandPlugin {
    kind: String,
    settings: CommandSettings,
}

impl CommandPlugin {
    /// A plugin for workloads of this source kind; the settings are believed. [`build`](crate::build) checks them.
    pub fn new(kind: impl Into<String>, settings: CommandSettings) -> Self {
        Self { kind: kind.into(), settings }
    }

    fn spawn(&self) -> Result<Child, PluginError> {
        Command::new(&self.settings.program)
            .args(&self.settings.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| PluginError::Start { program: self.program(), source })
    }

    fn program(&self) -> String {
        self.settings.program.clone()
    }

    fn verdict(&self, status: ExitStatus, stderr: &Tail) -> Result<(), PluginError> {
        let end = match (status.code(), status.signal()) {
            (Some(0), _) => return Ok(()),
            (Some(code), _) => ProgramEnd::Code(code),
            (None, signal) => ProgramEnd::Signal(signal.unwrap_or_default()),
        };
        Err(PluginError::Failed { program: self.program(), end, stderr: stderr.line() })
    }
}

#[async_trait]
impl Plugin for CommandPlugin {
    fn name(&self) -> &str {
        &self.kind
    }

    async fn reconcile(&self, request: &Request) -> Result<(), PluginError> {
        let request = serde_json::to_vec(request).map_err(PluginError::Encode)?;
        let mut child = self.spawn()?;
        // Declared after the child, so that a dropped future ends the group before the child is handed to the reaper.
        let group = ProcessGroup::led_by(&child);
        let (stdin, mut stderr) = (child.stdin.take(), child.stderr.take());
        let mut tail = Tail::default();
        let ended =
            timeout(self.settings.timeout, attend(&mut child, stdin, &request, &mut stderr, &mut tail)).await;
        group.kill();
        if let Some(stderr) = &stderr {
            tail.take_what_is_there(stderr);
        }
        match ended {
            Ok(Ok(status)) => self.verdict(status, &tail),
            Ok(Err(source)) => Err(PluginError::Wait { program: self.program(), source }),
            // The child is dead or dying; dropped, it is reaped by the runtime.
            Err(_) => Err(PluginError::TimedOut {
                program: self.program(),
                after: self.settings.timeout,
                stderr: tail.line(),
            }),
        }
    }
}

/// Feeds the program and reads what it says until it ends. Its pipes are not waited for: a process that it left behind
/// may hold them open.
async fn attend(
    child: &mut Child,
    stdin: Option<ChildStdin>,
    request: &[u8],
    stderr: &mut Option<ChildStderr>,
    tail: &mut Tail,
) -> std::io::Result<ExitStatus> {
    let pipes = async { tokio::join!(feed(stdin, request), drain(stderr, tail)) };
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

async fn drain(stderr: &mut Option<ChildStderr>, tail: &mut Tail) {
    let Some(stderr) = stderr else { return };
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        tail.push(&buffer[..read]);
    }
}
