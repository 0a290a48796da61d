//! A container as the fake tells of it.

use serde_json::{Map, Value, json};

/// A container: the JSON of a list's object and of an inspect, both changed together by its methods.
#[derive(Clone, Debug)]
pub struct FakeContainer {
    id: String,
    listed: Map<String, Value>,
    inspected: Value,
}

impl FakeContainer {
    /// A running container of the image `busybox`, without labels and ports, created at 1,700,000,000 and started 1.5 s
    /// later.
    pub fn new(id: &str) -> Self {
        let inspected = json!({
            "Id": id,
            "Created": "2023-11-14T22:13:20.123456789Z",
            "Name": format!("/{id}"),
            "Image": "sha256:0000",
            "RestartCount": 0,
            "State": {
                "Status": "running",
                "Running": true,
                "ExitCode": 0,
                "OOMKilled": false,
                "StartedAt": "2023-11-14T22:13:21.5Z",
                "FinishedAt": "0001-01-01T00:00:00Z",
            },
            "HostConfig": {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}},
            "Config": {"Image": "busybox", "Labels": {}, "Env": ["SECRET=hunter2"]},
            "NetworkSettings": {"Ports": {}},
        });
        let listed = json!({
            "Id": id,
            "Names": [format!("/{id}")],
            "Image": "busybox",
            "ImageID": "sha256:0000",
            "Command": "sleep 1000",
            "Created": 1_700_000_000,
            "Ports": [],
            "Labels": {},
            "State": "running",
            "Status": "Up 2 seconds",
        });
        let Value::Object(listed) = listed else { unreachable!("it is an object") };
        Self { id: id.to_owned(), listed, inspected }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The image it was made from.
    pub fn image(self, image: &str) -> Self {
        self.list("Image", json!(image)).inspect("/Config/Image", json!(image))
    }

    /// Its state, in any word.
    pub fn state(self, word: &str) -> Self {
        let running = matches!(word, "running" | "paused" | "restarting");
        self.list("State", json!(word))
            .inspect("/State/Status", json!(word))
            .inspect("/State/Running", json!(running))
    }

    /// Its process ended with this code, a minute after it was started.
    pub fn exited(self, code: i64) -> Self {
        self.state("exited")
            .list("Ports", json!([]))
            .inspect("/State/ExitCode", json!(code))
            .inspect("/State/FinishedAt", json!("2023-11-14T22:14:21.5Z"))
    }

    /// What its health check says, as a list and an inspect tell it: `starting`, `healthy` or `unhealthy`.
    pub fn health(self, word: &str) -> Self {
        let text = if word == "starting" { "health: starting" } else { word };
        self.list("Status", json!(format!("Up 2 seconds ({text})")))
            .inspect("/State/Health", json!({"Status": word, "FailingStreak": 0, "Log": []}))
    }

    /// The kernel ended it for lack of memory.
    pub fn oom_killed(self) -> Self {
        self.exited(137).inspect("/State/OOMKilled", json!(true))
    }

    /// The name of its restart policy.
    pub fn restart(self, policy: &str) -> Self {
        self.inspect("/HostConfig/RestartPolicy/Name", json!(policy))
    }

    /// A label.
    pub fn label(mut self, name: &str, value: &str) -> Self {
        for labels in [self.listed.get_mut("Labels"), self.inspected.pointer_mut("/Config/Labels")] {
            labels.expect("it has labels")[name] = json!(value);
        }
        self
    }

    /// The labels by which it claims a place in the index.
    pub fn claim(mut self, workload: &str, kind: Option<&str>, role: Option<&str>) -> Self {
        let claim = [
            ("tinyforge.workload.id", Some(workload)),
            ("tinyforge.workload.kind", kind),
            ("tinyforge.role", role),
        ];
        for (name, value) in claim {
            if let Some(value) = value {
                self = self.label(name, value);
            }
        }
        self
    }

    /// One more private TCP port, published on IPv4 and IPv6 as Docker lists it.
    pub fn port(mut self, port: u16) -> Self {
        let ports = self.listed.get_mut("Ports").and_then(Value::as_array_mut).expect("it has ports");
        for ip in ["0.0.0.0", "::"] {
            ports.push(json!({"IP": ip, "PrivatePort": port, "PublicPort": 30_000, "Type": "tcp"}));
        }
        let published = json!([{"HostIp": "0.0.0.0", "HostPort": "30000"}]);
        self.inspected["NetworkSettings"]["Ports"][format!("{port}/tcp")] = published;
        self
    }

    /// When it was made, in seconds since the epoch, and as an inspect writes it.
    pub fn created(self, seconds: i64, text: &str) -> Self {
        self.list("Created", json!(seconds)).inspect("/Created", json!(text))
    }

    /// Any field of the list's object.
    pub fn list(mut self, field: &str, value: Value) -> Self {
        self.listed.insert(field.to_owned(), value);
        self
    }

    /// Any value of the inspect, by its JSON pointer; what is not there is added if its parent is.
    pub fn inspect(mut self, pointer: &str, value: Value) -> Self {
        let (parent, field) = pointer.rsplit_once('/').expect("a JSON pointer");
        self.inspected.pointer_mut(parent).expect("what is to have the field")[field] = value;
        self
    }

    pub(super) fn listed(&self) -> Value {
        Value::Object(self.listed.clone())
    }

    pub(super) fn inspected(&self) -> &Value {
        &self.inspected
    }
}
