//! What the targets run: the bodies that the ordinary tests run too.

#[path = "../tests/store/mutations/bodies.rs"]
pub mod bodies;
