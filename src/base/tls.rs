//! Whom an encrypted connection trusts.

use crate::base::error::{Error, Fault, Result};
use crate::base::read;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, crypto};
use std::path::Path;
use std::sync::Arc;

/// What a client of TLS 1.2 or 1.3 needs: the other side must show a certificate for the name that it was called by,
/// signed by one of `roots`, a file of certificates in PEM, or else by one that the system trusts.
///
/// # Errors
/// A file that cannot be read or has no certificate; a system that trusts none.
pub(crate) fn client(roots: Option<&Path>) -> Result<ClientConfig> {
    let mut trusted = RootCertStore::empty();
    if let Some(path) = roots {
        let text = read::bytes(path)?;
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let certificate = certificate.map_err(|error| not_certificates(path, &error.to_string()))?;
            trusted.add(certificate).map_err(|error| not_certificates(path, &error.to_string()))?;
        }
        if trusted.is_empty() {
            return Err(not_certificates(path, "a text without one"));
        }
    } else {
        // One of hundreds that is not understood is no reason to trust none.
        trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if trusted.is_empty() {
            let allowed =
                "a list of those whom this system trusts, or a file with the certificate of who signed";
            return Err(Fault::new("trusted certificates", "none", allowed).at("TLS"));
        }
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = versions.expect("the provider has ciphers for them");
    Ok(config.with_root_certificates(trusted).with_no_client_auth())
}

fn not_certificates(path: &Path, found: &str) -> Error {
    Fault::new("content", found, "certificates in PEM").at(path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("root.pem");
        let broken = "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n";
        for text in ["", "plain", broken] {
            std::fs::write(&path, text).unwrap();
            let error = client(Some(&path)).unwrap_err().to_string();
            assert!(
                error.contains("root.pem: content is") && error.ends_with("certificates in PEM"),
                "{error}"
            );
        }
        assert!(client(Some(&dir.path().join("nowhere"))).is_err());
    }
}
