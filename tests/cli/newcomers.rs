//! What somebody new tries first, and what they are told.

use crate::util::{Dir, run};
use serde_json::Value;

#[test]
fn all_faults_of_a_file_are_told_with_their_lines_and_check_does_nothing_else() {
    let dir = Dir::new();
    dir.write(
        "mine.toml",
        "name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nepsillon = 0.1\nlambda = -1\nforgetting = 2\n",
    );
    let faults =
        ["did you mean `epsilon`?", "(line 4)", "lambda is -1", "(line 5)", "forgetting is 2", "(line 6)"];
    dir.run(&["simulate", "--policy", "./mine.toml"]).refused(&faults);
    let checked = dir.run(&["check", "mine.toml"]).exits(2);
    assert_eq!((checked.stdout().as_str(), checked.stderr().lines().count()), ("", 3));
    assert!(faults.iter().all(|part| checked.stderr().contains(part)), "{}", checked.stderr());
    assert!(
        checked.stderr().lines().all(|line| line.starts_with("rehearsal: mine.toml: ")),
        "{}",
        checked.stderr()
    );

    dir.write("gate.toml", "description = \"d\"\nalpha = 2\nbeta = 7\nminimum_effect = 0.1\nmax_user = 10\nmax_users = 100\nbatch = 10\n\n[[criteria]]\nkind = \"superior\"\nmetric = \"rewards\"\nscenarios = [\"steady\"]\n");
    let said = dir.run(&["check", "gate.toml"]).exits(2).stderr();
    for part in [
        "alpha is 2",
        "(line 2)",
        "beta is 7",
        "(line 3)",
        "did you mean `max_users`?",
        "(line 5)",
        "did you mean `reward`?",
        "(line 11)",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }

    dir.write(
        "short.toml",
        "name = \"short\"\ndescription = \"A month\"\nsteps = 0\n[moments]\nper_day = 99\n",
    );
    let said = dir.run(&["check", "short.toml"]).exits(2).stderr();
    assert!(said.contains("steps is 0") && said.contains("(line 3)") && said.contains("(line 5)"), "{said}");

    // A sound file of each sort is told for what it is, whatever stands in the folder.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, kind) in [
        ("personas/mover.toml", "persona"),
        ("scenarios/steady.toml", "scenario"),
        ("scenarios/gate.toml", "gate"),
        ("domains/tips.toml", "domain"),
        ("features/v2.toml", "feature-set"),
        ("prompts/v2.md", "prompt"),
    ] {
        let path = root.join(file).display().to_string();
        assert_eq!(dir.run(&["check", &path]).ok().stdout(), format!("{path}: a sound {kind}\n"));
    }
    dir.write("good.toml", "name = \"good\"\nexplorer = \"linucb\"\nfeatures = \"v1\"\n");
    let both = dir.run(&["check", "good.toml", "mine.toml"]).exits(2);
    assert_eq!(both.stdout(), "good.toml: a sound policy\n");
    dir.write("nothing.toml", "colour = 1\n");
    dir.run(&["check", "nothing.toml"])
        .refused(&["nothing in it says what it is; --as says it: gate, scenario"]);
    let said = dir.run(&["check", "nothing.toml", "--as", "policy"]).exits(2).stderr();
    for part in [
        "unknown field `colour`",
        "missing field `name`",
        "missing field `explorer`",
        "missing field `features`",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!dir.join("state").exists());
}

