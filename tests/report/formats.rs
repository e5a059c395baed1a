//! What the formats say: the same, to whoever reads them.

use super::*;

#[test]
fn every_format_says_the_same_and_other_peoples_parsers_read_it() {
    let schema = schema();
    for case @ (_, challenger, verdict, code) in [PROMOTE, REJECT, INCONCLUSIVE, SAME] {
        let dir = sandbox();
        let output = run(small(&dir, case).args(["--out", "out"]), b"").exits(code);
        let mut files: Vec<OsString> =
            fs::read_dir(dir.join("out")).unwrap().map(|f| f.unwrap().file_name()).collect();
        files.sort();
        let mut expected = FILES.map(OsString::from);
        expected.sort();
        assert_eq!(files, expected);

        let value = dir.json("out/verdict.json");
        assert_valid(&schema, &value);
        assert_eq!(
            (value["verdict"].as_str(), value["challenger"].as_str()),
            (Some(verdict), Some(challenger))
        );
        let reason = value["reason"].as_str().unwrap();
        let criteria = value["criteria"].as_array().unwrap();
        assert_eq!(criteria.len(), 4);
        for c in criteria {
            assert_eq!(c["standing"] == "holds", c["holds"] == true, "{c}");
            assert_eq!(c["standing"] == "unseen", c["users"] == 0, "{c}");
            // 1/beta is 20 in this gate.
            let refuted = c["refutation"].as_f64().is_none_or(|e| e >= 20.0);
            let open = c["holds"] == false && c["users"] != 0;
            assert_eq!(c["standing"] == "fails", open && refuted, "{c}");
            let line = format!("\n  {:<6} {} ", c["standing"].as_str().unwrap(), c["id"].as_str().unwrap());
            assert!(output.stdout().contains(&line), "{line:?}");
        }

        let text = dir.read("out/verdict.txt");
        assert_eq!(text, output.stdout());
        assert!(text.starts_with(&verdict.to_uppercase()), "{text}");

        let markdown = dir.read("out/verdict.md");
        assert!(markdown.contains(&verdict.to_uppercase()), "{markdown}");

        let report = quick_junit::Report::deserialize_from_str(&dir.read("out/junit.xml")).unwrap();
        let suite = &report.test_suites[0];
        assert_eq!((report.tests, suite.tests, suite.test_cases.len()), (5, 5, 5));
        assert_eq!(property(suite, "verdict"), verdict);
        let count = |wanted: fn(&TestCaseStatus) -> bool| {
            suite.test_cases.iter().filter(|c| wanted(&c.status)).count()
        };
        let failures = count(|s| matches!(s, TestCaseStatus::NonSuccess { .. }));
        let skipped = count(|s| matches!(s, TestCaseStatus::Skipped { .. }));
        assert_eq!((report.failures, suite.failures), (failures, failures));
        assert_eq!(failures == 0, verdict == "promote");
        // The verdict stands before the criteria, which are those of the JSON in its order.
        let ids = suite.test_cases[1..].iter().map(|c| c.name.as_str());
        assert!(ids.eq(criteria.iter().map(|c| c["id"].as_str().unwrap())));
        let unseen = criteria.iter().filter(|c| c["users"] == 0).count();
        assert_eq!((skipped, case == SAME), (unseen, unseen > 0));
        assert!(dir.read("out/junit.xml").contains(&format!("skipped=\"{skipped}\"")));

        let html = dir.read("out/report.html");
        assert!(said(&html).contains(reason), "{reason}");
        let charts = page(&html).descendants().filter(|n| n.has_tag_name(SVG)).count();
        assert_eq!(charts, if case == SAME { 2 } else { 16 }, "two widths of each chart");
    }
}

