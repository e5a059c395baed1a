//! What logs of other programs say of actions and of the moment, as far as our feature sets can use it.
//!
//! | feature there | of | here |
//! | --- | --- | --- |
//! | `kind` (a text; `kind=focus` in Vowpal Wabbit's) | an action | the candidate's kind |
//! | `priority`, `due_in_days`, `effort_minutes`, `hour` | an action | the candidate's |
//! | `hour`, `weekday` | what actions share | the context's, before the time stamp's |
//! | `completion_rate` and the others of the profile contract | what actions share | the user's |
//!
//! The name alone counts, whatever namespace it stands in. Other features are passed over and said once. The
//! first decisions tell whether the log has feature vectors (a number of an action is known) and kinds: in
//! all of it or in none. What a candidate of a log with numbers does not say is missing there, and nowhere else.

use super::vocabulary::LogVocabulary;
use crate::base::error::{Fault, Result, hour};
use crate::domain::profile::{PROFILE_FEATURES, Profile, ProfileValues};
use crate::domain::request::{Candidate, Context, MAX_CANDIDATES, RawRequest, Request};
use crate::domain::{Domain, InputOf, InputValue};
use crate::evaluation::inputs::InputPlaces;
use crate::evaluation::row::Row;
use crate::features::{FeatureBlock, FeatureSet};
use smol_str::{SmolStr, ToSmolStr};

/// Decisions that are read ahead, at most.
pub(super) const AHEAD: usize = 1000;

/// What to do where other programs mean other things by the same names.
pub(super) const WAY_OUT: &str = "; --no-features, in a gate `features = false`, reads none";
/// Dimensions that are made from the hour; 0 where nobody says it.
const OF_THE_HOUR: [usize; 3] = [1, 2, 10];

/// The value of a feature.
#[derive(Debug, Clone, Copy)]
pub(super) enum Feature<'a> {
    Number(f64),
    Text(&'a str),
    /// A name without a value, which counts this much: 1, or its namespace's weight.
    Word(f64),
    Flag(bool),
    /// What has no place here: lists.
    Other,
}

/// What the decisions of a log say, one after the other.
#[derive(Debug, Default)]
pub(super) struct Described {
    hour: Option<f64>,
    weekday: Option<u8>,
    profile: ProfileValues,
    actions: Vec<Candidate>,
    /// Whether any candidate so far had a number, and a kind; once it is settled, whether the log has them.
    shape: (bool, bool),
    /// Whether the shape is that of the whole log.
    settled: bool,
    passed_over: u64,
    example: Option<String>,
    /// The same of those that are known, whose values are of another type.
    mistyped: u64,
    mistyped_example: Option<String>,
    /// Decisions with numbers in a log that has no vectors.
    late: u64,
    /// Whether nothing of all this is to be read.
    ignored: bool,
    /// Where the same goes as inputs of the domain, if somebody looks at those.
    places: Option<InputPlaces>,
}

impl Described {
    /// Nothing yet; with `ignored` set nothing ever. The log is of this `shape`, if that is known.
    pub(super) fn new(ignored: bool, shape: Option<(bool, bool)>) -> Self {
        let settled = ignored || shape.is_some();
        Self { ignored, settled, shape: shape.filter(|_| !ignored).unwrap_or_default(), ..Self::default() }
    }

    /// The same, which also gives what is said as inputs of the domain.
    pub(super) fn with_inputs(self) -> Self {
        let places = (!self.ignored).then(|| InputPlaces::new(Domain::tips()));
        Self { places, ..self }
    }

    /// Whether more decisions change nothing of what is known of the log: whether candidates have numbers and kinds.
    pub(super) fn is_settled(&self) -> bool {
        self.settled || self.shape == (true, true)
    }

    /// Takes what was seen so far for what the log has, and says it.
    pub(super) fn settle(&mut self) -> (bool, bool) {
        self.settled = true;
        self.shape
    }

    /// Whether features are to be read at all.
    pub(super) fn is_ignored(&self) -> bool {
        self.ignored
    }

    /// Whether this is the name of a feature that is known where features are taken now.
    pub(super) fn knows(&self, name: &str) -> bool {
        let of_actions = ["kind", "priority", "due_in_days", "effort_minutes", "hour"];
        match self.actions.last() {
            Some(_) => of_actions.contains(&name),
            None => {
                ["hour", "weekday"].contains(&name)
                    || PROFILE_FEATURES.iter().any(|feature| feature.name == name)
            }
        }
    }

