//! Secrets and certificates.

use reconciler_plugins::SettingsError;

use super::*;

#[tokio::test]
async fn what_is_secret_in_an_address_is_sent_and_not_shown() {
    let receiver = Receiver::start(vec![Reply::status(500)]).await;
    let url = format!("http://user:hunter2@127.0.0.1:{}/hook?token=hunter2", receiver.port());
    let (settings, shared) = (settings(&url, json!({"secret": SECRET})), shared());
    let plugin = build("test", &settings, &shared).unwrap();
    let mut shown = format!("{settings:?} {shared:?}");
    for _ in 0..6 {
        let error = plugin.reconcile(&request("{}")).await.unwrap_err();
        shown = format!("{shown} {error} {error:?}");
    }
    assert!(
        shown.contains(&receiver.url()) && !shown.contains("hunter2") && !shown.contains("MfKQ"),
        "{shown}"
    );
    assert!(shown.contains("LeftAlone"));
    let seen = &receiver.seen()[0];
    assert_eq!(seen.line, "POST /hook?token=hunter2 HTTP/1.1");
    assert_eq!(seen.headers["authorization"], format!("Basic {}", STANDARD.encode("user:hunter2")));

    let (_bound, gone) = refusing("user:hunter2@127.0.0.1");
    let plugin = build("test", &self::settings(&gone, json!({})), &shared).unwrap();
    let error = plugin.reconcile(&request("{}")).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn a_certificate_is_trusted_by_its_file() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let receiver = Receiver::start_with(vec![Reply::status(200)], Some(Arc::new(tls).into())).await;
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let url = format!("https://localhost:{}/hook", receiver.port());
    let ours = file("ours.pem", &cert.pem());
    plugin(&url, json!({"ca_file": ours})).reconcile(&request("{}")).await.unwrap();

    let foreign = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert;
    let foreign = file("foreign.pem", &foreign.pem());
    let HttpFault::Connection(why) =
        fault(plugin(&url, json!({"ca_file": foreign})).reconcile(&request("{}")).await)
    else {
        panic!("another fault")
    };
    assert!(why.contains("certificate"), "{why}");
    assert_eq!(receiver.seen().len(), 1);

    for path in [dir.path().join("none.pem"), file("empty.pem", "no certificate"), dir.path().to_owned()] {
        let error = build("test", &settings(&url, json!({"ca_file": path})), &shared()).err().unwrap();
        assert!(matches!(error, SettingsError::File { key: "ca_file", .. }), "{error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}
