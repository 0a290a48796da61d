//! One event.

use bollard::models::EventMessage;
use reconciler_core::event::Action;
use reconciler_core::ids::ContainerId;
use serde::de::MapAccess;

use crate::engine::EngineEvent;
use crate::error::Trouble;
use crate::fault;
use crate::lenient::{Keep, Lenient, Number, Text, value};

/// Reads a line; `None` if it says nothing about a container. One that the client library's model can't hold, for a
/// word that it does not know, is read again for just the fields that are used.
pub(super) fn read(line: &str) -> Result<Option<EngineEvent>, Trouble> {
    let line = line.trim();
    if line.is_empty() {
        return Ok(None);
    }
    if !line.starts_with('{') {
        return Err(Trouble::decode("an event is no JSON object"));
    }
    let told = match serde_json::from_str::<EventMessage>(line) {
        Ok(message) => Ok(Told::from(message)),
        // A number where a word should be counts as a fault of syntax.
        Err(_) => serde_json::from_str::<Lenient<Told>>(line).map(|told| told.0),
    };
    match told {
        Ok(told) => Ok(told.event()),
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
            action: Action::parse(&self.action.0?)?,
            daemon_nanos: self.nanos.0?,
        })
    }
}

impl From<EventMessage> for Told {
    fn from(message: EventMessage) -> Self {
        Self {
            action: Text(message.action),
            actor: Actor { id: Text(message.actor.and_then(|actor| actor.id)) },
            nanos: Number(message.time_nano),
        }
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
}

impl Keep for Actor {
    type Key = ();

    fn key(name: &str) -> Option<()> {
        (name == "ID").then_some(())
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, (): (), object: &mut A) -> Result<(), A::Error> {
        self.id = value(object)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
