//! A feature set that is proposed from data: levels, scales and clips, as numbers in a file that says of each how it came
//! about. What is proposed is a beginning; who knows the domain changes it.

use super::declared_set::MAX_DIMS;
use super::file::{Level, OneOrMore, RawDimension, Transform};
use super::summary::{InputSummary, LogSummary, SummedValues};
use crate::base::stats::Distribution;
use crate::domain::{Domain, DomainInput, InputOf, InputType};
use std::fmt::Write;

/// Most levels that have a dimension each; more of them are hashed.
const MAX_LEVELS: usize = 32;
/// A text that has a dimension of its own is there in at least this share of what is said.
const LEAST_SHARE: f64 = 0.001;
/// Such texts are at least this share of what is said, or all are hashed.
const LEAST_COVER: f64 = 0.95;
/// Fewest and most bits of a hash.
const HASH_BITS: std::ops::RangeInclusive<u32> = 5..=7;
/// Most values of a whole number that have a dimension each.
const MAX_WHOLE: usize = 12;
/// The share of numbers that is clipped at either end.
const TAIL: f64 = 0.01;
/// A number whose upper end is so many times its median is taken by its logarithm.
const SKEWED: f64 = 10.0;

/// A dimension that is proposed, or what speaks against one.
struct Proposed {
    why: String,
    dimension: Option<RawDimension>,
    width: usize,
}

impl Proposed {
    fn none(why: String) -> Self {
        Self { why, dimension: None, width: 0 }
    }
}

/// What a proposed set is called, and where it comes from.
#[derive(Debug, Clone, Copy)]
pub struct ProposedFrom<'a> {
    /// Its name.
    pub name: &'a str,
    /// The domain, as the file is to name it.
    pub domain: &'a str,
    /// The log, for readers.
    pub log: &'a str,
}

/// The file of a feature set over the inputs of `domain`, for a log that says this.
pub fn propose(from: ProposedFrom, domain: &Domain, summary: &LogSummary) -> String {
    let mut text = format!(
        "# Proposed by `rehearsal features fit` from {} decisions of {:?}. The numbers are what that log says, and stay as they are \
         written here:\n# change what you know better. A text has a dimension of its own if it is at least {} in 100 of what is \
         said, {MAX_LEVELS} of them at most;\n# numbers are clipped where {} in 100 of them end at either side, and divided so that \
         they stay within -1 and 1.\n# What context and profile say is the same for all candidates: it tells them apart only in a \
         cross.\n",
        summary.decisions,
        from.log,
        100.0 * LEAST_SHARE,
        100.0 * TAIL
    );
    let string = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let _ = write!(text, "name = {}\ndomain = {}\n", string(from.name), string(from.domain));
    for Proposed { why, dimension, .. } in dimensions(domain, summary) {
        let _ = write!(text, "\n# {why}\n");
        if let Some(dimension) = dimension {
            text.push_str(&stated(&dimension));
        }
    }
    text
}

