//! The arranged name conflict.

use super::container::Settings;
use super::lifecycle;
use crate::machine::Machine;

/// The name of the node's container on the documented topologies.
pub(super) const NODE: &str = "tensor-wasm";
/// The container that takes the node's name, as in `docker/hold-name`.
const HOLDER: &str = "somebodys";

/// From now on a stopped container of the node's image takes the node's name as soon as its container is removed; once.
/// Without a container of the node nothing is arranged.
pub fn hold_name(machine: &mut Machine) {
    let Some(node) = machine.docker.named(NODE) else { return };
    let (image, reference) = (node.image.clone(), node.reference.clone());
    if machine.docker.named(HOLDER).is_some() {
        return;
    }
    let mut settings = Settings { network: "bridge".to_owned(), ..Settings::default() };
    super::settings::complete(&mut settings, &image);
    let number = lifecycle::create(machine, HOLDER, &reference, image, settings);
    machine.docker.holds_name = Some(number);
}
