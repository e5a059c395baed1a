//! Criteria on a metric of which neither more nor less is better: they say a direction.

use crate::util::Dir;
use rehearsal::gate::GateSpec;
use serde_json::Value;

/// A gate with one more criterion, on this metric.
fn gate(metric: &str, rest: &str) -> String {
    format!(
        "{}[[criteria]]\nkind = \"not-inferior\"\nmetric = \"{metric}\"\nscenarios = [\"short.toml\"]\n{rest}\n",
        super::GATE
    )
}

#[test]
fn a_direction_is_asked_for_where_there_is_none_and_not_turned_round_where_there_is() {
    let said = |metric: &str, rest: &str| {
        let text = gate(metric, &format!("margin = 0.1\n{rest}"));
        GateSpec::from_toml(&text, "gate.toml").err().map(|error| error.to_string())
    };
    let missing = "gate.toml: criteria[2].better is missing; allowed: \"more\" or \"less\": neither is better of itself \
                   for snooze_rate (line 17)";
    assert_eq!(said("snooze_rate", ""), Some(missing.to_owned()));
    for stated in ["more", "less"] {
        assert_eq!(said("snooze_rate", &format!("better = \"{stated}\"")), None);
    }
    assert!(said("snooze_rate", "better = \"most\"").unwrap().contains("`more` or `less`"));
    for (metric, own, other) in [("reward", "more", "less"), ("dismiss_rate", "less", "more")] {
        assert_eq!(said(metric, ""), None);
        assert_eq!(said(metric, &format!("better = \"{own}\"")), None);
        let turned = format!(
            "gate.toml: criteria[2].better is \"{other}\"; allowed: \"{own}\" or nothing: {own} of {metric} is better"
        );
        let said = said(metric, &format!("better = \"{other}\"")).unwrap();
        assert!(said.starts_with(&turned) && said.contains(" (line "), "{said}");
    }
}

/// Both ways at once say that the rate may change by less than the margin.
#[test]
fn both_directions_of_one_metric_are_two_criteria() {
    let dir = Dir::new();
    dir.write("short.toml", super::SHORT);
    let both = gate("snooze_rate", "margin = 0.3\nbetter = \"more\"").replace(super::GATE, "");
    dir.write("gate.toml", gate("snooze_rate", "margin = 0.3\nbetter = \"less\"") + &both);
    let args =
        ["promote-check", "--gate", "gate.toml", "--baseline", "uniform", "--challenger", "egreedy-v2"];
    let ran = dir.run(&[&args[..], &["--json"]].concat());
    let verdict: Value = ran.exits(0).json();
    let criteria = verdict["criteria"].as_array().unwrap();
    let find =
        |id: &str| criteria.iter().find(|c| c["id"] == id).unwrap_or_else(|| panic!("no {id}: {verdict}"));
    let (more, less) = (find("snooze_rate/short/more"), find("snooze_rate/short/less"));
    assert_eq!((&more["better"], &less["better"]), (&Value::from("more"), &Value::from("less")));
    assert_eq!(find("reward/short/superior").get("better"), None);
    // One difference, read in two ways.
    assert_eq!(more["estimate"], less["estimate"]);
    assert_eq!((&more["lower"], &more["upper"]), (&less["lower"], &less["upper"]));
    let text = dir.run(&args);
    assert!(text.stdout().contains("> -0.3") && text.stdout().contains("< 0.3"), "{}", text.stdout());
}

/// What is less of a rate by so much is not more of it: such a gate promotes nobody, whoever comes.
#[test]
fn two_claims_that_no_mean_can_meet_are_refused() {
    let entry = |kind: &str, better: &str, rest: &str| {
        format!(
            "[[criteria]]\nkind = \"{kind}\"\nmetric = \"snooze_rate\"\nscenarios = [\"short.toml\"]\nbetter = \"{better}\"\n{rest}\n"
        )
    };
    let said = |first: &str, second: &str| {
        let gate = GateSpec::from_toml(&format!("{}{first}{second}", super::GATE), "gate.toml");
        gate.err().map(|error| error.to_string())
    };
    let superior = |better: &str| entry("superior", better, "");
    let within = |better: &str, margin: f64| entry("not-inferior", better, &format!("margin = {margin}"));
    let refused = "gate.toml: criteria[3].better is \"more\" of snooze_rate in \"short.toml\"; allowed: \"less\", as criteria[2] \
                   has it: no mean meets both";
    // The minimum effect is 0.02.
    for (first, second) in [
        (superior("less"), superior("more")),
        (superior("less"), within("more", 0.02)),
        (within("less", 0.01), superior("more")),
        (superior("less"), entry("superior", "more", "by = \"persona\"")),
    ] {
        let message = said(&first, &second).unwrap();
        assert!(message.starts_with(refused), "{message}");
    }
    for (first, second) in [
        (superior("less"), within("more", 0.03)),
        (within("less", 0.01), within("more", 0.01)),
        (superior("less"), entry("superior", "more", "advisory = true")),
        (superior("less"), superior("more").replace("short.toml", "steady")),
        (superior("less"), entry("superior", "less", "by = \"persona\"")),
    ] {
        assert_eq!(said(&first, &second), None);
    }
}
