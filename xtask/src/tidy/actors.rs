//! Actors know each other's messages, never each other.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Findings, Source};

const HOME: &str = "crates/actors/src";

/// What makes a module an actor's, with or without a path and generics before it.
const ACTOR: [&str; 2] = [" Actor for ", "::Actor for "];

pub(super) fn check(sources: &[Source], findings: &mut Findings) {
    let files: Vec<_> = sources
        .iter()
        .filter(|source| source.has_extension(&["rs"]))
        .filter_map(|source| Some((module(&source.path)?, source)))
        .collect();
    let is_actor = |source: &Source| ACTOR.iter().any(|mark| code(&source.text).contains(mark));
    let actors: BTreeSet<_> =
        files.iter().filter(|(_, source)| is_actor(source)).map(|(name, _)| *name).collect();
    for (own, source) in files.iter().filter(|(own, _)| actors.contains(own)) {
        let code = code(&source.text);
        let mut others = imports(&code, "crate::");
        if is_module_of_the_root(&source.path) {
            others.append(&mut imports(&code, "super::"));
        }
        for other in others.iter().filter(|other| *other != own && actors.contains(other.as_str())) {
            let place = source.path.display();
            findings
                .error(format!("{place}: an actor must not know the actor in `{other}`; send it a message"));
        }
    }
}

/// The module below the crate's root that a file belongs to; none for the root itself.
fn module(path: &Path) -> Option<&str> {
    let first = path.strip_prefix(HOME).ok()?.iter().next()?.to_str()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (name != "lib").then_some(name)
}

/// Whether the file's parent module is the crate's root.
fn is_module_of_the_root(path: &Path) -> bool {
    let module = if path.ends_with("mod.rs") { path.parent().unwrap_or(path) } else { path };
    module.parent() == Some(Path::new(HOME))
}

/// The text without line comments.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The modules that are named right behind `start`, also in a group.
fn imports(code: &str, start: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(start) {
        let rest = &code[at + start.len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(heads(group)),
            None => names.extend(head(rest)),
        }
    }
    names
}

/// The first word of each member of a group: `a::{b, c}, d}` has `a` and `d`.
fn heads(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                names.extend(head(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

fn head(path: &str) -> Option<String> {
    let path = path.trim_start();
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
    (end > 0).then(|| path[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(files: &[(&str, &str)]) -> Vec<String> {
        let source = |(path, text): &(&str, &str)| Source { path: path.into(), text: (*text).into() };
        let sources: Vec<_> = files.iter().map(source).collect();
        let mut findings = Findings::default();
        check(&sources, &mut findings);
        findings.errors
    }

    const WATCHER: &str = "impl<T> actix::Actor for DockerWatcher<T> {}";
    const STORE: (&str, &str) = ("crates/actors/src/store.rs", "impl Actor for StoreActor {}");

    #[test]
    fn an_actor_knows_no_other() {
        for import in [
            "use crate::store::StoreActor;",
            "use crate::{messages, store::StoreActor};",
            "use crate::{\n    messages::{A, B},\n    store,\n};",
            "fn f(x: crate::store::StoreActor) {}",
            "use\n    crate::store;",
            "use crate::store as s;",
        ] {
            let text = format!("{import}\nimpl Actor for DockerWatcher {{}}");
            for path in ["crates/actors/src/watcher.rs", "crates/actors/src/watcher/mod.rs"] {
                assert_eq!(errors(&[STORE, (path, &text)]).len(), 1, "{import}");
            }
            // A part of an actor is bound as the actor is.
            let parts = [
                STORE,
                ("crates/actors/src/watcher.rs", WATCHER),
                ("crates/actors/src/watcher/list.rs", import),
            ];
            assert_eq!(errors(&parts).len(), 1, "{import}");
        }
    }

    #[test]
    fn an_actor_knows_no_other_by_its_parent_either() {
        let text = format!("use super::{{messages, store::StoreActor}};\n{WATCHER}");
        assert_eq!(errors(&[STORE, ("crates/actors/src/watcher.rs", &text)]).len(), 1);
        assert_eq!(errors(&[STORE, ("crates/actors/src/watcher/mod.rs", &text)]).len(), 1);
        let own = [
            STORE,
            ("crates/actors/src/watcher.rs", WATCHER),
            ("crates/actors/src/watcher/a.rs", "use super::store;"),
        ];
        assert_eq!(errors(&own), Vec::<String>::new());
    }

    #[test]
    fn an_actor_knows_messages_itself_and_what_is_no_actor() {
        for import in [
            "use crate::messages::Upsert;",
            "use crate::watcher::list;",
            "use crate::{backoff, messages::{self, store}};",
            "// use crate::store::StoreActor;",
            "use reconciler_store::store::X;",
        ] {
            let text = format!("{import}\nimpl Actor for DockerWatcher {{}}");
            assert_eq!(
                errors(&[STORE, ("crates/actors/src/watcher.rs", &text)]),
                Vec::<String>::new(),
                "{import}"
            );
        }
    }

    #[test]
    fn who_is_no_actor_may_know_actors() {
        for path in ["crates/actors/src/lib.rs", "crates/actors/src/guardian.rs", "crates/daemon/src/main.rs"]
        {
            assert_eq!(errors(&[STORE, (path, "use crate::store::StoreActor;")]), Vec::<String>::new());
        }
    }
}
