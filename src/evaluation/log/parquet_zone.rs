//! In which zone the hours of a column of Parquet are. Moments stand in the file in UTC, and the zone in which they were written
//! in what Arrow says beside them.

use super::arrow_schema::ArrowSchema;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::TimeZone;
use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::schema::types::ColumnDescriptor;

/// By which clock the moments of a column tell hours.
pub(super) enum Clock {
    /// They are those of some place, which nobody needs to know.
    Local,
    /// They are in UTC, and were written in this zone.
    Zone(TimeZone),
    /// They are in UTC, and nobody knows the zone in which they were written.
    Utc,
}

impl Clock {
    /// The clock of a column, of which Arrow may say more.
    pub(super) fn of(column: &ColumnDescriptor, arrow: &ArrowSchema) -> Self {
        let zone = || DateTimeParser::new().parse_time_zone(arrow.zone(&column.path().string())?).ok();
        let is_in_utc = match (column.logical_type_ref(), column.converted_type()) {
            (Some(LogicalType::Timestamp(kind)), _) => kind.is_adjusted_to_u_t_c,
            (None, ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS) => true,
            _ => false,
        };
        match zone() {
            Some(zone) if is_in_utc || column.physical_type() == PhysicalType::INT96 => Self::Zone(zone),
            _ if is_in_utc => Self::Utc,
            _ => Self::Local,
        }
    }

    /// The milliseconds since 1970 by this clock of a moment in the file.
    pub(super) fn local(&self, millis: i128) -> i128 {
        let Self::Zone(zone) = self else { return millis };
        let moment = i64::try_from(millis).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
        let ahead = moment.map_or(0, |moment| zone.to_offset(moment).seconds());
        millis + 1000 * i128::from(ahead)
    }

    /// What to say of the hours of column `name`.
    pub(super) fn note(&self, origin: &str, name: &str) -> Option<String> {
        matches!(self, Self::Utc).then(|| {
            format!("{origin}: the hours of {name} are those of UTC, in which the file keeps them; it names no zone for them")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_those_of_the_zone_in_summer_and_in_winter() {
        let zone = |name: &str| Clock::Zone(DateTimeParser::new().parse_time_zone(name).unwrap());
        let hour = |name: &str, moment: &str| {
            let millis = moment.parse::<Timestamp>().unwrap().as_millisecond();
            zone(name).local(millis.into()) / 3_600_000 % 24
        };
        for (name, moment, expected) in [
            ("America/Los_Angeles", "2024-07-01T16:00:00Z", 9),
            ("America/Los_Angeles", "2024-01-01T17:00:00Z", 9),
            ("+05:30", "2024-01-01T18:30:00Z", 0),
            ("UTC", "2024-01-01T17:00:00Z", 17),
        ] {
            assert_eq!(hour(name, moment), expected, "{name} {moment}");
        }
        assert_eq!(zone("UTC").local(i128::MAX / 2), i128::MAX / 2);
    }
}