/// Who is judged by what stands at the top of each format, and what deserves attention stands in each.
#[test]
fn every_format_names_gate_and_people_and_warns() {
    let dir = sandbox();
    let gate =
        dir.read("gate.toml").replacen("\n[[criteria]]", "\n[propensity]\nleast = 0.001\n\n[[criteria]]", 1);
    dir.write("gate.toml", gate);
    let output =
        run(small(&dir, DETERMINISTIC).args(["--out", "out"]).env("GITHUB_ACTIONS", "true"), b"").ok();
    let value = dir.json("out/verdict.json");
    let warnings: Vec<&str> =
        value["warnings"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    assert_eq!(warnings.len(), 1, "{value:#}");
    assert_eq!((&value["gate"], &value["people"]), (&"gate.toml".into(), &"people".into()));
    let line = "gate: gate.toml, people: people, attempts: not counted";
    let markdown = dir.read("out/verdict.md");
    assert_eq!(markdown.lines().nth(2), Some(line));
    assert!(markdown.contains(&format!("- **Warning:** {}", warnings[0])), "{markdown}");
    let html = said(&dir.read("out/report.html"));
    assert!(html.find(line).unwrap() < html.find("How sure").unwrap() && html.contains(warnings[0]));
    // Both marks of the claim of superiority are in its chart.
    assert!(html.contains("a gain above 0.01") && html.contains("a gain above 0, however small"), "{html}");
    let xml = dir.read("out/junit.xml");
    let suite = quick_junit::Report::deserialize_from_str(&xml).unwrap().test_suites.remove(0);
    assert!(suite.name.as_str().ends_with(line), "{}", suite.name.as_str());
    let properties = ["gate", "people", "attempt"].map(|name| property(&suite, name));
    assert_eq!(properties, ["gate.toml", "people", "not counted"]);
    let told = suite.system_out.unwrap();
    assert_eq!(told.as_str(), format!("warning: {}", warnings[0]));
    let github = output.stderr();
    assert!(github.starts_with("::warning title=PROMOTE") && github.contains(warnings[0]), "{github}");
}

#[test]
fn what_is_only_advisory_is_shown_and_turns_nothing_red() {
    let dir = sandbox();
    // A greedy policy leaves some kind of tip unseen more often than one that chooses at random.
    let advisory = "[[criteria]]\nkind = \"not-inferior\"\nmetric = \"starvation\"\nscenarios = [\"./short.toml\"]\n\
                    margin = 0.001\nadvisory = true\n";
    let gate = dir.read("gate.toml") + advisory;
    dir.write("gate.toml", gate);
    let output = run(small(&dir, PROMOTE).args(["--out", "out"]).env("GITHUB_ACTIONS", "true"), b"").ok();
    assert_eq!(output.stderr(), "");
    assert!(output.stdout().contains("starvation/short (advisory)"), "{}", output.stdout());
    let verdict = dir.json("out/verdict.json");
    assert_valid(&schema(), &verdict);
    let report = quick_junit::Report::deserialize_from_str(&dir.read("out/junit.xml")).unwrap();
    let suite = &report.test_suites[0];
    assert_eq!((report.failures, suite.tests), (0, 6));
    let case = suite.test_cases.iter().find(|c| c.name.as_str() == "starvation/short").unwrap();
    assert!(matches!(case.status, TestCaseStatus::Skipped { .. }), "{:?}", case.status);
}

#[test]
fn the_schema_refuses_what_is_no_verdict() {
    let dir = sandbox();
    let output = run(small(&dir, PROMOTE).arg("--json"), b"").ok();
    let (schema, verdict) = (schema(), output.json());
    assert_valid(&schema, &verdict);
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let changes: [(&str, Value); 7] = [
        ("/verdict", "maybe".into()),
        ("/alpha", 0.0.into()),
        ("/seed", (1_u64 << 53).into()),
        ("/digests/gate", "abc".into()),
        ("/criteria", Value::Array(Vec::new())),
        ("/criteria/0/lower", (-1.5).into()),
        ("/criteria/0/holds", Value::Null),
    ];
    for (place, value) in changes {
        let mut changed = verdict.clone();
        *changed.pointer_mut(place).unwrap() = value;
        assert!(!validator.is_valid(&changed), "{place}");
    }
    for place in ["", "/criteria/0"] {
        for name in verdict.pointer(place).unwrap().as_object().unwrap().keys() {
            let mut changed = verdict.clone();
            changed.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name);
            assert!(!validator.is_valid(&changed), "without {place}/{name}");
        }
        let mut changed = verdict.clone();
        changed.pointer_mut(place).unwrap()["surprise"] = 1.into();
        assert!(!validator.is_valid(&changed), "more at {place}");
    }
    // What was there before is still the default.
    let profile = dir.run(&["schema"]).ok();
    assert_eq!(profile.json()["title"], "profile_features");
}

#[test]
fn the_text_answers_and_fits_a_terminal() {
    let dir = sandbox();
    for case @ (_, _, verdict, code) in [PROMOTE, REJECT, INCONCLUSIVE, SAME] {
        let output = run(small(&dir, case), b"").exits(code);
        let text = output.stdout();
        for answer in ["\n  why ", "\n  how sure ", "\n  next ", "\n  Again: rehearsal promote-check "] {
            assert_eq!(text.matches(answer).count(), 1, "{answer} in\n{text}");
        }
        let lines = text.lines().filter(|line| !line.starts_with("  Again: "));
        for line in lines {
            assert!(line.chars().count() <= 100 && line == line.trim_end(), "{line:?}");
        }
        let standings: Vec<&str> = ["fails", "open", "unseen", "holds"]
            .into_iter()
            .filter(|s| text.contains(&format!("\n  {s} ")))
            .collect();
        assert_eq!(standings == ["holds"], verdict == "promote", "{text}");
        // What does not hold comes first.
        let first = text.lines().skip_while(|line| !line.contains("difference")).nth(1).unwrap();
        assert_eq!(first.starts_with("  holds"), verdict == "promote", "{text}");
    }
}

