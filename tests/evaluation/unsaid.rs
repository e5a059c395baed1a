//! What a log has that changes what it says: it is said, and how it was taken.

use super::{complaint, file, json, plain_log, run, stderr};
use serde_json::Value;
use tempfile::TempDir;

/// 200 decisions of dsjson between `a` and `b`, each with probability 1/2, of which `b` is rewarded; `more` is in each.
fn dsjson(more: &dyn Fn(usize) -> String) -> Vec<String> {
    let line = |i: usize| {
        let chosen = i % 2;
        format!(
            r#"{{"_label_cost":-{chosen},{}"_label_probability":0.5,"_label_Action":{},"c":{{"_multi":[{{"_tag":"a"}},{{"_tag":"b"}}]}}}}"#,
            more(i),
            chosen + 1
        )
    };
    (0..200).map(line).collect()
}

fn evaluated(log: &str) -> (Value, String) {
    let args = [log, "--policy", "uniform", "--json"];
    let output = run(&args);
    let result = serde_json::from_slice(&output.stdout);
    (result.unwrap_or_else(|e| panic!("{args:?}: {e}: {}", stderr(&output))), stderr(&output))
}

#[test]
fn an_event_that_stands_there_twice_counts_once() {
    let dir = TempDir::new().unwrap();
    let lines = dsjson(&|i| format!("\"EventId\":\"e{i}\","));
    let once = file(&dir, "once.json", lines.join("\n").as_bytes());
    let (expected, said) = evaluated(&once);
    assert_eq!((&expected["rows"], said.as_str()), (&200.into(), ""));
    let twice = |line: &String| format!("{line}\n{line}\n");
    let doubled: String = lines.iter().map(twice).collect();
    let (result, said) = evaluated(&file(&dir, "log.json", doubled.as_bytes()));
    assert_eq!(result, expected);
    assert!(
        said.contains("200 lines whose EventId stands there before, with the same label, were passed over"),
        "{said}"
    );
    // In another file of the log they are the same events.
    let again = file(&dir, "again.json", lines.join("\n").as_bytes());
    assert_eq!(json(&[&once, &again, "--policy", "uniform"], 0), expected);
    // With another label nobody can say which one is right.
    let other = lines[7].replace("\"_label_cost\":-1", "\"_label_cost\":0");
    let log = file(&dir, "log.json", format!("{}\n{other}\n", lines.join("\n")).as_bytes());
    let said = complaint(&[&log, "--policy", "uniform"]);
    assert!(
        said.contains("line 201, column ")
            && said.contains("EventId is \"e7\" again; allowed: each event once"),
        "{said}"
    );
}

#[test]
fn a_cost_that_is_not_the_one_that_was_logged_first_is_said() {
    let dir = TempDir::new().unwrap();
    let (expected, said) =
        evaluated(&file(&dir, "log.json", dsjson(&|_| String::new()).join("\n").as_bytes()));
    assert_eq!(said, "");
    let apprentice = dsjson(&|i| format!("\"_original_label_cost\":-{},", 1 - i % 2));
    let (result, said) = evaluated(&file(&dir, "log.json", apprentice.join("\n").as_bytes()));
    assert_eq!(result, expected);
    assert!(
        said.contains("200 decisions have a _label_cost that is not their _original_label_cost"),
        "{said}"
    );
    assert!(said.contains("_label_cost is what was used"), "{said}");
    let same = dsjson(&|i| format!("\"_original_label_cost\":-{}.0,", i % 2));
    assert_eq!(evaluated(&file(&dir, "log.json", same.join("\n").as_bytes())).1, "");
}

#[test]
fn decisions_that_were_put_off_and_never_made_are_passed_over() {
    let dir = TempDir::new().unwrap();
    let (expected, _) = evaluated(&file(&dir, "log.json", dsjson(&|_| String::new()).join("\n").as_bytes()));
    let made = dsjson(&|_| "\"_deferred\":true,\"o\":[{\"v\":1},{\"ActionTaken\":true}],".to_owned());
    assert_eq!(evaluated(&file(&dir, "log.json", made.join("\n").as_bytes())).0, expected);
    for never in [
        "\"_deferred\":true,",
        "\"DeferredAction\":true,",
        "\"_deferred\":true,\"o\":[{\"ActionTaken\":false}],",
    ] {
        let mut lines = dsjson(&|_| "\"_deferred\":false,".to_owned());
        lines.extend(dsjson(&|_| never.to_owned()));
        let (result, said) = evaluated(&file(&dir, "log.json", lines.join("\n").as_bytes()));
        assert_eq!(result, expected, "{never}");
        assert!(
            said.contains("200 lines whose decision was put off (_deferred) and never made were passed over"),
            "{said}"
        );
    }
}

#[test]
fn users_are_read_beside_the_columns_of_the_open_bandit_dataset() {
    let dir = TempDir::new().unwrap();
    let row = |i| format!("{},{},0.5,u{}\n", i % 2, i % 2, i / 8);
    let rows: String = (0..400).map(row).collect();
    let log = file(&dir, "log.csv", format!("item_id,click,propensity_score,user\n{rows}").as_bytes());
    let result = json(&[&log, "--policy", "uniform"], 0);
    assert_eq!((&result["unit"], &result["units"]), (&"user".into(), &50.into()));
}

#[test]
fn columns_that_nothing_reads_are_named() {
    let dir = TempDir::new().unwrap();
    let with = |columns: &[&str]| {
        let line = |(i, line): (usize, &str)| {
            let more: Vec<String> =
                columns.iter().map(|name| if i == 0 { (*name).to_owned() } else { "1".to_owned() }).collect();
            format!("{line},{}\n", more.join(","))
        };
        plain_log(2000).lines().enumerate().map(line).collect::<String>()
    };
    let (_, said) = evaluated(&file(&dir, "log.csv", with(&["user_id"]).as_bytes()));
    assert!(
        said.contains("log.csv: 1 column was passed over, namely \"user_id\"; read are action, reward"),
        "{said}"
    );
    let many: Vec<String> = (0..40).map(|i| format!("f{i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let (_, said) = evaluated(&file(&dir, "log.csv", with(&many).as_bytes()));
    assert!(
        said.contains("40 columns were passed over, such as \"f0\", \"f1\"") && !said.contains("\"f30\""),
        "{said}"
    );
    let (_, said) = evaluated(&file(&dir, "log.csv", plain_log(2000).as_bytes()));
    assert_eq!(said, "");
}

#[test]
fn a_header_of_millions_of_columns_is_none() {
    let dir = TempDir::new().unwrap();
    let header = format!("action,reward,propensity{}\n", ",".repeat(3_000_000));
    let said = complaint(&[&file(&dir, "log.csv", header.as_bytes()), "--policy", "uniform"]);
    assert!(
        said.contains("line 1, column ") && said.contains("a header of more than 65536 columns"),
        "{said}"
    );
}
