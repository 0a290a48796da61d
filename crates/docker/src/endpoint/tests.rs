//! Where Docker is, and what names no place.

use std::collections::HashMap;
use std::fs;

use super::*;

/// Resolves with these variables.
fn resolve(
    explicit: Option<&str>,
    vars: &[(&str, &str)],
    home: Option<&Path>,
) -> Result<Endpoint, EndpointError> {
    let vars: HashMap<_, _> = vars.iter().copied().collect();
    Endpoint::resolve(explicit, &|name| vars.get(name).map(|value| (*value).to_owned()), home)
}

fn tls_dir(endpoint: &Endpoint) -> Option<&Path> {
    match endpoint.address() {
        Address::Tcp { tls, .. } => tls.as_deref(),
        Address::Unix(_) => None,
    }
}

#[test]
fn hosts_and_where_they_come_from() {
    let home = tempfile::tempdir().unwrap();
    let verify = ("DOCKER_TLS_VERIFY", "1");
    let certs = ("DOCKER_CERT_PATH", "/certs");
    type Case<'a> = (Option<&'a str>, &'a [(&'a str, &'a str)], &'a str, Option<&'a str>);
    let cases: &[Case<'_>] = &[
        (None, &[], "unix:///var/run/docker.sock", None),
        (None, &[("DOCKER_HOST", "")], "unix:///var/run/docker.sock", None),
        (Some(""), &[("DOCKER_HOST", "unix:///d.sock")], "unix:///d.sock", None),
        (Some("unix:///e.sock"), &[("DOCKER_HOST", "unix:///d.sock")], "unix:///e.sock", None),
        (None, &[("DOCKER_HOST", "unix:///d.sock"), ("DOCKER_CONTEXT", "none")], "unix:///d.sock", None),
        (None, &[("DOCKER_CONTEXT", "default")], "unix:///var/run/docker.sock", None),
        (None, &[("DOCKER_HOST", "unix:///d.sock"), verify], "unix:///d.sock", None),
        (Some("tcp://h"), &[], "tcp://h:2375", None),
        (Some("tcp://h:1234/"), &[], "tcp://h:1234", None),
        (Some("tcp://h:1234"), &[("DOCKER_TLS_VERIFY", "")], "tcp://h:1234", None),
        (Some("tcp://h"), &[verify, certs], "tcp://h:2376", Some("/certs")),
        (Some("tcp://[::1]:5"), &[], "tcp://[::1]:5", None),
        (Some("tcp://[::1]"), &[], "tcp://[::1]:2375", None),
        (Some("http://h/docker/a/"), &[verify], "http://h:80/docker/a", None),
        (Some("https://h"), &[certs], "https://h:443", Some("/certs")),
        (Some("tcp://me:hunter2@h:1"), &[], "tcp://h:1", None),
        (Some("http://me:p%40@h:1/x"), &[], "http://h:1/x", None),
    ];
    for (explicit, vars, shown, tls) in cases {
        let endpoint = resolve(*explicit, vars, Some(home.path())).unwrap();
        assert_eq!(endpoint.to_string(), *shown, "{explicit:?} {vars:?}");
        assert_eq!(tls_dir(&endpoint), tls.map(Path::new), "{explicit:?} {vars:?}");
        assert!(!format!("{endpoint:?}").contains("hunter2"));
    }
    let own = resolve(Some("tcp://h"), &[verify], Some(home.path())).unwrap();
    assert_eq!(tls_dir(&own), Some(&*home.path().join(".docker")));
    let moved = resolve(Some("tcp://h"), &[verify, ("DOCKER_CONFIG", "/cfg")], None).unwrap();
    assert_eq!(tls_dir(&moved), Some(Path::new("/cfg")));
}

