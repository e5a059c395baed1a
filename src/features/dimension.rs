//! The dimensions of a feature vector: name, what each is made from, how it is normalized. The list stands
//! once, here; feature vectors take their names from it and model cards the rest.

use crate::domain::profile::{PROFILE_FEATURES, ProfileIndex};

/// What a dimension is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// It is made from nothing.
    Constant,
    /// A field of the candidate or the context, and its dtype.
    Request(&'static str, &'static str),
    /// A feature of the profile.
    Profile(ProfileIndex),
}

/// One dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dimension {
    /// Its name in state files.
    pub name: &'static str,
    /// What it is made from.
    pub input: Input,
    /// How its value is made from that.
    pub normalization: &'static str,
    /// Its value when the input is unknown; `None` where the input is required.
    pub unknown: Option<f64>,
}

impl Dimension {
    /// Name of the input as a request states it; `None` for the constant.
    pub fn source(&self) -> Option<String> {
        match self.input {
            Input::Constant => None,
            Input::Request(field, _) => Some(field.to_owned()),
            Input::Profile(i) => Some(format!("profile_features.{}", PROFILE_FEATURES[i as usize].name)),
        }
    }

    /// Type of the input as a registry names it.
    pub fn dtype(&self) -> &'static str {
        match self.input {
            Input::Constant => "float",
            Input::Request(_, dtype) => dtype,
            Input::Profile(i) => PROFILE_FEATURES[i as usize].dtype,
        }
    }
}

const fn dimension(
    name: &'static str,
    input: Input,
    normalization: &'static str,
    unknown: Option<f64>,
) -> Dimension {
    Dimension { name, input, normalization, unknown }
}

const HOUR: Input = Input::Request("candidates[].hour, else context.hour", "float");

/// Every dimension in order; feature set `v1` is the first seven. h is the candidate's hour, else the
/// context's.
pub const DIMENSIONS: [Dimension; 12] = [
    dimension("bias", Input::Constant, "1", None),
    dimension("hour_sin", HOUR, "sin(2 pi h / 24)", None),
    dimension("hour_cos", HOUR, "cos(2 pi h / 24)", None),
    dimension(
        "weekend",
        Input::Request("context.weekday", "int"),
        "1 on Saturday (5) and Sunday (6), else 0",
        None,
    ),
    dimension("priority", Input::Request("candidates[].priority", "float"), "as it is, in [0, 1]", Some(0.5)),
    dimension(
        "urgency",
        Input::Request("candidates[].due_in_days", "float"),
        "1 / (1 + exp(days / 3))",
        Some(0.0),
    ),
    dimension(
        "effort",
        Input::Request("candidates[].effort_minutes", "float"),
        "min(minutes, 60) / 60",
        Some(0.25),
    ),
    dimension(
        "completion_rate",
        Input::Profile(ProfileIndex::CompletionRate),
        "as it is, in [0, 1]",
        Some(0.0),
    ),
    dimension("dismiss_rate", Input::Profile(ProfileIndex::DismissRate), "as it is, in [0, 1]", Some(0.0)),
    dimension(
        "mean_dwell",
        Input::Profile(ProfileIndex::MeanDwellSeconds),
        "min(seconds, 600) / 600",
        Some(0.0),
    ),
    dimension(
        "preferred_hour_alignment",
        Input::Profile(ProfileIndex::PreferredHour),
        "cos(2 pi (h - preferred hour) / 24)",
        Some(0.0),
    ),
    dimension(
        "tip_volume",
        Input::Profile(ProfileIndex::TipVolume),
        "min(1, ln(1 + tips) / ln(1001))",
        Some(0.0),
    ),
];

/// Number of dimensions that come from the candidate and the moment.
pub const CANDIDATE_DIMS: usize = 7;
/// Number of all dimensions.
pub(crate) const ALL_DIMS: usize = DIMENSIONS.len();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::Request;
    use crate::features::{FeatureBlock, FeatureSet};

    fn vector(text: &str) -> Vec<f64> {
        FeatureBlock::of(FeatureSet::V2, Request::from_json(text.as_bytes(), "request").unwrap().offered())
            .row(0)
            .to_vec()
    }

    #[test]
    fn what_is_unknown_has_the_value_that_the_list_says() {
        let bare = vector(r#"{"context":{"hour":6,"weekday":2},"candidates":[{"id":"a"}]}"#);
        for (dimension, value) in DIMENSIONS.iter().zip(&bare) {
            assert!(dimension.unknown.is_none_or(|u| u.to_bits() == value.to_bits()), "{}", dimension.name);
        }
    }

    #[test]
    fn a_dimension_is_made_from_the_input_that_the_list_says() {
        let bare = r#"{"context":{"hour":6,"weekday":2},"candidates":[{"id":"a"}]}"#;
        let base = vector(bare);
        for (i, dimension) in DIMENSIONS.iter().enumerate() {
            let changed = match dimension.input {
                Input::Constant => continue,
                Input::Profile(p) => {
                    let name = PROFILE_FEATURES[p as usize].name;
                    bare.replace("]}", &format!("],\"profile_features\":{{\"{name}\":1}}}}"))
                }
                Input::Request("context.weekday", _) => bare.replace("\"weekday\":2", "\"weekday\":6"),
                Input::Request(field, _) => {
                    let name = field.split(['.', ',']).nth(1).unwrap();
                    bare.replace("\"id\"", &format!("\"{name}\":1,\"id\""))
                }
            };
            let vector = vector(&changed);
            assert!(vector[i].to_bits() != base[i].to_bits(), "{} from {changed}", dimension.name);
            let others = DIMENSIONS.iter().enumerate().filter(|(_, d)| d.input != dimension.input);
            for (j, other) in others {
                assert!(
                    vector[j].to_bits() == base[j].to_bits(),
                    "{} moved with {}",
                    other.name,
                    dimension.name
                );
            }
        }
    }
}
