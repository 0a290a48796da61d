//! Random operations on real containers.

use std::time::Duration;

use futures_util::future::join_all;
use hyper::Method;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::bed::Bed;
use crate::deployer::Deployer;
use crate::engine::Reply;
use crate::oracle::Container;

/// From so many containers on, some are removed before another is made.
const MOST: usize = 45;
const BURST: usize = 20;
const PAUSE_MS: u64 = 120;

const ROLES: [&str; 4] = ["web", "api", "db", "worker"];

/// Each workload, the kinds that it may have, and what reconciles it.
const WORKLOADS: [(&str, &[&str], &str); 8] = [
    ("s1", &["stack"], "compose"),
    ("s2", &["stack", "job"], ""),
    ("s3", &["stack", "site"], ""),
    ("t1", &["site"], "image"),
    ("t2", &["site", "stack"], ""),
    ("p1", &["project"], "image"),
    ("p2", &["project"], ""),
    ("x1", &["stack", "job"], "unheard-of"),
];

/// What can be done, and how often compared with the others.
const WEIGHTS: [(Op, u32); 19] = [
    (Op::Create, 10),
    (Op::Run, 14),
    (Op::Crash, 8),
    (Op::Flap, 2),
    (Op::Stranger, 3),
    (Op::Start, 8),
    (Op::Stop, 6),
    (Op::Kill, 8),
    (Op::Pause, 8),
    (Op::Restart, 4),
    (Op::Rename, 5),
    (Op::Remove, 9),
    (Op::Burst, 2),
    (Op::AddWorkload, 4),
    (Op::DropWorkload, 1),
    (Op::Deploy, 5),
    (Op::Misdeploy, 2),
    (Op::Decorate, 4),
    (Op::DropRow, 3),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Create,
    Run,
    /// One that ends by itself, with any exit code and perhaps a policy that starts it again a few times.
    Crash,
    /// One that ends and is started again for ever.
    Flap,
    /// One that no workload accounts for.
    Stranger,
    Start,
    Stop,
    Kill,
    /// And perhaps let it go on.
    Pause,
    Restart,
    Rename,
    Remove,
    Burst,
    AddWorkload,
    DropWorkload,
    Deploy,
    /// A project's row that names a container that is not there, is not its own, or none.
    Misdeploy,
    Decorate,
    DropRow,
}

/// A container to be made.
struct Wanted {
    labels: Container,
    body: Value,
    restless: bool,
    removes_itself: bool,
}

pub(crate) struct Operations<'a> {
    bed: &'a Bed,
    rng: SmallRng,
}

impl<'a> Operations<'a> {
    pub(crate) fn new(bed: &'a Bed, seed: u64) -> Self {
        Self { bed, rng: SmallRng::seed_from_u64(seed) }
    }

    /// Adds all workloads.
    pub(crate) async fn begin(&mut self) -> anyhow::Result<()> {
        for (id, kinds, source) in WORKLOADS {
            Deployer(self.bed).add_workload(id, kinds[0], source).await?;
        }
        Ok(())
    }

    /// What happens between two quiet points.
    pub(crate) async fn round(&mut self) -> anyhow::Result<()> {
        for _ in 0..self.rng.random_range(80..140) {
            self.one().await?;
            let pause = Duration::from_millis(self.rng.random_range(0..PAUSE_MS));
            sleep(pause).await;
        }
        if self.rng.random_bool(0.3) {
            Deployer(self.bed).tidy().await?;
        }
        Ok(())
    }

    async fn one(&mut self) -> anyhow::Result<()> {
        let chosen = WEIGHTS.choose_weighted(&mut self.rng, |(_, weight)| *weight).map(|(op, _)| *op)?;
        if self.bed.ledger.borrow().containers.len() > MOST {
            self.remove_many(BURST).await;
        }
        match chosen {
            Op::Create => self.make(false).await,
            Op::Run => self.make(true).await,
            Op::Crash => {
                let wanted = self.crasher();
                self.run(wanted).await;
            }
            Op::Flap => {
                let wanted = self.flapper();
                self.run(wanted).await;
            }
            Op::Stranger => {
                let wanted = self.stranger();
                self.run(wanted).await;
            }
            Op::Start => self.act("start", "start").await,
            Op::Stop => self.act("stop", "stop?t=2").await,
            Op::Kill => {
                let signal = ["KILL", "TERM", "HUP"].choose(&mut self.rng).copied().unwrap_or("KILL");
                self.act("kill", &format!("kill?signal={signal}")).await;
            }
            Op::Pause => self.pause().await,
            Op::Restart => self.act("restart", "restart?t=2").await,
            Op::Rename => {
                let name = self.name();
                self.act("rename", &format!("rename?name={name}")).await;
            }
            Op::Remove => self.remove_many(1).await,
            Op::Burst => self.burst().await,
            Op::AddWorkload => return self.add_workload().await,
            Op::DropWorkload => return self.drop_workload().await,
            Op::Deploy => return self.deploy().await,
            Op::Misdeploy => return self.misdeploy().await,
            Op::Decorate => return Deployer(self.bed).decorate(&mut self.rng).await,
            Op::DropRow => return Deployer(self.bed).drop_row(&mut self.rng).await,
        }
        Ok(())
    }

