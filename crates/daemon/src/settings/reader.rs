//! Takes settings out of the merged layers one by one, and notes all that is wrong with them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::SignedDuration;
use toml::{Table, Value};

use super::duration;
use super::layers::{Entries, Entry, Key};
use super::problem::Problem;
use super::source::Source;
use crate::output::text;

const MAX_SHOWN: usize = 60;

pub(super) struct Reader {
    entries: Entries,
    sources: BTreeMap<String, Source>,
    problems: Vec<Problem>,
    /// Sections whose keys are not fixed.
    open: Vec<&'static str>,
}

/// The settings of one section, or, without a name, those outside any.
pub(super) struct Section<'r> {
    reader: &'r mut Reader,
    name: Option<&'static str>,
}

impl Reader {
    pub(super) fn new(entries: Entries, problems: Vec<Problem>) -> Self {
        Self { entries, sources: BTreeMap::new(), problems, open: Vec::new() }
    }

    pub(super) fn root(&mut self) -> Section<'_> {
        Section { reader: self, name: None }
    }

    pub(super) fn section(&mut self, name: &'static str) -> Section<'_> {
        Section { reader: self, name: Some(name) }
    }

    /// The tables of a section whose keys are not fixed; `is_name` says what a table may be called.
    pub(super) fn tables(
        &mut self,
        section: &'static str,
        expected: &str,
        is_name: impl Fn(&str) -> bool,
    ) -> BTreeMap<String, Table> {
        self.open.push(section);
        let is_ours = |key: &Key, entry: &Entry| match key.as_slice() {
            [first] => first == section && matches!(&entry.value, Value::Table(table) if table.is_empty()),
            [first, _] => first == section && matches!(&entry.value, Value::Table(table) if table.is_empty()),
            [first, _, _] => first == section,
            _ => false,
        };
        let mut tables = BTreeMap::<String, Table>::new();
        for (key, entry) in self.entries.extract_if(.., |key, entry| is_ours(key, entry)) {
            let Some(name) = key.get(1) else { continue };
            if !is_name(name) {
                self.problems.push(invalid(key.join("."), entry.source, expected, name.as_str().into()));
                continue;
            }
            let table = tables.entry(name.clone()).or_default();
            if let Some(name) = key.get(2) {
                table.insert(name.clone(), entry.value);
                self.sources.insert(key.join("."), entry.source);
            }
        }
        tables
    }

    /// Where each setting came from, and all that is wrong, with what nobody asked for.
    pub(super) fn finish(mut self) -> (BTreeMap<String, Source>, Vec<Problem>) {
        let left = std::mem::take(&mut self.entries);
        for (key, entry) in left {
            let empty = matches!(&entry.value, Value::Table(table) if table.is_empty());
            if key.len() == 1 && empty && self.sections().contains(&key[0].as_str()) {
                continue;
            }
            let known = self.known(&key);
            self.problems.push(Problem::Unknown {
                key: text::cell(&key.join("."), 100),
                origin: entry.source,
                known,
            });
        }
        (self.sources, self.problems)
    }

    fn sections(&self) -> Vec<&str> {
        let mut sections: Vec<_> =
            self.sources.keys().filter_map(|key| Some(key.split_once('.')?.0)).collect();
        sections.extend(&self.open);
        sections.sort_unstable();
        sections.dedup();
        sections
    }

    fn known(&self, key: &Key) -> String {
        let section = &key[0];
        let in_section =
            self.sources.keys().filter_map(|key| key.strip_prefix(section.as_str())?.strip_prefix('.'));
        if self.open.contains(&section.as_str()) {
            let fixed: Vec<_> = in_section.filter(|name| !name.contains('.')).collect();
            return format!("write [{section}.NAME] and its keys, or {}", fixed.join(", "));
        }
        let names: Vec<_> = in_section.collect();
        if names.is_empty() {
            let root: Vec<_> =
                self.sources.keys().map(String::as_str).filter(|key| !key.contains('.')).collect();
            return format!("there are {} and the sections {}", root.join(", "), self.sections().join(", "));
        }
        format!("section [{section}] has {}", names.join(", "))
    }
}