/// A fault in each of two places, and a misspelt key, in every sort of file that `check` knows besides.
#[test]
fn check_tells_all_faults_of_domains_feature_sets_experiments_and_prompts() {
    let dir = Dir::new();
    let all = |file: &str, text: &str, parts: &[&str]| {
        dir.write(file, text);
        let checked = dir.run(&["check", file]).exits(2);
        let lines = checked.stderr();
        assert_eq!((checked.stdout().as_str(), lines.lines().count()), ("", parts.len()), "{lines}");
        for (line, part) in lines.lines().zip(parts) {
            let (what, place) = part.split_once('|').unwrap();
            assert!(line.contains(what) && line.ends_with(&format!("(line {place})")), "{part} {line}");
            assert!(line.starts_with(&format!("rehearsal: {file}: ")), "{line}");
        }
    };
    let domain = "name = \"shop\"\nwait_hour = 24\n[[inputs]]\nof = \"candidate\"\nname = \"price\"\ntype = \"number\"\nminimum = 0\nmaximum = -1\n\
                  [[outcomes]]\nname = \"bought\"\nreward = 1e9\n";
    all(
        "shop.toml",
        domain,
        &[
            "did you mean `wait_hours`?|2",
            "inputs[0].maximum is -1|8",
            "outcomes[0].reward is 1000000000|11",
            "wait_hours is 24; allowed: nothing without default_outcome|2",
        ],
    );
    let sound =
        domain.replace("wait_hour = 24\n", "").replace("maximum = -1", "maximum = 9").replace("1e9", "1");
    dir.write("shop.toml", sound);
    let set = "name = \"own\"\ndomian = \"shop.toml\"\ndomain = \"shop.toml\"\n[[dimensions]]\nname = \"bias\"\nconstant = 101\n\
               [[dimensions]]\nname = \"price\"\ninput = \"candidate.prise\"\n";
    all(
        "own.toml",
        set,
        &[
            "did you mean `domain`?|2",
            "dimensions[0].constant is 101|6",
            "dimensions[1].input[0] is \"candidate.prise\"|9",
        ],
    );
    let set = set.replace("domian = \"shop.toml\"\n", "").replace("101", "1");
    dir.write(
        "own.toml",
        set.replace("input = \"candidate.prise\"", "input = \"candidate.price\"\nsteps = [{ divide = 9 }]"),
    );
    let experiment = "key = \"bolder\"\ncoverge = 0.5\ncoverage = 2\n[[variants]]\nname = \"control\"\n[[variants]]\nname = \"bolder\"\npolcy = \"linucb\"\n";
    all(
        "bolder.toml",
        experiment,
        &["did you mean `coverage`?|2", "did you mean `policy`?|8", "coverage is 2|3"],
    );
    dir.write(
        "bolder.toml",
        experiment.replace("coverge = 0.5\ncoverage = 2\n", "").replace("polcy", "policy"),
    );
    let prompt = "+++\nversion = \"short\"\ndescripton = \"x\"\ndescription = \"As short as can be\"\ninputs = [\"momnt\"]\n\
                  [parameters]\ntemperature = 9\n[[fallback]]\nkind = \"plan\"\ntext = { en = \"Write down one thing.\" }\n+++\n# system\n\
                  Write a tip.\n# user\nIt is {{ moment.time }}.\n{{ data }}\n";
    all(
        "short.md",
        prompt,
        &["did you mean `description`?|3", "did you mean `moment`?|5", "temperature is 9|7"],
    );
    dir.write(
        "short.md",
        prompt.replace("descripton = \"x\"\n", "").replace("momnt", "moment").replace("= 9", "= 1"),
    );
    // A policy is checked with what it names, which stands beside it.
    dir.write("by.toml", "name = \"by\"\nexplorer = \"egreedy\"\nfeatures = \"own.toml\"\n");
    // A program is not started.
    dir.write("program.toml", "name = \"program\"\ncommand = [\"./there-is-none\"]\n");
    let files = ["shop.toml", "own.toml", "bolder.toml", "short.md", "by.toml", "program.toml"];
    let sound = dir.run(&[&["check"], &files[..]].concat()).ok().stdout();
    let kinds: Vec<&str> = sound.lines().map(|line| line.rsplit_once(' ').unwrap().1).collect();
    assert_eq!(kinds, ["domain", "feature-set", "experiment", "prompt", "policy", "policy"]);
}

