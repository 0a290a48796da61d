//! What the command line says of a new workload.

use std::fs::File;
use std::io::Read as _;

use reconciler_store::{NewWorkload, Unfit};

use crate::cli::WorkloadAdd;
use crate::failure::UsageError;
use crate::output::text;

/// The workload that the command line describes.
///
/// # Errors
///
/// A [`UsageError`] that names the argument and says what it may be. It never shows the source's settings.
pub(super) fn workload(args: WorkloadAdd) -> Result<NewWorkload, UsageError> {
    let (origin, source_config) = source_config(&args.source_config)?;
    let new = NewWorkload {
        id: args.id.into(),
        name: args.name,
        kind: args.kind.as_str().to_owned(),
        source_kind: args.source_kind,
        source_config,
    };
    let argument = |column| match column {
        "id" => "ID",
        "name" => "--name",
        "kind" => "--kind",
        "source_kind" => "--source-kind",
        _ => &origin,
    };
    new.checked().map_err(|Unfit { column, fault }| UsageError(format!("{} {fault}", argument(column))))
}

/// Given as it is, or as `@` and the file that holds it; and how it is called in errors.
fn source_config(given: &str) -> Result<(String, String), UsageError> {
    match given.strip_prefix('@') {
        Some(path) => Ok((format!("--source-config: file {}", text::cell(path, 200)), read(path)?)),
        None => Ok(("--source-config".to_owned(), given.to_owned())),
    }
}

/// One byte more than may be is enough to see that there are too many.
fn read(path: &str) -> Result<String, UsageError> {
    let mut content = String::new();
    let most = NewWorkload::MAX_CONFIG as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(most).read_to_string(&mut content));
    let unread =
        |error| UsageError(format!("--source-config: cannot read {}: {error}", text::cell(path, 200)));
    read.map_err(unread)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::WorkloadKind;

    fn args(id: &str, name: &str, source_kind: &str, source_config: &str) -> WorkloadAdd {
        WorkloadAdd {
            id: id.into(),
            name: name.into(),
            kind: WorkloadKind::Stack,
            source_kind: source_kind.into(),
            source_config: source_config.into(),
        }
    }

    #[test]
    fn what_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.json");
        std::fs::write(&file, "{\"b\": 1.50, \"a\": [] }\n").unwrap();
        let at_file = format!("@{}", file.display());
        for (given, kept) in
            [("{}", "{}"), (" {\"a\":1} ", "{\"a\":1}"), (&at_file, "{\"b\": 1.50, \"a\": [] }")]
        {
            let workload = workload(args("shop", "Shop", "compose", given)).unwrap();
            assert_eq!(workload.source_config, kept);
            assert_eq!((workload.id.as_str(), workload.kind.as_str()), ("shop", "stack"));
        }
    }

    #[test]
    fn what_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            std::fs::write(dir.path().join(name), content).unwrap();
            format!("@{}", dir.path().join(name).display())
        };
        let long = "x".repeat(513);
        for (args, fault) in [
            (args("", "n", "", "{}"), "ID must have 1 to 512 printable bytes"),
            (args("a\0", "n", "", "{}"), "ID must have"),
            (args(" a", "n", "", "{}"), "ID must have"),
            (args(&long, "n", "", "{}"), "ID must have"),
            (args("a", "", "", "{}"), "--name must have 1 to 512"),
            (args("a", "n\n", "", "{}"), "--name must have"),
            (args("a", "n", "\u{1b}", "{}"), "--source-kind must have 0 to 255"),
            (args("a", "n", "", ""), "--source-config is not JSON: EOF"),
            (args("a", "n", "", "{\"hunter2\""), "--source-config is not JSON: EOF"),
            (args("a", "n", "", "[\"hunter2\"]"), "--source-config is JSON, but no object"),
            (args("a", "n", "", "@"), "--source-config: cannot read : No such file"),
            (args("a", "n", "", "@/"), "--source-config: cannot read /: Is a directory"),
            (args("a", "n", "", &file("a", b"hunter2")), "/a is not JSON: expected value at line 1 column 1"),
            (args("a", "n", "", &file("b", &[0xff])), "/b: stream did not contain valid UTF-8"),
            (
                args("a", "n", "", &file("c", &vec![b' '; NewWorkload::MAX_CONFIG + 9])),
                "/c has more than 1048576 bytes",
            ),
        ] {
            let error = workload(args).unwrap_err().to_string();
            assert!(error.contains(fault) && !error.contains("hunter2"), "{error}\n{fault}");
        }
    }
}