/// All dimensions, in order: what candidates are, then what is said of the moment and the user, with crosses.
fn dimensions(domain: &Domain, summary: &LogSummary) -> Vec<Proposed> {
    let mut taken = vec!["bias".to_owned(), "item".to_owned()];
    let bias = RawDimension { name: "bias".to_owned(), constant: Some(1.0), ..RawDimension::default() };
    let why = "The same for all: what a candidate is worth of which nothing else is known.".to_owned();
    let mut all = vec![Proposed { why, dimension: Some(bias), width: 1 }];
    let mut left = MAX_DIMS - 1;
    let item = of_levels("candidate.id", "item", None, &summary.items);
    let is_hashed = |proposed: &Proposed| {
        let steps = proposed.dimension.as_ref().map(|dimension| &dimension.steps[..]);
        matches!(steps, Some([Transform::Hash { .. }]))
    };
    // What crosses are made with: items, unless they are many and there are kinds of them.
    let mut partner = item.dimension.is_some().then(|| ("item".to_owned(), item.width));
    let items_are_hashed = is_hashed(&item);
    let mut add = |proposed: Proposed, left: &mut usize| {
        let proposed = if proposed.width > *left {
            Proposed::none(format!(
                "{} Left out: no more than {MAX_DIMS} dimensions are allowed.",
                proposed.why
            ))
        } else {
            proposed
        };
        *left -= proposed.width;
        all.push(proposed);
    };
    add(item, &mut left);
    let inputs = domain.raw().inputs.iter().zip(&summary.inputs);
    let (of_candidates, shared): (Vec<_>, Vec<_>) =
        inputs.partition(|(input, _)| input.of == InputOf::Candidate);
    for (input, own) in of_candidates {
        let name = name_of(input, domain, &mut taken);
        let proposed = of_input(input, &name, own);
        let is_kind = domain.raw().kind.as_ref() == Some(&input.name);
        if is_kind && items_are_hashed && proposed.dimension.is_some() && !is_hashed(&proposed) {
            partner = Some((name, proposed.width));
        }
        add(proposed, &mut left);
    }
    for (input, own) in shared {
        let name = name_of(input, domain, &mut taken);
        let mut proposed = of_input(input, &name, own);
        let crossed = partner.as_ref().filter(|(_, width)| {
            proposed.dimension.is_some() && proposed.width.saturating_mul(*width) <= left
        });
        let Some((with, width)) = crossed else {
            if proposed.dimension.is_some() && partner.is_some() {
                proposed.why += " No cross with it: that would be too many dimensions.";
            }
            add(proposed, &mut left);
            continue;
        };
        let width = proposed.width * width;
        if let Some(dimension) = &mut proposed.dimension {
            dimension.hidden = true;
        }
        proposed.width = 0;
        add(proposed, &mut left);
        let cross = RawDimension {
            name: unique(&format!("{name}-{with}"), &mut taken),
            cross: vec![name, with.clone()],
            ..RawDimension::default()
        };
        let why = "What it makes of each candidate.".to_owned();
        add(Proposed { why, dimension: Some(cross), width }, &mut left);
    }
    all
}

/// A name that no other dimension has.
fn unique(name: &str, taken: &mut Vec<String>) -> String {
    let name: String = name.chars().take(56).collect();
    let mut own = name.clone();
    let mut n = 2;
    while taken.contains(&own) {
        own = format!("{name}-{n}");
        n += 1;
    }
    taken.push(own.clone());
    own
}

/// The input's name; with what it is of, where another one has that name.
fn name_of(input: &DomainInput, domain: &Domain, taken: &mut Vec<String>) -> String {
    let is_alone = domain.raw().inputs.iter().filter(|other| other.name == input.name).count() == 1;
    let is_free = is_alone && !taken.contains(&input.name);
    let with_owner = || format!("{}-{}", input.of.name(), input.name);
    unique(&if is_free { input.name.clone() } else { with_owner() }, taken)
}

fn of_input(input: &DomainInput, name: &str, own: &InputSummary) -> Proposed {
    let path = input.path();
    match &own.values {
        SummedValues::Levels { .. } => of_levels(&path, name, input.levels.as_deref(), own),
        SummedValues::Numbers(numbers) => {
            let Some((low, high)) = numbers.range() else {
                return Proposed::none(format!("{path}: this log never says it."));
            };
            let said = said(&path, own);
            if low == high {
                return Proposed::none(format!("{said}, always {low}, which tells nothing apart."));
            }
            match input.kind {
                InputType::Hour => dimension(
                    &path,
                    name,
                    2,
                    format!("{said}: a point on the clock."),
                    vec![Transform::Cyclic],
                ),
                InputType::Flag => dimension(&path, name, 1, format!("{said}: 1 or 0."), Vec::new()),
                _ => of_numbers(input, name, own, numbers, &said),
            }
        }
    }
}

fn said(path: &str, own: &InputSummary) -> String {
    match own.unknown {
        0 => format!("{path}: said {} times", own.known),
        unknown => format!("{path}: said {} times, unknown {unknown} times", own.known),
    }
}

fn dimension(path: &str, name: &str, width: usize, why: String, steps: Vec<Transform>) -> Proposed {
    let input = OneOrMore(vec![path.to_owned()]);
    let dimension = RawDimension { name: name.to_owned(), input, steps, ..RawDimension::default() };
    Proposed { why, dimension: Some(dimension), width }
}

