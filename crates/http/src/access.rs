//! Who may ask, and what. Pure: what is decided follows from the request's head alone.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::server::Listen;

/// Who may ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Whoever has it may read and act.
    pub token: Option<Token>,
    /// Whoever has it may read.
    pub read_token: Option<Token>,
    /// Names by which this server is called besides addresses and `localhost`: those of the proxies in front of it.
    pub hosts: Vec<String>,
    /// Others than this machine may ask without a token.
    pub insecure: bool,
}

/// A secret that is known again, and not kept: only its digest is.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// The token with this text.
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether `text` is the token. How long that takes tells nothing of the token: digests are compared.
    fn is(&self, text: &str) -> bool {
        Self::new(text) == *self
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// What of a request's head decides.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Head<'r> {
    pub(crate) path: &'r str,
    /// It changes something: its method is not `GET` or `HEAD`.
    pub(crate) acts: bool,
    pub(crate) host: Option<&'r str>,
    pub(crate) authorization: Option<&'r str>,
    pub(crate) origin: Option<&'r str>,
    /// `Sec-Fetch-Site`
    pub(crate) site: Option<&'r str>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The name in `Host` is none of this server's: perhaps a page of somebody else's has its own name lead here.
    StrangeHost,
    /// A page of another site sent it.
    OtherSite,
    /// A token is asked for, and there is none, or a wrong one.
    NoToken,
    /// The token may only read.
    ReadOnly,
}

impl Access {
    /// Whether it would be left open to other machines.
    pub(crate) fn is_open_on(&self, listen: &Listen) -> bool {
        let reached_from_elsewhere = matches!(listen, Listen::Tcp(address) if !address.ip().is_loopback());
        reached_from_elsewhere && self.token.is_none() && !self.insecure
    }

    /// Whether the request may be answered.
    pub(crate) fn check(&self, head: &Head<'_>, over_socket_file: bool) -> Result<(), Refusal> {
        if !over_socket_file && !head.host.is_some_and(|host| self.is_ours(host)) {
            return Err(Refusal::StrangeHost);
        }
        if head.acts && comes_from_another_site(head) {
            return Err(Refusal::OtherSite);
        }
        // Whether the process lives is no secret, and is asked by those who have none.
        if head.path == "/livez" || (self.token.is_none() && self.read_token.is_none()) {
            return Ok(());
        }
        let given = head.authorization.and_then(bearer).ok_or(Refusal::NoToken)?;
        if self.token.as_ref().is_some_and(|token| token.is(given)) {
            return Ok(());
        }
        match &self.read_token {
            Some(token) if token.is(given) && head.acts => Err(Refusal::ReadOnly),
            Some(token) if token.is(given) => Ok(()),
            _ => Err(Refusal::NoToken),
        }
    }

    fn is_ours(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
        address.parse::<std::net::IpAddr>().is_ok()
            || name == "localhost"
            || self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(&name))
    }
}

