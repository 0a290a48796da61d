//! A page of a list, and the cursor that leads to the next one.

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// Longest cursor that is read, in bytes. A key is much shorter, unless somebody else made it.
pub(crate) const MAX_CURSOR: usize = 8 * 1024;

/// A page, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Where the next page begins; none if this was the last.
    pub(crate) next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The page, of items with these keys.
    pub(crate) fn of<K: Display>(page: reconciler_store::Page<T>, key: impl Fn(&T) -> K) -> Self {
        let last = page.items.last().filter(|_| page.more);
        let next_cursor = last.map(|item| Cursor(key(item)).to_text());
        Self { items: page.items, next_cursor }
    }

    /// The same page of something else.
    pub(crate) fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next_cursor: self.next_cursor }
    }
}

/// The key of a page's last item. It is no secret; that it looks like one keeps others from making their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor<K>(pub(crate) K);

/// Of a list by id or name.
pub(crate) type KeyCursor = Cursor<String>;
/// Of the journal.
pub(crate) type SeqCursor = Cursor<i64>;

impl<K: Display> Cursor<K> {
    fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.to_string())
    }
}

impl<K: FromStr> Cursor<K> {
    /// Reads what [`Page::of`] gave out; `None` if that cannot have been.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let bytes = (text.len() <= MAX_CURSOR).then(|| URL_SAFE_NO_PAD.decode(text).ok())??;
        let key = String::from_utf8(bytes).ok().filter(|key| !key.contains('\0'))?;
        key.parse().ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_where_its_page_ended() {
        let page = |items: &[&str], more| {
            let items = items.iter().map(|item| (*item).to_owned()).collect();
            Page::of(reconciler_store::Page { items, more }, String::clone)
        };
        assert_eq!(page(&["a"], false).next_cursor, None);
        assert_eq!(page(&[], true).next_cursor, None);
        for key in ["b", "w:web", "ä/%2F ?&", ""] {
            let cursor = page(&["a", key], true).next_cursor.unwrap();
            assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            assert_eq!(Cursor::<String>::read(&cursor).unwrap().0, key);
        }
        assert_eq!(Cursor::<i64>::read(&Cursor(42).to_text()), Some(Cursor(42)));
    }

    #[test]
    fn what_was_not_given_out_is_no_cursor() {
        let long = "A".repeat(MAX_CURSOR + 4);
        for text in ["!", "a", "YQ==", "AA", "_w", &long, "w:web"] {
            assert_eq!(Cursor::<String>::read(text), None, "{text}");
        }
        for text in ["", "YQ", "MS41"] {
            assert_eq!(Cursor::<i64>::read(text), None, "{text}");
        }
    }
}