/// One dimension for each text, or a hash of them.
fn of_levels(path: &str, name: &str, declared: Option<&[String]>, own: &InputSummary) -> Proposed {
    let SummedValues::Levels { counts, more } = &own.values else { unreachable!("it is a category") };
    if counts.is_empty() {
        return Proposed::none(format!("{path}: this log never says it."));
    }
    let said = said(path, own);
    let one_hot = |why: String, levels: Vec<String>| {
        let width = levels.len();
        let levels = levels.into_iter().map(Level::Text).collect();
        dimension(path, name, width, why, vec![Transform::OneHot(levels)])
    };
    if let Some(levels) = declared.filter(|levels| (2..=MAX_LEVELS).contains(&levels.len())) {
        let why = format!("{said}, {} of its {} declared texts.", counts.len(), levels.len());
        return one_hot(why, levels.to_vec());
    }
    if counts.len() == 1 {
        return Proposed::none(format!("{said}, always the same text, which tells nothing apart."));
    }
    // The most frequent ones first, and of equally frequent ones in the order of their texts.
    let mut by_count: Vec<&(String, u64)> = counts.iter().collect();
    by_count.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
    let frequent = by_count.iter().filter(|(_, n)| *n as f64 >= LEAST_SHARE * own.known as f64);
    let frequent: Vec<_> = frequent.take(MAX_LEVELS).collect();
    let cover = frequent.iter().map(|(_, n)| *n).sum::<u64>() as f64 / own.known as f64;
    let texts = if *more { format!("more than {}", counts.len()) } else { counts.len().to_string() };
    if *more || cover < LEAST_COVER {
        let bits =
            HASH_BITS.clone().find(|bits| 1_usize << *bits >= counts.len()).unwrap_or(*HASH_BITS.end());
        let why = format!(
            "{said}, {texts} different texts: too many for a dimension each, so they share {}.",
            1 << bits
        );
        return dimension(path, name, 1 << bits, why, vec![Transform::Hash { bits }]);
    }
    let rest = match counts.len() - frequent.len() {
        0 => String::new(),
        rest => format!("; {rest} rare ones have none, {:.1} in 100 of what is said", 100.0 * (1.0 - cover)),
    };
    let why = format!("{said}, {texts} different texts{rest}.");
    one_hot(why, frequent.into_iter().map(|(level, _)| level.clone()).collect())
}

fn of_numbers(
    input: &DomainInput,
    name: &str,
    own: &InputSummary,
    numbers: &Distribution,
    said: &str,
) -> Proposed {
    let path = input.path();
    let (least, most) = input.range();
    if let Some(few) = numbers.few().filter(|few| input.whole && few.len() <= MAX_WHOLE) {
        let levels: Vec<Level> = few.into_iter().map(|(x, _)| Level::Number(x)).collect();
        let why = format!("{said}, {} different whole numbers.", levels.len());
        return dimension(&path, name, levels.len(), why, vec![Transform::OneHot(levels)]);
    }
    let at = |share: f64| numbers.quantile(share).expect("there are some");
    let (median, range) = (at(0.5), numbers.range().expect("there are some"));
    let tails = (at(TAIL), at(1.0 - TAIL));
    let ends = if tails.0 == tails.1 { range } else { tails };
    let ends = (outward(ends.0, false).max(least), outward(ends.1, true).min(most));
    let is_skewed = ends.0 >= 0.0 && ends.1 >= SKEWED && ends.1 > SKEWED * median;
    let far = if is_skewed { None } else { far_middle(range) };
    let (low, high) = far.map_or(ends, |middle| {
        let end = |x: f64, up: bool| to_grain(middle + outward(x - middle, up), range);
        (end(range.0, false).max(least), end(range.1, true).min(most))
    });
    let mut why = format!("{said}, from {} to {}", range.0, range.1);
    // Quantiles are known to a share of their size, which says nothing of what lies far from 0.
    why += &match far {
        Some(middle) => format!(": far from 0, so they are measured from {middle}, their middle."),
        None => format!(
            "; the middle one is {}, 98 in 100 are from {} to {}.",
            rounded(median),
            rounded(tails.0),
            rounded(tails.1)
        ),
    };
    let mut steps = Vec::new();
    if least < -1.0 || most > 1.0 {
        let (minimum, maximum) =
            (Some(low).filter(|low| *low > least), Some(high).filter(|high| *high < most));
        if minimum.is_some() || maximum.is_some() {
            steps.push(Transform::Clip { minimum, maximum });
        }
        if is_skewed {
            why += " Most are small beside the largest: by their logarithm.";
            steps.push(Transform::Log1p);
        }
        steps.extend(far.map(Transform::Subtract));
        let of = |x: f64| if is_skewed { libm::log1p(x) } else { x - far.unwrap_or(0.0) };
        let [low, high] = [low, high].map(of);
        let scale = outward(low.abs().max(high.abs()), true).clamp(1e-6, 1e12);
        if scale != 1.0 {
            steps.push(Transform::Divide(scale));
        }
    }
    let mut proposed = dimension(&path, name, 1, why, steps);
    if own.unknown > 0
        && let Some(dimension) = &mut proposed.dimension
    {
        let of_median = dimension.steps.iter().fold(far.unwrap_or(median), |x, step| step.of_number(x));
        dimension.unknown = Some(rounded(of_median));
        proposed.why += " What is unknown is taken as the middle one.";
    }
    proposed
}

