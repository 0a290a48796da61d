//! An address that may carry a password.

use std::fmt;

pub(crate) const HIDDEN: &str = "***";
const SECRET_KEYS: [&str; 4] = ["password", "passwd", "secret", "token"];

/// An address that may carry a password. Neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretUrl(Box<str>);

impl SecretUrl {
    pub(crate) fn new(url: &str) -> Self {
        Self(url.into())
    }

    /// The whole address, for whoever connects.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", without_password(&self.0))
    }
}

/// What lets somebody in. Neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretToken(Box<str>);

impl SecretToken {
    /// Reads a token of 16 to 1,024 visible ASCII characters.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let fits = (16..=1024).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits {
            Ok(Self(text.into()))
        } else {
            Err("it is too short, too long, or has other characters".into())
        }
    }

    /// The token, for whoever sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// `url` with `***` for its password, also where the password has characters that a URL should have escaped.
pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, rest),
    };
    let user = user.map_or_else(String::new, |user| match user.split_once(':') {
        Some((name, _)) => format!("{name}:{HIDDEN}@"),
        None => format!("{user}@"),
    });
    let place = match place.split_once('?') {
        Some((place, query)) => format!("{place}?{}", without_secrets(query)),
        None => place.to_owned(),
    };
    format!("{scheme}://{user}{place}")
}

fn without_secrets(query: &str) -> String {
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((key, _)) if is_secret(key) => format!("{key}={HIDDEN}"),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Whether what has this name is not for showing.
pub(crate) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    !key.ends_with("_file") && SECRET_KEYS.iter().any(|secret| key.contains(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for (url, shown) in [
            ("postgres://u:pw@h:5432/db", "postgres://u:***@h:5432/db"),
            ("postgres://u:p@w/x?y@h/db", "postgres://u:***@h/db"),
            ("postgres://u:a:b@h/db?sslmode=require", "postgres://u:***@h/db?sslmode=require"),
            ("postgres://u@h/db", "postgres://u@h/db"),
            (
                "postgres://h/db?user=u&password=pw&sslmode=prefer",
                "postgres://h/db?user=u&password=***&sslmode=prefer",
            ),
            ("postgres://:pw@h/db", "postgres://:***@h/db"),
            ("sqlite://data/tinyforge.db", "sqlite://data/tinyforge.db"),
            ("sqlite:data.db", "sqlite:data.db"),
            ("", ""),
        ] {
            let url = SecretUrl::new(url);
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), format!("{shown:?}"));
        }
    }
}
