//! Decoding a list, in a process of its own each time.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bollard::Docker;
use bollard::query_parameters::ListContainersOptionsBuilder;
use clap::ValueEnum;
use nix::unistd::Pid;
use reconciler_docker::{Deadlines, DockerEngine, Endpoint, Engine as _};
use reconciler_testkit::fake_docker::{FakeDocker, Fault, Route};

use crate::bed::Bed;
use crate::pass_fake::ms;
use crate::program::{alone, cpu, memory};
use crate::raw;
use crate::report::{Figure, Report, Target};
use crate::statistics::median;

const CONTAINERS: usize = 10_000;

/// Who decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Variant {
    Ours,
    Bollard,
    /// The bytes are read and forgotten.
    Nobody,
}

pub(crate) async fn measure(bed: &Bed, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("decoding a list of {CONTAINERS}");
    let fake = FakeDocker::start();
    fake.fault(Route::List, Fault::Body(raw::list_body(CONTAINERS, |n| n % 3 == 0)));
    let variants = [Variant::Ours, Variant::Bollard, Variant::Nobody];
    let mut measured = [const { (Vec::new(), Vec::new()) }; 3];
    for _ in 0..bed.amount(15, 3) {
        for (variant, (cpu, peak)) in variants.iter().zip(&mut measured) {
            let (took, grew) = in_a_child(*variant, &fake.socket()).await?;
            cpu.push(took);
            peak.push(grew);
        }
    }
    let [ours, bollard, nobody] = measured.map(|(cpu, peak)| (median(&cpu), median(&peak)));
    let mut figure = |what: &str, unit, ours, baseline, target| {
        let what = format!("list of {CONTAINERS}, {what}");
        report.add(Figure { what, database: "", unit, ours, baseline: Some(baseline), target });
    };
    figure("CPU time, beside bollard", "ms", ours.0, bollard.0, Some(Target::Faster(3.0)));
    figure("peak memory, beside bollard", "MiB", ours.1, bollard.1, Some(Target::Faster(5.0)));
    figure("CPU time, beside reading its bytes", "ms", ours.0, nobody.0, None);
    Ok(())
}

async fn in_a_child(variant: Variant, socket: &Path) -> anyhow::Result<(f64, f64)> {
    let mut command = alone(&std::env::current_exe()?);
    let name = variant.to_possible_value().context("a variant has a name")?;
    let output = command.arg("decode").arg(name.get_name()).arg(socket).output().await?;
    if !output.status.success() {
        bail!("{variant:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8(output.stdout)?;
    let (cpu, peak) = text.trim().split_once(' ').context("two numbers were expected")?;
    Ok((cpu.parse()?, peak.parse()?))
}

/// The child's part.
pub(crate) async fn once(variant: Variant, socket: &Path) -> anyhow::Result<()> {
    let host = format!("unix://{}", socket.display());
    let engine =
        DockerEngine::connect(&Endpoint::resolve(Some(&host), &|_| None, None)?, Deadlines::default())?;
    let docker = bollard_at(socket)?;
    // Both have connected and asked before.
    engine.ping().await?;
    docker.ping().await?;
    // The peak is from now on: proc(5), clear_refs.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let (cpu_before, memory_before) = (cpu(Pid::this())?, memory(Pid::this(), "VmHWM")?);
    let found = match variant {
        Variant::Ours => Decoded::Ours(engine.list(Duration::from_secs(60)).await?),
        Variant::Bollard => {
            let all = ListContainersOptionsBuilder::new().all(true).build();
            Decoded::Bollard(docker.list_containers(Some(all)).await?)
        }
        Variant::Nobody => Decoded::Bytes(raw::drain(socket, raw::LIST).await?),
    };
    let took = cpu(Pid::this())?.saturating_sub(cpu_before);
    let grew = memory(Pid::this(), "VmHWM")? - memory_before;
    found.see_that_all_are_there()?;
    println!("{} {}", ms(took), grew / 1024.0);
    Ok(())
}

/// Kept until all is measured.
enum Decoded {
    Ours(Vec<reconciler_core::container::Snapshot>),
    Bollard(Vec<bollard::models::ContainerSummary>),
    Bytes(usize),
}

impl Decoded {
    fn see_that_all_are_there(&self) -> anyhow::Result<()> {
        let all = match self {
            Self::Ours(list) => list.len() == CONTAINERS,
            Self::Bollard(list) => list.len() == CONTAINERS,
            Self::Bytes(bytes) => *bytes > CONTAINERS,
        };
        anyhow::ensure!(all, "the list was not complete");
        Ok(())
    }
}

/// bollard on a Unix socket, without its feature for that.
fn bollard_at(socket: &Path) -> anyhow::Result<Docker> {
    use hyper_util::client::legacy::Client;
    let client = Client::builder(hyper_util::rt::TokioExecutor::new()).build(hyperlocal::UnixConnector);
    let socket = socket.to_owned();
    let send = move |mut request: bollard::BollardRequest| {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = hyperlocal::Uri::new(&socket, path).into();
        let answer = client.request(request);
        async move { answer.await.map_err(|e| bollard::errors::Error::IOError { err: std::io::Error::other(e) }) }
    };
    Ok(Docker::connect_with_custom_transport(send, Some("http://docker"), 60, bollard::API_DEFAULT_VERSION)?)
}
