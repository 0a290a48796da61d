//! How long a pass over many containers takes, told and not judged. Run by hand, optimised:
//! `cargo test --release -p reconciler-core --test measure -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a measurement is printed")]

use std::time::{Duration, Instant};

use reconciler_core::container::{Detail, ImageRef, RestartPolicy, Snapshot};
use reconciler_core::event::{Action, Event};
use reconciler_core::host::DaemonIdentity;
use reconciler_core::ids::ContainerId;
use reconciler_core::index::{Answer, Config, Index, List, Loaded, Look, LookOutcome, Observation};
use reconciler_core::labels::Claim;
use reconciler_core::plan::Plan;
use reconciler_core::row::StoredRow;
use reconciler_core::stamp::Stamp;
use reconciler_core::state::DockerState;
use reconciler_core::workload::{Kind, Workload};

/// Containers of one workload.
const ROLES: usize = 10;

fn at(ms: u64) -> Stamp {
    Stamp::new(Duration::from_millis(ms))
}

fn id(n: usize) -> ContainerId {
    ContainerId::parse(&format!("{n:064x}")).unwrap()
}

fn snapshot(n: usize) -> Snapshot {
    let (workload, role) = (format!("workload-{}", n / ROLES), format!("role-{}", n % ROLES));
    Snapshot {
        id: id(n),
        state: DockerState::Running,
        image: ImageRef::from_list("team/web:1.2.3"),
        port: Some(8080),
        created: 1_700_000_000,
        claim: Claim::read(Some(&workload), Some("stack"), Some(&role)),
        health: None,
        detail: None,
    }
}

fn list(count: usize, begun: u64) -> Observation {
    let daemon = DaemonIdentity { id: Some("own".into()), root: "/var/lib/docker".into() };
    Observation::Listed(List { begun: at(begun), daemon, containers: (0..count).map(snapshot).collect() })
}

fn loaded(count: usize, begun: u64, rows: Vec<StoredRow>) -> Observation {
    let workload = |n: usize| Workload {
        id: format!("workload-{n}").into(),
        name: String::new(),
        kind: Kind::Stack,
        source_kind: "image".into(),
        source_config: "{}".into(),
    };
    let workloads = (0..count.div_ceil(ROLES)).map(workload).collect();
    Observation::Loaded(Loaded { begun: at(begun), workloads, rows, daemon: None })
}

fn time<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let (start, on_cpu) = (Instant::now(), on_cpu());
    let done = act();
    let (elapsed, on_cpu) = (start.elapsed(), self::on_cpu().saturating_sub(on_cpu));
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    eprintln!("    {what:<36} {:>10.3} ms, of them {:>10.3} on a processor", ms(elapsed), ms(on_cpu));
    done
}

/// For how long this thread ran, to a few milliseconds: what counts on a busy machine. Linux only; zero elsewhere.
fn on_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

fn committed(plan: &Plan) -> Observation {
    let ids = plan.upserts.iter().map(|write| write.row.id.clone());
    Observation::Answered(Answer { committed: ids.collect(), pinned: plan.pin.clone(), ..Answer::default() })
}

fn measure(count: usize) {
    eprintln!("{count} containers");
    let mut index =
        Index::new(Config { host: "local".into(), interval: Duration::from_secs(30), accept: None });
    index.apply(loaded(count, 1, vec![]));
    let first = list(count, 2);
    let plan = time("the first pass, which inserts all", || index.apply(first));
    let rows = plan.upserts.iter().map(|write| StoredRow { row: write.row.clone(), exit: None }).collect();
    let answer = committed(&plan);
    time("its commit", || index.apply(answer));
    for begun in [1_000, 2_000, 3_000] {
        let unchanged = list(count, begun);
        let plan = time("a pass with nothing changed", || index.apply(unchanged));
        assert!(plan.upserts.is_empty() && plan.missing.is_empty());
    }
    let again = loaded(count, 4_000, rows);
    time("a reading with nothing changed", || index.apply(again));
    time("is_settled", || index.is_settled());
    time("needs_reading", || index.needs_reading());
    let die = Event::new(id(7), Action::Die, 1, at(5_000));
    let plan = time("one event", || index.apply(Observation::Events(vec![die])));
    let answer = committed(&plan);
    time("its commit", || index.apply(answer));
    let detail = Some(Detail { restart: RestartPolicy::Never, exit: None, started: 0 });
    let found = LookOutcome::Found(Snapshot { state: DockerState::Exited, detail, ..snapshot(7) });
    let look =
        Observation::Looked(Look { container: id(7), begun: at(5_001), answered: at(5_002), outcome: found });
    time("its look", || index.apply(look));
}

#[test]
#[ignore = "a measurement, for an optimised build"]
fn passes_over_many_containers() {
    for count in [1_000, 10_000, 100_000] {
        measure(count);
    }
}
