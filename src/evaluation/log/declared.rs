//! What logs of other programs say by the inputs of a domain that is declared in a file.
//!
//! An input is known by its name, whatever namespace it stands in, or by what the domain's file says under `in_logs`: a name, a
//! name with its namespace (`User.device`), or a namespace, in which a feature without a value is a category (`|device mobile`
//! in Vowpal Wabbit's text). What is known of no input is passed over and said once, and so is what no decision says.

use super::described::{Feature, again};
use super::vocabulary::LogVocabulary;
use crate::base::error::{Fault, Result};
use crate::domain::{Domain, DomainInput, InputOf, InputType, KeptValue};
use crate::evaluation::inputs::InputPlaces;
use crate::evaluation::row::Row;

/// Names of inputs that remarks list, at most.
const LISTED: usize = 12;

/// What the decisions of a log say, one after the other.
#[derive(Debug)]
pub(super) struct DeclaredInputs {
    domain: &'static Domain,
    places: InputPlaces,
    /// Of context, profile and the last action: what is known so far.
    shared: Vec<Option<KeptValue>>,
    actions: Vec<Vec<Option<KeptValue>>>,
    /// Inputs of what actions share, the context's first, and of actions.
    inputs_shared: Vec<&'static DomainInput>,
    inputs_of_actions: Vec<&'static DomainInput>,
    said: SaidInputs,
    passed_over: u64,
    example: Option<String>,
}

/// Which inputs of a domain a log has said.
#[derive(Debug)]
pub(super) struct SaidInputs {
    domain: &'static Domain,
    said: Vec<bool>,
}

impl SaidInputs {
    pub(super) fn new(domain: &'static Domain) -> Self {
        Self { domain, said: vec![false; domain.raw().inputs.len()] }
    }

    pub(super) fn add(&mut self, input: &DomainInput) {
        let place = self.domain.raw().inputs.iter().position(|own| std::ptr::eq(own, input));
        if let Some(place) = place {
            self.said[place] = true;
        }
    }

    /// What to say of inputs that no decision has said.
    pub(super) fn remark(&self, origin: &str) -> Option<String> {
        let inputs = self.domain.raw().inputs.iter().zip(&self.said).filter(|(_, said)| !**said);
        let missing: Vec<String> = inputs.map(|(input, _)| input.path()).collect();
        (!missing.is_empty()).then(|| {
            let domain = self.domain.name();
            format!(
                "{origin}: it says nothing of these inputs of domain {domain}, which are unknown: {}; where it calls them \
                 otherwise, say it with `in_logs` in the domain's file, or of columns with --columns",
                listed(&missing)
            )
        })
    }
}

/// Names, or the first of them.
pub(super) fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(LISTED);
    let mut text = names[..names.len() - more].join(", ");
    if more > 0 {
        text += &format!(" and {more} more");
    }
    text
}

/// Whether an input goes by this name, in this namespace.
fn is_named(input: &DomainInput, namespace: &str, name: &str) -> bool {
    match &input.in_logs {
        Some(own) => {
            own == name || own.strip_prefix(namespace).and_then(|rest| rest.strip_prefix('.')) == Some(name)
        }
        None => input.name == name,
    }
}

impl DeclaredInputs {
    pub(super) fn new(domain: &'static Domain) -> Self {
        let of = |of| domain.inputs_of(of);
        Self {
            domain,
            places: InputPlaces::new(domain),
            shared: Vec::new(),
            actions: Vec::new(),
            inputs_shared: of(InputOf::Context).chain(of(InputOf::Profile)).collect(),
            inputs_of_actions: of(InputOf::Candidate).collect(),
            said: SaidInputs::new(domain),
            passed_over: 0,
            example: None,
        }
    }

    /// Begins a decision.
    pub(super) fn begin(&mut self) {
        self.shared.clear();
        self.shared.resize(self.inputs_shared.len(), None);
        self.actions.clear();
    }

    /// Begins an action: what was said before is of all.
    pub(super) fn begin_action(&mut self) {
        self.actions.push(vec![None; self.inputs_of_actions.len()]);
    }

