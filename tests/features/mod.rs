//! Feature sets and domains of one's own, through the binary.

mod dense;
mod domains;
mod fit;
mod logs;
mod refusals;
mod simulated;

/// A shop: what may be known and what can happen there.
pub(crate) const SHOP: &str = r#"
name = "shop"
kind = "category"
default_outcome = "nothing"
wait_hours = 24

[[inputs]]
of = "context"
name = "device"
type = "category"

[[inputs]]
of = "candidate"
name = "category"
type = "category"

[[inputs]]
of = "candidate"
name = "price"
type = "number"
minimum = 0
maximum = 100000

[[inputs]]
of = "candidate"
name = "new"
type = "flag"

[[inputs]]
of = "profile"
name = "orders"
type = "number"
minimum = 0

[[outcomes]]
name = "bought"
reward = 1

[[outcomes]]
name = "clicked"
reward = 0.2

[[outcomes]]
name = "nothing"
reward = 0
"#;

/// The device crossed with the item, and some of everything else.
pub(crate) const SHOP_SET: &str = r#"
name = "shop-v1"
domain = "shop.toml"

[[dimensions]]
name = "bias"
constant = 1

[[dimensions]]
name = "device"
input = "context.device"
steps = [{ one_hot = ["mobile", "desktop", "tablet"] }]
hidden = true

[[dimensions]]
name = "item"
input = "candidate.id"
steps = [{ one_hot = ["a", "b", "c"] }]
hidden = true

[[dimensions]]
name = "device-item"
cross = ["device", "item"]
"#;

pub(crate) const SHOP_POLICY: &str =
    "name = \"by-device\"\nexplorer = \"egreedy\"\nepsilon = 0.005\nfeatures = \"shop-v1.toml\"\n";

/// A directory with the shop's files.
pub(crate) fn shop() -> crate::util::Dir {
    let dir = crate::util::Dir::new();
    dir.write("shop.toml", SHOP);
    dir.write("shop-v1.toml", SHOP_SET);
    dir.write("by-device.toml", SHOP_POLICY);
    dir
}
