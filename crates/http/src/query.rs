//! What a request asks for in its address: read strictly, for a filter that was mistyped must not find everything.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::error::QueryPayloadError;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, web};
use jiff::Timestamp;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::page::{Cursor, MAX_CURSOR};
use crate::problem::Problem;

/// Longest text that is looked for, in bytes. A row's id is that of its workload and a role, of 512 each.
const MAX_TEXT: usize = 2 * 512 + 1;
/// How many items a page has unless it is said, and at most.
const LIMIT: u16 = 100;
const MAX_LIMIT: u16 = 1_000;

/// The query, which has no parameter but `T`'s.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// The query of what takes no parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = web::Query::<T>::from_query(request.query_string());
        ready(read.map(|query| Self(query.into_inner())).map_err(|error| {
            let fault = match error {
                QueryPayloadError::Deserialize(fault) => fault.to_string(),
                other => other.to_string(),
            };
            Problem::new(StatusCode::BAD_REQUEST, format!("the query cannot be used: {fault}"))
        }))
    }
}

/// An id from the address's path; `None` if nothing can have it.
pub(crate) fn id(path: web::Path<String>) -> Option<String> {
    Some(path.into_inner()).filter(|id| is_text(id))
}

/// What a column may hold: PostgreSQL takes no NUL.
fn is_text(text: &str) -> bool {
    text.len() <= MAX_TEXT && !text.contains('\0')
}

/// Reads a parameter's text.
fn parsed<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    wanted: &str,
    read: impl FnOnce(String) -> Option<T>,
) -> Result<T, D::Error> {
    read(String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom(wanted))
}

/// A text that a column is to equal.
#[derive(Debug)]
pub(crate) struct Text(pub(crate) String);

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = "a filter must have at most 1025 bytes, and no NUL character";
        parsed(deserializer, wanted, |text| is_text(&text).then_some(Self(text)))
    }
}

/// How many items a page has at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub(crate) u16);

impl Default for Limit {
    fn default() -> Self {
        Self(LIMIT)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, "limit must be a whole number from 1 to 1000", |text| {
            text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)).map(Self)
        })
    }
}

/// A number of the journal.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seq(pub(crate) i64);

impl Seq {
    pub(crate) fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(|seq| *seq >= 0).map(Self)
    }
}

impl<'de> Deserialize<'de> for Seq {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, "after must be a number of the journal, 0 or more", |text| Self::read(&text))
    }
}

/// A point in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Since {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = "since must be a time of RFC 3339, such as 2026-01-02T03:04:05Z (write a + as %2B)";
        parsed(deserializer, wanted, |text| text.parse().ok().map(Self))
    }
}

/// What an entry of the journal is about.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum JournalKind {
    /// A row that changed.
    Container,
    /// A workload whose phase changed.
    Workload,
    /// What was done to a container.
    Action,
}

impl JournalKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Workload => "workload",
            Self::Action => "action",
        }
    }
}

impl<'de> Deserialize<'de> for JournalKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = [Self::Container, Self::Workload, Self::Action];
        parsed(deserializer, "kind must be container, workload or action", |text| {
            all.into_iter().find(|kind| kind.as_str() == text)
        })
    }
}

impl<'de, K: FromStr> Deserialize<'de> for Cursor<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = "cursor must be a next_cursor that this list gave out";
        parsed(deserializer, wanted, |text| Self::read(&text))
    }
}

/// The schema of a text.
fn text(with: impl FnOnce(ObjectBuilder) -> ObjectBuilder) -> RefOr<Schema> {
    with(ObjectBuilder::new().schema_type(Type::String)).into()
}

/// The schema of a whole number.
fn number(least: i64, with: impl FnOnce(ObjectBuilder) -> ObjectBuilder) -> RefOr<Schema> {
    with(ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least))).into()
}

impl PartialSchema for Text {
    fn schema() -> RefOr<Schema> {
        text(|text| text.max_length(Some(MAX_TEXT)))
    }
}

impl PartialSchema for Limit {
    fn schema() -> RefOr<Schema> {
        number(1, |limit| limit.maximum(Some(MAX_LIMIT)).default(Some(LIMIT.into())))
    }
}

impl PartialSchema for Seq {
    fn schema() -> RefOr<Schema> {
        number(0, |seq| seq)
    }
}

impl PartialSchema for Since {
    fn schema() -> RefOr<Schema> {
        text(|since| since.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))))
    }
}

impl<K> PartialSchema for Cursor<K> {
    fn schema() -> RefOr<Schema> {
        text(|cursor| cursor.max_length(Some(MAX_CURSOR)))
    }
}
