//! Docker's list, decoded object by object into the few fields that are used.

use reconciler_core::container::{Health, ImageRef, Snapshot};
use reconciler_core::ids::ContainerId;
use reconciler_core::labels::{Claim, KIND_LABEL, ONE_OFF_LABEL, ROLE_LABEL, SERVICE_LABEL, WORKLOAD_LABEL};
use reconciler_core::state::DockerState;
use serde::de::{MapAccess, SeqAccess};

use crate::array::ObjectArray;
use crate::error::Trouble;
use crate::fault::Fault;
use crate::lenient::{Keep, Lenient, Number, Text, value};
use crate::refusal;
use crate::transport::Transport;

/// All containers.
pub(crate) async fn all(transport: &Transport) -> Result<Vec<Snapshot>, Fault> {
    let mut found = Vec::new();
    fetch(transport, "/containers/json?all=1", |snapshot| found.push(snapshot)).await?;
    Ok(found)
}

/// The one container with exactly this id.
pub(crate) async fn one(transport: &Transport, id: &ContainerId) -> Result<Option<Snapshot>, Fault> {
    // {"id":["…"]}: an id has no character that would have to be escaped.
    let path = format!("/containers/json?all=1&filters=%7B%22id%22%3A%5B%22{id}%22%5D%7D");
    let mut found = None;
    fetch(transport, &path, |snapshot| {
        // The engine takes the filter for a pattern.
        if snapshot.id == *id {
            found = Some(snapshot);
        }
    })
    .await?;
    Ok(found)
}

async fn fetch(transport: &Transport, path: &str, mut each: impl FnMut(Snapshot)) -> Result<(), Fault> {
    let mut answer = refusal::accepted(transport.get(path).await?).await?;
    let mut array = ObjectArray::default();
    while let Some(chunk) = answer.chunk().await {
        feed(&mut array, &chunk?, &mut each)?;
    }
    Ok(array.finish()?)
}

/// Takes the next piece of a list, and hands each container that it completes to `each`.
pub(crate) fn feed(
    array: &mut ObjectArray,
    chunk: &[u8],
    mut each: impl FnMut(Snapshot),
) -> Result<(), Trouble> {
    array.feed(chunk, |bytes| {
        let Some((snapshot, taken)) = snapshot(bytes)? else { return Ok(None) };
        each(snapshot);
        Ok(Some(taken))
    })
}

/// The object of the list with which `bytes` begin, and how long it is; `None` if they are no whole one. Whether it is cut
/// or no JSON is seen when its end is looked for, so that it does not depend on where a chunk ends.
fn snapshot(bytes: &[u8]) -> Result<Option<(Snapshot, usize)>, Trouble> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Lenient<Listed>>();
    let Some(Ok(Lenient(listed))) = values.next() else { return Ok(None) };
    let snapshot = listed.snapshot().ok_or_else(|| Trouble::decode("a container in it has no usable Id"))?;
    Ok(Some((snapshot, values.byte_offset())))
}

/// A container as a list has it.
#[derive(Default)]
struct Listed {
    id: Text,
    image: Text,
    created: Number,
    ports: Ports,
    state: Text,
    status: Text,
    labels: Labels,
}

enum ListedKey {
    Id,
    Image,
    Created,
    Ports,
    State,
    Status,
    Labels,
}

impl Keep for Listed {
    type Key = ListedKey;

    fn key(name: &str) -> Option<ListedKey> {
        Some(match name {
            "Id" => ListedKey::Id,
            "Image" => ListedKey::Image,
            "Created" => ListedKey::Created,
            "Ports" => ListedKey::Ports,
            "State" => ListedKey::State,
            "Status" => ListedKey::Status,
            "Labels" => ListedKey::Labels,
            _ => return None,
        })
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, key: ListedKey, object: &mut A) -> Result<(), A::Error> {
        match key {
            ListedKey::Id => self.id = value(object)?,
            ListedKey::Image => self.image = value(object)?,
            ListedKey::Created => self.created = value(object)?,
            ListedKey::Ports => self.ports = value(object)?,
            ListedKey::State => self.state = value(object)?,
            ListedKey::Status => self.status = value(object)?,
            ListedKey::Labels => self.labels = value(object)?,
        }
        Ok(())
    }
}

