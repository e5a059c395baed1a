//! A log in which the best item depends on the context: what a policy is worth there that knows of it.

use super::{SHOP, SHOP_SET, shop};
use crate::util::Dir;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::SplitMix64;
use serde_json::{Value, json};
use std::sync::Arc;

const DEVICES: [&str; 3] = ["mobile", "desktop", "tablet"];
const ITEMS: [&str; 3] = ["a", "b", "c"];

/// A logged decision: device, item and reward, of a policy that chooses at random. Each device has an item that pays in 0.614 of
/// its decisions, the others pay in 0.3035; so the best policy is worth 0.614, and the best that does not know of the device
/// 0.407. How often each has paid is exact, so that nothing here is luck but who met what.
fn decisions() -> Vec<(usize, usize, f64)> {
    let mut rng = SplitMix64::seed_from_u64(25);
    let mut met = [[0.0_f64; 3]; 3];
    (0..9000)
        .map(|_| {
            let (device, item) = (rng.random_range(0..3), rng.random_range(0..3));
            let pays: f64 = if device == item { 0.614 } else { 0.3035 };
            let times = &mut met[device][item];
            *times += 1.0;
            (device, item, (*times * pays).floor() - ((*times - 1.0) * pays).floor())
        })
        .collect()
}

pub(super) fn csv() -> String {
    let mut text = "screen,action,reward,propensity,price\n".to_owned();
    for (device, item, reward) in decisions() {
        text +=
            &format!("{},{},{reward},0.3333333333333333,{}\n", DEVICES[device], ITEMS[item], 10 * (item + 1));
    }
    text
}

pub(super) fn dsjson() -> String {
    let line = |(i, (device, item, reward)): (usize, (usize, usize, f64))| {
        let order: Vec<usize> = [item].into_iter().chain((0..3).filter(|other| *other != item)).collect();
        let actions: Vec<Value> = ITEMS
            .iter()
            .map(|item| json!({"_tag": item, "Item": {"category": "shoes", "new": null}}))
            .collect();
        let p = [1.0 / 3.0; 3];
        json!({"_label_cost": -reward, "_label_probability": p[0], "_label_Action": item + 1, "_labelIndex": item,
            "Timestamp": "2019-11-25T06:30:00Z", "EventId": format!("e{i}"), "a": order.iter().map(|k| k + 1).collect::<Vec<_>>(),
            "c": {"User": {"screen": DEVICES[device], "age": 3}, "_multi": actions}, "p": p})
        .to_string()
            + "\n"
    };
    decisions().into_iter().enumerate().map(line).collect()
}

fn vw() -> String {
    let mut text = String::new();
    for (device, item, reward) in decisions() {
        // A word alone is a category of its namespace.
        text += &format!("shared |screen {}\n", DEVICES[device]);
        for (k, name) in ITEMS.iter().enumerate() {
            if k == item {
                text += &format!("{k}:{}:0.3333333333333333 ", -reward);
            }
            text += &format!("'{name} |i category=shoes price:{}\n", 10 * (k + 1));
        }
        text += "\n";
    }
    text
}

/// The same as Parquet, in which a price of every tenth decision is not known.
fn parquet(dir: &Dir) {
    let decisions = decisions();
    let schema = "message log { required binary screen (UTF8); required binary action (UTF8); required boolean reward; \
                  required double propensity; optional int64 price; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let file = std::fs::File::create(dir.join("log.parquet")).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::default())).unwrap();
    // Groups that end amid what is read at once.
    for rows in decisions.chunks(2500) {
        let mut group = writer.next_row_group().unwrap();
        let texts = |of: &dyn Fn(&(usize, usize, f64)) -> &'static str| -> Vec<ByteArray> {
            rows.iter().map(|row| of(row).into()).collect()
        };
        macro_rules! column {
            ($Type:ty, $values:expr, $levels:expr) => {{
                let mut column = group.next_column().unwrap().unwrap();
                column.typed::<$Type>().write_batch(&$values, $levels, None).unwrap();
                column.close().unwrap();
            }};
        }
        column!(ByteArrayType, texts(&|row| DEVICES[row.0]), None);
        column!(ByteArrayType, texts(&|row| ITEMS[row.1]), None);
        column!(BoolType, rows.iter().map(|row| row.2 == 1.0).collect::<Vec<_>>(), None);
        column!(DoubleType, vec![0.333_333_333_333_333_3; rows.len()], None);
        let is_there: Vec<i16> = (0..rows.len()).map(|i| i16::from(i % 10 != 9)).collect();
        let there = rows.iter().zip(&is_there).filter(|(_, there)| **there == 1);
        let prices: Vec<i64> = there.map(|(row, _)| 10 * (row.1 as i64 + 1)).collect();
        column!(Int64Type, prices, Some(&is_there[..]));
        group.close().unwrap();
    }
    writer.close().unwrap();
}

