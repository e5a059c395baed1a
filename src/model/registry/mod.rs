//! The model registry: versions of a policy with its prior, under names, and aliases that point at versions.
//!
//! In: a policy's file with its prior, and what is known of it (card, verdict, report) as files. Out: the same files by
//! `NAME@VERSION` or `NAME@ALIAS`, and a history of what was in charge. [`Folder`] keeps them in a directory, [`MlFlow`] on a
//! tracking server, by REST. A new kind of registry is a file here with [`ModelRegistry`], and its line in [`open`].
//!
//! What is in charge is the alias `champion`. It is moved in an order that a kill cannot spoil: files first, then the tag
//! that tells of it, the alias last. History is read from the tags, beginning at the version that has the alias: a tag
//! whose alias was never moved is in nobody's history.

mod address;
mod contract;
mod folder;
mod http;
mod mlflow;
mod pack;
mod promote;
mod refusal;

pub use address::{ModelAddress, VersionChoice};
pub use contract::{Artifacts, CARD_FILE, CHAMPION, ModelRegistry, ModelVersion, Promotion};
pub use folder::Folder;
pub use mlflow::MlFlow;
pub use pack::{pack, unpack};
pub use promote::{history, move_alias, resolve};
pub use refusal::RegistryRefusal;

use crate::base::error::{Fault, Result};
use std::path::Path;

/// The registry at a place: `mlflow+http://HOST:PORT`, or a folder.
///
/// # Errors
/// An address that is none, or of no known kind.
pub fn open(place: &Path) -> Result<Box<dyn ModelRegistry>> {
    let address = place.to_str().and_then(|text| Some((text, text.split_once("://")?.0)));
    match address {
        Some((address, _)) if address.starts_with(mlflow::SCHEME) => Ok(Box::new(MlFlow::new(address)?)),
        // What stands behind may have a password in it. A path with a slash before it is a folder's.
        Some((_, scheme)) if !scheme.contains('/') => {
            let allowed = format!("a folder, or an address that begins with {}", mlflow::SCHEME);
            Err(Fault::new("the registry", format!("{scheme}://..."), allowed).at("--registry"))
        }
        _ => Ok(Box::new(Folder::new(place))),
    }
}