impl Section<'_> {
    fn take(&mut self, name: &str) -> (String, Option<Entry>) {
        let key: Key = self.name.into_iter().chain([name]).map(str::to_owned).collect();
        let entry = self.reader.entries.remove(&key);
        let key = key.join(".");
        let source = entry.as_ref().map_or(Source::Default, |entry| entry.source.clone());
        self.reader.sources.insert(key.clone(), source);
        (key, entry)
    }

    fn read<T>(
        &mut self,
        name: &str,
        expected: &str,
        default: T,
        parse: impl FnOnce(&Entry) -> Option<T>,
    ) -> T {
        let (key, Some(entry)) = self.take(name) else { return default };
        parse(&entry).unwrap_or_else(|| {
            self.reader.problems.push(invalid(key, entry.source, expected, entry.value));
            default
        })
    }

    pub(super) fn text<T>(
        &mut self,
        name: &str,
        expected: &str,
        default: T,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        self.read(name, expected, default, |entry| parse(entry.value.as_str()?))
    }

    /// As [`Self::text`], of what must not be shown. An error says why without showing it.
    pub(super) fn secret<T>(
        &mut self,
        name: &str,
        expected: &str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        let (key, Some(entry)) = self.take(name) else { return default };
        let parsed = entry.value.as_str().ok_or_else(|| "it is no text".to_owned()).and_then(parse);
        parsed.unwrap_or_else(|why| {
            let detail = format!("; {}", text::cell(&why, 200));
            self.reader.problems.push(Problem::Invalid {
                key,
                origin: entry.source,
                expected: expected.to_owned(),
                detail,
            });
            default
        })
    }

    pub(super) fn boolean(&mut self, name: &str, default: bool) -> bool {
        self.read(name, "true or false", default, |entry| match &entry.value {
            Value::Boolean(value) => Some(*value),
            Value::String(text) if entry.source.is_text() => text.parse().ok(),
            _ => None,
        })
    }

    /// A truth value, or a word beside those.
    pub(super) fn boolean_or<T>(
        &mut self,
        (word, meaning): (&str, T),
        name: &str,
        default: T,
        read: impl FnOnce(bool) -> T,
    ) -> T {
        self.read(name, &format!("{word}, true or false"), default, |entry| match &entry.value {
            Value::Boolean(value) => Some(read(*value)),
            Value::String(text) if text == word => Some(meaning),
            Value::String(text) if entry.source.is_text() => text.parse().ok().map(read),
            _ => None,
        })
    }

    pub(super) fn count(&mut self, name: &str, least: u64, default: u64) -> u64 {
        let expected = format!("a whole number, {least} or more");
        self.read(name, &expected, default, |entry| {
            u64::try_from(whole(entry)?).ok().filter(|number| *number >= least)
        })
    }

    pub(super) fn number(&mut self, name: &str, range: RangeInclusive<u32>, default: u32) -> u32 {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.read(name, &expected, default, |entry| {
            u32::try_from(whole(entry)?).ok().filter(|number| range.contains(number))
        })
    }

    pub(super) fn duration<T>(
        &mut self,
        name: &str,
        expected: &str,
        default: T,
        parse: impl FnOnce(SignedDuration) -> Option<T>,
    ) -> T {
        self.read(name, expected, default, |entry| match &entry.value {
            Value::String(text) => parse(duration::parse(text)?),
            // Without a unit only what is not above zero is clear.
            Value::Integer(number) if *number <= 0 => parse(SignedDuration::from_secs(*number)),
            _ => None,
        })
    }
}

fn whole(entry: &Entry) -> Option<i64> {
    match &entry.value {
        Value::Integer(value) => Some(*value),
        Value::String(text) if entry.source.is_text() => text.parse().ok(),
        _ => None,
    }
}

fn invalid(key: String, origin: Source, expected: &str, found: Value) -> Problem {
    let found = match found {
        Value::String(text) => format!("\"{}\"", text::cell(&text, MAX_SHOWN)),
        Value::Table(_) => "a table".to_owned(),
        other => text::cell(&other.to_string(), MAX_SHOWN),
    };
    let detail = format!(", found {found}");
    Problem::Invalid { key: text::cell(&key, 100), origin, expected: expected.to_owned(), detail }
}