/// The middle of numbers that span less than half of the largest of them, beside whose size they would hardly vary.
fn far_middle((low, high): (f64, f64)) -> Option<f64> {
    let is_far = (low > 0.0 || high < 0.0) && high > low && high - low < low.abs().max(high.abs()) / 2.0;
    is_far.then(|| to_grain(low / 2.0 + high / 2.0, (low, high)))
}

/// A number with the digits that count beside what these span.
fn to_grain(x: f64, (low, high): (f64, f64)) -> f64 {
    let decimals = 2 - libm::log10((high - low).max(1e-12)).floor() as i32;
    format!("{x:.*}", decimals.clamp(0, 15) as usize).parse().expect("it is a number")
}

/// A number with three digits that count.
fn rounded(x: f64) -> f64 {
    format!("{x:.2e}").parse().expect("it is a number")
}

/// The next number with two digits that count, upwards or downwards.
fn outward(x: f64, up: bool) -> f64 {
    let written = format!("{:.1e}", x.abs());
    let (digits, exponent) = written.split_once('e').expect("it is written so");
    let tens: i64 = digits.replace('.', "").parse().expect("it has two digits");
    let exponent: i32 = exponent.parse().expect("it is a whole number");
    let of = |digits: i64, exponent: i32| -> f64 {
        let size: f64 = format!("{digits}e{exponent}").parse().expect("it is a number");
        size.copysign(x)
    };
    let near = of(tens, exponent - 1);
    // A step away from zero for what goes up and is positive, or goes down and is negative.
    let away = if up == (x > 0.0) { 1 } else { -1 };
    let is_outside = |y: f64| if up { y >= x } else { y <= x };
    match tens + away {
        _ if is_outside(near) => near,
        // Below 10 comes 9.9.
        9 => of(99, exponent - 2),
        next => of(next, exponent - 1),
    }
}

/// A dimension as it stands in a file.
fn stated(dimension: &RawDimension) -> String {
    let string = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let list = |texts: &[String]| texts.iter().map(|text| string(text)).collect::<Vec<_>>().join(", ");
    let mut text = format!("[[dimensions]]\nname = {}\n", string(&dimension.name));
    if let Some(constant) = dimension.constant {
        let _ = writeln!(text, "constant = {}", number(constant));
    }
    if let [input] = &dimension.input.0[..] {
        let _ = writeln!(text, "input = {}", string(input));
    }
    if !dimension.steps.is_empty() {
        let steps = dimension.steps.iter().map(step).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "steps = [{steps}]");
    }
    if let Some(unknown) = dimension.unknown {
        let _ = writeln!(text, "unknown = {}", number(unknown));
    }
    if !dimension.cross.is_empty() {
        let _ = writeln!(text, "cross = [{}]", list(&dimension.cross));
    }
    if dimension.hidden {
        text.push_str("hidden = true\n");
    }
    text
}