/// The shop, whose logs call the device another name.
pub(super) fn with_log() -> Dir {
    let dir = shop();
    dir.write(
        "shop.toml",
        SHOP.replacen("type = \"category\"\n", "type = \"category\"\nin_logs = \"screen\"\n", 1),
    );
    dir
}

pub(super) fn value(evaluation: &Value, policy: &str, estimator: &str) -> f64 {
    let policies = evaluation["policies"].as_array().unwrap();
    let own = policies.iter().find(|own| own["policy"] == policy).unwrap();
    let estimate =
        own["estimates"].as_array().unwrap().iter().find(|own| own["estimator"] == estimator).unwrap();
    estimate["value"].as_f64().unwrap_or_else(|| panic!("{own}"))
}

const ARGS: [&str; 8] = [
    "--policy",
    "by-device.toml",
    "--policy",
    "by-item.toml",
    "--estimator",
    "snips",
    "--estimator",
    "doubly_robust",
];

fn evaluate(dir: &Dir, log: &str, more: &[&str]) -> (Value, String) {
    dir.write("by-item.toml", "name = \"by-item\"\nexplorer = \"egreedy\"\nepsilon = 0.005\nfeatures = \"v1\"\nstructure = \"disjoint\"\n");
    let mut args = vec!["evaluate", log, "--json"];
    args.extend(ARGS);
    args.extend(more);
    let ran = dir.run(&args).ok();
    (ran.json(), ran.stderr())
}

/// A learner explores a little, and errs at first.
fn is_worth_it(evaluation: &Value) {
    for estimator in ["snips", "doubly_robust"] {
        let [own, plain] = ["by-device", "by-item"].map(|policy| value(evaluation, policy, estimator));
        assert!(own >= 0.6 && plain < 0.42, "{estimator}: {own} and {plain}");
    }
}

#[test]
fn a_policy_that_knows_the_device_is_worth_more_in_every_format() {
    let dir = with_log();
    dir.write("log.csv", csv());
    dir.write("log.json", dsjson());
    dir.write("log.vw", vw());
    let (by_name, said) = evaluate(&dir, "log.csv", &[]);
    is_worth_it(&by_name);
    assert!(
        said.contains("says nothing of these inputs of domain shop") && said.contains("candidate.new"),
        "{said}"
    );
    assert!(!said.contains("context.device"), "{said}");
    // Named on the command line, whatever the domain's file says.
    dir.write("shop.toml", SHOP);
    let (named, _) = evaluate(&dir, "log.csv", &["--columns", "context:device=screen"]);
    assert_eq!(named["policies"], by_name["policies"]);
    let plain = dir.run(&["evaluate", "log.csv", "--policy", "by-device.toml", "--estimator", "snips"]);
    assert!(plain.stderr().contains("1 column was passed over, namely \"screen\""), "{}", plain.stderr());
    dir.write(
        "mapped.toml",
        SHOP.replacen("type = \"category\"\n", "type = \"category\"\nin_logs = \"screen\"\n", 1),
    );
    let (mapped, _) = evaluate(&dir, "log.csv", &["--domain", "mapped.toml"]);
    assert_eq!(mapped["policies"], by_name["policies"]);
    parquet(&dir);
    let (of_parquet, said) = evaluate(&dir, "log.parquet", &["--domain", "mapped.toml"]);
    // Nobody looks at the price but for what it is called.
    assert_eq!(of_parquet["policies"], by_name["policies"]);
    assert!(said.contains("candidate.new") && !said.contains("context.device"), "{said}");
    // Where a row does not say it, it is what another said.
    assert!(!said.contains("candidate.price") && !said.contains("log.parquet: in "), "{said}");
    let (named, _) = evaluate(&dir, "log.parquet", &["--columns", "context:device=screen"]);
    assert_eq!(named["policies"], by_name["policies"]);
    for log in ["log.json", "log.vw"] {
        let (same, said) = evaluate(&dir, log, &["--domain", "mapped.toml"]);
        is_worth_it(&same);
        // The features are the same, and so is what they lead to.
        let [own, other] = [&same, &by_name].map(|evaluation| value(evaluation, "by-device", "snips"));
        assert!((own - other).abs() < 1e-9, "{log}: {own} is not {other}");
        assert!(said.contains("profile.orders"), "{said}");
    }
}

