//! Bounds for text that comes from outside.

/// `text` on one line, without control characters, cut to at most `max` bytes at a character's edge.
pub(crate) fn printable(text: &str, max: usize) -> String {
    let mut out = String::new();
    for c in text.trim().chars().map(|c| if c == '\n' || c == '\t' { ' ' } else { c }) {
        if out.len() + c.len_utf8() > max {
            break;
        }
        if !c.is_control() {
            out.push(c);
        }
    }
    out
}