/// A step as it stands in a file.
fn step(step: &Transform) -> String {
    let bound = |name: &str, bound: Option<f64>| bound.map(|x| format!("{name} = {}", number(x)));
    let level = |level: &Level| match level {
        Level::Text(text) => toml::Value::String(text.clone()).to_string(),
        Level::Number(x) => number(*x),
        Level::Flag(flag) => flag.to_string(),
    };
    match step {
        Transform::Clip { minimum, maximum } => {
            let bounds: Vec<String> =
                [bound("minimum", *minimum), bound("maximum", *maximum)].into_iter().flatten().collect();
            format!("{{ clip = {{ {} }} }}", bounds.join(", "))
        }
        Transform::Subtract(by) => format!("{{ subtract = {} }}", number(*by)),
        Transform::Divide(by) => format!("{{ divide = {} }}", number(*by)),
        Transform::OneHot(levels) => {
            format!("{{ one_hot = [{}] }}", levels.iter().map(level).collect::<Vec<_>>().join(", "))
        }
        Transform::Hash { bits } => format!("{{ hash = {{ bits = {bits} }} }}"),
        Transform::Cyclic => "\"cyclic\"".to_owned(),
        Transform::Log1p => "\"log1p\"".to_owned(),
        other => unreachable!("{other} is not proposed"),
    }
}

/// A number as TOML has it, without a fraction where it has none.
fn number(x: f64) -> String {
    if x.fract() == 0.0 && x.abs() < 1e15 { format!("{x:.0}") } else { format!("{x:?}") }
}

#[cfg(test)]
mod tests {
    use super::super::FeatureSet;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounds_are_rounded_outward_to_two_digits() {
        for (x, down, up) in [
            (149.0, 140.0, 150.0),
            (150.0, 150.0, 150.0),
            (-149.0, -150.0, -140.0),
            (0.0996, 0.099, 0.1),
            (99.5, 99.0, 100.0),
            (-99.5, -100.0, -99.0),
            (0.0, 0.0, 0.0),
            (10.01, 10.0, 11.0),
            (1e12, 1e12, 1e12),
        ] {
            assert_eq!((outward(x, false), outward(x, true)), (down, up), "{x}");
        }
    }

    /// A domain with an input of each type, and texts that TOML and terminals would take for something else.
    const DOMAIN: &str = r#"
name = "any"
kind = "sort"
inputs = [
  { of = "candidate", name = "sort", type = "category" }, { of = "candidate", name = "price", type = "number" },
  { of = "candidate", name = "item", type = "number", minimum = 0, maximum = 1 }, { of = "context", name = "hour", type = "hour" },
  { of = "profile", name = "hour", type = "hour" }, { of = "context", name = "day", type = "number", whole = true },
  { of = "context", name = "late", type = "flag" }, { of = "profile", name = "city", type = "category" },
  { of = "context", name = "device", type = "category", levels = ["a", "b\n\"c\""] },
  { of = "context", name = "price-item", type = "number", minimum = 0 },
]
outcomes = [{ name = "won", reward = 1 }]
"#;

    fn levels() -> impl Strategy<Value = SummedValues> {
        let few = prop::collection::btree_map("\\PC{1,9}|[\"'\\\\\n\t\u{1}]{1,3}", 1..1000u64, 0..5);
        let many = prop::collection::btree_map("[a-z]{3}", 1..1000u64, 30..60);
        (prop_oneof![few, many], any::<bool>()).prop_map(|(counts, more)| SummedValues::Levels {
            more: more && counts.len() > 40,
            counts: counts.into_iter().collect(),
        })
    }

    fn numbers(range: std::ops::Range<f64>, whole: bool) -> impl Strategy<Value = SummedValues> {
        let one = prop_oneof![range.clone(), Just(range.start), Just(range.start / 2.0 + range.end / 2.0)];
        prop::collection::vec(one, 0..90).prop_map(move |numbers| {
            let mut own = Distribution::default();
            numbers.iter().for_each(|x| own.observe(if whole { x.trunc() } else { *x }));
            SummedValues::Numbers(own)
        })
    }

