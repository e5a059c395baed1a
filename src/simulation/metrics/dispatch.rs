//! One type for all metrics, made from the table.

/// Declares the file of each metric of the table, and the enum of all of them.
macro_rules! metric_enum {
    ($($file:ident $Metric:ident,)*) => {
        $(mod $file;)*

        /// A figure of one user: a mean per decision, in the units of the reward or a rate in [0, 1]; starvation is a
        /// share of kinds of tip.
        ///
        /// ```
        /// use rehearsal::simulation::metrics::{Direction, Metric};
        ///
        /// assert_eq!(Metric::Reward.better(), Some(Direction::More));
        /// assert_eq!(Metric::SnoozeRate.better(), None);
        /// assert_eq!(Metric::ALL[0].name(), "reward");
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Metric {
            $(
                #[doc = concat!("The metric `", stringify!($file), "`.")]
                $Metric,
            )*
        }

        impl Metric {
            /// Every metric, in the order of the table.
            pub const ALL: [Self; [$(stringify!($Metric)),*].len()] = [$(Self::$Metric),*];

            /// Its name in files.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Metric => $file::$Metric::NAME,)*
                }
            }

            /// What it is of one user.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$Metric => $file::$Metric::MEANING,)*
                }
            }

            /// What a hundred times its value counts, in the plural.
            pub const fn per_100(self) -> &'static str {
                match self {
                    $(Self::$Metric => $file::$Metric::PER_100,)*
                }
            }

            /// Width of the range of its values, by which differences are divided to lie in [-1, 1].
            pub const fn range(self) -> f64 {
                match self {
                    $(Self::$Metric => $file::$Metric::RANGE,)*
                }
            }

            /// Which way is better; `None` where neither is, so that a criterion has to say it.
            pub const fn better(self) -> Option<Direction> {
                match self {
                    $(Self::$Metric => $file::$Metric::BETTER,)*
                }
            }

            /// Whether the table of `simulate` has a column for it.
            pub const fn is_in_table(self) -> bool {
                match self {
                    $(Self::$Metric => $file::$Metric::IN_TABLE,)*
                }
            }

            /// Parts of its unit in which it is counted.
            const fn units(self) -> f64 {
                match self {
                    $(Self::$Metric => $file::$Metric::UNITS,)*
                }
            }

            /// The factor that makes the metric of a user's sum, where every user makes so many decisions among so many
            /// kinds of tip.
            pub(in crate::simulation) fn scale(self, steps: u32, kinds: usize) -> f64 {
                let count = match self {
                    $(Self::$Metric => $file::$Metric::count_of(steps, kinds),)*
                };
                1.0 / (f64::from(count) * self.units())
            }
        }

        impl UserRecord {
            /// The sum whose mean the metric is, in the metric's counting units, and what it is divided by.
            pub(in crate::simulation) fn sum(&self, metric: Metric) -> (i64, u32) {
                match metric {
                    $(Metric::$Metric => ($file::$Metric::sum(self), $file::$Metric::count(self)),)*
                }
            }

            /// One figure of this user; `None` without a decision that it is about.
            pub fn mean(&self, metric: Metric) -> Option<f64> {
                let (sum, count) = self.sum(metric);
                (count > 0).then(|| sum as f64 / metric.units() / f64::from(count))
            }
        }
    };
}

pub(super) use metric_enum;