    /// Whether this is the name of an input that is known where features are taken now.
    pub(super) fn knows(&self, namespace: &str, name: &str) -> bool {
        let inputs = if self.actions.is_empty() { &self.inputs_shared } else { &self.inputs_of_actions };
        inputs.iter().any(|input| is_named(input, namespace, name))
    }

    /// Takes a feature of the last action, or of what all share if there is none yet.
    ///
    /// # Errors
    /// A value that is not as the domain declares it; the same input once more.
    pub(super) fn take(&mut self, namespace: &str, name: &str, feature: Feature) -> Result<(), Fault> {
        let (inputs, values) = match self.actions.last_mut() {
            Some(action) => (&self.inputs_of_actions, action),
            None => (&self.inputs_shared, &mut self.shared),
        };
        let by_name = inputs.iter().position(|input| is_named(input, namespace, name));
        // A word alone is a category of its namespace.
        let is_word = matches!(feature, Feature::Word(_));
        let by_namespace = || {
            let is_category = |input: &&DomainInput| {
                input.kind == InputType::Category
                    && input.in_logs.as_deref().unwrap_or(&input.name) == namespace
            };
            inputs.iter().position(|input| is_word && is_category(input))
        };
        let (place, value) = match (by_name, by_namespace()) {
            (_, Some(place)) => (place, inputs[place].of_text(name)?),
            (Some(place), None) => {
                let input = inputs[place];
                let value = match (feature, input.kind) {
                    (Feature::Number(x), InputType::Category) => input.of_text(&x.to_string())?,
                    (Feature::Number(x), _) => input.of_number(x)?,
                    (Feature::Text(text), _) => input.of_text(text)?,
                    (Feature::Word(_), InputType::Category) => input.of_text(name)?,
                    (Feature::Word(counts), _) => input.of_number(counts)?,
                    (Feature::Flag(flag), _) => input.of_json(&serde_json::Value::Bool(flag))?,
                    (Feature::Other, _) => {
                        return Err(Fault::new(name, "a list", input.allowed()));
                    }
                };
                (place, value)
            }
            (None, None) => {
                self.passed_over += 1;
                self.example.get_or_insert_with(|| name.to_owned());
                return Ok(());
            }
        };
        self.said.add(inputs[place]);
        match values[place].replace(value) {
            None => Ok(()),
            Some(_) => Err(again(name)),
        }
    }

    /// Writes what was said of the decision into `row`, whose candidates are listed.
    pub(super) fn fill(&mut self, row: &mut Row, names: &mut LogVocabulary) {
        if let Some(kind) = self.domain.kind_position() {
            for (listed, action) in row.listed.iter_mut().zip(&self.actions) {
                let kind = match &action[kind] {
                    Some(KeptValue::Text(kind)) => kind.as_str(),
                    _ => "",
                };
                listed.kind = names.kinds.number(kind.as_bytes());
            }
        }
        row.features.clear();
        row.moment = None;
        row.request = None;
        let contexts = self.domain.inputs_of(InputOf::Context).count();
        let (shared, actions) = (&self.shared, &self.actions);
        self.places.write(row, names, actions.len(), |of, n, k| {
            let value = match of {
                InputOf::Context => &shared[n],
                InputOf::Profile => &shared[contexts + n],
                InputOf::Candidate => &actions[k][n],
            };
            value.as_ref().unwrap_or(&KeptValue::Unknown).get()
        });
    }

    /// What deserves attention once the log is read.
    pub(super) fn remarks(&self, origin: &str) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some(example) = &self.example {
            let known: Vec<String> = self.domain.raw().inputs.iter().map(DomainInput::path).collect();
            remarks.push(format!(
                "{origin}: {} features were passed over, such as {example:?}; inputs of domain {} are {}",
                self.passed_over,
                self.domain.name(),
                listed(&known)
            ));
        }
        remarks.extend(self.said.remark(origin));
        remarks
    }
}
