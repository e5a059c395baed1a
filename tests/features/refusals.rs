//! Files that are not as they should be, said with file, line and field.

use super::{SHOP, SHOP_SET, shop};

#[test]
fn a_feature_sets_fault_is_said_with_line_and_key() {
    let dir = shop();
    for (from, to, parts) in [
        (
            "\"context.device\"",
            "\"context.screen\"",
            &[
                "shop-v1.toml: ",
                "(line 11)",
                "dimensions[1].input[0] is \"context.screen\"",
                "context.device",
            ][..],
        ),
        (
            "one_hot = [\"mobile\", \"desktop\", \"tablet\"]",
            "one_hot = [\"mobile\", \"mobile\"]",
            &["shop-v1.toml: ", "(line 12)", "dimensions[1].steps[0]"],
        ),
        (
            "one_hot = [\"mobile\", \"desktop\", \"tablet\"]",
            "one_hots = [1]",
            &["unknown variant `one_hots`", "(line 12)"],
        ),
        (
            "cross = [\"device\", \"item\"]",
            "cross = [\"device\"]",
            &["shop-v1.toml: ", "(line 23)", "dimensions[3].cross is a list of 1"],
        ),
        ("\"shop.toml\"", "\"none.toml\"", &["shop-v1.toml: domain: cannot read"]),
        ("\"shop.toml\"", "\"shops\"", &["unknown domain \"shops\""]),
        ("constant = 1", "constant = \"1\"", &["dimensions[0].constant", "(line 7)"]),
    ] {
        dir.write("shop-v1.toml", SHOP_SET.replace(from, to));
        dir.run(&["features", "check", "shop-v1.toml"]).refused(parts);
        let mut through = vec!["by-device.toml: features"];
        through.extend(&parts[..1]);
        dir.run(&["score", "--policy", "by-device.toml"]).refused(&through);
    }
    dir.write("shop-v1.toml", SHOP_SET);
    dir.write("shop.toml", SHOP.replace("minimum = 0\nmaximum = 100000", "minimum = 0\nmaximum = -1"));
    dir.run(&["features", "check", "shop-v1.toml"]).refused(&[
        "shop.toml: ",
        "(line 22)",
        "inputs[2].maximum is -1",
    ]);
}

#[test]
fn names_are_told_from_files() {
    let dir = shop();
    dir.write("own.toml", "name = \"own\"\nexplorer = \"egreedy\"\nfeatures = \"v3\"\n");
    dir.run(&["score", "--policy", "own.toml"])
        .refused(&["unknown feature set \"v3\"", "v1, v2, or the path of a .toml file"]);
    dir.run(&["features", "show", "v3"]).refused(&["unknown feature set \"v3\""]);
    let listed = dir.run(&["features", "list"]).ok().stdout();
    assert!(listed.contains("v1    7 dimensions over domain tips") && listed.contains("v2   12"), "{listed}");
    let shown = dir.run(&["features", "show", "v2", "--json"]).ok().json();
    assert_eq!(
        (shown["dim"].as_u64(), shown["dimensions"][11]["name"].as_str()),
        (Some(12), Some("tip_volume"))
    );
    // What a file says is nothing that a terminal obeys.
    dir.write("shop-v1.toml", SHOP_SET.replace("\"tablet\"", "\"\\u001b[31m\""));
    for args in [&["features", "show", "shop-v1.toml"][..], &["features", "explain", "shop-v1.toml"]] {
        let ran =
            dir.run_with(args, r#"{"context":{"device":"\u001b[2J"},"candidates":[{"id":"a\u0007"}]}"#).ok();
        assert!(!ran.stdout().chars().any(|c| c.is_control() && c != '\n'), "{:?}", ran.stdout());
    }
}