/// What is built in sees the inputs of a table as a copy of its feature set does, and models are kept by the domain's kind.
#[test]
fn built_in_policies_see_what_a_table_says() {
    let dir = Dir::new();
    let mut rng = SplitMix64::seed_from_u64(29);
    let mut text = "action,reward,propensity,urgent,art,clock\n".to_owned();
    for _ in 0..4000 {
        let (item, morning) = (rng.random_range(0..3), rng.random_bool(0.5));
        let pays = if (item == 0) == morning { 0.7 } else { 0.2 };
        let (urgent, art, clock) =
            ([0.9, 0.5, 0.1][item], ["x", "y", "y"][item], if morning { 3 } else { 15 });
        let reward = u8::from(rng.random_bool(pays));
        text += &format!("{},{reward},0.3333333333333333,{urgent},{art},{clock}\n", ITEMS[item]);
    }
    dir.write("log.csv", text);
    // Not the same to the byte, or it would be v2 itself.
    let copy = include_str!("../../features/v2.toml").replace("name = \"v2\"", "name = \"copy\"");
    dir.write("copy.toml", copy + "[[dimensions]]\nname = \"more\"\nconstant = 0\nhidden = true\n");
    for structure in ["shared", "disjoint"] {
        for (name, features) in [("own", "copy.toml"), ("built-in", "v2")] {
            dir.write(
                &format!("{name}.toml"),
                format!(
                    "name = \"{name}\"\nexplorer = \"egreedy\"\nfeatures = \"{features}\"\nstructure = \"{structure}\"\n"
                ),
            );
        }
        let values = |columns: &str| {
            let mut args = vec!["evaluate", "log.csv", "--json", "--domain", "tips", "--estimator", "snips"];
            args.extend(["--policy", "own.toml", "--policy", "built-in.toml", "--columns", columns]);
            let found = dir.run(&args).ok().json();
            ["own", "built-in"].map(|policy| value(&found, policy, "snips"))
        };
        let of_priority = "candidate:priority=urgent";
        let [own, built_in] = values(&format!("{of_priority},context:hour=clock"));
        assert_eq!(own, built_in, "{structure}");
        let [_, without] = values(of_priority);
        assert!(built_in > without, "{structure}: {built_in} is not more than {without} without the hour");
        if structure == "disjoint" {
            // Two items of one kind share a model: what was taught is another thing.
            let [own, by_kind] = values(&format!("{of_priority},context:hour=clock,candidate:kind=art"));
            assert!(own == by_kind && by_kind != built_in, "{own} {by_kind} {built_in}");
        }
    }
    // A log that says nothing of its items tells no shared policy one from another.
    let alike = [
        "evaluate",
        "log.csv",
        "--domain",
        "tips",
        "--policy",
        "egreedy-v2",
        "--columns",
        "context:hour=clock",
    ];
    dir.run(&alike).refused(&["egreedy-v2: all candidates look alike to it"]);
}

