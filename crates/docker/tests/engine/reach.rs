//! Engines that cannot be reached, and what is said about them.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use reconciler_docker::{Engine, Trouble};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{LONG, SHORT, engine_at};

/// The error of each call is told alike; this is the list's, under this deadline.
async fn told_within(deadline: Duration, host: &str) -> (Trouble, String) {
    let error = engine_at(host, LONG).list(deadline).await.unwrap_err();
    (error.trouble().clone(), error.to_string())
}

async fn told(host: &str) -> (Trouble, String) {
    told_within(LONG, host).await
}

#[tokio::test]
async fn a_socket_that_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    for path in ["none.sock", "none/docker.sock", "file/docker.sock"] {
        let host = format!("unix://{}", dir.path().join(path).display());
        let (trouble, text) = told(&host).await;
        assert_eq!(trouble, Trouble::SocketAbsent);
        let wanted = "no such socket; is dockerd running, or is DOCKER_HOST meant?";
        assert_eq!(text, format!("cannot reach Docker at {host}: {wanted}"));
    }
}

#[tokio::test]
async fn a_socket_that_nobody_listens_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("docker.sock");
    drop(UnixListener::bind(&path).unwrap());
    let (trouble, text) = told(&format!("unix://{}", path.display())).await;
    assert_eq!(trouble, Trouble::Refused);
    assert!(text.contains("connection refused; is dockerd running"), "{text}");
}

#[tokio::test]
async fn a_socket_that_may_not_be_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("docker.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let (trouble, text) = told_within(SHORT, &format!("unix://{}", path.display())).await;
    // Root may open everything: the connection is then made, and nobody answers.
    if trouble == (Trouble::Timeout { after: SHORT }) {
        return;
    }
    assert_eq!(trouble, Trouble::PermissionDenied { group: None });
    assert!(text.contains("permission denied; run this as a user that may open the socket"), "{text}");
}

#[tokio::test]
async fn a_port_that_nobody_listens_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (trouble, text) = told(&format!("tcp://me:hunter2@127.0.0.1:{port}")).await;
    assert_eq!(trouble, Trouble::Refused);
    assert!(text.starts_with(&format!("cannot reach Docker at tcp://127.0.0.1:{port}: ")), "{text}");
    assert!(!text.contains("hunter2"));
}

#[tokio::test]
async fn something_that_is_no_http() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await.unwrap();
        stream
    });
    let (trouble, _) = told(&format!("tcp://127.0.0.1:{port}")).await;
    assert!(matches!(trouble, Trouble::Decode { .. }), "{trouble:?}");
    answering.await.unwrap();
}