    fn name(&mut self) -> String {
        format!("soak-{}", self.bed.ledger.borrow_mut().next())
    }

    /// A container of a workload: of the first kind that it may have, with or without a role and a kind label.
    fn of_a_workload(&mut self) -> Wanted {
        let (workload, kinds, _) = *WORKLOADS.choose(&mut self.rng).unwrap_or(&WORKLOADS[0]);
        let role = ROLES.choose(&mut self.rng).filter(|_| self.rng.random_bool(0.6));
        let kind = kinds.choose(&mut self.rng).filter(|_| self.rng.random_bool(0.4));
        self.wanted(Some(workload), kind.copied(), role.copied())
    }

    fn wanted(&mut self, workload: Option<&str>, kind: Option<&str>, role: Option<&str>) -> Wanted {
        let labels = [
            ("tinyforge.workload.id", workload),
            ("tinyforge.workload.kind", kind),
            ("tinyforge.role", role),
        ];
        let body = json!({
            "Image": reconciler_testkit::dockerd::IMAGE,
            "Cmd": ["sleep", "1000000"],
            "Labels": labels.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.into())))
                .collect::<serde_json::Map<String, Value>>(),
            "StopSignal": "SIGKILL",
            "HostConfig": {"NetworkMode": "none"},
        });
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let labels = Container {
            workload: owned(workload),
            kind: owned(kind),
            role: owned(role),
            ..Container::default()
        };
        let mut wanted = Wanted { labels, body, restless: false, removes_itself: false };
        let policy = ["no", "no", "no", "always", "unless-stopped"].choose(&mut self.rng).copied();
        wanted.body["HostConfig"]["RestartPolicy"] = json!({"Name": policy});
        if self.rng.random_bool(0.15) {
            wanted.body["ExposedPorts"] = json!({"8080/tcp": {}, "9090/tcp": {}, "53/udp": {}});
            wanted.body["HostConfig"]["NetworkMode"] = "bridge".into();
        }
        wanted
    }

    fn crasher(&mut self) -> Wanted {
        let mut wanted = self.of_a_workload();
        let (tenths, code) = (self.rng.random_range(0..20), self.rng.random_range(0..=255));
        let script = format!("sleep {}.{}; exit {code}", tenths / 10, tenths % 10);
        wanted.body["Cmd"] = json!(["sh", "-c", script]);
        wanted.body["HostConfig"]["RestartPolicy"] = match self.rng.random_range(0..3) {
            0 => json!({"Name": "on-failure", "MaximumRetryCount": self.rng.random_range(1..4)}),
            1 => json!({"Name": "no"}),
            _ => {
                wanted.removes_itself = true;
                wanted.body["HostConfig"]["AutoRemove"] = true.into();
                json!({"Name": "no"})
            }
        };
        wanted
    }

    fn flapper(&mut self) -> Wanted {
        let mut wanted = self.of_a_workload();
        wanted.body["Cmd"] = json!(["sh", "-c", "sleep 0.2; exit 3"]);
        wanted.body["HostConfig"]["RestartPolicy"] = json!({"Name": "always"});
        wanted.restless = true;
        wanted
    }

    fn stranger(&mut self) -> Wanted {
        match self.rng.random_range(0..4) {
            0 => self.wanted(None, None, None),
            1 => self.wanted(None, Some("stack"), Some("web")),
            2 => self.wanted(Some("nobody"), None, Some("web")),
            _ => self.wanted(Some("s1"), Some("site"), Some("web")),
        }
    }

    async fn make(&mut self, start: bool) {
        let wanted = self.of_a_workload();
        if start {
            self.run(wanted).await;
        } else {
            let name = self.name();
            create(self.bed, &name, &wanted).await;
        }
    }

    async fn run(&mut self, wanted: Wanted) -> Option<String> {
        let name = self.name();
        run(self.bed, &name, &wanted).await
    }

    async fn act(&mut self, what: &str, path: &str) {
        let Some(id) = self.bed.ledger.borrow().pick(&mut self.rng) else { return };
        let reply = self.bed.engine.post(&format!("/containers/{id}/{path}")).await;
        note(self.bed, what, &reply);
    }

    async fn pause(&mut self) {
        let Some(id) = self.bed.ledger.borrow().pick(&mut self.rng) else { return };
        let goes_on = self.rng.random_bool(0.6).then(|| Duration::from_millis(self.rng.random_range(0..500)));
        note(self.bed, "pause", &self.bed.engine.post(&format!("/containers/{id}/pause")).await);
        if let Some(after) = goes_on {
            sleep(after).await;
            note(self.bed, "unpause", &self.bed.engine.post(&format!("/containers/{id}/unpause")).await);
        }
    }

    async fn remove_many(&mut self, many: usize) {
        let ids = self.bed.ledger.borrow().pick_many(&mut self.rng, many);
        join_all(ids.iter().map(|id| remove(self.bed, id))).await;
    }

    async fn burst(&mut self) {
        self.bed.count("burst of 20");
        match self.rng.random_range(0..4) {
            0 => self.remove_many(BURST).await,
            1 => {
                let bed = self.bed;
                let ids = bed.ledger.borrow().pick_many(&mut self.rng, BURST);
                let kill = async |id: &String| {
                    note(bed, "kill", &bed.engine.post(&format!("/containers/{id}/kill")).await);
                };
                join_all(ids.iter().map(kill)).await;
            }
            _ => {
                let all: Vec<_> = (0..BURST).map(|_| (self.name(), self.of_a_workload())).collect();
                join_all(all.iter().map(|(name, wanted)| run(self.bed, name, wanted))).await;
            }
        }
    }

    async fn add_workload(&mut self) -> anyhow::Result<()> {
        let (id, kinds, source) = *WORKLOADS.choose(&mut self.rng).unwrap_or(&WORKLOADS[0]);
        let kind = kinds.choose(&mut self.rng).copied().unwrap_or(kinds[0]);
        if self.bed.ledger.borrow().workloads.contains_key(id) {
            return Ok(());
        }
        Deployer(self.bed).add_workload(id, kind, source).await
    }

    async fn drop_workload(&mut self) -> anyhow::Result<()> {
        let (id, ..) = *WORKLOADS.choose(&mut self.rng).unwrap_or(&WORKLOADS[0]);
        Deployer(self.bed).drop_workload(id).await
    }

    fn project(&mut self) -> (&'static str, String) {
        let project = if self.rng.random_bool(0.5) { "p1" } else { "p2" };
        let row = if self.rng.random_bool(0.7) { format!("{project}:blue") } else { project.to_owned() };
        (project, row)
    }

    /// A project's new container, and its row, before or after it runs.
    async fn deploy(&mut self) -> anyhow::Result<()> {
        let (project, row) = self.project();
        let wanted = self.wanted(Some(project), None, Some("app"));
        let name = self.name();
        let made = if self.rng.random_bool(0.5) {
            run(self.bed, &name, &wanted).await
        } else {
            create(self.bed, &name, &wanted).await
        };
        let Some(id) = made else { return Ok(()) };
        Deployer(self.bed).point(&row, project, &id).await?;
        let reply = self.bed.engine.post(&format!("/containers/{id}/start")).await;
        note(self.bed, "start", &reply);
        Ok(())
    }

    async fn misdeploy(&mut self) -> anyhow::Result<()> {
        let (project, row) = self.project();
        let container = match self.rng.random_range(0..3) {
            0 => String::new(),
            1 => format!("{:064x}", self.rng.random::<u128>()),
            _ => {
                let stranger = self.stranger();
                self.run(stranger).await.unwrap_or_default()
            }
        };
        Deployer(self.bed).point(&row, project, &container).await
    }
}