/// Which inputs a table has does not depend on what else its format is.
#[test]
fn tables_of_every_format_keep_the_inputs_of_a_domain() {
    let dir = with_log();
    dir.write("shop-v1.toml", SHOP_SET.replace("[\"a\", \"b\", \"c\"]", "[\"0\", \"1\", \"2\"]"));
    let table = |header: &str| {
        let row = |(device, item, reward): (usize, usize, f64)| {
            format!("{},{item},{reward},0.3333333333333333,1,{}\n", DEVICES[device], 10 * (item + 1))
        };
        format!("{header}\n") + &decisions().into_iter().map(row).collect::<String>()
    };
    dir.write("plain.csv", table("screen,action,reward,propensity,position,price"));
    dir.write("obd.csv", table("screen,item_id,click,propensity_score,position,price"));
    let (plain, _) = evaluate(&dir, "plain.csv", &[]);
    is_worth_it(&plain);
    let (open_bandit, said) = evaluate(&dir, "obd.csv", &[]);
    assert_eq!(open_bandit["policies"], plain["policies"]);
    assert!(said.contains("says nothing of these inputs") && !said.contains("context.device"), "{said}");

    // An input that stands there twice could be either.
    dir.write("twice.csv", table("screen,action,reward,propensity,screen,price"));
    dir.run(&["evaluate", "twice.csv", "--policy", "by-device.toml", "--force"]).refused(&[
        "twice.csv, line 1, column 33: the header is \"screen\" again; allowed: each column once",
    ]);

    // Of Parquet too, where what is null is unknown. What nothing reads is named.
    let (domain, set) = (
        "name = \"shop\"\n[[inputs]]\nof = \"context\"\nname = \"whole\"\ntype = \"number\"\n[[inputs]]\nof = \"context\"\nname = \"n\"\n\
         type = \"number\"\nin_logs = \"nulls\"\n[[inputs]]\nof = \"context\"\nname = \"who\"\ntype = \"category\"\n[[outcomes]]\nname = \"x\"\nreward = 1\n",
        "name = \"own\"\ndomain = \"domain.toml\"\n[[dimensions]]\nname = \"item\"\ninput = \"candidate.id\"\nsteps = [{ one_hot = [\"item 0\", \"item 1\"] }]\n\
         [[dimensions]]\nname = \"whole\"\ninput = \"context.whole\"\nsteps = [{ clip = [0, 300] }, { divide = 300 }]\n\
         [[dimensions]]\nname = \"n\"\ninput = \"context.n\"\nsteps = [{ clip = [0, 1] }]\nunknown = -1\n\
         [[dimensions]]\nname = \"who\"\ninput = \"context.who\"\nsteps = [{ hash = { bits = 3 } }]\n\
         [[dimensions]]\nname = \"all\"\ncross = [\"item\", \"n\"]\n",
    );
    dir.write("domain.toml", domain);
    dir.write("own.toml", set);
    dir.write("policy.toml", "name = \"own\"\nexplorer = \"egreedy\"\nfeatures = \"own.toml\"\n");
    dir.write("log.parquet", include_bytes!("../evaluation/parquet/snappy.parquet"));
    let rows = include_str!("../evaluation/parquet/log.csv");
    let more = |(i, line): (usize, &str)| match i {
        0 => format!("{},whole,nulls\n", line.trim_end()),
        8 => format!("{},{},\n", line.trim_end(), i - 1),
        _ => format!("{},{},1\n", line.trim_end(), i - 1),
    };
    dir.write("log.csv", rows.lines().enumerate().map(more).collect::<String>());
    let run = |log: &str, who: &str| {
        let columns = format!("context:who={who}");
        dir.run(&["evaluate", log, "--policy", "policy.toml", "--json", "--force", "--columns", &columns])
    };
    let (parquet, csv) = (run("log.parquet", "user"), run("log.csv", "user"));
    assert_eq!(parquet.json(), csv.json(), "{}", parquet.stderr());
    assert!(parquet.stderr().contains("4 columns were passed over, namely"), "{}", parquet.stderr());
    assert!(csv.json()["policies"] != run("log.csv", "mine").json()["policies"]);
    run("log.parquet", "listed.list.element").refused(&["column \"listed.list.element\"", "in a list"]);
    run("log.parquet", "nowhere").refused(&["log.parquet: unknown column \"nowhere\""]);
}

