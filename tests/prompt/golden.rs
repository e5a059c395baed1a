//! What each shipped prompt is for a person, to the byte, in two languages. What has changed is written anew by
//!
//! ```sh
//! BLESS=1 cargo test --test tests prompt::golden
//! ```

use super::{SHIPPED, signals};
use crate::util::Dir;
use serde_json::json;
use std::fs;
use std::path::Path;

#[test]
fn shipped_prompts_are_as_they_were() {
    let dir = Dir::new();
    for version in SHIPPED {
        for locale in ["en-GB", "de-DE"] {
            let mut person = signals("ann");
            person["locale"] = json!(locale);
            let args = ["prompt", "render", "--prompt-version", version];
            let rendered = dir.run_with(&args, person.to_string()).ok().stdout();
            assert_eq!(
                dir.run_with(&args, person.to_string()).ok().stdout(),
                rendered,
                "the same bytes each time"
            );
            let ready =
                dir.run_with(&["generate", "--prompt-version", version], person.to_string()).ok().json();
            let tips = serde_json::to_string_pretty(&ready["candidates"]).expect("plain values");
            let now = format!("{rendered}\n# ready tips\n\n{tips}\n");
            let name = format!("tests/prompt/golden/{version}.{locale}.txt");
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
            if std::env::var_os("BLESS").is_some() {
                fs::write(&path, &now).expect("a file of this crate");
            }
            let before = fs::read_to_string(&path).unwrap_or_default();
            assert!(before == now, "{name} is not what is rendered (BLESS=1 writes it):\n{now}");
        }
    }
}

#[test]
fn the_order_in_which_signals_say_things_changes_nothing() {
    let dir = Dir::new();
    let person = signals("ann");
    let reversed = {
        let fields = person.as_object().expect("an object");
        let lines: Vec<String> =
            fields.iter().rev().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
        format!("{{{}}}", lines.join(",\n"))
    };
    for version in SHIPPED {
        let args = ["prompt", "render", "--json", "--prompt-version", version];
        let one = dir.run_with(&args, person.to_string()).ok().stdout();
        assert_eq!(dir.run_with(&args, &reversed).ok().stdout(), one);
    }
}
