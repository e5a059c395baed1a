//! What must hold of whole files that are read from outside: logs of every format, tables, files of domains, feature sets,
//! experiments, priors and parts of runs.

use rehearsal::domain::Domain;
use rehearsal::evaluation::log::{Columns, LogFormat, LogReader, LogVocabulary, Logs};
use rehearsal::evaluation::{Estimator, EvaluationSettings, IntervalMethod, Row, Target, evaluate};
use rehearsal::experiment::Experiment;
use rehearsal::features::{FeatureSet, MAX_DIMS};
use rehearsal::policy::Prior;
use rehearsal::simulation::LabelledTable;
use rehearsal::simulation::parts::RunParts;
use std::fs;
use std::path::{Path, PathBuf};

/// Stands between the decisions and the rewards of a log of this program.
pub const REWARDS: u8 = 0x1e;

/// A domain by whose inputs logs are read too.
const SHOP: &str = "name = \"shop\"\nkind = \"category\"\n\
    [[inputs]]\nof = \"context\"\nname = \"device\"\ntype = \"category\"\n\
    [[inputs]]\nof = \"candidate\"\nname = \"category\"\ntype = \"category\"\n\
    [[inputs]]\nof = \"candidate\"\nname = \"price\"\ntype = \"number\"\nminimum = 0\n\
    [[inputs]]\nof = \"candidate\"\nname = \"new\"\ntype = \"flag\"\n\
    [[inputs]]\nof = \"profile\"\nname = \"orders\"\ntype = \"number\"\n\
    [[outcomes]]\nname = \"bought\"\nreward = 1\n[[outcomes]]\nname = \"nothing\"\nreward = 0\n";

/// The body, with a folder of its own that is removed behind it.
fn in_folder(body: impl FnOnce(&Path)) {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let thread = format!("{:?}", std::thread::current().id());
    let folder: PathBuf = parent.join(format!("rehearsal-{}-{thread}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    body(&folder);
    fs::remove_dir_all(&folder).unwrap();
}

/// The bytes, of which the first says the format, or that it is to be found out, and how the rest is read.
pub fn log(bytes: &[u8]) {
    let Some((how, content)) = bytes.split_first() else { return };
    let format = LogFormat::ALL.get(usize::from(how % 8)).copied();
    log_of(format, how / 8, content);
}

/// What is read of a log, whatever it holds, is decisions with probabilities and rewards that can be estimated from.
/// `how` has a bit for each way in which it may be read.
pub fn log_of(format: Option<LogFormat>, how: u8, content: &[u8]) {
    in_folder(|folder| {
        let mut parts = content.splitn(2, |byte| *byte == REWARDS);
        let file = folder.join("decisions.jsonl");
        fs::write(&file, parts.next().unwrap_or_default()).unwrap();
        if let Some(rewards) = parts.next() {
            fs::write(folder.join("rewards.jsonl"), rewards).unwrap();
        }
        let open = || {
            let mut logs =
                Logs::new(std::slice::from_ref(&file), format, Columns::plain()).expect("it is no folder");
            if how & 1 > 0 {
                logs = logs.without_features();
            }
            if how & 2 > 0 {
                logs = logs.with_same_tags();
            }
            match how >> 2 & 3 {
                1 => logs.with_domain(Domain::from_toml(SHOP, "shop.toml").expect("it is sound")),
                2 => logs.with_domain(Domain::tips()),
                _ => logs,
            }
        };
        let mut logs = open();
        let (mut row, mut names, mut rows) = (Row::default(), LogVocabulary::default(), 0);
        while let Ok(true) = logs.next(&mut row, &mut names) {
            rows += 1;
            sound(&row);
        }
        logs.remarks().iter().chain(&logs.notes()).for_each(|said| assert!(said.len() < 100_000));
        assert!(rows <= content.len());
        let settings = EvaluationSettings {
            estimators: [Estimator::Ips, Estimator::Snips, Estimator::Replay].map(|e| (e, None)).to_vec(),
            named: false,
            model: None,
            method: IntervalMethod::Normal,
            alpha: 0.05,
            seed: 1,
            replicates: 10,
            reward_range: None,
            force: true,
        };
        if let Ok(evaluation) = evaluate(&mut open(), &[Target::Uniform], &settings) {
            assert_eq!(evaluation.rows, rows as u64);
            assert!(evaluation.on_policy_mean.is_finite());
        }
    });
}

fn sound(row: &Row) {
    assert!(row.propensity.is_none_or(|p| p > 0.0 && p <= 1.0), "{row:?}");
    assert!(row.reward.is_finite(), "{row:?}");
    assert!(row.listed.is_empty() || (row.chosen as usize) < row.listed.len(), "{row:?}");
    assert!(row.features.iter().all(|x| x.is_finite()), "{row:?}");
    assert!(row.probabilities.iter().all(|p| (0.0..=1.0).contains(p)), "{row:?}");
}

/// What is accepted has numbers in [-1, 1], of as many dimensions in each row.
pub fn labelled_table(text: &[u8]) {
    in_folder(|folder| {
        let file = folder.join("table.csv");
        fs::write(&file, text).unwrap();
        for words in [&[][..], &["b".to_owned()]] {
            let Ok(table) = LabelledTable::load(&file, "a", words) else { continue };
            assert!(table.classes().len() > 1);
            for row in 0..table.len() {
                assert_eq!(table.vector(row).len(), table.dim());
                assert!(table.vector(row).iter().all(|x| (-1.0..=1.0).contains(x)));
                assert!(table.label(row) < table.classes().len());
            }
        }
    });
}

/// What is accepted is accepted again as it was understood, with the same digest.
pub fn domain(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(domain) = Domain::from_toml(text, "file") else { return };
    assert_eq!(Domain::of(domain.raw().clone()).unwrap().digest(), domain.digest());
}

/// What is accepted is accepted again as it was understood, and has a name for each dimension.
pub fn feature_set(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(set) = FeatureSet::from_toml(text, "file", Path::new("/nowhere")) else { return };
    assert_eq!(set.names().len(), set.dim());
    assert!(set.dim() <= MAX_DIMS);
    if let Some(declared) = set.declared() {
        assert_eq!(FeatureSet::of(declared.raw().clone()).unwrap().digest(), set.digest());
    }
}

/// What is accepted assigns users for good, each to a variant that it has.
pub fn experiment(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(experiment) = Experiment::from_toml(text, "file") else { return };
    for user in ["u1", "u2", "\u{1f600}"] {
        let assigned = experiment.assign(user, None, &|_| None);
        assert_eq!(assigned, experiment.assign(user, None, &|_| None));
    }
    assert_eq!(Experiment::from_toml(text, "again").unwrap().digest(), experiment.digest());
}

/// What is accepted is written and read back with the same digest.
pub fn prior(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(prior) = Prior::from_json(text, "file") else { return };
    assert_eq!(Prior::from_json(&prior.to_json(), "file").unwrap().digest(), prior.digest());
}

/// What is accepted has the blocks that it says it has; none is read from a place that it does not have.
pub fn part(text: &[u8]) {
    in_folder(|folder| {
        let file = folder.join("part.jsonl");
        fs::write(&file, text).unwrap();
        let Ok(mut parts) = RunParts::open(&[file]) else { return };
        for block in 0..parts.header().all_blocks().min(4) {
            // It may be damaged, and says so.
            let _ = parts.block(0, block);
        }
    });
}