    /// The fault of a decision with so many candidates.
    pub(super) fn too_many(candidates: usize) -> Fault {
        let allowed = format!("1 to {MAX_CANDIDATES} candidates");
        Fault::new("candidates", format!("a list of {candidates}"), allowed)
    }

    /// Begins a decision.
    pub(super) fn begin(&mut self) {
        (self.hour, self.weekday, self.profile) = (None, None, ProfileValues::default());
        self.actions.clear();
    }

    /// Begins an action: what was said before is of all.
    pub(super) fn begin_action(&mut self) {
        self.actions.push(Candidate { id: SmolStr::new_static("0"), ..Candidate::default() });
    }

    /// Takes a feature of the last action, or of what all share if there is none yet.
    ///
    /// # Errors
    /// A value out of range; the same feature once more.
    pub(super) fn take(&mut self, name: &str, feature: Feature) -> Result<(), Fault> {
        if self.ignored {
            return Ok(());
        }
        let feature = if let Feature::Word(counts) = feature { Feature::Number(counts) } else { feature };
        let known = match self.actions.last_mut() {
            Some(action) => take_of(action, name, feature),
            None => self.take_shared(name, feature),
        };
        // The same name may mean something else there.
        let known = known.map_err(|fault| Fault { allowed: fault.allowed + WAY_OUT, ..fault })?;
        if !known && self.knows(name) {
            self.mistyped += 1;
            self.mistyped_example.get_or_insert_with(|| name.to_owned());
        } else if !known {
            self.passed_over += 1;
            self.example.get_or_insert_with(|| name.to_owned());
        }
        Ok(())
    }

    /// Whether it is a feature that is known of what actions share.
    fn take_shared(&mut self, name: &str, feature: Feature) -> Result<bool, Fault> {
        let Feature::Number(number) = feature else { return Ok(false) };
        let before = match name {
            "hour" => {
                hour(name, number)?;
                self.hour.replace(number)
            }
            "weekday" => {
                if number.fract() != 0.0 || !(0.0..=6.0).contains(&number) {
                    return Err(Fault::new(name, number, "0 (Monday) to 6 (Sunday)"));
                }
                self.weekday.replace(number as u8).map(f64::from)
            }
            _ => {
                let known = PROFILE_FEATURES.iter().position(|feature| feature.name == name);
                let Some(place) = known else { return Ok(false) };
                let before = self.profile.0[place].replace(number);
                self.profile.check()?;
                before
            }
        };
        before.map_or(Ok(true), |_| Err(again(name)))
    }

    /// What decisions so far have said of the log: whether candidates have numbers and kinds.
    pub(super) fn shape(&self) -> ((bool, bool), u64) {
        (self.shape, self.late)
    }

    /// Forgets what was said since: by a decision that is passed over.
    pub(super) fn restore(&mut self, (shape, late): ((bool, bool), u64)) {
        (self.shape, self.late) = (shape, late);
    }

