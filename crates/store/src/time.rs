//! Times as the tables have them: RFC 3339, UTC, microseconds.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

pub(crate) fn text(time: Timestamp) -> String {
    PRINTER.timestamp_to_string(&time)
}

pub(crate) fn now() -> String {
    text(Timestamp::now())
}

/// Milliseconds since the epoch as a column has them; empty for 0, which stands for a time that is not known.
///
/// [`millis`] reads back what was written, whatever it was: a number beyond the years 0 to 9999 stays a number.
pub(crate) fn of_millis(number: i64) -> String {
    if number == 0 {
        return String::new();
    }
    let time = Timestamp::from_millisecond(number).map(text).ok();
    time.filter(|text| !text.starts_with('-')).unwrap_or_else(|| number.to_string())
}

/// What [`of_millis`] wrote; 0 for anything else.
pub(crate) fn millis(text: &str) -> i64 {
    let time = text.parse().map(Timestamp::as_millisecond);
    time.or_else(|_| text.parse()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_six_digits_and_a_z() {
        let time: Timestamp = "2026-01-02T03:04:05.000006789+01:00".parse().unwrap();
        assert_eq!(text(time), "2026-01-02T02:04:05.000006Z");
    }

    #[test]
    fn milliseconds_are_read_back_as_they_were() {
        for (number, column) in [
            (0, ""),
            (1, "1970-01-01T00:00:00.001000Z"),
            (-1, "1969-12-31T23:59:59.999000Z"),
            (1_767_323_045_678, "2026-01-02T03:04:05.678000Z"),
            // The year 1, which Docker tells for a container that never ended, and the year before the first.
            (-62_135_596_800_000, "0001-01-01T00:00:00.000000Z"),
            (-62_200_000_000_000, "-62200000000000"),
            (i64::MAX, "9223372036854775807"),
            (i64::MIN, "-9223372036854775808"),
        ] {
            assert_eq!(of_millis(number), column);
            assert_eq!(millis(column), number, "{column}");
        }
        for nonsense in ["yesterday", "2026-01-02", "1e3", "\0"] {
            assert_eq!(millis(nonsense), 0, "{nonsense:?}");
        }
    }
}
