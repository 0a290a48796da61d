//! What came of one try.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reconciler_core::text::printable;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, timeout_at};

const MAX_BODY: usize = 4096;
/// How long the text of a refusal is waited for.
const BODY_WAIT: Duration = Duration::from_secs(1);
const MAX_CAUSE: usize = 300;

/// Why a receiver did not take a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpFault {
    /// No answer came in time.
    Silent(Duration),
    /// The connection could not be made or broke, or what came was not HTTP: one line says what, bounded.
    Connection(String),
    /// It sent us elsewhere.
    Redirect(u16),
    /// It refused.
    Refused {
        /// The status.
        status: u16,
        /// The beginning of what it said: one line without control characters, at most 4 KiB.
        body: String,
    },
}

impl HttpFault {
    /// Whether the same may well succeed later.
    pub(super) fn may_pass(&self) -> bool {
        self.is_the_receiver_s() || matches!(self, Self::Refused { status: 429, .. })
    }

    /// Whether the receiver is unwell, so that any other delivery would fail as well.
    pub(super) fn is_the_receiver_s(&self) -> bool {
        matches!(self, Self::Silent(_) | Self::Connection(_) | Self::Refused { status: 500..=599, .. })
    }
}

impl fmt::Display for HttpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(after) => write!(f, "no answer within {after:?}"),
            Self::Connection(why) => f.write_str(why),
            Self::Redirect(status) => {
                write!(
                    f,
                    "it answered {status}, and redirects are not followed; set `url` to the final address"
                )
            }
            Self::Refused { status, body } => {
                write!(f, "it answered {status}")?;
                let reason = StatusCode::from_u16(*status).ok().and_then(|status| status.canonical_reason());
                reason.map_or(Ok(()), |reason| write!(f, " {reason}"))?;
                if body.is_empty() { Ok(()) } else { write!(f, ": {body}") }
            }
        }
    }
}

/// A try that failed.
pub(super) struct Failure {
    pub(super) fault: HttpFault,
    /// How long the receiver asks to be left alone.
    pub(super) wait: Option<Duration>,
}

impl From<HttpFault> for Failure {
    fn from(fault: HttpFault) -> Self {
        Self { fault, wait: None }
    }
}

/// What an answer means. The body of a refusal is read, bounded and until then at most; that of a success is not.
pub(super) async fn judge(response: Response, until: Instant) -> Result<(), Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    if status.is_redirection() {
        return Err(HttpFault::Redirect(status.as_u16()).into());
    }
    let wait = retry_after(response.headers(), Timestamp::now());
    let body = beginning(response, until.min(Instant::now() + BODY_WAIT)).await;
    let fault = HttpFault::Refused { status: status.as_u16(), body };
    Err(Failure { wait: wait.filter(|_| fault.may_pass()), fault })
}

/// What breaks the body off, or ends its time, changes nothing of what the status said.
async fn beginning(mut response: Response, until: Instant) -> String {
    let mut body = Vec::new();
    while body.len() < MAX_BODY
        && let Ok(Ok(Some(chunk))) = timeout_at(until, response.chunk()).await
    {
        body.extend_from_slice(&chunk);
    }
    printable(String::from_utf8_lossy(&body).trim(), MAX_BODY)
}

/// Seconds, or a date by the clock of this machine, which may have passed. What is neither counts as absent.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

/// Why there was no answer: the causes alone, for the error itself shows the whole address.
pub(super) fn cause(error: &reqwest::Error) -> HttpFault {
    let mut line = String::new();
    let mut source = error.source();
    while let Some(error) = source {
        let said = error.to_string();
        // hyper's own layer names the step that failed in a developer's words; its cause says more.
        if !said.starts_with("client error") && !line.contains(&said) {
            let colon = if line.is_empty() { "" } else { ": " };
            line = format!("{line}{colon}{said}");
        }
        source = error.source();
    }
    HttpFault::Connection(printable(if line.is_empty() { "the connection failed" } else { &line }, MAX_CAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_in_both_forms() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        for (text, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
            ("99999999999999999999999", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{text:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn what_is_tried_again_and_what_counts_against_the_receiver() {
        let refused = |status| HttpFault::Refused { status, body: String::new() };
        for (fault, may_pass, is_the_receiver_s) in [
            (HttpFault::Silent(BODY_WAIT), true, true),
            (HttpFault::Connection(String::new()), true, true),
            (HttpFault::Redirect(301), false, false),
            (refused(400), false, false),
            (refused(404), false, false),
            (refused(408), false, false),
            (refused(429), true, false),
            (refused(500), true, true),
            (refused(599), true, true),
            (refused(600), false, false),
        ] {
            assert_eq!(
                (fault.may_pass(), fault.is_the_receiver_s()),
                (may_pass, is_the_receiver_s),
                "{fault}"
            );
        }
    }
}
