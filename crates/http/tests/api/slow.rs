//! Who takes nothing of an answer.

use std::time::Duration;

use reconciler_testkit::wait::wait_until;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::bed::{Bed, row};

/// Much longer than the server waits: the system looks less and less often.
const PATIENCE: Duration = Duration::from_secs(60);

#[actix_web::test]
async fn it_is_cut_off() {
    let bed = Bed::sqlite().await;
    bed.write((0..1_000).map(|n| row("shop", &n.to_string()))).await;
    let mut stream = TcpStream::connect(bed.address()).await.unwrap();
    let request = format!("GET /api/v1/containers?limit=1000 HTTP/1.1\r\nhost: {}\r\n\r\n", bed.address());
    // Their answers are more than both ends of a connection keep.
    stream.write_all(request.repeat(200).as_bytes()).await.unwrap();
    let (theirs, ours) = (stream.peer_addr().unwrap().port(), stream.local_addr().unwrap().port());
    assert!(serves(theirs, ours));
    wait_until("the server to have given it up", PATIENCE, || !serves(theirs, ours)).await;
    assert_eq!(bed.get("/api/v1/containers?limit=1").await.status, 200, "others are served");
}

/// Whether the system has a connection from one port of this machine's to another.
fn serves(local: u16, remote: u16) -> bool {
    let connections = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let wanted = [format!(":{local:04X}"), format!(":{remote:04X}")];
    connections.lines().skip(1).any(|line| {
        let mut ends = line.split_whitespace().skip(1);
        wanted.iter().all(|port| ends.next().is_some_and(|end| end.ends_with(port)))
    })
}