#[test]
fn the_page_fetches_nothing_and_runs_nothing() {
    let dir = sandbox();
    run(small(&dir, REJECT).args(["--out", "out"]), b"").exits(1);
    let html = dir.read("out/report.html");
    let document = page(&html);
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let name = node.tag_name().name();
        assert!(!["script", "link", "img", "iframe", "object", "use", "image"].contains(&name), "{name}");
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            let inside = name == "href" && value.starts_with("#section-");
            let fetches = ["src", "href", "data"].contains(&name) && !inside;
            assert!(!name.starts_with("on") && !fetches, "{name}={value}");
            assert!(!value.contains("url("), "{name}={value}");
        }
    }
    let style = document.descendants().find(|n| n.tag_name().name() == "style").unwrap().text().unwrap();
    assert!(!style.contains("url(") && !style.contains("@import"));
    assert!(style.contains("prefers-color-scheme: dark"));
    // Every colour of every chart has a dark counterpart.
    for node in document.descendants().filter(|n| n.ancestors().any(|a| a.has_tag_name(SVG))) {
        for name in ["fill", "stroke"] {
            if let Some(value) = node.attribute(name).filter(|v| *v != "none") {
                assert!(style.contains(&format!("svg [{name}=\"{value}\"]")), "{name}={value}");
            }
        }
    }
}

#[test]
fn the_reports_are_the_same_for_any_number_of_threads() {
    let dir = sandbox();
    run(small(&dir, PROMOTE).args(["--out", "one", "--threads", "1"]), b"").ok();
    run(small(&dir, PROMOTE).args(["--out", "three", "--threads", "3"]), b"").ok();
    for file in FILES {
        assert_eq!(dir.read(&format!("one/{file}")), dir.read(&format!("three/{file}")), "{file}");
    }
}

/// A file name with all that is markup, quoting or a command somewhere.
#[cfg(unix)]
const HOSTILE: &str = "-a'b\"c<script>|d` ````& $(touch pwned)\n::error::x\r\n|x|\u{1}]]>.toml";

