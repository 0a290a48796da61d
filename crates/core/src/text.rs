//! Bounds for text that comes from outside.

/// `text` on one line: without control characters (a line's end or a tab becomes a blank), and cut to at most `max`
/// bytes at a character's edge.
///
/// Reading what it returned once more changes nothing.
pub fn printable(text: &str, max: usize) -> String {
    let mut out = String::new();
    for c in text.chars().map(|c| if matches!(c, '\n' | '\t') { ' ' } else { c }).filter(|c| !c.is_control())
    {
        if out.len() + c.len_utf8() > max {
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_text() {
        for (text, max, left) in [
            ("", 9, ""),
            ("abc", 3, "abc"),
            ("abc", 2, "ab"),
            ("abc", 0, ""),
            ("aü", 2, "a"),
            ("a\nb\tc\r\n", 9, "a b c "),
            ("\u{1b}[31m\0\u{9b}x\u{7f}", 9, "[31mx"),
        ] {
            assert_eq!(printable(text, max), left, "{text:?}");
        }
    }
}