#[test]
fn an_hour_is_a_number_and_no_time_of_day() {
    let dir = Dir::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let persona = std::fs::read_to_string(root.join("personas/night-owl.toml")).unwrap();
    let line = persona
        .lines()
        .position(|line| line.trim_start().starts_with("hour = "))
        .expect("a window has an hour");
    let mut lines: Vec<&str> = persona.lines().collect();
    lines[line] = "hour = 21:30";
    dir.write("owl.toml", lines.join("\n"));
    let said = dir.run(&["check", "owl.toml"]).exits(2).stderr();
    assert!(
        said.contains("a time of day is written as a number of hours, here 21.5")
            && said.contains(&format!("(line {})", line + 1)),
        "{said}"
    );
    let request = r#"{"user":"u","context":{"hour":"21:30","weekday":0},"candidates":[{"id":"a"}]}"#;
    dir.run_with(&["score", "--policy", "uniform"], request).refused(&["context.hour", "here 21.5"]);
}

#[test]
fn own_kinds_beside_shipped_personas_are_explained_where_people_try_it() {
    let dir = Dir::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir(dir.join("people")).unwrap();
    let mover = std::fs::read_to_string(root.join("personas/mover.toml")).unwrap();
    std::fs::copy(root.join("personas/night-owl.toml"), dir.join("people/night-owl.toml")).unwrap();
    let kinds = mover.find("[kinds.").or_else(|| mover.find("[kinds]")).unwrap();
    let own = mover[..kinds].to_owned() + &mover[kinds..].replace("focus", "stretching");
    dir.write("people/mine.toml", own.replace("name = \"mover\"", "name = \"mine\""));
    let simulate = ["simulate", "--policy", "uniform", "--users", "32", "--personas", "people"];
    dir.run(&simulate).refused(&[
        "personas must know the same kinds of tip",
        "a folder of its own",
        "beside none of the shipped ones",
    ]);
}

#[test]
fn there_is_a_list_of_what_has_a_name() {
    let dir = Dir::new();
    for (what, name, part) in [
        ("personas", "night-owl", ""),
        ("scenarios", "steady", ""),
        (
            "policies",
            "egreedy-v2-by-kind",
            "egreedy (epsilon 0.1), features v2, a model for each kind of tip",
        ),
        ("policies", "uniform", "every candidate alike"),
        ("estimators", "doubly_robust", "Doubly robust: the model, mended by weighted residuals"),
    ] {
        let text = dir.run(&["list", what]).ok().stdout();
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("{name} ")))
            .unwrap_or_else(|| panic!("{name}: {text}"));
        assert!(line.len() > name.len() + 12 && line.contains(part), "{line}");
        let listed = dir.run(&["list", what, "--json"]).ok().json();
        let listed: Vec<&str> =
            listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert!(listed.contains(&name) && listed.len() == text.lines().count());
    }
    assert_eq!(dir.run(&["list", "people"]).code(), 2);
}

