//! The length of files, and places of somebody's own machine in them.

use super::{Findings, Source};

/// Extensions of files that people write and read.
const CODE: &[&str] = &["rs", "sh", "sql", "js", "css", "html"];
const NOTED_ABOVE: usize = 400;
const REFUSED_ABOVE: usize = 600;

/// Directories at the root that hold what is one machine's own. (Written so that this file passes its own check.)
const PERSONAL: [&str; 3] = ["root", "home", "work"];

pub(super) fn check(sources: &[Source], findings: &mut Findings) {
    for source in sources {
        if source.has_extension(CODE) {
            check_length(source, findings);
        }
        for (number, line) in source.text.lines().enumerate() {
            if PERSONAL.iter().any(|dir| names(line, dir)) {
                let place = source.path.display();
                findings.error(format!("{place}:{}: a path of one machine; take it out", number + 1));
            }
        }
    }
}

fn check_length(source: &Source, findings: &mut Findings) {
    let place = source.path.display();
    match source.text.lines().count() {
        lines if lines > REFUSED_ABOVE => {
            findings.error(format!("{place}: {lines} lines; {REFUSED_ABOVE} are the most, split it"));
        }
        lines if lines > NOTED_ABOVE => findings.note(format!("{place}: {lines} lines; can it be split?")),
        _ => {}
    }
}

/// Whether a line names this directory at the root, or something in it.
fn names(line: &str, dir: &str) -> bool {
    let wanted = format!("/{dir}");
    line.match_indices(&wanted).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + wanted.len()..].chars().next();
        // A part of a longer path, or of a URL, is none at the root.
        let at_root = before.is_none_or(|c| !c.is_alphanumeric() && !"_-.~*}/)>".contains(c));
        at_root
            && (after == Some('/') || (dir == PERSONAL[0] && after.is_none_or(|c| " \"'`,;)".contains(c))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: String) -> Findings {
        let mut findings = Findings::default();
        check(&[Source { path: path.into(), text }], &mut findings);
        findings
    }

    #[test]
    fn long_files() {
        for (path, lines, notes, errors) in [
            ("a.rs", 400, 0, 0),
            ("a.rs", 401, 1, 0),
            ("a.rs", 600, 1, 0),
            ("a.rs", 601, 0, 1),
            ("a.sh", 601, 0, 1),
            ("Cargo.lock", 9000, 0, 0),
            ("README.md", 900, 0, 0),
        ] {
            let findings = found(path, "x\n".repeat(lines));
            assert_eq!((findings.notes.len(), findings.errors.len()), (notes, errors), "{path} {lines}");
        }
    }

    #[test]
    fn paths_of_one_machine() {
        let [root, home, work] = PERSONAL;
        for (line, refused) in [
            (format!("cd /{home}/me"), true),
            (format!("\"/{root}\""), true),
            (format!("see /{root}/.cargo"), true),
            (format!("(/{work}/main)"), true),
            (format!("-v /{work}/x:/y"), true),
            (format!("https://example.org/{home}/"), false),
            (format!("crates/{work}/x"), false),
            (format!("{{dir}}/{root}"), false),
            (format!("/{root}fs and /{work}load/"), false),
            (format!("/{home}"), false),
            ("/var/lib/docker".into(), false),
        ] {
            assert_eq!(!found("a.md", line.clone()).errors.is_empty(), refused, "{line}");
        }
    }
}