impl Listed {
    fn snapshot(self) -> Option<Snapshot> {
        Some(Snapshot {
            id: ContainerId::parse(self.id.0.as_deref()?)?,
            state: DockerState::parse(self.state.0.as_deref().unwrap_or("unknown")),
            image: match self.image.0.as_deref() {
                // Nothing said is nothing to replace a known reference with.
                None | Some("") => ImageRef::BareId("".into()),
                Some(image) => ImageRef::from_list(image),
            },
            port: self.ports.lowest,
            created: self.created.0.unwrap_or_default(),
            claim: self.labels.claim(),
            health: self.status.0.as_deref().and_then(health),
            detail: None,
        })
    }
}

/// What a list's text says of a running container's health: it ends with `(healthy)`, `(unhealthy)` or
/// `(health: starting)`.
fn health(status: &str) -> Option<Health> {
    let (_, word) = status.strip_prefix("Up ")?.strip_suffix(')')?.rsplit_once('(')?;
    Health::parse(word.strip_prefix("health: ").unwrap_or(word))
}

/// The labels that claim a place.
#[derive(Default)]
pub(crate) struct Labels {
    workload: Text,
    kind: Text,
    role: Text,
    service: Text,
    one_off: Text,
}

pub(crate) enum LabelKey {
    Workload,
    Kind,
    Role,
    Service,
    OneOff,
}

impl Keep for Labels {
    type Key = LabelKey;

    fn key(name: &str) -> Option<LabelKey> {
        Some(match name {
            WORKLOAD_LABEL => LabelKey::Workload,
            KIND_LABEL => LabelKey::Kind,
            ROLE_LABEL => LabelKey::Role,
            SERVICE_LABEL => LabelKey::Service,
            ONE_OFF_LABEL => LabelKey::OneOff,
            _ => return None,
        })
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, key: LabelKey, object: &mut A) -> Result<(), A::Error> {
        match key {
            LabelKey::Workload => self.workload = value(object)?,
            LabelKey::Kind => self.kind = value(object)?,
            LabelKey::Role => self.role = value(object)?,
            LabelKey::Service => self.service = value(object)?,
            LabelKey::OneOff => self.one_off = value(object)?,
        }
        Ok(())
    }
}

impl Labels {
    pub(crate) fn claim(&self) -> Option<Claim> {
        let claim = Claim::read(self.workload.0.as_deref(), self.kind.0.as_deref(), self.role.0.as_deref())?;
        Some(claim.made_by_compose(self.service.0.as_deref(), self.one_off.0.as_deref()))
    }
}

/// The lowest private TCP port of a list's array.
#[derive(Default)]
struct Ports {
    lowest: Option<u16>,
}

impl Keep for Ports {
    type Key = ();

    fn element<'de, A: SeqAccess<'de>>(&mut self, array: &mut A) -> Result<bool, A::Error> {
        let Some(Lenient(port)) = array.next_element::<Lenient<Port>>()? else { return Ok(false) };
        if let Some(port) = port.private_tcp() {
            self.lowest = Some(self.lowest.map_or(port, |lowest| lowest.min(port)));
        }
        Ok(true)
    }
}

#[derive(Default)]
struct Port {
    private: Number,
    protocol: Text,
}

enum PortKey {
    Private,
    Protocol,
}

impl Keep for Port {
    type Key = PortKey;

    fn key(name: &str) -> Option<PortKey> {
        match name {
            "PrivatePort" => Some(PortKey::Private),
            "Type" => Some(PortKey::Protocol),
            _ => None,
        }
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, key: PortKey, object: &mut A) -> Result<(), A::Error> {
        match key {
            PortKey::Private => self.private = value(object)?,
            PortKey::Protocol => self.protocol = value(object)?,
        }
        Ok(())
    }
}

impl Port {
    fn private_tcp(&self) -> Option<u16> {
        let port = u16::try_from(self.private.0?).ok()?;
        (port != 0 && self.protocol.0.as_deref() == Some("tcp")).then_some(port)
    }
}

#[cfg(test)]
mod tests;
