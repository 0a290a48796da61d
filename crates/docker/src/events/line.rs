//! One event.

use reconciler_core::event::Action;
use reconciler_core::ids::ContainerId;
use serde::de::MapAccess;

use crate::engine::EngineEvent;
use crate::error::Trouble;
use crate::fault;
use crate::lenient::{Keep, Lenient, Number, Text, value};

/// Reads a line; `None` if it says nothing about a container. The client library's model is not used: it keeps every label, and
/// nothing at all of an event with a word in it that it does not know.
pub(super) fn read(line: &str) -> Result<Option<EngineEvent>, Trouble> {
    let line = line.trim();
    if line.is_empty() {
        return Ok(None);
    }
    if !line.starts_with('{') {
        return Err(Trouble::decode("an event is no JSON object"));
    }
    match serde_json::from_str::<Lenient<Told>>(line) {
        Ok(Lenient(told)) => Ok(told.event()),
        // The stream's last line, for none but that is without an end.
        Err(error) if error.is_eof() => Err(Trouble::Cut),
        Err(error) => Err(fault::json(&error)),
    }
}

/// What is used of an event.
#[derive(Default)]
struct Told {
    action: Text,
    actor: Actor,
    nanos: Number,
}

impl Told {
    fn event(self) -> Option<EngineEvent> {
        Some(EngineEvent {
            container: ContainerId::parse(&self.actor.id.0?)?,
            action: Action::parse(&self.action.0?)?.with_signal(self.actor.attributes.signal.0.as_deref()),
            daemon_nanos: self.nanos.0?,
        })
    }
}

enum ToldKey {
    Action,
    Actor,
    Nanos,
}

impl Keep for Told {
    type Key = ToldKey;

    fn key(name: &str) -> Option<ToldKey> {
        match name {
            "Action" => Some(ToldKey::Action),
            "Actor" => Some(ToldKey::Actor),
            "timeNano" => Some(ToldKey::Nanos),
            _ => None,
        }
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, key: ToldKey, object: &mut A) -> Result<(), A::Error> {
        match key {
            ToldKey::Action => self.action = value(object)?,
            ToldKey::Actor => self.actor = value(object)?,
            ToldKey::Nanos => self.nanos = value(object)?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct Actor {
    id: Text,
    attributes: Attributes,
}

enum ActorKey {
    Id,
    Attributes,
}

impl Keep for Actor {
    type Key = ActorKey;

    fn key(name: &str) -> Option<ActorKey> {
        match name {
            "ID" => Some(ActorKey::Id),
            "Attributes" => Some(ActorKey::Attributes),
            _ => None,
        }
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, key: ActorKey, object: &mut A) -> Result<(), A::Error> {
        match key {
            ActorKey::Id => self.id = value(object)?,
            ActorKey::Attributes => self.attributes = value(object)?,
        }
        Ok(())
    }
}

/// The attribute of a `kill`. A container's labels are merged into an event's attributes, so a label may mask it.
const SIGNAL: &str = "signal";

#[derive(Default)]
struct Attributes {
    signal: Text,
}

impl Keep for Attributes {
    type Key = ();

    fn key(name: &str) -> Option<()> {
        (name == SIGNAL).then_some(())
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, (): (), object: &mut A) -> Result<(), A::Error> {
        self.signal = value(object)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_has_its_signal() {
        for (attributes, action) in [
            (r#"{"signal":"15"}"#, Action::Kill),
            (r#"{"signal":"1","image":"x"}"#, Action::Signal),
            (r#"{}"#, Action::Kill),
            ("null", Action::Kill),
            ("7", Action::Kill),
            (r#"{"signal":1}"#, Action::Kill),
        ] {
            let line =
                format!(r#"{{"Action":"kill","Actor":{{"ID":"c","Attributes":{attributes}}},"timeNano":7}}"#);
            assert_eq!(read(&line).unwrap().unwrap().action, action, "{attributes}");
        }
    }

    #[test]
    fn a_field_of_another_type_loses_nothing_else() {
        for odd in [
            r#""Type":"hamster""#,
            r#""Type":7"#,
            r#""scope":7"#,
            r#""scope":[]"#,
            r#""time":"now""#,
            r#""x":{}"#,
        ] {
            let line = format!(r#"{{{odd},"Action":"die","Actor":{{"ID":"c"}},"timeNano":7}}"#);
            let event = read(&line).unwrap().unwrap();
            assert_eq!(
                (event.container.as_str(), event.action, event.daemon_nanos),
                ("c", Action::Die, 7),
                "{odd}"
            );
        }
    }
}