#[cfg(unix)]
#[test]
fn a_hostile_name_is_text_in_every_format() {
    let dir = sandbox();
    gate(&dir, HOSTILE, 192);
    let mut command = check(&dir, REJECT);
    command.arg(format!("--gate={HOSTILE}")).args(["--out", "out", "--summary", "summary.md"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", dir.join("step.md"));
    let output = run(command, b"").exits(1);
    let again = dir.json("out/verdict.json")["command"].as_str().unwrap().to_owned();
    assert!(again.contains("<script>") && !again.contains(char::is_control), "{again}");

    // Text and annotations: no workflow command but our own.
    assert!(!output.stdout().lines().any(|line| line.trim_start().starts_with("::")));
    assert!(
        output.stderr().lines().all(|line| line.starts_with("::error ") || line.starts_with("::warning "))
    );

    let html = dir.read("out/report.html");
    assert!(!html.contains("<script") && said(&html).contains(&again));

    let report = quick_junit::Report::deserialize_from_str(&dir.read("out/junit.xml")).unwrap();
    assert_eq!(property(&report.test_suites[0], "command"), again);

    let markdown = dir.read("out/verdict.md");
    assert_eq!(markdown, dir.read("summary.md"));
    assert_eq!(markdown, dir.read("step.md"));
    // The command stands in a fence that it cannot end.
    let lines: Vec<&str> = markdown.lines().collect();
    let at = lines.iter().position(|line| *line == again).unwrap();
    let fence = lines[at + 1];
    assert!(fence.len() > 4 && fence.chars().all(|c| c == '`') && lines[at - 1] == format!("{fence}sh"));
    assert!(!again.contains(fence));

    // A shell that runs the command gets the same verdict, and nothing else happens.
    if tool("bash").is_none() {
        return;
    }
    let folder = Path::new(BIN).parent().unwrap();
    let script = format!("PATH={}:$PATH; {again} --json", folder.display());
    let shell = run(Command::new("bash").args(["-c", &script]).current_dir(dir.path()), b"").exits(1);
    assert_eq!(shell.json(), dir.json("out/verdict.json"));
    assert!(!dir.join("pwned").exists());
}

#[test]
fn what_is_seen_on_the_way_adds_up() {
    let text = r#"
        description = "two scenarios, the second of which is the primary one"
        alpha = 0.05
        beta = 0.05
        minimum_effect = 0.01
        max_users = 40
        [[criteria]]
        kind = "not-inferior"
        metric = "reward"
        scenarios = ["cold-start"]
        margin = 0.001
        [[criteria]]
        kind = "superior"
        metric = "reward"
        scenarios = ["steady"]
    "#;
    let gate = GateSpec::from_toml(text, "gate").unwrap();
    let policy = |name| Policy::named(name).unwrap();
    let inputs =
        Inputs::new(gate, Persona::shipped().unwrap(), policy("egreedy-v1"), policy("linucb")).unwrap();
    let Judgement { verdict, evidence, .. } =
        inputs.run(UserSource::Simulation(None), String::new(), |_| {}).unwrap();
    let names: Vec<&str> = evidence.scenarios.iter().map(|s| s.scenario.as_str()).collect();
    assert_eq!(names, ["steady", "cold-start"]);
    let steady = evidence.primary();
    assert_eq!((steady.users, steady.steps), (40, 200));
    for persona in &steady.personas {
        for (reactions, figure) in persona.reactions.iter().zip([0, 1]) {
            assert_eq!(reactions.iter().sum::<u64>(), 40 * 200);
            // The rates are those of the reactions.
            for (metric, reaction) in [(Metric::CompletionRate, 0), (Metric::DismissRate, 3)] {
                let f = persona.figures.iter().find(|f| f.metric == metric).unwrap();
                let mean = [f.baseline, f.challenger][figure].unwrap();
                assert!((mean - reactions[reaction] as f64 / (40.0 * 200.0)).abs() < 1e-12);
            }
        }
    }
    // The figure is the criterion's estimate, and the mean of the curve is the figure.
    let reward = &steady.figures[0];
    let claim = verdict.criteria.iter().find(|c| c.kind == Claim::Superior).unwrap();
    assert!((reward.difference.unwrap() - claim.estimate.unwrap()).abs() < 1e-12);
    for (curve, mean) in evidence.curves().iter().zip([reward.baseline, reward.challenger]) {
        let sum: f64 = curve.points.iter().map(|p| p.mean).sum();
        assert!((sum / curve.points.len() as f64 - mean.unwrap()).abs() < 1e-12);
        assert!(curve.points.iter().all(|p| p.lower < Some(p.mean) && Some(p.mean) < p.upper));
    }
    assert_eq!(evidence.curves().len(), 2);
    // The paths end where the verdict stands.
    for path in &evidence.paths {
        let c = verdict.criteria.iter().find(|c| c.id == path.id).unwrap();
        let (users, log10_e) = *path.points.last().unwrap();
        assert_eq!(users, c.users);
        assert!((log10_e - c.e_value.log10()).abs() < 1e-9);
        // Against no gain at all there is more evidence than against the smallest that matters.
        assert_eq!(path.above_zero.is_empty(), c.kind != Claim::Superior);
        assert!(path.above_zero.last().is_none_or(|(_, more)| *more > log10_e), "{path:?}");
    }
    let (users, log10_e) = *evidence.rejection.last().unwrap();
    assert_eq!(users, verdict.users);
    assert!((log10_e - verdict.rejection_evidence.log10()).abs() < 1e-9);
}

/// As the schema of Jenkins' xUnit plugin has it (junit-10.xsd), which refuses what it does not know; reporters add times up.
#[test]
fn the_cases_of_junit_have_times_and_no_attribute_that_jenkins_does_not_know() {
    let allowed = |element: &str| -> &[&str] {
        match element {
            "testsuites" => &["name", "time", "tests", "failures", "disabled", "errors"],
            "testsuite" => &[
                "name",
                "tests",
                "failures",
                "errors",
                "group",
                "time",
                "skipped",
                "timestamp",
                "hostname",
                "id",
                "package",
            ],
            "testcase" => &["name", "assertions", "time", "classname", "status"],
            "property" => &["name", "value"],
            "failure" | "skipped" => &["type", "message"],
            "properties" | "system-out" => &[],
            other => panic!("{other}"),
        }
    };
    for case in [REJECT, SAME] {
        let dir = sandbox();
        run(small(&dir, case).args(["--out", "out"]), b"").exits(case.3);
        let text = dir.read("out/junit.xml");
        let document = roxmltree::Document::parse(&text).unwrap();
        for node in document.descendants().filter(roxmltree::Node::is_element) {
            let name = node.tag_name().name();
            for attribute in node.attributes() {
                assert!(allowed(name).contains(&attribute.name()), "{name} {}", attribute.name());
            }
            if ["testsuites", "testsuite", "testcase"].contains(&name) {
                assert!(node.attribute("time").is_some_and(|time| time.parse::<f64>().is_ok()), "{node:?}");
            }
        }
    }
}
