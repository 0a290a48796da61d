//! Durations as people write them.

use std::time::Duration;

use jiff::fmt::friendly::SpanParser;
use jiff::{SignedDuration, Span, SpanRelativeTo, SpanRound, Unit};

const MAX_LEN: usize = 64;

/// Reads `30s`, `1h 30m`, `7d`; a day has 24 hours. A number above zero needs its unit.
pub(crate) fn parse(text: &str) -> Option<SignedDuration> {
    let text = text.trim();
    let text = (text.len() <= MAX_LEN).then_some(text)?;
    if let Some(seconds) = text.parse().ok().filter(|number| *number <= 0) {
        return Some(SignedDuration::from_secs(seconds));
    }
    SpanParser::new().parse_span(text).ok()?.to_duration(SpanRelativeTo::days_are_24_hours()).ok()
}

/// What [`parse`] reads back: `30s`, `7d`.
pub(crate) fn format(duration: Duration) -> String {
    let round = SpanRound::new().largest(Unit::Day).days_are_24_hours();
    match Span::try_from(duration).and_then(|span| span.round(round)) {
        Ok(span) => format!("{span:#}"),
        Err(_) => format!("{}s", duration.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        for (text, millis) in [
            ("30s", Some(30_000)),
            ("5m", Some(300_000)),
            ("1h30m", Some(5_400_000)),
            (" 250ms ", Some(250)),
            ("1.5s", Some(1_500)),
            ("7d", Some(604_800_000)),
            ("2w", Some(1_209_600_000)),
            ("0", Some(0)),
            ("-5s", Some(-5_000)),
            ("-5", Some(-5_000)),
            ("", None),
            ("30", None),
            ("s", None),
            ("30 parsecs", None),
            ("1month", None),
            ("99999999999999999999999h", None),
        ] {
            assert_eq!(parse(text).map(|d| d.as_millis()), millis, "{text:?}");
        }
        assert_eq!(parse(&"1s ".repeat(100)), None);
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (duration, text) in [
            (Duration::from_secs(30), "30s"),
            (Duration::from_secs(300), "5m"),
            (Duration::from_secs(90), "1m 30s"),
            (Duration::from_millis(100), "100ms"),
            (Duration::from_secs(30 * 86_400), "30d"),
            (Duration::ZERO, "0s"),
        ] {
            assert_eq!(format(duration), text);
            assert_eq!(parse(text).map(|d| d.unsigned_abs()), Some(duration));
        }
    }
}
