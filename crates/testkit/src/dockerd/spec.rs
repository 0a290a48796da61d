//! What a test's container shall be.

use serde_json::{Value, json};

use super::IMAGE;

/// A container to be made: by default `sleep 1000000` in the image `busybox:test`, without a network.
///
/// Its stop signal is SIGKILL by default, so that a stop takes no time.
#[derive(Clone, Debug)]
pub struct ContainerSpec {
    name: Option<String>,
    body: Value,
}

impl ContainerSpec {
    /// A container of this name. On a daemon that tests share, take a [`unique`](super::unique) one.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::unnamed() }
    }

    /// A container that the daemon shall find a name for.
    pub fn unnamed() -> Self {
        let body = json!({
            "Image": IMAGE,
            "Cmd": ["sleep", "1000000"],
            "Labels": {},
            "StopSignal": "SIGKILL",
            "HostConfig": {"NetworkMode": "none"},
        });
        Self { name: None, body }
    }

    /// Adds a label.
    #[must_use]
    pub fn label(self, key: &str, value: &str) -> Self {
        self.with(|body| body["Labels"][key] = value.into())
    }

    /// Sets the command.
    #[must_use]
    pub fn cmd<'a>(self, cmd: impl IntoIterator<Item = &'a str>) -> Self {
        self.with(|body| body["Cmd"] = cmd.into_iter().collect())
    }

    /// Runs a shell's script.
    #[must_use]
    pub fn sh(self, script: &str) -> Self {
        self.cmd(["sh", "-c", script])
    }

    /// Sets the image.
    #[must_use]
    pub fn image(self, image: &str) -> Self {
        self.with(|body| body["Image"] = image.into())
    }

    /// Sets the restart policy: `always`, `unless-stopped`, `on-failure`.
    #[must_use]
    pub fn restart(self, policy: &str) -> Self {
        self.with(|body| body["HostConfig"]["RestartPolicy"] = json!({"Name": policy}))
    }

    /// Exposes a TCP port, and puts the container on the daemon's bridge: only there does a list have ports.
    #[must_use]
    pub fn expose(self, port: u16) -> Self {
        self.with(|body| {
            body["ExposedPorts"][format!("{port}/tcp")] = json!({});
            body["HostConfig"]["NetworkMode"] = "bridge".into();
        })
    }

    /// Limits its memory, in bytes, swap included; Docker's least is 6 MiB.
    #[must_use]
    pub fn memory(self, bytes: u64) -> Self {
        self.with(|body| {
            body["HostConfig"]["Memory"] = bytes.into();
            body["HostConfig"]["MemorySwap"] = bytes.into();
        })
    }

    /// Sets the signal that a stop sends first, as `SIGTERM`.
    #[must_use]
    pub fn stop_signal(self, signal: &str) -> Self {
        self.with(|body| body["StopSignal"] = signal.into())
    }

    /// Changes the body of the request as the Engine API has it, where no method does.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.body);
        self
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn body(&self) -> Value {
        self.body.clone()
    }
}
