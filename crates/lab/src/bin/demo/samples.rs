//! What there is to look at: workloads, and real containers that belong to them.

use std::time::Duration;

use reconciler_testkit::dockerd::{ContainerSpec, Docker, IMAGE};
use serde_json::json;
use tokio::time::sleep;

use crate::program::Program;

const REDEPLOY: Duration = Duration::from_secs(20);
/// The version of `blog` that is deployed first.
const FIRST: u32 = 7;

const COMPOSE: &str = "services:\n  web: {}\n  api: {}\n";
const LIVES: &str = "exec sleep 1000000";

struct Workload {
    id: &'static str,
    name: &'static str,
    kind: &'static str,
    source_kind: &'static str,
}

const WORKLOADS: [Workload; 4] = [
    Workload { id: "shop", name: "Shop", kind: "stack", source_kind: "compose" },
    Workload { id: "blog", name: "Blog", kind: "site", source_kind: "static" },
    Workload { id: "mailer", name: "Mailer", kind: "stack", source_kind: "image" },
    Workload { id: "importer", name: "Importer", kind: "stack", source_kind: "image" },
];

/// Adds the workloads, and starts their containers.
pub(crate) async fn make(docker: &Docker, program: &Program) -> anyhow::Result<()> {
    for Workload { id, name, kind, source_kind } in WORKLOADS {
        let config =
            if source_kind == "compose" { json!({"compose": COMPOSE}) } else { json!({}) }.to_string();
        let names = ["--name", name, "--kind", kind, "--source-kind", source_kind];
        let args = [&["workload", "add", id][..], &names, &["--source-config", &config]].concat();
        program.command(&args).await?;
    }
    deploy(docker, "shop", "web", "1.4", |spec| spec.sh(LIVES).expose(80)).await;
    deploy(docker, "shop", "api", "1.4", |spec| with_health_check(spec).expose(8080)).await;
    deploy(docker, "blog", "", &FIRST.to_string(), |spec| spec.sh(LIVES).expose(80)).await;
    deploy(docker, "mailer", "smtp", "2", |spec| spec.sh("sleep 30; exit 3").expose(25)).await;
    deploy(docker, "importer", "job", "1", |spec| spec.sh("sleep 1; exit 1").restart("always")).await;
    Ok(())
}

/// Deploys the blog anew now and then, for ever.
pub(crate) async fn go_on(docker: &Docker) -> anyhow::Result<()> {
    for version in FIRST + 1.. {
        sleep(REDEPLOY).await;
        docker.rm("blog").await;
        deploy(docker, "blog", "", &version.to_string(), |spec| spec.sh(LIVES).expose(80)).await;
    }
    Ok(())
}

/// A container of a workload, named and labelled as a deployer would, from an image of that version.
async fn deploy(
    docker: &Docker,
    workload: &str,
    role: &str,
    version: &str,
    change: impl FnOnce(ContainerSpec) -> ContainerSpec,
) {
    let name = if role.is_empty() { workload.to_owned() } else { format!("{workload}-{role}") };
    docker.tag(IMAGE, &name, version).await;
    let mut spec = ContainerSpec::new(&name).image(&format!("{name}:{version}"));
    spec = spec.label("tinyforge.workload.id", workload);
    if !role.is_empty() {
        spec = spec.label("tinyforge.role", role);
    }
    docker.run(&change(spec)).await;
}

/// One that takes some seconds until it is ready.
fn with_health_check(spec: ContainerSpec) -> ContainerSpec {
    let script = format!("sleep 8; touch /tmp/ready; {LIVES}");
    let check =
        json!({"Test": ["CMD", "test", "-e", "/tmp/ready"], "Interval": 2_000_000_000_u64, "Retries": 30});
    spec.sh(&script).with(|body| body["Healthcheck"] = check)
}
