//! `config`

use crate::failure::Exit;
use crate::output;
use crate::settings::Loaded;

pub(crate) fn execute(loaded: &Loaded) -> anyhow::Result<Exit> {
    output::write(&loaded.to_toml())?;
    Ok(Exit::Done)
}