    fn summary() -> impl Strategy<Value = LogSummary> {
        let input = |values: BoxedStrategy<SummedValues>| {
            (values, 0..3_u64).prop_map(|(values, unknown)| InputSummary {
                known: match &values {
                    SummedValues::Levels { counts, .. } => counts.iter().map(|(_, n)| n).sum(),
                    SummedValues::Numbers(numbers) => numbers.count(),
                },
                unknown,
                values,
            })
        };
        let flag = numbers(0.0..2.0, true);
        let inputs = (
            input(levels().boxed()),
            input(numbers(-1e12..1e12, false).boxed()),
            input(numbers(0.0..1.0, false).boxed()),
            input(numbers(0.0..24.0, false).boxed()),
            input(numbers(0.0..24.0, false).boxed()),
            input(numbers(-9.0..9.0, true).boxed()),
            input(flag.boxed()),
            input(levels().boxed()),
            input(Just(SummedValues::Levels { counts: vec![("a".to_owned(), 3)], more: false }).boxed()),
            input(numbers(0.0..5000.0, false).boxed()),
        );
        (input(levels().boxed()), inputs).prop_map(|(items, (a, b, c, d, e, f, g, h, i, j))| LogSummary {
            decisions: 7,
            items,
            inputs: vec![a, b, c, d, e, f, g, h, i, j],
        })
    }

    proptest! {
        /// Whatever a log says, what is proposed is a feature set that is allowed, and its values are those of steps.
        #[test]
        fn what_is_proposed_is_allowed(summary in summary()) {
            let domain = Domain::from_toml(DOMAIN, "any.toml").unwrap();
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("any.toml"), DOMAIN).unwrap();
            let from = ProposedFrom { name: "mine", domain: "any.toml", log: "log\n.csv" };
            let text = propose(from, domain, &summary);
            let set = FeatureSet::from_toml(&text, "mine.toml", dir.path());
            prop_assert!(set.is_ok(), "{}\n{text}", set.unwrap_err());
            prop_assert!(set.unwrap().dim() <= MAX_DIMS);
            prop_assert_eq!(propose(from, domain, &summary), text);
        }
    }

    #[test]
    fn numbers_have_the_scale_of_their_log() {
        let file = "name = \"shop\"\ninputs = [{ of = \"candidate\", name = \"price\", type = \"number\", minimum = 0 }]\n\
                    outcomes = [{ name = \"won\", reward = 1 }]\n";
        let domain = Domain::from_toml(file, "shop.toml").unwrap();
        let steps = |numbers: &[f64], unknown: u64| {
            let mut own = Distribution::default();
            numbers.iter().for_each(|x| own.observe(*x));
            let own = InputSummary { known: own.count(), unknown, values: SummedValues::Numbers(own) };
            let of_item = SummedValues::Levels { counts: vec![("a".to_owned(), 1)], more: false };
            let items = InputSummary { known: 1, unknown: 0, values: of_item };
            let from = ProposedFrom { name: "mine", domain: "shop.toml", log: "log.csv" };
            let text = propose(from, domain, &LogSummary { decisions: 1, items, inputs: vec![own] });
            let own: Vec<String> = text
                .lines()
                .filter(|line| line.starts_with("steps") || line.starts_with("unknown"))
                .map(str::to_owned)
                .collect();
            own.join("; ")
        };
        let even: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!(steps(&even, 0), "steps = [{ clip = { minimum = 1, maximum = 99 } }, { divide = 99 }]");
        assert_eq!(
            steps(&even, 5),
            "steps = [{ clip = { minimum = 1, maximum = 99 } }, { divide = 99 }]; unknown = 0.505"
        );
        let skewed: Vec<f64> = (0..=100).map(|i| f64::from(i).powi(5)).collect();
        let expected =
            "steps = [{ clip = { minimum = 1, maximum = 9500000000 } }, \"log1p\", { divide = 23 }]";
        assert_eq!(steps(&skewed, 0), expected);
        assert_eq!(steps(&[3.0, 3.0], 0), "");
    }
}