#[test]
fn own_logs_are_read_by_the_domain_and_unheard_decisions_have_its_default() {
    let dir = shop();
    let request = r#"{"user":"ann","context":{"device":"mobile"},"candidates":[{"id":"a"},{"id":"b","price":3},{"id":"c","category":"x"}]}"#;
    let lines = format!("{request}\n").repeat(40);
    let decided = dir.run_with(&["score", "--policy", "by-device.toml", "--jsonl"], lines).ok().jsonl();
    let rewards: String = decided
        .iter()
        .skip(20)
        .map(|d| json!({"decision": d["decision_id"], "reaction": "bought"}).to_string() + "\n")
        .collect();
    dir.run_with(&["reward", "--policy", "by-device.toml", "--jsonl"], rewards).ok();
    let spread = |hours: u64| {
        // The log as it would be had the first decision been made so long before the last reward.
        let shift = |line: &str| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            line["time_ms"] = (line["time_ms"].as_u64().unwrap() - hours * 3_600_000).into();
            line.to_string() + "\n"
        };
        std::fs::create_dir_all(dir.join("log")).unwrap();
        let decisions = dir.run(&["log", "decisions"]).ok().stdout();
        dir.write("log/decisions.jsonl", decisions.lines().map(shift).collect::<String>());
        dir.write("log/rewards.jsonl", dir.run(&["log", "rewards"]).ok().stdout());
        dir.run(&["evaluate", "log", "--policy", "by-device.toml", "--json", "--force", "--estimator", "ips"])
    };
    let early = spread(1);
    assert_eq!(early.json()["rows"], 20, "{}", early.stderr());
    let late = spread(25);
    assert_eq!(late.json()["rows"], 40, "{}", late.stderr());
    assert!(
        late.stderr().contains("20 decisions of which nothing was heard count as \"nothing\""),
        "{}",
        late.stderr()
    );
    assert_eq!(late.json()["on_policy_mean"], 0.5);
    // A log of another domain is refused with both sides named.
    dir.write("shop.toml", SHOP.replace("reward = 0.2", "reward = 0.3"));
    dir.run(&["evaluate", "log", "--policy", "by-device.toml"]).refused(&[
        "line 1",
        "domain is shop (",
        "allowed: shop (",
    ]);
    // Whoever looks at no inputs need not know them.
    assert_eq!(dir.run(&["evaluate", "log", "--policy", "uniform", "--json", "--force"]).json()["rows"], 40);
}

#[test]
fn what_a_log_does_not_say_or_says_wrongly_is_named() {
    let dir = with_log();
    dir.write("log.csv", csv().replacen("mobile,", "\"mo\u{0}bile\",", 1));
    let args = |log: &'static str| ["evaluate", log, "--policy", "by-device.toml", "--estimator", "snips"];
    dir.run(&args("log.csv")).refused(&["log.csv, line 1", "the character NUL"]);
    dir.write("log.csv", csv().replacen(",10\n", ",ten\n", 1));
    dir.run(&args("log.csv"))
        .refused(&["log.csv, line", "price is \"ten\"; allowed: a number in [0, 100000]"]);
    dir.write("log.csv", csv());
    let mut more = args("log.csv").to_vec();
    more.extend(["--columns", "context:screen=screen"]);
    dir.run(&more).refused(&["unknown input \"context.screen\"", "context.device"]);
    *more.last_mut().unwrap() = "context:device=nowhere";
    dir.run(&more).refused(&["unknown column \"nowhere\""]);
    dir.run(&["evaluate", "log.csv", "--policy", "uniform", "--columns", "context:device=screen"])
        .refused(&["--columns is context:device"]);
    // Parquet's values are checked as CSV's are.
    parquet(&dir);
    let one_level = "type = \"category\"\nlevels = [\"mobile\"]\nin_logs = \"screen\"\n";
    dir.write("shop.toml", SHOP.replacen("type = \"category\"\n", one_level, 1));
    dir.write("shop-v1.toml", SHOP_SET.replacen("\"mobile\", \"desktop\", \"tablet\"", "\"mobile\"", 1));
    dir.run(&args("log.parquet")).refused(&["log.parquet, row", "device is \"", "allowed: one of mobile"]);
    dir.write("shop.toml", SHOP);
    dir.write("shop-v1.toml", SHOP_SET);
    let mut of_parquet = args("log.parquet").to_vec();
    of_parquet.extend(["--columns", "context:device=nowhere"]);
    dir.run(&of_parquet).refused(&["log.parquet", "unknown column \"nowhere\"", "screen"]);
    of_parquet[2..4].copy_from_slice(&["--policy", "uniform"]);
    dir.run(&of_parquet).refused(&["--columns is context:device"]);
    let plain = dir.run(&args("log.parquet"));
    assert!(plain.stderr().contains("1 column was passed over, namely \"screen\""), "{}", plain.stderr());
    dir.write(
        "shop.toml",
        SHOP.replacen("type = \"category\"\n", "type = \"category\"\nin_logs = \"screen\"\n", 1),
    );
    // Outcomes have names in the domain.
    let named = csv().replace(",0,0.33", ",nothing,0.33").replace(",1,0.33", ",bought,0.33");
    dir.write("named.csv", &named);
    let [own, other] = ["named.csv", "log.csv"].map(|log| dir.run(&args(log)).ok().stdout().replace(log, ""));
    assert_eq!(own, other);
    dir.write("named.csv", named.replacen("bought", "taken", 1));
    dir.run(&args("named.csv")).refused(&[
        "reward is \"taken\"; allowed: a number, true or false, or an outcome: bought, clicked, nothing",
    ]);
    // An item that changes is said.
    dir.write("log.csv", csv().replacen(",10\n", ",11\n", 1));
    let said = dir.run(&args("log.csv")).stderr();
    assert!(said.contains("the chosen item is not what it was when it was chosen first"), "{said}");
}