/// Removes a container, and forgets it where that is certain.
pub(crate) async fn remove(bed: &Bed, id: &str) -> bool {
    bed.ledger.borrow_mut().removing(id);
    let reply = bed.engine.remove(id).await;
    note(bed, "rm", &reply);
    let gone = matches!(reply, Reply::Done(_) | Reply::Refused(404));
    if gone {
        bed.ledger.borrow_mut().removed(id);
    }
    gone
}

async fn create(bed: &Bed, name: &str, wanted: &Wanted) -> Option<String> {
    let reply =
        bed.engine.ask(Method::POST, &format!("/containers/create?name={name}"), Some(&wanted.body)).await;
    note(bed, "create", &reply);
    let Reply::Done(made) = reply else { return None };
    let id = made["Id"].as_str()?.to_owned();
    let container = Container { id: id.clone(), ..wanted.labels.clone() };
    bed.ledger.borrow_mut().made(&container, wanted.restless, wanted.removes_itself);
    Some(id)
}

async fn run(bed: &Bed, name: &str, wanted: &Wanted) -> Option<String> {
    let id = create(bed, name, wanted).await?;
    let reply = bed.engine.post(&format!("/containers/{id}/start")).await;
    note(bed, "start", &reply);
    Some(id)
}

fn note(bed: &Bed, what: &str, reply: &Reply) {
    match reply {
        Reply::Done(_) => bed.count(what),
        Reply::Refused(_) => bed.count("(refused by the daemon)"),
        Reply::Unanswered => bed.count("(not answered by the daemon)"),
    }
}
