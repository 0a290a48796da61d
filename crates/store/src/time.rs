//! Times as the tables have them: RFC 3339, UTC, microseconds.

use jiff::Timestamp;

pub(crate) fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

pub(crate) fn now() -> String {
    text(Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_six_digits_and_a_z() {
        let time: Timestamp = "2026-01-02T03:04:05.000006789+01:00".parse().unwrap();
        assert_eq!(text(time), "2026-01-02T02:04:05.000006Z");
    }
}
