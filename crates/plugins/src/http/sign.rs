//! Signatures as the Standard Webhooks specification says.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use ring::hmac;

const PREFIX: &str = "whsec_";
/// What the specification says a key has.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const DECODE: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key that deliveries are signed with. Neither shown by `Debug` nor by anything else.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Reads `whsec_` and 24 to 64 bytes in base64, the form in which the specification has secrets handed around.
    ///
    /// Nothing else is taken: libraries of receivers read a secret without the prefix as base64 too, so that one meant
    /// as plain text would be another key there.
    ///
    /// # Errors
    ///
    /// What is wrong with it, without showing any of it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let encoded = text.strip_prefix(PREFIX).ok_or("it does not begin with whsec_")?;
        let key = DECODE.decode(encoded).map_err(|_| "what follows whsec_ is not base64")?;
        if !KEY_BYTES.contains(&key.len()) {
            return Err("it has fewer than 24 or more than 64 bytes");
        }
        Ok(Self(key.into()))
    }

    /// The value of `webhook-signature` for a message; `timestamp` in seconds since the epoch.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_example() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn secrets() {
        let encoded = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for (text, why) in [
            (encoded(24), None),
            (encoded(25), None),
            (encoded(25).trim_end_matches('=').to_owned(), None),
            (encoded(64), None),
            (encoded(23), Some("fewer than 24")),
            (encoded(65), Some("more than 64")),
            (encoded(32).replace("whsec_", ""), Some("does not begin with whsec_")),
            (encoded(32) + "\n", Some("not base64")),
            ("whsec_hunter2 hunter2 hunter2 hunter2".into(), Some("not base64")),
            ("whsec_".into(), Some("fewer than 24")),
            (String::new(), Some("does not begin with whsec_")),
        ] {
            match (Secret::parse(&text), why) {
                (Ok(secret), None) => assert_eq!(format!("{secret:?}"), "***"),
                (Err(error), Some(why)) => assert!(error.contains(why), "{text}: {error}"),
                (result, _) => panic!("{text}: {result:?}"),
            }
        }
    }
}
