//! What a program inherits of this one's environment.

use std::ffi::{OsStr, OsString};

/// What programs need to run, to speak a person's language and to find a Docker daemon. None of them is a secret; names
/// that begin with `LC_` are inherited too.
const USUAL: [&str; 18] = [
    "DOCKER_API_VERSION",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "DOCKER_TLS_VERIFY",
    "HOME",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "PATH",
    "SHELL",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_RUNTIME_DIR",
];
const LOCALE: &str = "LC_";
const MAX_NAME: usize = 255;

/// Those of `variables` that are among the usual ones or among `named`.
pub(super) fn inherited(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    named: &[String],
) -> impl Iterator<Item = (OsString, OsString)> {
    let is_named = |name: &OsStr| named.iter().any(|named| name == named.as_str());
    let is_usual =
        |name: &OsStr| name.to_str().is_some_and(|name| USUAL.contains(&name) || name.starts_with(LOCALE));
    variables.into_iter().filter(move |(name, _)| is_usual(name) || is_named(name))
}

/// Whether a shell could name a variable so: letters, digits and `_`, not beginning with a digit; 255 bytes at most.
pub(crate) fn is_variable_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn secrets_are_inherited_only_by_name() {
        let names = [
            "PATH",
            "HOME",
            "LC_ALL",
            "LC_",
            "TZ",
            "DOCKER_HOST",
            "DATABASE_URL",
            "DATABASE_URL_FILE",
            "RECONCILER_STORE__URL",
            "RECONCILER_PLUGINS__COMPOSE__SECRET",
            "RECONCILER_HOST",
            "AWS_SECRET_ACCESS_KEY",
            "HTTPS_PROXY",
            "LD_PRELOAD",
            "path",
            "XLC_ALL",
            "",
        ];
        let variables = || {
            let odd = OsString::from_vec(b"LC_\xff".to_vec());
            names.map(OsString::from).into_iter().chain([odd]).map(|name| (name, OsString::from("value")))
        };
        let left = |named: &[&str]| -> Vec<_> {
            let named: Vec<_> = named.iter().map(ToString::to_string).collect();
            inherited(variables(), &named).map(|(name, _)| name.into_string().unwrap()).collect()
        };
        let usual = ["PATH", "HOME", "LC_ALL", "LC_", "TZ", "DOCKER_HOST"];
        assert_eq!(left(&[]), usual);
        assert_eq!(left(&["NOT_SET"]), usual);
        assert_eq!(left(&["DATABASE_URL", "PATH"]), [&usual[..], &["DATABASE_URL"]].concat());
    }

    #[test]
    fn names_of_variables() {
        let long = "X".repeat(256);
        for (name, good) in [
            ("API_TOKEN", true),
            ("_x9", true),
            (&long[1..], true),
            (&long, false),
            ("", false),
            ("9X", false),
            ("A=b", false),
            ("A B", false),
            ("A\0", false),
            ("Ä", false),
            ("A-B", false),
            ("*", false),
        ] {
            assert_eq!(is_variable_name(name), good, "{name:?}");
        }
    }
}
