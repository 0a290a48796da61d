//! Text from outside, made fit for one line of a terminal.

use std::path::Path;

/// `text` in one line of at most `max` characters: what would steer a terminal is replaced, what is too long is cut.
pub(crate) fn cell(text: &str, max: usize) -> String {
    let mut chars = text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c });
    let mut out: String = chars.by_ref().take(max).collect();
    if chars.next().is_some() {
        out.pop();
        out.push('…');
    }
    out
}

/// A path, as [`cell`] shows it.
pub(crate) fn path(path: &Path) -> String {
    cell(&path.to_string_lossy(), 500)
}

/// A container's id, as long as Docker shows it.
pub(crate) fn short_id(container: &str) -> String {
    container.chars().take(12).collect()
}

/// A port; nothing if there is none.
pub(crate) fn port(port: i64) -> String {
    if port == 0 { String::new() } else { port.to_string() }
}

/// Control characters, and those that turn the direction of what follows or cannot be seen.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        for (text, max, shown) in [
            ("web", 10, "web"),
            ("", 10, ""),
            ("a\u{1b}[31mb", 20, "a\u{fffd}[31mb"),
            ("a\nb\r\0c\u{9b}", 20, "a\u{fffd}b\u{fffd}\u{fffd}c\u{fffd}"),
            ("\u{202e}evil", 20, "\u{fffd}evil"),
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abcde…"),
            ("äöüß", 3, "äö…"),
        ] {
            assert_eq!(cell(text, max), shown);
        }
        assert_eq!(cell(&"x".repeat(1 << 20), 40).chars().count(), 40);
    }
}