/// A browser says where a request comes from; what says nothing is no browser.
fn comes_from_another_site(head: &Head<'_>) -> bool {
    if head.site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return true;
    }
    let Some(origin) = head.origin else { return false };
    let place = origin.split_once("://").map(|(_, place)| place);
    place.is_none() || place.map(str::to_ascii_lowercase) != head.host.map(str::to_ascii_lowercase)
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTS: &str = "token-that-acts-0123";
    const READS: &str = "token-that-reads-0123";

    fn head() -> Head<'static> {
        Head { path: "/readyz", host: Some("127.0.0.1:8787"), ..Head::default() }
    }

    #[test]
    fn names_that_lead_here() {
        let access = Access { hosts: vec!["tf.example".into()], ..Access::default() };
        for (host, ours) in [
            ("127.0.0.1:8787", true),
            ("127.0.0.1", true),
            ("[::1]:8787", true),
            ("[::1]", true),
            ("192.0.2.7:1", true),
            ("localhost:8787", true),
            ("LocalHost", true),
            ("tf.example", true),
            ("TF.example:443", true),
            ("evil.example", false),
            ("127.0.0.1.evil.example:8787", false),
            ("localhost.evil.example", false),
            ("", false),
            (":8787", false),
        ] {
            let asked = access.check(&Head { host: Some(host), ..head() }, false);
            assert_eq!(asked.is_ok(), ours, "{host}");
        }
        let nobody = Head { host: None, ..head() };
        assert_eq!(access.check(&nobody, false), Err(Refusal::StrangeHost));
        assert_eq!(access.check(&nobody, true), Ok(()), "a name cannot lead to a socket's file");
    }

    #[test]
    fn what_other_sites_send_changes_nothing() {
        let access = Access::default();
        for (acts, origin, site, allowed) in [
            (true, None, None, true),
            (true, Some("http://127.0.0.1:8787"), Some("same-origin"), true),
            (true, None, Some("none"), true),
            (true, Some("http://evil.example"), None, false),
            (true, Some("null"), None, false),
            (true, None, Some("cross-site"), false),
            (true, None, Some("same-site"), false),
            (true, Some("http://127.0.0.1:9999"), None, false),
            (false, Some("http://evil.example"), Some("cross-site"), true),
        ] {
            let asked = access.check(&Head { acts, origin, site, ..head() }, false);
            assert_eq!(asked.is_ok(), allowed, "{acts} {origin:?} {site:?}");
        }
    }

    #[test]
    fn tokens() {
        let both = Access {
            token: Some(Token::new(ACTS)),
            read_token: Some(Token::new(READS)),
            ..Access::default()
        };
        let one = Access { read_token: None, ..both.clone() };
        let bearer = |token: &str| format!("Bearer {token}");
        for (access, path, acts, given, answer) in [
            (&both, "/readyz", false, Some(bearer(ACTS)), Ok(())),
            (&both, "/readyz", false, Some(bearer(READS)), Ok(())),
            (&both, "/x", true, Some(bearer(ACTS)), Ok(())),
            (&both, "/x", true, Some(bearer(READS)), Err(Refusal::ReadOnly)),
            (&both, "/x", true, Some(bearer("wrong")), Err(Refusal::NoToken)),
            (&both, "/readyz", false, None, Err(Refusal::NoToken)),
            (&both, "/livez", false, None, Ok(())),
            (&one, "/readyz", false, Some(bearer(READS)), Err(Refusal::NoToken)),
            (&one, "/readyz", false, Some(format!("bearer  {ACTS}")), Ok(())),
            (&one, "/readyz", false, Some(format!("Basic {ACTS}")), Err(Refusal::NoToken)),
            (&one, "/readyz", false, Some(ACTS.to_owned()), Err(Refusal::NoToken)),
        ] {
            let head = Head { path, acts, authorization: given.as_deref(), ..head() };
            assert_eq!(access.check(&head, false), answer, "{path} {acts} {given:?}");
        }
        assert!(!format!("{both:?}").contains("token-that"));
    }

    #[test]
    fn other_machines_need_a_token() {
        let tcp = |address: &str| Listen::Tcp(address.parse().unwrap());
        let with = |token: bool, insecure| Access {
            token: token.then(|| Token::new(ACTS)),
            insecure,
            ..Access::default()
        };
        for (listen, access, open) in [
            (tcp("127.0.0.1:1"), with(false, false), false),
            (tcp("[::1]:1"), with(false, false), false),
            (tcp("0.0.0.0:1"), with(false, false), true),
            (tcp("[::]:1"), with(false, false), true),
            (tcp("192.0.2.1:1"), with(true, false), false),
            (tcp("192.0.2.1:1"), with(false, true), false),
            (Listen::Unix("/x".into()), with(false, false), false),
        ] {
            assert_eq!(access.is_open_on(&listen), open, "{listen} {access:?}");
        }
    }
}
