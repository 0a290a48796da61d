//! What a new workload may be.

use std::fs::File;
use std::io::Read as _;

use reconciler_core::labels::Claim;
use reconciler_store::NewWorkload;
use serde_json::Value;

use crate::cli::WorkloadAdd;
use crate::failure::UsageError;
use crate::output::text;

const MAX_NAME: usize = 512;
const MAX_CONFIG: usize = 1024 * 1024;

/// The workload that the command line describes.
///
/// # Errors
///
/// A [`UsageError`] that names the argument and says what it may be. It never shows the source's settings.
pub(super) fn workload(args: WorkloadAdd) -> Result<NewWorkload, UsageError> {
    printable("ID", &args.id, 1, Claim::MAX_LEN)?;
    printable("--name", &args.name, 1, MAX_NAME)?;
    printable("--source-kind", &args.source_kind, 0, 255)?;
    Ok(NewWorkload {
        id: args.id.into(),
        name: args.name,
        kind: args.kind.as_str().to_owned(),
        source_kind: args.source_kind,
        source_config: source_config(&args.source_config)?,
    })
}

fn printable(what: &str, value: &str, least: usize, most: usize) -> Result<(), UsageError> {
    let fits =
        (least..=most).contains(&value.len()) && value.trim() == value && !value.contains(char::is_control);
    let wanted = || format!("{what} must have {least} to {most} printable bytes and no blank at its ends");
    fits.then_some(()).ok_or_else(|| UsageError(wanted()))
}

/// A JSON object, given as it is or as `@` and the file that holds it.
fn source_config(given: &str) -> Result<String, UsageError> {
    let (origin, content) = match given.strip_prefix('@') {
        Some(path) => (format!("--source-config: file {}", text::cell(path, 200)), read(path)?),
        None => ("--source-config".to_owned(), given.to_owned()),
    };
    if content.len() > MAX_CONFIG {
        return Err(UsageError(format!("{origin} has more than {MAX_CONFIG} bytes")));
    }
    match serde_json::from_str(&content) {
        Ok(Value::Object(_)) => Ok(content.trim().to_owned()),
        Ok(_) => Err(UsageError(format!("{origin} is JSON, but no object; write {{\"key\": …}}"))),
        Err(error) => Err(UsageError(format!("{origin} is not JSON: {error}"))),
    }
}

fn read(path: &str) -> Result<String, UsageError> {
    let mut content = String::new();
    let read =
        File::open(path).and_then(|file| file.take(MAX_CONFIG as u64 + 1).read_to_string(&mut content));
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
            (args("a", "n", "", &file("c", &vec![b' '; MAX_CONFIG + 9])), "/c has more than 1048576 bytes"),
        ] {
            let error = workload(args).unwrap_err().to_string();
            assert!(error.contains(fault) && !error.contains("hunter2"), "{error}\n{fault}");
        }
    }
}