#[test]
fn what_is_no_host_is_named_with_its_fault_and_without_its_password() {
    let long = format!("unix:///{}", "x".repeat(107));
    for (value, fault) in [
        ("ssh://me:hunter2@h", "ssh:// is not supported"),
        ("npipe:////./pipe/docker_engine", "npipe:// is Windows' own"),
        ("fd://", "scheme is unknown"),
        ("h:2375", "begins with unix://"),
        ("me:hunter2@h:2375", "begins with unix://"),
        ("/var/run/docker.sock", "begins with unix://"),
        ("unix://", "must be absolute"),
        ("unix://docker.sock", "must be absolute"),
        ("unix:///a\nb", "control character"),
        (&long, "longer than the 107 bytes"),
        ("tcp://", "names no host"),
        ("tcp://:2375", "names no host"),
        ("tcp://[]:2375", "names no host"),
        ("tcp://h h", "names no host"),
        ("tcp://h:0", "port"),
        ("tcp://h:99999", "port"),
        ("tcp://h:x", "port"),
        ("tcp://me:hunter2@h:99999", "port"),
        ("tcp://me:hun/ter2@h:1", "path"),
        ("tcp://h/a?token=hunter2", "path"),
        ("tcp://h?token=hunter2", "names no host"),
    ] {
        let error = resolve(None, &[("DOCKER_HOST", value)], None).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("DOCKER_HOST is \"") && text.contains(fault), "{value}: {text}");
        assert!(text.lines().count() == 1 && text.len() < 500, "{text}");
        for secret in ["hunter2", "hun/ter2"] {
            assert!(!text.contains(secret) && !format!("{error:?}").contains(secret), "{error:?}");
        }
    }
    assert!(matches!(resolve(Some("https://h"), &[], None), Err(EndpointError::NoCertificates)));
}

/// A `~/.docker` with a context `away` on this host.
fn with_context(host: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let meta = home.path().join(".docker/contexts/meta").join(away_id());
    fs::create_dir_all(&meta).unwrap();
    let body = format!(
        r#"{{"Name":"away","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}","SkipTLSVerify":false}}}}}}"#
    );
    fs::write(meta.join("meta.json"), body).unwrap();
    fs::write(
        home.path().join(".docker/config.json"),
        r#"{"auths":{"r":{"auth":"aHVudGVyMg=="}},"currentContext":"away"}"#,
    )
    .unwrap();
    home
}

/// What `printf away | sha256sum` prints.
fn away_id() -> &'static str {
    "378ce56a9d146d5174c89d1c0353d7f8e2244e89bb83935a5b1bdcf5e74b4e7f"
}

#[test]
fn a_context_names_the_host() {
    let home = with_context("unix:///run/user/1000/docker.sock");
    let dir = home.path().join(".docker");
    let away = resolve(None, &[], Some(home.path())).unwrap();
    assert_eq!(away.to_string(), "unix:///run/user/1000/docker.sock");
    let elsewhere = [("DOCKER_CONFIG", dir.to_str().unwrap()), ("DOCKER_CONTEXT", "away")];
    assert_eq!(resolve(None, &elsewhere, None).unwrap(), away);
    let default = resolve(None, &[("DOCKER_CONTEXT", "default")], Some(home.path())).unwrap();
    assert_eq!(default.to_string(), "unix:///var/run/docker.sock");

    let home = with_context("tcp://h");
    let own = home.path().join(".docker/contexts/tls").join(away_id()).join("docker");
    assert_eq!(tls_dir(&resolve(None, &[], Some(home.path())).unwrap()), None);
    fs::create_dir_all(&own).unwrap();
    assert_eq!(tls_dir(&resolve(None, &[], Some(home.path())).unwrap()), Some(&*own));
}

#[test]
fn a_context_that_cannot_be_used_is_named() {
    let home = with_context("ssh://h");
    let config = home.path().join(".docker/config.json");
    let meta = home.path().join(".docker/contexts/meta").join(away_id()).join("meta.json");
    let text = |vars: &[(&str, &str)]| resolve(None, vars, Some(home.path())).unwrap_err().to_string();

    let refused = text(&[]);
    assert!(refused.contains("context \"away\"") && refused.contains(meta.to_str().unwrap()), "{refused}");
    let absent = text(&[("DOCKER_CONTEXT", "nowhere")]);
    assert!(absent.contains("\"nowhere\", which DOCKER_CONTEXT names, does not exist"), "{absent}");

    for (file, body) in
        [(&meta, "{}"), (&meta, "{"), (&config, "{\"auths\": \"hunter2\" x"), (&config, "[1]")]
    {
        fs::write(file, body).unwrap();
        let told = text(&[]);
        assert!(told.contains(file.to_str().unwrap()) && !told.contains("hunter2"), "{body}: {told}");
    }
    fs::write(&config, "{}").unwrap();
    assert_eq!(resolve(None, &[], Some(home.path())).unwrap().to_string(), "unix:///var/run/docker.sock");
    fs::remove_file(&config).unwrap();
    fs::create_dir(&config).unwrap();
    assert!(text(&[]).contains("config.json"));
}
