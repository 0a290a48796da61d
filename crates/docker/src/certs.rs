//! The client's side of TLS: `ca.pem`, `cert.pem` and `key.pem` in one directory, as Docker has them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::endpoint::Endpoint;
use crate::error::DockerError;

/// TLS with the certificates in `dir`. `cert.pem` and `key.pem` may both be absent: then the client shows none.
///
/// Installs nothing for the process: the provider of cryptography is this configuration's own.
pub(crate) fn client_config(dir: &Path, endpoint: &Endpoint) -> Result<ClientConfig, DockerError> {
    let load = || -> Result<ClientConfig, FileFault> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| FileFault::new(dir, error))?
            .with_root_certificates(authorities(&dir.join("ca.pem"))?);
        let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
        if !cert.exists() && !key.exists() {
            return Ok(builder.with_no_client_auth());
        }
        let chain = certificates(&cert)?;
        let secret = PrivateKeyDer::from_pem_file(&key).map_err(|error| pem(&key, "private key", error))?;
        builder.with_client_auth_cert(chain, secret).map_err(|error| FileFault::new(&key, error))
    };
    load().map_err(|FileFault { file, fault }| DockerError::Certificates {
        endpoint: endpoint.to_string(),
        file,
        fault,
    })
}

struct FileFault {
    file: PathBuf,
    fault: String,
}

impl FileFault {
    fn new(file: &Path, fault: impl ToString) -> Self {
        Self { file: file.to_owned(), fault: fault.to_string() }
    }
}

fn authorities(file: &Path) -> Result<RootCertStore, FileFault> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| FileFault::new(file, error))?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, FileFault> {
    let fault = |error| pem(file, "certificate", error);
    let found: Vec<_> =
        CertificateDer::pem_file_iter(file).map_err(fault)?.collect::<Result<_, _>>().map_err(fault)?;
    if found.is_empty() { Err(pem(file, "certificate", PemError::NoItemsFound)) } else { Ok(found) }
}

/// Never quotes the file: it may be a key.
fn pem(file: &Path, wanted: &str, error: PemError) -> FileFault {
    match error {
        PemError::Io(error) => FileFault::new(file, error),
        PemError::NoItemsFound => FileFault::new(file, format!("no {wanted} in it")),
        _ => FileFault::new(file, "it is not PEM"),
    }
}
