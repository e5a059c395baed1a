//! Every interval method, and what is asked of whichever was chosen.

use super::anytime::Anytime;
use super::bernstein::Bernstein;
use super::bootstrap::Bootstrap;
use super::last_pass::LastPass;
use super::normal::Normal;
use super::rule::{IntervalRule, MeasuredBounds};
use crate::base::error::{Error, Result};
use crate::evaluation::no_estimate::NoEstimateReason;
use crate::evaluation::question::Question;

/// Makes the enum of all methods, which asks the rule of the one that it is.
macro_rules! interval_methods {
    ($($Rule:ident: $what:literal),+ $(,)?) => {
        /// How bounds are computed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum IntervalMethod {
            $(#[doc = $what] $Rule,)+
        }

        impl IntervalMethod {
            /// All of them.
            pub const ALL: [Self; [$(stringify!($Rule)),+].len()] = [$(Self::$Rule),+];

            /// Its name on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Rule => <$Rule as IntervalRule>::NAME,)+ }
            }

            /// Whether its bounds are of people like those of the log, not of these decisions alone.
            pub const fn speaks_of_others(self) -> bool {
                match self { $(Self::$Rule => <$Rule as IntervalRule>::SPEAKS_OF_OTHERS,)+ }
            }

            /// Effective clusters below which it gives no bounds on others.
            pub const fn least_clusters(self) -> f64 {
                match self { $(Self::$Rule => <$Rule as IntervalRule>::LEAST_CLUSTERS,)+ }
            }

            /// Whether its bounds hold only for a range of rewards that is known beforehand: that of the log hides the
            /// rare rewards that did not come.
            pub const fn needs_range(self) -> bool {
                match self { $(Self::$Rule => <$Rule as IntervalRule>::NEEDS_RANGE,)+ }
            }

            /// Whether its bounds rest on many rewards, so that they are kept back where those of the log are few.
            pub const fn needs_many_rewards(self) -> bool {
                match self { $(Self::$Rule => <$Rule as IntervalRule>::NEEDS_MANY_REWARDS,)+ }
            }

            /// Whether it is for decisions that are independent, so that a log that names users is refused.
            pub const fn needs_independent_decisions(self) -> bool {
                match self { $(Self::$Rule => <$Rule as IntervalRule>::NEEDS_INDEPENDENT_DECISIONS,)+ }
            }

            /// The number of resampled logs that it takes for bounds that may fail with probability `alpha`; 0 without
            /// resampling.
            pub fn least_replicates(self, alpha: f64) -> u32 {
                match self { $(Self::$Rule => $Rule::least_replicates(alpha),)+ }
            }

            /// Whether it can bound the difference of this question and one of IPS.
            pub(crate) fn bounds_difference(self, question: &Question) -> bool {
                match self { $(Self::$Rule => $Rule::bounds_difference(question),)+ }
            }

            /// Why it gives no bounds on these questions, whatever the numbers are.
            pub(crate) fn why_none(self, questions: &[&Question]) -> Option<NoEstimateReason> {
                match self { $(Self::$Rule => $Rule::why_none(questions),)+ }
            }

            /// Goes over the samples once more.
            pub(crate) fn measure(self, pass: &mut LastPass) -> Result<MeasuredBounds> {
                match self { $(Self::$Rule => $Rule::measure(pass),)+ }
            }
        }
    };
}

interval_methods! {
    Normal: "Estimate -+ quantile times standard error.",
    Bootstrap: "Percentiles of estimates from resampled users, or decisions.",
    Bernstein: "Empirical Bernstein bounds, for independent decisions.",
    Anytime: "A confidence sequence, of these decisions alone, valid at all times at once.",
}

impl IntervalMethod {
    /// The method of this name.
    ///
    /// # Errors
    /// [`Error::Unknown`] for any other name.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|m| m.name() == name)
            .ok_or_else(|| Error::unknown("interval", name, Self::ALL.map(Self::name)))
    }
}
