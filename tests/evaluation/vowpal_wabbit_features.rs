//! What Vowpal Wabbit's formats say of candidates, in every way in which they say it.

use super::{complaint, file, json, run, stderr};
use serde_json::Value;
use tempfile::TempDir;

const BY_PRIORITY: &str = "egreedy-v1";

/// The estimate of this policy on a log, with what is said on stderr.
fn ips(log: &str, policy: &str, more: &[&str]) -> (f64, String) {
    let args = [&[log, "--policy", policy, "--estimator", "ips", "--json", "--force"], more].concat();
    let output = run(&args);
    let result: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{args:?}: {e}: {}", stderr(&output)));
    (result["policies"][0]["estimates"][0]["value"].as_f64().unwrap(), stderr(&output))
}

/// 2,000 decisions between `a` and `b`, each with probability 1/2, of which `b` is rewarded.
fn decisions(line: &dyn Fn(usize, usize) -> String) -> String {
    (0..2000).map(|i| line(i, i % 2) + "\n").collect()
}

#[test]
fn namespaces_of_dsjson_may_be_lists() {
    let dir = TempDir::new().unwrap();
    let text = |shared: &str, of: &dyn Fn(f64) -> String| {
        decisions(&|_, chosen| {
            format!(
                r#"{{"_label_cost":-{chosen},"_label_probability":0.5,"_label_Action":{},"_labelIndex":{chosen},"c":{{{shared},"_multi":[{{"_tag":"a",{}}},{{"_tag":"b",{}}}]}}}}"#,
                chosen + 1,
                of(0.1),
                of(0.9)
            )
        })
    };
    let objects = text(r#""FromUrl":{"hour":9}"#, &|p| format!(r#""i":{{"id":"x"}},"j":{{"priority":{p}}}"#));
    let lists =
        text(r#""FromUrl":[{"hour":9}]"#, &|p| format!(r#""i":{{"id":"x"}},"j":[{{"priority":{p}}}]"#));
    let nested = text(r#""FromUrl":[[{"hour":9}]]"#, &|p| {
        format!(r#""i":{{"id":"x"}},"j":[{{"k":[{{"priority":{p}}}]}},{{"colour":"red"}}]"#)
    });
    let expected = ips(&file(&dir, "log.json", objects.as_bytes()), BY_PRIORITY, &[]);
    // It learns that priority tells, and explores a tenth of the time.
    assert!(expected.0 > 0.9, "{expected:?}");
    assert_eq!(ips(&file(&dir, "log.json", lists.as_bytes()), BY_PRIORITY, &[]), expected);
    let (value, _) = ips(&file(&dir, "log.json", nested.as_bytes()), BY_PRIORITY, &[]);
    assert!((value - expected.0).abs() < 0.05, "{value}");
    // What is said twice is said twice in a list as well.
    let twice = lists.replacen(r#"[{"priority":0.1}]"#, r#"[{"priority":0.1},{"priority":0.1}]"#, 1);
    let said = complaint(&[&file(&dir, "log.json", twice.as_bytes()), "--policy", "uniform"]);
    assert!(said.contains("priority is there again"), "{said}");
}

fn vw(candidate: &dyn Fn(usize, usize) -> String) -> String {
    decisions(&|i, chosen| {
        let line = |k: usize| {
            let label = if k == chosen { format!("0:-{chosen}:0.5 ") } else { String::new() };
            format!("{label}{}\n", candidate(i, k))
        };
        line(0) + &line(1)
    })
}

#[test]
fn values_of_names_that_nobody_knows_may_be_anything() {
    let dir = TempDir::new().unwrap();
    let url = "http://x.org/1";
    let text = vw(&|_, k| {
        let features = [
            format!("city:paris priority:0.{}", 1 + 8 * k),
            format!("url={url} x: :y priority:0.{}", 1 + 8 * k),
        ];
        format!("'{} |f {}", ["a", "b"][k], features[k])
    });
    let log = file(&dir, "log.vw", text.as_bytes());
    let (value, said) = ips(&log, BY_PRIORITY, &[]);
    assert!(value > 0.9 && said.contains("features were passed over, such as \"city\""), "{value} {said}");
    // Without features nothing of them is looked at.
    let known =
        file(&dir, "log.vw", text.replace("priority:0.9", "priority:high hour:x |g:much z").as_bytes());
    assert!(complaint(&[&known, "--policy", "uniform"]).contains("the value of \"priority\" is \"high\""));
    let (value, said) = ips(&known, "uniform", &["--no-features"]);
    assert_eq!((value, said.as_str()), (0.5, ""));
}

#[test]
fn a_value_that_is_missing_is_missing_there_only() {
    let dir = TempDir::new().unwrap();
    let all = |missing: &dyn Fn(usize, usize) -> bool| {
        vw(&|i, k| {
            let priority = if missing(i, k) { String::new() } else { format!(" priority:0.{}", 1 + 8 * k) };
            format!("'{}|f x{priority}", ["a ", "b "][k].trim_end())
        })
    };
    let (whole, _) = ips(&file(&dir, "log.vw", all(&|_, _| false).as_bytes()), BY_PRIORITY, &[]);
    for missing in [
        &(|i: usize, k: usize| (i, k) == (0, 0)) as &dyn Fn(usize, usize) -> bool,
        &|i, _| i == 0,
        &|i, _| i < 50,
    ] {
        let (value, said) = ips(&file(&dir, "log.vw", all(missing).as_bytes()), BY_PRIORITY, &[]);
        assert!((value - whole).abs() < 0.06, "{value} for {whole}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("features were passed over, such as \"x\""), "{said}");
    }
    // The same in a second file, which is of the same log.
    let first = file(&dir, "first.vw", all(&|_, _| false).as_bytes());
    let second = file(&dir, "second.vw", all(&|i, _| i < 1500).as_bytes());
    json(&[&first, &second, "--policy", BY_PRIORITY, "--estimator", "ips"], 0);
}

/// Three candidates, two of them alike, chosen in turn; the third is rewarded.
#[test]
fn candidates_that_are_alike_share_what_a_table_gives_them() {
    let dir = TempDir::new().unwrap();
    let decision = |tag: &str, i: usize| {
        let line = |k: usize| {
            let label =
                if k == i % 3 { format!("0:{}:0.333333 ", -i32::from(k == 2)) } else { String::new() };
            format!("{label}{tag}|i {}\n", ["x", "x", "y"][k])
        };
        (0..3).map(line).collect::<String>() + "\n"
    };
    let log = file(&dir, "log.vw", (0..3000).map(|i| decision("", i)).collect::<String>().as_bytes());
    let table = file(&dir, "t.csv", b"item,probability\ni x,0.5\ni y,0.5\n");
    let (value, _) = ips(&log, &table, &[]);
    assert!((value - 0.5).abs() < 1e-5, "{value}");
    assert!((ips(&log, "uniform", &[]).0 - 1.0 / 3.0).abs() < 1e-5);
    // Those with a tag are told apart by their places where somebody says so.
    let tagged: String =
        (0..3000).map(|i| decision("", i).replace("|i x", "'x |f").replace("|i y", "'y |f")).collect();
    let log = file(&dir, "log.vw", tagged.as_bytes());
    let said = complaint(&[&log, "--policy", "uniform"]);
    assert!(
        said.contains("line 2, column ")
            && said.contains("tag is \"x\" again")
            && said.contains("--same-tags"),
        "{said}"
    );
    let table = file(&dir, "t.csv", b"item,probability\nx,0.5\ny,0.5\n");
    let (value, _) = ips(&log, &table, &["--same-tags"]);
    assert!((value - 0.5).abs() < 1e-5, "{value}");
}

#[test]
fn the_weight_of_a_namespace_multiplies_its_values() {
    let dir = TempDir::new().unwrap();
    let weighed = |low: &str, high: &str| {
        let text = vw(&|_, k| format!("'{} |i{}", ["a", "b"][k], [low, high][k]));
        ips(&file(&dir, "log.vw", text.as_bytes()), BY_PRIORITY, &[])
    };
    let expected = weighed(" priority:0.1", " priority:0.6");
    assert!(expected.0 > 0.9, "{expected:?}");
    assert_eq!(weighed(":0.5 priority:0.2", ":2 priority:0.3"), expected);
    assert_eq!(weighed(":0.1 priority", ":0.6 priority"), expected);
    let text = vw(&|_, k| format!("'{} |i:2 priority:0.6", ["a", "b"][k]));
    let said = complaint(&[&file(&dir, "log.vw", text.as_bytes()), "--policy", "uniform"]);
    assert!(
        said.contains("line 1, column ") && said.contains("priority is 1.2; allowed: a number in [0, 1]"),
        "{said}"
    );
}

#[test]
fn a_text_and_a_tag_that_say_the_same_are_two_actions() {
    let dir = TempDir::new().unwrap();
    for first in [0, 1] {
        let text = vw(&|_, k| ["|sports", "'sports |f x"][(k + first) % 2].to_owned());
        let log = file(&dir, "log.vw", text.as_bytes());
        assert_eq!(ips(&log, "uniform", &[]).0, 0.5);
    }
    let line = |chosen: usize| {
        format!(
            r#"{{"_label_cost":-{chosen},"_label_probability":0.5,"_label_Action":{},"c":{{"_multi":[{{"x":1}},{{"_tag":"{{\"x\":1}}"}}]}}}}"#,
            chosen + 1
        )
    };
    let log = file(&dir, "log.json", decisions(&|_, chosen| line(chosen)).as_bytes());
    assert_eq!(ips(&log, "uniform", &[]).0, 0.5);
}

/// Categories as Vowpal Wabbit writes them back: each with its weight.
#[test]
fn a_category_is_there_by_a_weight_of_1_and_not_there_by_0() {
    let dir = TempDir::new().unwrap();
    let by_kind =
        b"name = \"by-kind\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\n";
    let by_kind = file(&dir, "by-kind.toml", by_kind);
    let log = |of: &dyn Fn(usize) -> &'static str| {
        file(&dir, "log.vw", vw(&|_, k| format!("'{}|f {}", ["a ", "b "][k].trim_end(), of(k))).as_bytes())
    };
    let expected = ips(&log(&|k| ["kind=focus", "kind=rest"][k]), &by_kind, &[]);
    for categories in [
        ["kind=focus:1", "kind=rest:1.0"],
        ["kind=focus:1 kind=rest:0", "kind=focus:0 kind=rest:1"],
        ["kind=focus", "kind=focus:0 kind=rest"],
    ] {
        assert_eq!(ips(&log(&|k| categories[k]), &by_kind, &[]), expected, "{categories:?}");
    }
    for weight in ["0.5", "-1", "2", "x"] {
        let half = vw(&|_, k| format!("'{} |f kind=focus:{weight}", ["a", "b"][k]));
        let said = complaint(&[&file(&dir, "log.vw", half.as_bytes()), "--policy", "uniform"]);
        assert!(
            said.contains(&format!(
                "the weight of \"kind=focus\" is \"{weight}\"; allowed: 1, for a category"
            )),
            "{said}"
        );
        assert!(said.contains("--no-features") && said.contains("line 1, column "), "{said}");
    }

    // The same of the inputs of one's own domain.
    file(&dir, "shop.toml", crate::features::SHOP.as_bytes());
    let domain = dir.path().join("shop.toml").display().to_string();
    let fitted = |shared: [&str; 2]| {
        let decision = |i: usize| format!("shared |u {}\n0:-1:0.5 'a |f x\n'b |f x\n\n", shared[i % 2]);
        let log = file(&dir, "log.vw", (0..400).map(decision).collect::<String>().as_bytes());
        let out = dir.path().join("mine.toml").display().to_string();
        let args = ["features", "fit", &log, "--domain", &domain, "--out", &out, "--overwrite"];
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_rehearsal")).args(args).output().unwrap();
        (std::fs::read_to_string(&out).unwrap_or_default(), stderr(&ran))
    };
    let (expected, _) = fitted(["device=mobile", "device=desktop"]);
    assert!(expected.contains("# context.device: said 400 times, 2 different texts."), "{expected}");
    assert_eq!(fitted(["device=mobile:1 device=desktop:0", "device=desktop:1"]).0, expected);
    let (_, said) = fitted(["device=mobile:0.5", "device=desktop"]);
    assert!(
        said.contains("the weight of \"device=mobile\" is \"0.5\"; allowed: 1, for a category"),
        "{said}"
    );
    // What is no input is passed over, and named.
    let (_, said) = fitted(["device=mobile colour=red:0.5", "device=desktop"]);
    assert!(said.contains("1000 features were passed over, such as \"colour=red\""), "{said}");
}
