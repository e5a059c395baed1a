//! One type for all explorers, made from the table: its variants are told apart once per decision, and what they do is
//! part of the simulator's kernels.

use super::explore::{Choice, Explore, Scoring};
use crate::base::vector::{Cell, Vector};
use crate::policy::scratch::fit;

/// Declares the file of each explorer of the table, and the enum of all of them.
macro_rules! explorer_enum {
    ($($file:ident $Explorer:ident $(($parameter:ident))?,)*) => {
        $(mod $file;)*
        $(pub use $file::$Explorer;)*

        /// An exploration strategy, one variant for each in the table. K is the number of candidates.
        ///
        /// ```
        /// use rehearsal::policy::Explorer;
        ///
        /// let explorer = Explorer::named("softmax", Some(0.5))?;
        /// assert_eq!(explorer.parameter(), Some(("temperature", 0.5)));
        /// let propensities = explorer.propensities(&[1.0, 1.0]).expect("a closed form");
        /// assert_eq!(propensities, [0.5, 0.5]);
        /// # Ok::<(), rehearsal::base::error::Fault>(())
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub enum Explorer {
            $(
                #[doc = concat!("The explorer `", stringify!($file), "`.")]
                $Explorer($Explorer),
            )*
        }

        impl Explorer {
            /// The names of all explorers in policy files, in the order of the table.
            pub const NAMES: &[&str] = &[$(<$Explorer as Explore>::NAME),*];

            /// The names of those whose candidates' probabilities of being chosen have a closed form.
            pub fn with_propensities() -> impl Iterator<Item = &'static str> {
                let all = [$((<$Explorer as Explore>::NAME, <$Explorer as Explore>::HAS_PROPENSITIES)),*];
                all.into_iter().filter(|(_, has)| *has).map(|(name, _)| name)
            }

            /// The explorer of this name in policy files, with this value of its parameter or the parameter's own default.
            ///
            /// # Errors
            /// A name that none has, a value that is not allowed, a value for one that has no parameter.
            pub fn named(name: &str, value: Option<f64>) -> Result<Self, Fault> {
                $(
                    if name == <$Explorer as Explore>::NAME {
                        let value = match (<$Explorer as Explore>::PARAMETER, value) {
                            (Some(parameter), value) => parameter.checked(value.unwrap_or(parameter.default))?,
                            (None, None) => 0.0,
                            (None, Some(value)) => {
                                let allowed = format!("nothing; {name} has no parameter");
                                return Err(Fault::new("parameter", value, allowed));
                            }
                        };
                        return Ok(Self::$Explorer(<$Explorer as Explore>::new(value)));
                    }
                )*
                Err(Fault::new("explorer", format!("{name:?}"), Self::NAMES.join(", ")))
            }

            /// The parameter of the explorer of this name; `None` for one without a parameter, and for a name that
            /// no explorer has.
            pub fn parameter_of(name: &str) -> Option<Parameter> {
                $(
                    if name == <$Explorer as Explore>::NAME {
                        return <$Explorer as Explore>::PARAMETER;
                    }
                )*
                None
            }

            /// Its name in policy files.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$Explorer(_) => <$Explorer as Explore>::NAME,)*
                }
            }

            /// What it shows, for those who do not know its name.
            pub fn meaning(&self) -> &'static str {
                match self {
                    $(Self::$Explorer(_) => <$Explorer as Explore>::MEANING,)*
                }
            }

            /// The parameter's name and value as a policy file states it; `None` for one without a parameter.
            pub fn parameter(&self) -> Option<(&'static str, f64)> {
                match *self {
                    $(
                        Self::$Explorer(explorer) => {
                            <$Explorer as Explore>::PARAMETER.map(|p| p.name).zip(explorer.value())
                        }
                    )*
                }
            }

            /// Whether each candidate's probability of being chosen has a closed form.
            pub fn has_propensities(&self) -> bool {
                match self {
                    $(Self::$Explorer(_) => <$Explorer as Explore>::HAS_PROPENSITIES,)*
                }
            }

            /// Whether what was learned has any influence on what it chooses.
            pub fn uses_scores(&self) -> bool {
                match self {
                    $(Self::$Explorer(_) => <$Explorer as Explore>::USES_SCORES,)*
                }
            }

            /// Each of K candidates' probability of being chosen, given their scores; `None` where it has no closed form.
            pub fn propensities(&self, scores: &[f64]) -> Option<Vec<f64>> {
                match self {
                    $(Self::$Explorer(explorer) => explorer.propensities(scores),)*
                }
            }

            /// Scores the candidates into the scratch's `scores` and chooses one, for each user.
            #[inline(always)]
            pub(in crate::policy) fn decide<V: Vector>(
                &self,
                level: V::Level,
                scoring: Scoring<'_, V::Cell>,
            ) -> EachChoice<V::Cell> {
                match self {
                    $(Self::$Explorer(explorer) => decide_by::<V, _>(level, *explorer, scoring),)*
                }
            }
        }
    };
}

pub(super) use explorer_enum;

/// What each user's choice is.
pub(super) type EachChoice<C> = <C as Cell>::Each<Choice>;

/// Scores the candidates and chooses one, for each user, by one explorer.
#[inline(always)]
pub(super) fn decide_by<V: Vector, E: Explore>(
    level: V::Level,
    explorer: E,
    scoring: Scoring<'_, V::Cell>,
) -> EachChoice<V::Cell> {
    let Scoring { model, block, kinds, rng, scratch } = scoring;
    fit(&mut scratch.scores, block.len());
    let own = Scoring { model, block, kinds, rng: &mut *rng, scratch: &mut *scratch };
    let best = explorer.score::<V>(level, own);
    explorer.choose(&scratch.scores, &best, rng)
}
