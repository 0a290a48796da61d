//! Who may ask, and what. Pure: what is decided follows from the request's head alone.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::server::Listen;

/// The cookie's name.
pub(crate) const COOKIE: &str = "reconciler_session";
/// What a cookie's value is made with, so that it is good for nothing else.
const COOKIE_PURPOSE: &[u8] = b"tinyforge-reconciler cookie 1\0";

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

    /// What stands for the token in a cookie. It follows from the token alone, so that it outlives a restart and ends
    /// with the token; the token does not follow from it.
    fn cookie(&self) -> String {
        let digest = Sha256::new().chain_update(COOKIE_PURPOSE).chain_update(self.0).finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether `value` is the token's cookie, told as [`Token::is`] tells.
    fn is_cookie(&self, value: &str) -> bool {
        Self::new(&self.cookie()).is(value)
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
    /// All cookies, as they were sent.
    pub(crate) cookies: Option<&'r str>,
    pub(crate) origin: Option<&'r str>,
    /// `Sec-Fetch-Site`
    pub(crate) site: Option<&'r str>,
}

/// What whoever asks may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    Read,
    Act,
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
        if is_public(head.path) {
            return Ok(());
        }
        match self.grant(head) {
            None => Err(Refusal::NoToken),
            Some(Grant::Read) if head.acts => Err(Refusal::ReadOnly),
            Some(_) => Ok(()),
        }
    }

    /// Whether a token is asked for.
    pub(crate) fn asks(&self) -> bool {
        self.token.is_some() || self.read_token.is_some()
    }

    /// What the request's token or cookie lets it do; `None` if one is asked for, and there is none, or a wrong one.
    pub(crate) fn grant(&self, head: &Head<'_>) -> Option<Grant> {
        if !self.asks() {
            return Some(Grant::Act);
        }
        // A token that was sent is what is meant, whatever cookies a browser adds.
        if let Some(given) = head.authorization.and_then(bearer) {
            return self.granted(|token| token.is(given));
        }
        head.cookies.and_then(|cookies| {
            let mut ours = cookies.split(';').filter_map(|cookie| {
                let (name, value) = cookie.trim().split_once('=')?;
                (name == COOKIE).then_some(value)
            });
            ours.find_map(|value| self.granted(|token| token.is_cookie(value)))
        })
    }

    /// The cookie's value for whoever knows a token.
    pub(crate) fn sign_in(&self, text: &str) -> Option<String> {
        let known = [&self.token, &self.read_token].into_iter().flatten();
        known.filter(|token| token.is(text)).map(Token::cookie).next()
    }

    fn granted(&self, is_right: impl Fn(&Token) -> bool) -> Option<Grant> {
        match (&self.token, &self.read_token) {
            (Some(token), _) if is_right(token) => Some(Grant::Act),
            (_, Some(token)) if is_right(token) => Some(Grant::Read),
            _ => None,
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

/// What holds no data, or is asked by those who have no token yet: the page, and whether the process lives.
fn is_public(path: &str) -> bool {
    matches!(path, "/" | "/livez" | "/login" | "/logout") || path.starts_with("/assets/")
}

/// A browser says where a request comes from; what says nothing is no browser.
fn comes_from_another_site(head: &Head<'_>) -> bool {
    // No page can forge it. The origin of a form on a page that sends no referrer is `null` even to its own site.
    if let Some(site) = head.site {
        return !matches!(site, "same-origin" | "none");
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
            (true, Some("null"), Some("same-origin"), true),
            (true, Some("http://127.0.0.1:8787"), Some("cross-site"), false),
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
    fn cookies() {
        let both = Access {
            token: Some(Token::new(ACTS)),
            read_token: Some(Token::new(READS)),
            ..Access::default()
        };
        let other = Access { token: Some(Token::new("another-token-0123")), ..Access::default() };
        let cookie = |access: &Access, token: &str| format!("{COOKIE}={}", access.sign_in(token).unwrap());
        let (acts, reads) = (cookie(&both, ACTS), cookie(&both, READS));
        for (access, acting, cookies, authorization, answer) in [
            (&both, true, acts.clone(), None, Ok(())),
            (&both, false, reads.clone(), None, Ok(())),
            (&both, true, reads.clone(), None, Err(Refusal::ReadOnly)),
            (&both, true, format!("a=b; {acts};c"), None, Ok(())),
            (&both, true, format!("{COOKIE}=old; {acts}"), None, Ok(())),
            (&both, true, format!("x{acts}"), None, Err(Refusal::NoToken)),
            (&both, true, format!("{COOKIE}={ACTS}"), None, Err(Refusal::NoToken)),
            (&both, true, format!("{COOKIE}="), None, Err(Refusal::NoToken)),
            (&both, true, String::new(), None, Err(Refusal::NoToken)),
            (&both, true, acts.clone(), Some("Bearer wrong"), Err(Refusal::NoToken)),
            (&both, true, acts.clone(), Some("Basic of-a-proxy"), Ok(())),
            (&other, false, acts.clone(), None, Err(Refusal::NoToken)),
        ] {
            let head = Head { path: "/x", acts: acting, cookies: Some(&cookies), authorization, ..head() };
            assert_eq!(access.check(&head, false), answer, "{acting} {cookies} {authorization:?}");
        }
        let strange =
            Head { path: "/x", acts: true, cookies: Some(&acts), site: Some("cross-site"), ..head() };
        assert_eq!(both.check(&strange, false), Err(Refusal::OtherSite));
        assert_eq!(both.sign_in("wrong"), None);
        assert_eq!(cookie(&both, ACTS), acts, "it outlives a restart");
        assert!(acts != reads && !acts.contains(ACTS));
    }

    #[test]
    fn the_page_is_for_everybody() {
        let access = Access { token: Some(Token::new(ACTS)), ..Access::default() };
        for (path, public) in [
            ("/", true),
            ("/assets/main.js", true),
            ("/login", true),
            ("/logout", true),
            ("/livez", true),
            ("/readyz", false),
            ("/assets", false),
            ("/api/v1/session", false),
            ("//assets/x", false),
            ("/login/", false),
        ] {
            assert_eq!(access.check(&Head { path, ..head() }, false).is_ok(), public, "{path}");
        }
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