    /// Writes what was said of the decision into `row`, whose candidates are listed; `stamped` is the moment
    /// by its time stamp.
    ///
    /// # Errors
    /// More candidates than a request may have.
    pub(super) fn fill(
        &mut self,
        row: &mut Row,
        names: &mut LogVocabulary,
        stamped: Option<Context>,
    ) -> Result<(), Fault> {
        let weekday = self.weekday.or(stamped.map(|m| m.weekday)).unwrap_or(0);
        let hour = self.hour.or(stamped.map(|m| m.hour));
        row.moment = hour.map(|hour| Context { hour, weekday });
        let numbers = |c: &Candidate| [c.priority, c.due_in_days, c.effort_minutes, c.hour];
        let says_numbers = self.actions.iter().any(|c| numbers(c).iter().any(Option::is_some));
        let says_kinds = self.actions.iter().any(|c| c.kind.is_some());
        let (with_vectors, with_kinds) = if self.settled {
            let (with_vectors, with_kinds) = self.shape;
            self.late += u64::from((says_numbers && !with_vectors) || (says_kinds && !with_kinds));
            self.shape
        } else {
            // Until it is known what the log has, each decision says all that it may be asked for.
            self.shape = (self.shape.0 || says_numbers, self.shape.1 || says_kinds);
            (self.shape.0 || self.actions.len() <= MAX_CANDIDATES, true)
        };
        if with_kinds {
            for (listed, action) in row.listed.iter_mut().zip(&self.actions) {
                listed.kind = names.kinds.number(action.kind.as_deref().unwrap_or("").as_bytes());
            }
        }
        row.features.clear();
        row.request = None;
        if !with_vectors && self.places.is_none() {
            return Ok(());
        }
        let own_hours: Vec<bool> = self.actions.iter().map(|c| c.hour.is_some()).collect();
        // Only a request needs to tell them apart.
        self.actions.iter_mut().enumerate().for_each(|(k, action)| action.id = k.to_smolstr());
        let request = Request::try_from(RawRequest::new(
            Context { hour: hour.unwrap_or(0.0), weekday },
            std::mem::take(&mut self.actions),
            Some(Profile::new(self.profile, Vec::new())),
        ))?;
        if let Some(places) = &self.places {
            let (offered, says_weekday) = (request.offered(), self.weekday.is_some() || stamped.is_some());
            places.write(row, names, offered.candidates.len(), |of, n, k| match (of, n) {
                // What nobody says of the moment is not midnight on a Monday.
                (InputOf::Context, 0) if hour.is_none() => InputValue::Unknown,
                (InputOf::Context, 1) if !says_weekday => InputValue::Unknown,
                _ => offered.value(Domain::tips().slot_of(of, n).expect("it is declared"), k),
            });
        }
        if !with_vectors {
            return Ok(());
        }
        row.request = names.keeps_requests.then(|| request.raw().offer_text().into());
        let block = FeatureBlock::of(FeatureSet::WIDEST, request.offered());
        for (k, own_hour) in own_hours.into_iter().enumerate() {
            let start = row.features.len();
            row.features.extend_from_slice(block.row(k));
            if !own_hour && hour.is_none() {
                OF_THE_HOUR.iter().for_each(|dimension| row.features[start + dimension] = 0.0);
            }
        }
        Ok(())
    }

    /// What deserves attention once the log is read.
    pub(super) fn remarks(&self, origin: &str) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some(example) = &self.example {
            remarks.push(format!(
                "{origin}: {} features were passed over, such as {example:?}; known are kind, priority, due_in_days, \
                 effort_minutes and hour of actions, and hour, weekday and profile features of what they share",
                self.passed_over
            ));
        }
        if let Some(example) = &self.mistyped_example {
            remarks.push(format!(
                "{origin}: {} values of known features were passed over, such as one of {example:?}: kind is a text, the others are \
                 numbers",
                self.mistyped
            ));
        }
        if self.late > 0 {
            remarks.push(format!(
                "{origin}: {} decisions have known features of a sort that the first {AHEAD} have none of; there they \
                 were passed over too",
                self.late
            ));
        }
        remarks
    }
}

/// Whether it is a feature that is known of actions.
fn take_of(action: &mut Candidate, name: &str, feature: Feature) -> Result<bool, Fault> {
    let before = match (name, feature) {
        ("kind", Feature::Text(kind)) => action.kind.replace(kind.into()).is_some(),
        ("priority", Feature::Number(x)) => action.priority.replace(x).is_some(),
        ("due_in_days", Feature::Number(x)) => action.due_in_days.replace(x).is_some(),
        ("effort_minutes", Feature::Number(x)) => action.effort_minutes.replace(x).is_some(),
        ("hour", Feature::Number(x)) => action.hour.replace(x).is_some(),
        _ => return Ok(false),
    };
    if before {
        return Err(again(name));
    }
    action.check().map(|()| true)
}

