//! `rehearsal simulate --data` from outside.

use crate::util::Dir;

const POLICY: &str =
    "name = \"by-class\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\n";

fn table() -> String {
    let rows = "1,yes\n-1,no\n".repeat(200);
    format!("x,class\n{rows}")
}

#[test]
fn a_labelled_table_is_learned_and_the_result_has_its_fields() {
    let dir = Dir::new();
    dir.write("t.csv", table());
    dir.write("p.toml", POLICY);
    let args =
        ["simulate", "--data", "t.csv", "--label", "class", "--policy", "p.toml", "--policy", "uniform"];
    let result = dir.run(&[&args[..], &["--json", "--out", "out"]].concat()).ok().json();
    for (field, expected) in [("rows", 400), ("classes", 2), ("features", 2), ("seed", 0)] {
        assert_eq!(result[field], expected, "{field}");
    }
    let loss = |p: usize| result["policies"][p]["progressive_loss"].as_f64().unwrap();
    // Epsilon 0.1 on two classes is wrong in 5%, and a little more while learning; chance is 50%.
    assert!((0.03..0.08).contains(&loss(0)) && (0.48..0.52).contains(&loss(1)), "{result}");
    assert_eq!(result["policies"][0]["orders"].as_array().unwrap().len(), 10);
    assert_eq!(dir.json("out/table.json"), result);
    let one = dir.run(&[&args[..], &["--json", "--threads", "1"]].concat()).ok().json();
    assert_eq!(one, result);
}

#[test]
fn the_order_of_the_file_is_one_order() {
    let dir = Dir::new();
    dir.write("t.csv", table());
    dir.write("p.toml", POLICY);
    let args = ["simulate", "--data", "t.csv", "--label", "class", "--policy", "p.toml", "--in-order"];
    let result = dir.run(&[&args[..], &["--json"]].concat()).ok().json();
    assert_eq!(result["policies"][0]["orders"].as_array().unwrap().len(), 1);
    assert_eq!(result["policies"][0]["lower"], serde_json::Value::Null);
    let text = dir.run(&args).ok();
    assert!(text.stdout().starts_with("t.csv: 400 rows, 2 classes, 2 features, in the order of the file\n"));
}

#[test]
fn wrong_use_of_a_table_is_refused() {
    let dir = Dir::new();
    dir.write("t.csv", table());
    let simulate = |rest: &[&str]| dir.run(&[&["simulate", "--data", "t.csv"], rest].concat());
    simulate(&["--label", "klass", "--policy", "uniform"]).refused(&["klass", "did you mean \"class\"?"]);
    simulate(&["--label", "class", "--policy", "linucb"]).refused(&["structure = \"disjoint\""]);
    assert_eq!(simulate(&["--policy", "uniform"]).code(), 2);
    assert_eq!(simulate(&["--label", "class", "--policy", "uniform", "steady"]).code(), 2);
    dir.write("t.csv", table().replacen("-1,no", "NA,no", 1));
    simulate(&["--label", "class", "--policy", "uniform"]).refused(&["t.csv, line 3: x is \"NA\""]);
    let with_gaps = format!("y,{}", table()).replace("1,yes", "?,1,yes").replace("-1,no", "4,-1,no");
    dir.write("t.csv", with_gaps);
    simulate(&["--label", "class", "--policy", "uniform"]).refused(&[
        "t.csv, line 2: y is \"?\"; allowed: a value; leave out rows or columns with missing values, or fill them in",
    ]);
    dir.write("t.csv", format!(",{}", table()).replace("1,yes", "0,1,yes").replace("-1,no", "1,-1,no"));
    simulate(&["--label", "class", "--policy", "uniform"]).refused(&[
        "t.csv, line 1: the header is blank in its field 1; allowed: a name for each column, each once; pandas writes such a first \
         one unless `index=False`",
    ]);
    let orders = ["--label", "class", "--policy", "uniform", "--orders", "3", "--in-order"];
    assert_eq!(simulate(&orders).code(), 2);
}
