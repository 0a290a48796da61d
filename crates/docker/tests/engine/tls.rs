//! TLS, with certificates made for the test.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reconciler_docker::{DockerEngine, DockerError, Endpoint, Engine, Trouble};
use reconciler_testkit::fake_docker::{FakeContainer, FakeDocker};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::{LONG, deadlines};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for these names, and its key.
fn issued(authority: &Authority, names: &[&str]) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, authority).unwrap();
    (certificate, key)
}

/// `DOCKER_CERT_PATH` of a client whom this authority knows.
fn client_files(authority: &Authority) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = issued(authority, &["client"]);
    fs::write(dir.path().join("ca.pem"), authority.pem()).unwrap();
    fs::write(dir.path().join("cert.pem"), certificate.pem()).unwrap();
    fs::write(dir.path().join("key.pem"), key.serialize_pem()).unwrap();
    dir
}

/// A daemon on TCP that wants certificates of this authority, for as long as it lives.
struct TlsFront {
    at: SocketAddr,
    serving: JoinHandle<()>,
}

impl TlsFront {
    async fn of(fake: Arc<FakeDocker>, authority: &Authority, names: &[&str]) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let (certificate, key) = issued(authority, names);
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, fake) = (acceptor.clone(), Arc::clone(&fake));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        fake.serve(stream).await;
                    }
                });
            }
        });
        Self { at, serving }
    }

    fn engine(&self, certificates: &Path) -> Result<DockerEngine, DockerError> {
        let host = format!("tcp://{}", self.at);
        let env = |name: &str| match name {
            "DOCKER_HOST" => Some(host.clone()),
            "DOCKER_TLS_VERIFY" => Some("1".to_owned()),
            "DOCKER_CERT_PATH" => Some(certificates.to_str().unwrap().to_owned()),
            _ => None,
        };
        DockerEngine::connect(&Endpoint::resolve(None, &env, None).unwrap(), deadlines(LONG))
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[tokio::test]
async fn everything_works_over_tls() {
    let fake = Arc::new(FakeDocker::start());
    fake.put(FakeContainer::new("c"));
    let authority = authority();
    let front = TlsFront::of(Arc::clone(&fake), &authority, &["127.0.0.1"]).await;
    let files = client_files(&authority);
    let engine = front.engine(files.path()).unwrap();
    engine.ping().await.unwrap();
    assert_eq!(engine.list(LONG).await.unwrap().len(), 1);
    let mut events = engine.events(None).await.unwrap();
    let at = fake.emit("start", "c");
    assert_eq!(events.next().await.unwrap().unwrap().daemon_nanos, at);
}

#[tokio::test]
async fn strangers_are_not_spoken_to() {
    let fake = Arc::new(FakeDocker::start());
    let (ours, theirs) = (authority(), authority());
    let files = client_files(&ours);

    let stranger = TlsFront::of(Arc::clone(&fake), &theirs, &["127.0.0.1"]).await;
    let another_name = TlsFront::of(Arc::clone(&fake), &ours, &["elsewhere.example"]).await;
    for front in [&stranger, &another_name] {
        let error = front.engine(files.path()).unwrap().ping().await.unwrap_err();
        assert_eq!(error.trouble(), &Trouble::Tls, "{error:?}");
        assert!(error.to_string().starts_with("cannot reach Docker at tcp://127.0.0.1:"), "{error}");
        assert!(error.to_string().contains("DOCKER_CERT_PATH"), "{error}");
    }

    // The daemon wants a certificate too.
    let front = TlsFront::of(Arc::clone(&fake), &ours, &["127.0.0.1"]).await;
    fs::remove_file(files.path().join("cert.pem")).unwrap();
    fs::remove_file(files.path().join("key.pem")).unwrap();
    let error = front.engine(files.path()).unwrap().ping().await.unwrap_err();
    assert!(matches!(error.trouble(), Trouble::Tls | Trouble::Cut), "{error:?}");
}

#[tokio::test]
async fn a_daemon_without_tls_is_not_spoken_to() {
    let fake = FakeDocker::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(fake.serve(stream));
        }
    });
    let files = client_files(&authority());
    let front = TlsFront { at, serving };
    let error = front.engine(files.path()).unwrap().ping().await.unwrap_err();
    assert_eq!(error.trouble(), &Trouble::Tls, "{error:?}");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_and_never_quoted() {
    let authority = authority();
    let other = client_files(&authority);
    let key = fs::read_to_string(other.path().join("key.pem")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    let cut_key = format!("-----BEGIN PRIVATE KEY-----\n{secret}\n");
    for (file, body, fault) in [
        ("ca.pem", None, "No such file"),
        ("ca.pem", Some(""), "no certificate in it"),
        ("ca.pem", Some(key.as_str()), "no certificate in it"),
        ("cert.pem", None, "No such file"),
        ("key.pem", None, "No such file"),
        ("key.pem", Some("x"), "no private key in it"),
        ("key.pem", Some(cut_key.as_str()), "it is not PEM"),
        ("key.pem", Some(key.as_str()), ""),
    ] {
        let files = client_files(&authority);
        let path = files.path().join(file);
        match body {
            None => fs::remove_file(&path).unwrap(),
            Some(body) => fs::write(&path, body).unwrap(),
        }
        let host = "tcp://127.0.0.1:1";
        let env = |name: &str| match name {
            "DOCKER_TLS_VERIFY" => Some("1".to_owned()),
            "DOCKER_CERT_PATH" => Some(files.path().to_str().unwrap().to_owned()),
            _ => None,
        };
        let endpoint = Endpoint::resolve(Some(host), &env, None).unwrap();
        let error = DockerEngine::connect(&endpoint, deadlines(LONG)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(path.to_str().unwrap()) && text.contains(fault), "{file} {fault}: {text}");
        assert!(text.contains(host) && text.lines().count() == 1, "{text}");
        assert!(!format!("{error:?}").contains(secret), "{file}: a key is shown");
    }
}
