//! What a reader asks for. Pure.

use reconciler_store::ChangeRecord;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::query::{JournalKind, Seq, Text};

/// From where on, and which entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The number of the last entry that the reader has seen; `None` means from now on.
    pub(crate) after: Option<i64>,
    pub(crate) filter: Filter,
}

/// Which entries; what is `None` does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    workload: Option<String>,
    host: Option<String>,
    /// The state that was changed to.
    state: Option<String>,
    kind: Option<&'static str>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Those with higher numbers than this one; without it, those that are committed from now on.
    #[param(inline)]
    after: Option<Seq>,
    /// Those of this workload.
    #[param(inline)]
    workload: Option<Text>,
    /// Those of this host.
    #[param(inline)]
    host: Option<Text>,
    /// Those with this `to_state`.
    #[param(inline)]
    state: Option<Text>,
    /// Those of this kind.
    #[param(inline)]
    kind: Option<JournalKind>,
}

/// The header of who comes back, for the API's document alone.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described")]
pub(crate) struct Resumed {
    /// The last number that was heard. It beats `after`.
    #[param(inline, rename = "Last-Event-ID", required = false)]
    last_event_id: Seq,
}

impl Asked {
    /// From the query, and from the header `Last-Event-ID`, which beats `after`: a browser repeats the query as it was, and
    /// adds what it has heard since.
    ///
    /// # Errors
    ///
    /// What is wrong with the header, in a line.
    pub(crate) fn of(wanted: Wanted, last_event_id: Option<&[u8]>) -> Result<Self, &'static str> {
        let Wanted { after, workload, host, state, kind } = wanted;
        let after = match last_event_id.filter(|id| !id.is_empty()) {
            Some(id) => {
                let seq = std::str::from_utf8(id).ok().and_then(Seq::read);
                Some(seq.ok_or("the header Last-Event-ID must be a number of the journal")?)
            }
            None => after,
        };
        let filter = Filter {
            workload: workload.map(String::from),
            host: host.map(String::from),
            state: state.map(String::from),
            kind: kind.map(JournalKind::as_str),
        };
        Ok(Self { after: after.map(|after| after.0), filter })
    }
}

impl Filter {
    pub(crate) fn lets_through(&self, entry: &ChangeRecord) -> bool {
        let is = |wanted: Option<&str>, value: &str| wanted.is_none_or(|wanted| wanted == value);
        is(self.workload.as_deref(), &entry.workload_id)
            && is(self.host.as_deref(), &entry.host)
            && is(self.state.as_deref(), &entry.to_state)
            && is(self.kind, &entry.kind)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use actix_web::web;

    use super::*;
    use crate::feed::journal::fake::entry;

    /// What is asked for by a query, and a header.
    pub(crate) fn asked(query: &str, header: Option<&str>) -> Result<Asked, String> {
        let wanted = web::Query::<Wanted>::from_query(query).map_err(|error| error.to_string())?.into_inner();
        Asked::of(wanted, header.map(str::as_bytes)).map_err(str::to_owned)
    }

    #[test]
    fn from_where_on() {
        for (query, header, after) in [
            ("", None, Ok(None)),
            ("after=0", None, Ok(Some(0))),
            ("after=7", None, Ok(Some(7))),
            ("after=7", Some("9"), Ok(Some(9))),
            ("after=7", Some("0"), Ok(Some(0))),
            ("after=7", Some(""), Ok(Some(7))),
            ("", Some("9223372036854775807"), Ok(Some(i64::MAX))),
            ("after=-1", None, Err("after must be")),
            ("after=x", None, Err("after must be")),
            ("after=", None, Err("after must be")),
            ("after=9223372036854775808", None, Err("after must be")),
            ("after=1&after=2", None, Err("duplicate field `after`")),
            ("sate=running", None, Err("unknown field `sate`")),
            ("kind=planet", None, Err("kind must be")),
            ("", Some("-1"), Err("Last-Event-ID")),
            ("", Some("1 2"), Err("Last-Event-ID")),
            ("", Some("\u{ff}"), Err("Last-Event-ID")),
        ] {
            match (asked(query, header).map(|asked| asked.after), after) {
                (Ok(read), Ok(after)) => assert_eq!(read, after, "{query} {header:?}"),
                (Err(why), Err(part)) => assert!(why.contains(part), "{query} {header:?}: {why}"),
                (read, _) => panic!("{query} {header:?}: {read:?}"),
            }
        }
    }

    #[test]
    fn which_entries() {
        let entry = entry(1);
        for (query, through) in [
            ("", true),
            ("workload=w", true),
            ("workload=v", false),
            ("workload=", false),
            ("host=local&state=running&kind=container&workload=w", true),
            ("host=other", false),
            ("state=stopped", false),
            ("kind=workload", false),
            ("state=running&kind=action", false),
        ] {
            assert_eq!(asked(query, None).unwrap().filter.lets_through(&entry), through, "{query}");
        }
    }
}