#[test]
fn it_speaks_less_or_more_and_in_colours_only_where_they_are_wanted() {
    let dir = Dir::new();
    dir.write(
        "log.csv",
        "action,reward,propensity,note\n".to_owned() + &"a,1,0.5,x\nb,0,0.5,y\n".repeat(200),
    );
    let evaluate = ["evaluate", "log.csv", "--policy", "uniform"];
    let usual = dir.run(&evaluate).ok();
    assert!(
        usual.stderr().starts_with("rehearsal: warning: log.csv: 1 column was passed over"),
        "{}",
        usual.stderr()
    );
    for quiet in ["-q", "--quiet"] {
        let ran = dir.run(&[&[quiet], &evaluate[..]].concat()).ok();
        assert_eq!((ran.stderr().as_str(), ran.stdout()), ("", usual.stdout()));
    }
    let more = dir.run(&[&evaluate[..], &["-v"]].concat()).ok();
    assert!(
        more.stderr().contains("rehearsal: reads log.csv") && more.stderr().contains("rehearsal: took "),
        "{}",
        more.stderr()
    );
    assert_eq!(more.stdout(), usual.stdout());
    let store = dir.run(&["stats", "-v"]).exits(2);
    assert!(store.stderr().contains("store: ./state"), "{}", store.stderr());
    assert_eq!(dir.run(&[&evaluate[..], &["-v", "-q"]].concat()).code(), 2);

    let coloured = dir.run(&[&evaluate[..], &["--color", "always"]].concat()).ok();
    assert!(
        coloured.stderr().contains("\u{1b}[1;33mwarning:\u{1b}[0m") && !coloured.stdout().contains('\u{1b}')
    );
    for (args, set) in [(&["--color", "never"][..], None), (&[], None), (&[], Some("1"))] {
        let mut command = dir.command(&[&evaluate[..], args].concat());
        set.map(|value| command.env("NO_COLOR", value));
        assert!(!run(command, b"").ok().stderr().contains('\u{1b}'));
    }
    let wrong = dir.run(&["evaluate", "--color=always", "--wrong"]).exits(2);
    assert!(wrong.stderr().contains('\u{1b}'), "{:?}", wrong.stderr());
    assert!(!dir.run(&["evaluate", "--color=never", "--wrong"]).exits(2).stderr().contains('\u{1b}'));
}

#[test]
fn a_project_says_what_is_given_each_time_below_options_and_variables() {
    let dir = Dir::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir(dir.join("people")).unwrap();
    std::fs::copy(root.join("personas/mover.toml"), dir.join("people/mover.toml")).unwrap();
    dir.write("mine.toml", "name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\n");
    dir.write(
        "rehearsal.toml",
        "state_dir = \"here\"\npersonas = \"people\"\npolicies = [\"mine.toml\", \"uniform\"]\n",
    );
    let request = r#"{"user":"u","context":{"hour":8.5,"weekday":0},"candidates":[{"id":"a"}]}"#;
    assert_eq!(dir.run_with(&["score"], request).ok().json()["policy"], "mine");
    assert!(dir.join("here/rehearsal.db").exists());
    assert_eq!(
        dir.run_with(&["score", "--policy", "linucb", "--store", "there"], request).ok().json()["policy"],
        "linucb"
    );
    assert!(dir.join("there/rehearsal.db").exists());
    let mut by_variable = dir.command(&["score"]);
    by_variable.env("REHEARSAL_STORE", "elsewhere");
    run(by_variable, request.as_bytes()).ok();
    assert!(dir.join("elsewhere/rehearsal.db").exists());
    let simulated = dir.run(&["simulate", "--users", "32", "--steps", "3", "--json"]).ok().json();
    assert_eq!(simulated["policies"], serde_json::json!(["mine", "uniform"]));
    assert!(dir.run(&["list", "personas"]).ok().stdout().lines().count() == 1);
    dir.run(&["check", "rehearsal.toml"]).ok();
    // A gate is that of the commands that have one.
    let numbers = "alpha = 0.05\nbeta = 0.05\nminimum_effect = 0.01\nbatch = 32\nmax_users = 32";
    dir.write("short.toml", "name = \"short\"\ndescription = \"A day\"\nsteps = 3\n");
    dir.write("gate.toml", format!("description = \"ours\"\n{numbers}\n[[criteria]]\nkind = \"superior\"\nmetric = \"reward\"\nscenarios = [\"./short.toml\"]\n"));
    dir.write("rehearsal.toml", "gate = \"gate.toml\"\npersonas = \"people\"\n");
    let verdict: Value =
        dir.run(&["promote-check", "--baseline", "uniform", "--challenger", "linucb", "--json"]).json();
    assert_eq!((&verdict["gate"], &verdict["people"]), (&"gate.toml".into(), &"people".into()));

    dir.write("rehearsal.toml", "personnas = \"people\"\nstore = \"\"\n");
    dir.run(&["stats"]).refused(&[
        "rehearsal.toml: ",
        "did you mean `personas`?",
        "(line 1)",
        "store is \"\"",
        "(line 2)",
    ]);
    dir.write("rehearsal.toml", "");
    dir.run(&["simulate", "--users", "32"]).refused(&["--policy names one and is required"]);
}

