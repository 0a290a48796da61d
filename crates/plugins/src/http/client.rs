//! The HTTP client.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reconciler_core::text::printable;
use reqwest::Client;
use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::{HttpSettings, SettingsError};

const USER_AGENT: &str = concat!("tinyforge-reconciler/", env!("CARGO_PKG_VERSION"));
const MAX_CA_FILE: u64 = 1024 * 1024;
const IDLE: Duration = Duration::from_secs(30);

/// A client that follows no redirect and asks no proxy: what it posts may hold passwords, and goes to the address that the
/// settings name and nowhere else.
pub(super) fn client(settings: &HttpSettings) -> Result<Client, SettingsError> {
    let made = Client::builder()
        .tls_backend_preconfigured(tls(settings)?)
        .user_agent(USER_AGENT)
        .redirect(Policy::none())
        .no_proxy()
        .referer(false)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(settings.parallel)
        .build();
    made.map_err(|error| SettingsError::Client(printable(&error.without_url().to_string(), 300)))
}

/// TLS with a provider of its own, so that nothing depends on which one the process has installed, or on when.
fn tls(settings: &HttpSettings) -> Result<ClientConfig, SettingsError> {
    let roots = if settings.url.is_encrypted() { roots(settings)? } else { RootCertStore::empty() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SettingsError::Client(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The system's, which a host's owner can add to, and which weigh nothing; and those of `ca_file`.
fn roots(settings: &HttpSettings) -> Result<RootCertStore, SettingsError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    if let Some(file) = &settings.ca_file {
        let fault = |source| SettingsError::File { key: "ca_file", file: file.clone(), source };
        for certificate in certificates(file).map_err(fault)? {
            roots.add(certificate).map_err(|error| fault(std::io::Error::other(error)))?;
        }
    }
    if roots.is_empty() {
        let why = system.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(SettingsError::NoRoots { why: printable(&why, 300) });
    }
    Ok(roots)
}

fn certificates(file: &Path) -> std::io::Result<Vec<CertificateDer<'static>>> {
    use std::io::{Error, Read};
    let mut pem = Vec::new();
    std::fs::File::open(file)?.take(MAX_CA_FILE).read_to_end(&mut pem)?;
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(Error::other)?;
    if found.is_empty() { Err(Error::other("it holds no certificate in PEM")) } else { Ok(found) }
}
