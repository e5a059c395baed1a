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

/// A step that no value ever meets is a misspelling: it is told what values there are.
#[test]
fn a_level_that_an_input_can_never_be_is_refused_with_what_it_can_be() {
    let dir = shop();
    let device = "name = \"device\"\ntype = \"category\"\n";
    let inputs = "[[inputs]]\nof = \"context\"\nname = \"hour\"\ntype = \"hour\"\n\
                  [[inputs]]\nof = \"context\"\nname = \"day\"\ntype = \"number\"\nwhole = true\nminimum = 0\nmaximum = 6\n\n[[outcomes]]";
    let shop = SHOP.replacen(device, &format!("{device}levels = [\"mobile\", \"desktop\"]\n"), 1);
    dir.write("shop.toml", shop.replacen("[[outcomes]]", inputs, 1));
    let check = |input: &str, steps: &str| {
        let dimension = format!("[[dimensions]]\nname = \"x\"\ninput = {input}\nsteps = [{steps}]\n");
        dir.write("shop-v1.toml", format!("name = \"shop-v1\"\ndomain = \"shop.toml\"\n{dimension}"));
        dir.run(&["features", "check", "shop-v1.toml"])
    };
    let (levels, hour) = ("one of mobile, desktop", "an hour in [0, 24)");
    let (day, price) = ("a whole number in [0, 6]", "a number in [0, 100000]");
    for (input, steps, value, allowed) in [
        ("\"context.device\"", "{ equals = \"moblie\" }", "\"moblie\"", levels),
        ("\"context.device\"", "{ one_hot = [\"mobile\", \"moblie\"] }", "\"moblie\"", levels),
        ("\"context.hour\"", "{ equals = 24 }", "24", hour),
        ("\"context.hour\"", "{ in = [-3, 12] }", "-3", hour),
        ("\"context.day\"", "{ in = [0.5, 6] }", "0.5", day),
        ("\"context.day\"", "{ in = [6, 7] }", "7", day),
        ("\"candidate.price\"", "{ equals = 100001 }", "100001", price),
        (
            "[\"context.day\", \"candidate.price\"]",
            "{ equals = -1 }",
            "-1",
            "a number in [0, 100000], or a whole",
        ),
        ("\"candidate.price\"", "{ divide = 100 }, { equals = 1001 }", "1001", "a number in [0, 1000]"),
    ] {
        let step = steps.matches("{ ").count() - 1;
        let field = format!("dimensions[0].steps[{step}] is {value}; allowed: {allowed}");
        check(input, steps).refused(&["shop-v1.toml: ", &field]);
    }
    for (input, steps) in [
        ("\"context.device\"", "{ one_hot = [\"mobile\", \"desktop\"] }"),
        ("\"context.hour\"", "{ in = [0, 23.5] }"),
        ("\"context.day\"", "{ in = [0, 6] }"),
        ("\"candidate.price\"", "{ equals = 100000 }"),
        ("[\"context.day\", \"candidate.price\"]", "{ equals = 7 }"),
        ("\"candidate.price\"", "{ divide = 100 }, { equals = 1000 }"),
        ("\"candidate.category\"", "{ equals = \"whatever\" }"),
    ] {
        check(input, steps).ok();
    }
}
