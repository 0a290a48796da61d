//! The address of a web hook.

use std::fmt;

use reqwest::Url;

const MAX_LEN: usize = 2048;
const MAX_PATH_SHOWN: usize = 200;

/// An `http` or `https` address. Neither `Debug` nor `Display` shows more of it than scheme, host, port and path: a
/// user's name, a password or a token may stand in the rest.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HookUrl(Url);

impl HookUrl {
    /// Reads an address of at most 2048 bytes.
    ///
    /// # Errors
    ///
    /// What is wrong with it, without showing any of it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_LEN {
            return Err("it is longer than 2048 bytes");
        }
        let url = Url::parse(text).map_err(|_| "it is not a URL")?;
        match url.scheme() {
            "http" | "https" if url.fragment().is_some() => Err("it has a fragment, which is never sent"),
            "http" | "https" => Ok(Self(url)),
            _ => Err("it begins with neither http:// nor https://"),
        }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The whole address, for whoever connects.
    pub(super) fn expose(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(url) = self;
        write!(f, "{}://{}", url.scheme(), url.host_str().unwrap_or_default())?;
        if let Some(port) = url.port() {
            write!(f, ":{port}")?;
        }
        // A parsed path is ASCII, so it may be cut anywhere.
        match url.path().get(..MAX_PATH_SHOWN) {
            Some(path) if url.path().len() > MAX_PATH_SHOWN => write!(f, "{path}…"),
            _ => f.write_str(url.path()),
        }
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_an_address() {
        for (url, shown) in [
            ("https://h/p", "https://h/p"),
            ("http://h:8080", "http://h:8080/"),
            ("https://user:hunter2@h:8443/p/q?token=hunter2&x=hunter2", "https://h:8443/p/q"),
            ("https://hunter2@h/", "https://h/"),
            ("http://[::1]:80/ä b", "http://[::1]/%C3%A4%20b"),
            ("HTTP://Host/\u{1b}[31m", "http://host/%1B[31m"),
        ] {
            let url = HookUrl::parse(url).unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), format!("{shown:?}"));
        }
        let long = HookUrl::parse(&format!("http://h/{}", "x".repeat(1000))).unwrap().to_string();
        assert!(long.len() < 250 && long.ends_with("x…"), "{long}");
    }

    #[test]
    fn what_is_no_address_of_a_hook() {
        let long = format!("http://h/{}", "x".repeat(3000));
        for (url, why) in [
            ("", "not a URL"),
            ("h/p", "not a URL"),
            ("http://", "not a URL"),
            ("http://h:99999/", "not a URL"),
            ("ftp://h/", "neither http:// nor https://"),
            ("unix:///var/run/x", "neither http:// nor https://"),
            ("http://h/#x", "fragment"),
            (&long, "longer than 2048"),
        ] {
            let error = HookUrl::parse(url).unwrap_err();
            assert!(error.contains(why), "{url}: {error}");
        }
    }
}
