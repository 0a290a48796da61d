//! Bounds for text that comes from outside.

/// `text` without control characters, cut to at most `max` bytes at a character's edge.
pub(crate) fn printable(text: &str, max: usize) -> String {
    let mut out = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if out.len() + c.len_utf8() > max {
            break;
        }
        out.push(c);
    }
    out
}