#[test]
fn results_of_evaluate_are_a_table_too() {
    let dir = Dir::new();
    dir.write(
        "log.csv",
        "action,reward,propensity\n".to_owned() + &"a,1,0.5\nb,0,0.5\nb,1,0.5\na,0,0.5\n".repeat(200),
    );
    dir.write("t,x.csv", "item,probability\na,0.9\nb,0.1\n");
    let args = ["evaluate", "log.csv", "--policy", "uniform", "--policy", "t,x.csv"];
    let csv = dir.run(&[&args[..], &["--csv", "--out", "out"]].concat()).ok().stdout();
    assert_eq!(csv, dir.read("out/evaluation.csv"));
    let json = dir.json("out/evaluation.json");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let column = |name: &str| {
        header.iter().position(|column| column == name).unwrap_or_else(|| panic!("{name}: {header:?}"))
    };
    let mut estimates = 0;
    for policy in json["policies"].as_array().unwrap() {
        for estimate in policy["estimates"].as_array().unwrap() {
            estimates += 1;
            let row = rows.iter().find(|row| {
                row[column("policy")] == *policy["policy"].as_str().unwrap()
                    && row[column("estimator")] == *estimate["estimator"].as_str().unwrap()
                    && row[column("minus")].is_empty()
            });
            let row = row.unwrap_or_else(|| panic!("{estimate}"));
            for field in ["value", "lower", "upper", "lambda"] {
                assert_eq!(row[column(field)].parse().ok(), estimate[field].as_f64(), "{estimate} {row:?}");
            }
        }
    }
    let differences = json["differences"][0]["estimates"].as_array().unwrap().len();
    let minus = |what: &str| rows.iter().filter(|row| row[column("minus")] == *what).count();
    assert_eq!((minus("uniform"), minus("")), (differences, estimates));
    assert_eq!(dir.run(&[&args[..], &["--csv", "--json"]].concat()).code(), 2);
}

#[test]
fn the_manual_has_examples_and_every_option_is_explained() {
    let man = Dir::new().run(&["man"]).ok().stdout();
    let examples = man.split_once(".SH EXAMPLES").expect("a section of examples").1;
    assert!(examples.matches(".B rehearsal ").count() >= 10, "{examples}");
    let mut lines = man.lines().peekable();
    while let Some(line) = lines.next() {
        if line == ".TP" {
            let (name, text) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
            assert!(!text.is_empty() && !text.starts_with('.'), "{name} is not explained");
        }
    }
    let completions = Dir::new().run(&["completions", "bash"]).ok().stdout();
    for choices in [
        "personas scenarios policies estimators",
        "auto parquet rehearsal obd dsjson vw csv",
        "normal bootstrap bernstein anytime",
        "auto always never",
        "fail pass",
    ] {
        assert!(completions.contains(choices), "{choices}");
    }
}

/// A struct of options whose documentation became that of its command once said "Options of a rehearsed rollout" for `simulate`.
#[test]
fn the_help_of_each_command_begins_with_what_the_list_of_commands_says() {
    let dir = Dir::new();
    let list = dir.run(&["--help"]).ok().stdout();
    let commands =
        list.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let mut count = 0;
    for (name, about) in
        commands.filter_map(|line| line.trim().split_once("  ")).filter(|(name, _)| *name != "help")
    {
        let help = dir.run(&[name, "--help"]).ok().stdout();
        assert!(help.starts_with(about.trim()), "{name}: {help}");
        count += 1;
    }
    assert!(count > 30, "{count} commands in {list}");
}