pub(super) fn again(name: &str) -> Fault {
    Fault::new(name, "there again", "each feature once")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::row::ListedItem;

    /// A decision with these features of what two actions share, and of the first of them.
    fn row(
        described: &mut Described,
        shared: &[(&str, f64)],
        first: &[(&str, Feature)],
    ) -> Result<Row, Fault> {
        described.begin();
        for (name, number) in shared {
            described.take(name, Feature::Number(*number))?;
        }
        described.begin_action();
        for (name, feature) in first {
            described.take(name, *feature)?;
        }
        described.begin_action();
        let listed = [0, 1].map(|item| ListedItem { item, kind: item, propensity: f64::NAN }).to_vec();
        let mut row = Row { listed, ..Row::default() };
        described.fill(&mut row, &mut LogVocabulary::default(), None)?;
        Ok(row)
    }

    #[test]
    fn what_is_said_is_what_a_request_would_say() {
        let first =
            [("priority", Feature::Number(0.9)), ("kind", Feature::Text("focus")), ("x", Feature::Other)];
        let mut described = Described::default();
        let said =
            row(&mut described, &[("hour", 6.0), ("weekday", 5.0), ("tip_volume", 9.0)], &first).unwrap();
        let request = r#"{"context":{"hour":6,"weekday":5},"profile_features":{"tip_volume":9},
            "candidates":[{"id":"a","kind":"focus","priority":0.9},{"id":"b"}]}"#;
        let block = FeatureBlock::of(
            FeatureSet::WIDEST,
            Request::from_json(request.as_bytes(), "request").unwrap().offered(),
        );
        assert_eq!(said.features, block.rows());
        assert_eq!(said.moment, Some(Context { hour: 6.0, weekday: 5 }));
        assert_eq!(said.listed.iter().map(|l| l.kind).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(described.remarks("log").len(), 1);
        // An hour that nobody says is none, not midnight.
        let said = row(&mut described, &[], &first).unwrap();
        assert_eq!((said.features[1], said.features[2], said.moment), (0.0, 0.0, None));
    }

    #[test]
    fn values_of_another_type_are_said_to_be_so() {
        let mut described = Described::default();
        let first =
            [("priority", Feature::Text("0.3")), ("kind", Feature::Number(3.0)), ("x", Feature::Other)];
        row(&mut described, &[("hour", 6.0)], &first).unwrap();
        let remarks = described.remarks("log");
        assert!(remarks[0].starts_with("log: 1 features were passed over, such as \"x\""), "{remarks:?}");
        assert!(
            remarks[1]
                .starts_with("log: 2 values of known features were passed over, such as one of \"priority\"")
        );
    }

    #[test]
    fn the_first_decisions_tell_what_the_log_has() {
        let first = [("priority", Feature::Number(0.9))];
        // Until that is known each decision has all that it may be asked for.
        let mut described = Described::default();
        assert!(!row(&mut described, &[], &[]).unwrap().features.is_empty() && !described.is_settled());
        assert_eq!(described.settle(), (false, false));
        assert!(row(&mut described, &[], &first).unwrap().features.is_empty());
        assert!(described.remarks("log")[0].starts_with("log: 1 decisions have known features"));
        let mut described = Described::default();
        row(&mut described, &[], &[]).unwrap();
        row(&mut described, &[], &first).unwrap();
        assert_eq!(described.settle(), (true, false));
        assert!(!row(&mut described, &[], &[]).unwrap().features.is_empty());
        assert!(described.remarks("log").is_empty());
    }

    #[test]
    fn values_out_of_range_and_repeated_ones_are_faults() {
        let mut described = Described::default();
        let mut fault = |shared: &[(&str, f64)], first: &[(&str, Feature)]| {
            row(&mut described, shared, first).unwrap_err().to_string()
        };
        assert!(fault(&[("hour", 24.0)], &[]).starts_with("hour is 24; allowed: an hour in [0, 24)"));
        assert!(fault(&[("weekday", 7.0)], &[]).starts_with("weekday is 7;"));
        assert!(fault(&[("weekday", 0.5)], &[]).starts_with("weekday is 0.5;"));
        assert!(fault(&[("dismiss_rate", 1.5)], &[]).starts_with("dismiss_rate is 1.5;"));
        assert!(fault(&[], &[("priority", Feature::Number(1.5))]).starts_with("priority is 1.5;"));
        let twice = [("kind", Feature::Text("a")), ("kind", Feature::Text("b"))];
        assert_eq!(
            fault(&[], &twice),
            "kind is there again; allowed: each feature once; --no-features, in a gate `features = false`, reads none"
        );
        let mut ignoring = Described::new(true, None);
        let row = row(&mut ignoring, &[("hour", 24.0)], &twice).unwrap();
        assert!(row.features.is_empty() && row.moment.is_none() && ignoring.remarks("log").is_empty());
    }
}
