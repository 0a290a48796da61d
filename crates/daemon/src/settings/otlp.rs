//! Where traces are sent, as `[log]` says it.

use std::fmt;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::secret::without_password;

const MAX_URL: usize = 2_048;

/// Where traces are sent, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Otlp {
    /// The collector; `None`: no traces are made.
    pub(crate) endpoint: Option<Collector>,
    /// What each delivery has besides.
    pub(crate) headers: Headers,
    /// How many of a hundred traces are sent: from 1 to 100.
    pub(crate) sample_percent: u32,
}

/// The address of a collector. Neither `Debug` nor `Display` shows a password in it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Collector {
    given: Box<str>,
    traces: Url,
}

impl Collector {
    /// Reads an http or https address to which `/v1/traces` can be added.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut url: Url = text.parse().map_err(|error| format!("{error}"))?;
        let fits = matches!(url.scheme(), "http" | "https") && text.len() <= MAX_URL;
        if !fits || url.query().is_some() || url.fragment().is_some() {
            return Err("it is no http or https address, is too long, or has a query".into());
        }
        url.path_segments_mut()
            .map_err(|()| "it has no path".to_owned())?
            .pop_if_empty()
            .extend(["v1", "traces"]);
        Ok(Self { given: text.into(), traces: url })
    }

    /// Where traces are posted.
    pub(crate) fn traces(&self) -> &Url {
        &self.traces
    }
}

impl fmt::Display for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.given))
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", without_password(&self.given))
    }
}

/// Headers, whose values nothing shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Headers(pub(crate) HeaderMap);

impl Headers {
    /// Reads `NAME=VALUE`, with commas between them.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or("one has no `=`")?;
            let name: HeaderName = name.trim().parse().map_err(|_| "one has a name that is none")?;
            let mut value: HeaderValue =
                value.trim().parse().map_err(|_| "one has a value that cannot be sent")?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        Ok(Self(headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_traces_are_posted() {
        for (given, posted) in [
            ("http://c:4318", Some("http://c:4318/v1/traces")),
            ("http://c:4318/", Some("http://c:4318/v1/traces")),
            ("https://c/otlp/", Some("https://c/otlp/v1/traces")),
            ("https://c/otlp", Some("https://c/otlp/v1/traces")),
            ("c:4318", None),
            ("grpc://c", None),
            ("http://c/?a=b", None),
            ("http://", None),
        ] {
            let collector = Collector::parse(given).ok();
            assert_eq!(collector.as_ref().map(|one| one.traces().as_str()), posted, "{given}");
        }
    }

    #[test]
    fn headers_are_read_and_not_shown() {
        let headers = Headers::parse("authorization = Bearer a=b, x-scope=hush,").unwrap();
        assert_eq!(headers.0["authorization"], "Bearer a=b");
        assert_eq!(headers.0["x-scope"], "hush");
        assert!(!format!("{headers:?}").contains("hush"));
        assert!(Headers::parse("").unwrap().0.is_empty());
        for wrong in ["x", "a b=c", "a=\u{7}"] {
            assert!(Headers::parse(wrong).is_err(), "{wrong}");
        }
        let collector = Collector::parse("http://u:hush@c").unwrap();
        assert!(!format!("{collector} {collector:?}").contains("hush"));
    }
}
