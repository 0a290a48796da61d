//! A Docker socket without a client library, and the body of a list as dockerd writes it.

use std::path::Path;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::database::workload;

/// What a list of everything is asked with.
pub(crate) const LIST: &str = "/containers/json?all=1";

/// Containers of one workload.
pub(crate) const ROLES: usize = 50;

/// Asks on a connection of its own, and returns the body when the headers are there.
pub(crate) async fn get(socket: &Path, path: &str) -> anyhow::Result<Incoming> {
    let stream = UnixStream::connect(socket).await.context("cannot connect to the Docker socket")?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(path).header("host", "docker").body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    if !response.status().is_success() {
        bail!("{path}: {}", response.status());
    }
    Ok(response.into_body())
}

/// Asks, reads the body to its end and forgets it; its length. The least that a client can do.
pub(crate) async fn drain(socket: &Path, path: &str) -> anyhow::Result<usize> {
    let mut body = get(socket, path).await?;
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame?.data_ref().map_or(0, Bytes::len);
    }
    Ok(length)
}

/// A list of `count` running containers as dockerd 20.10 writes it; those that `stopped` says have ended.
pub(crate) fn list_body(count: usize, stopped: impl Fn(usize) -> bool) -> String {
    let containers: Vec<_> = (0..count).map(|n| container(n, stopped(n))).collect();
    format!("[{}]", containers.join(","))
}

fn container(n: usize, stopped: bool) -> String {
    let (workload, role) = (workload(n / ROLES), n % ROLES);
    let (state, status, ports) = if stopped {
        ("exited", "Exited (137) 5 minutes ago", "[]")
    } else {
        let ports = r#"[{"IP":"0.0.0.0","PrivatePort":8080,"PublicPort":32768,"Type":"tcp"},{"IP":"::","PrivatePort":8080,"PublicPort":32768,"Type":"tcp"}]"#;
        ("running", "Up 2 hours", ports)
    };
    format!(
        r#"{{"Id":"{n:064x}","Names":["/{workload}-{role}"],"Image":"docker.example/team/app:1.2.3","ImageID":"sha256:{n:064x}","Command":"/docker-entrypoint.sh serve --port 8080","Created":{created},"Ports":{ports},"Labels":{{"com.docker.compose.project":"{workload}","com.docker.compose.service":"r{role}","org.opencontainers.image.source":"https://git.example/team/app","tinyforge.role":"r{role}","tinyforge.workload.id":"{workload}","tinyforge.workload.kind":"stack"}},"State":"{state}","Status":"{status}","HostConfig":{{"NetworkMode":"default"}},"NetworkSettings":{{"Networks":{{"bridge":{{"IPAMConfig":null,"Links":null,"Aliases":null,"NetworkID":"{n:064x}","EndpointID":"{n:064x}","Gateway":"172.17.0.1","IPAddress":"172.17.0.2","IPPrefixLen":16,"IPv6Gateway":"","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"MacAddress":"02:42:ac:11:00:02","DriverOpts":null}}}}}},"Mounts":[{{"Type":"volume","Name":"data","Source":"/var/lib/docker/volumes/data/_data","Destination":"/data","Driver":"local","Mode":"z","RW":true,"Propagation":""}}]}}"#,
        created = 1_700_000_000 + n,
    )
}