/// A cell that is empty where an item is met first says nothing of what the item is.
#[test]
fn an_item_is_what_the_first_row_that_says_it_says() {
    let dir = with_log();
    let set = SHOP_SET.replacen("[[dimensions]]", "[[dimensions]]\nname = \"price\"\ninput = \"candidate.price\"\nsteps = [{ clip = { maximum = 90 } }, { divide = 30 }]\n\n[[dimensions]]", 1);
    dir.write("shop-v1.toml", set);
    let run = |text: String| {
        dir.write("log.csv", text);
        let args = ["evaluate", "log.csv", "--policy", "by-device.toml", "--json", "--estimator", "snips"];
        dir.run(&[&args[..], &["--columns", "context:device=screen"]].concat()).ok()
    };
    let full = run(csv());
    let mut gaps = csv();
    for price in ["10", "20", "30"] {
        gaps = gaps.replacen(&format!(",{price}\n"), ",\n", 1);
    }
    assert_eq!(gaps.matches(",\n").count(), 3);
    let gaps = run(gaps);
    assert_eq!(gaps.json()["policies"], full.json()["policies"]);
    assert!(!gaps.stderr().contains("is not what it was"), "{}", gaps.stderr());
    // All others know it by the first that is said, also those before.
    let seldom = csv().replace(",10\n", ",\n");
    let last = seldom.rfind(",a,").unwrap();
    let (before, after) = seldom.split_at(last);
    let once = run(before.to_owned() + &after.replacen(",\n", ",10\n", 1));
    assert_eq!(once.json()["policies"], full.json()["policies"]);
}

/// Whoever chooses knows neither the reward nor with which probability they will.
#[test]
fn what_is_known_too_late_is_no_input() {
    let dir = with_log();
    let run =
        |column: &str| dir.run(&["evaluate", "log.csv", "--policy", "by-device.toml", "--columns", column]);
    dir.write("log.csv", csv());
    for late in ["reward", "propensity"] {
        let column = format!("context:device={late}");
        let said = format!("--columns is context:device={late}; allowed: a column of what is known when");
        run(&column).refused(&[&said]);
    }
    let input = "type = \"category\"\nin_logs = \"reward\"\n";
    dir.write("shop.toml", SHOP.replacen("type = \"category\"\n", input, 1));
    run("action=action").refused(&["in_logs of input context.device is \"reward\"; allowed: a column"]);
}

#[test]
fn a_time_says_hour_and_weekday_and_a_column_that_may_be_two_inputs_is_named() {
    let dir = Dir::new();
    let row = |i: usize| {
        format!("2019-11-{:02} 0{}:30:00,{},{},0.5\n", 1 + i / 24, i % 10, ["a", "b"][i % 2], i % 3 % 2)
    };
    let rows: String = (0..400).map(row).collect();
    dir.write("log.csv", format!("timestamp,action,reward,propensity\n{rows}"));
    let args = ["evaluate", "log.csv", "--policy", "uniform", "--domain", "tips", "--force"];
    let said = dir.run(&args).stderr();
    assert!(said.contains("candidate.kind") && !said.contains("context.hour"), "{said}");
    let row = |i: usize| format!("{},{},{},0.5\n", i % 24, ["a", "b"][i % 2], i % 3 % 2);
    let rows: String = (0..400).map(row).collect();
    dir.write("log.csv", format!("hour,action,reward,propensity\n{rows}"));
    let said = dir.run(&args).stderr();
    assert!(said.contains("column \"hour\" may be context.hour or candidate.hour: say which, as with --columns context:hour=hour"), "{said}");
}
