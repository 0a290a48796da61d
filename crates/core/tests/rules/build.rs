//! What the cases are made of: containers, rows, workloads, daemons.

use reconciler_core::container::{Detail, ExitFacts, Health, ImageRef, RestartPolicy, Snapshot};
use reconciler_core::host::DaemonIdentity;
use reconciler_core::ids::ContainerId;
use reconciler_core::labels::Claim;
use reconciler_core::row::{Row, StoredRow};
use reconciler_core::state::{DockerState, RowState};
use reconciler_core::workload::{Kind, Workload};

/// The host that every case is about.
pub(crate) const HOST: &str = "local";

pub(crate) fn id(text: &str) -> ContainerId {
    ContainerId::parse(text).unwrap()
}

pub(crate) fn daemon(name: &str) -> DaemonIdentity {
    DaemonIdentity { id: Some(name.to_owned()), root: "/var/lib/docker".into() }
}

/// A workload of this kind, with a plugin.
pub(crate) fn workload(id: &str, kind: &str) -> Workload {
    Workload {
        id: id.into(),
        name: id.to_owned(),
        kind: Kind::parse(kind),
        source_kind: "image".into(),
        source_config: "{}".into(),
    }
}

/// A container as the engine has it.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    id: ContainerId,
    state: DockerState,
    image: String,
    listed_image: Option<String>,
    port: Option<u16>,
    created: i64,
    workload: String,
    kind: String,
    role: String,
    restart: RestartPolicy,
    exit: ExitFacts,
    health: Option<Health>,
    started: i64,
}

/// A running container of the stack `st` with the role `web`.
pub(crate) fn container(name: &str) -> Container {
    Container {
        id: id(name),
        state: DockerState::Running,
        image: "web:1".into(),
        listed_image: None,
        port: Some(8080),
        created: 0,
        workload: "st".into(),
        kind: String::new(),
        role: "web".into(),
        restart: RestartPolicy::Never,
        exit: ExitFacts::new(0, false),
        health: None,
        started: 0,
    }
}

impl Container {
    pub(crate) fn id(&self) -> &ContainerId {
        &self.id
    }

    pub(crate) fn of(mut self, workload: &str) -> Self {
        self.workload = workload.into();
        self
    }

    pub(crate) fn kind(mut self, kind: &str) -> Self {
        self.kind = kind.into();
        self
    }

    pub(crate) fn role(mut self, role: &str) -> Self {
        self.role = role.into();
        self
    }

    /// In another state than `running`, and so without a port.
    pub(crate) fn state(mut self, word: &str) -> Self {
        self.state = DockerState::parse(word);
        self.port = self.port.filter(|_| word == "running");
        self
    }

    pub(crate) fn exited(self, code: i64) -> Self {
        let mut exited = self.state("exited");
        exited.exit.code = code;
        exited
    }

    pub(crate) fn oom_killed(mut self) -> Self {
        self.exit.oom_killed = true;
        self
    }

    /// It ended at this moment of the daemon's clock, in milliseconds.
    pub(crate) fn finished(mut self, millis: i64) -> Self {
        self.exit.finished = millis;
        self
    }

    pub(crate) fn started(mut self, millis: i64) -> Self {
        self.started = millis;
        self
    }

    pub(crate) fn health(mut self, health: Health) -> Self {
        self.health = Some(health);
        self
    }

    pub(crate) fn may_restart(mut self) -> Self {
        self.restart = RestartPolicy::MayRestart;
        self
    }

    pub(crate) fn port(mut self, port: Option<u16>) -> Self {
        self.port = port;
        self
    }

    pub(crate) fn image(mut self, image: &str) -> Self {
        self.image = image.into();
        self
    }

    /// Its tag moved on: a list shows this, an inspect what it was made from.
    pub(crate) fn listed_image(mut self, image: &str) -> Self {
        self.listed_image = Some(image.into());
        self
    }

    pub(crate) fn created(mut self, created: i64) -> Self {
        self.created = created;
        self
    }

    /// As a list has it.
    pub(crate) fn listed(&self) -> Snapshot {
        let image = self.listed_image.as_deref().unwrap_or(&self.image);
        Snapshot {
            id: self.id.clone(),
            state: self.state.clone(),
            image: ImageRef::from_list(image),
            port: self.port,
            created: self.created,
            claim: Claim::read(Some(&self.workload), Some(&self.kind), Some(&self.role)),
            health: self.health,
            detail: None,
        }
    }

    /// As an inspect has it.
    pub(crate) fn inspected(&self) -> Snapshot {
        let ended = matches!(self.state.column(), RowState::Stopped | RowState::Restarting);
        Snapshot {
            image: ImageRef::from_inspect(&self.image),
            detail: Some(Detail {
                restart: self.restart,
                exit: ended.then_some(self.exit),
                started: self.started,
            }),
            ..self.listed()
        }
    }
}

/// The row `id` with `container`, running, of the stack `st`, as [`container`] would make it.
pub(crate) fn row(id: &str, container: &str) -> StoredRow {
    let row = Row {
        id: id.into(),
        workload_id: "st".into(),
        workload_kind: Kind::Stack,
        role: "web".into(),
        container_id: container.into(),
        image_ref: "web:1".into(),
        host: HOST.into(),
        state: RowState::Running,
        port: 8080,
    };
    StoredRow { row, exit: None }
}

/// What cases say of a row that is unlike the others.
pub(crate) trait RowExt: Sized {
    fn change(self, change: impl FnOnce(&mut Row)) -> Self;

    fn of(self, workload: &str, kind: &str) -> Self {
        self.change(|row| {
            row.workload_id = workload.into();
            row.workload_kind = Kind::parse(kind);
        })
    }

    fn state(self, state: &str) -> Self {
        self.change(|row| row.state = RowState::from_column(state))
    }

    fn host(self, host: &str) -> Self {
        self.change(|row| row.host = host.into())
    }

    fn port(self, port: i64) -> Self {
        self.change(|row| row.port = port)
    }

    fn image(self, image: &str) -> Self {
        self.change(|row| row.image_ref = image.into())
    }
}

impl RowExt for StoredRow {
    fn change(mut self, change: impl FnOnce(&mut Row)) -> Self {
        change(&mut self.row);
        self
    }
}
