//! The value of `--estimator`: a name, with a hyperparameter after a colon unless it is to be selected.

use crate::base::error::{Error, Fault};
use crate::evaluation::Estimator;
use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use std::ffi::{OsStr, OsString};

/// Parses `NAME[:LAMBDA]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct EstimatorChoice;

impl TypedValueParser for EstimatorChoice {
    type Value = (Estimator, Option<f64>);

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let text = value.to_string_lossy();
        let name = text.split_once(':').map_or(&*text, |(name, _)| name);
        let names = PossibleValuesParser::new(Estimator::ALL.map(Estimator::name));
        names.parse_ref(command, argument, &OsString::from(name))?;
        StringValueParser::new().try_map(|text| parse(&text)).parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Estimator::ALL.into_iter().map(|e| PossibleValue::new(e.name()))))
    }
}

/// An estimator whose name is known to be one, and its hyperparameter.
fn parse(text: &str) -> Result<(Estimator, Option<f64>), Error> {
    let (name, lambda) = text.split_once(':').map_or((text, None), |(n, l)| (n, Some(l)));
    let estimator = Estimator::from_name(name)?;
    let lambda = lambda.map(|lambda| {
        let number = lambda.parse().map_err(|_| Fault::new("lambda", format!("{lambda:?}"), "a number"));
        number.and_then(|number| estimator.check_lambda(number)).map_err(|fault| fault.at("--estimator"))
    });
    Ok((estimator, lambda.transpose()?))
}
