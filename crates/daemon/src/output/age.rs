//! How long ago something was.

use jiff::Timestamp;

/// How long before `now` the RFC 3339 time `then` was: `3m ago`. `-` if it is no time, `now` if it is not past.
pub(crate) fn ago(then: &str, now: Timestamp) -> String {
    let Ok(then) = then.trim().parse::<Timestamp>() else { return "-".to_owned() };
    let seconds = now.duration_since(then).as_secs();
    match seconds {
        ..1 => "now".to_owned(),
        1..60 => format!("{seconds}s ago"),
        60..3_600 => format!("{}m ago", seconds / 60),
        3_600..86_400 => format!("{}h ago", seconds / 3_600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let now = "2025-06-01T12:00:00Z".parse().unwrap();
        for (then, age) in [
            ("2025-06-01T12:00:00Z", "now"),
            ("2025-06-01T12:00:30Z", "now"),
            ("2025-06-01T11:59:59.2Z", "now"),
            ("2025-06-01T11:59:57Z", "3s ago"),
            ("2025-06-01T13:56:00+02:00", "4m ago"),
            ("2025-06-01T09:00:00.123456Z", "2h ago"),
            ("2025-05-01T12:00:00Z", "31d ago"),
            ("", "-"),
            ("yesterday", "-"),
        ] {
            assert_eq!(ago(then, now), age, "{then}");
        }
    }
}
