//! Where the settings of this process come from, to read them again.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::layers::CONFIG_VARIABLE;
use super::{DEFAULT_FILE, Flag, Loaded, SettingsError, load};

/// The command line and the environment of this process, and the file that they name.
#[derive(Debug)]
pub(crate) struct Origin {
    config: Option<PathBuf>,
    flags: Vec<Flag>,
    vars: Vec<(OsString, OsString)>,
}

/// What tells a file from what stands in its place later, without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilePrint {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl Origin {
    /// `config` is the file that `--config` names.
    pub(crate) fn new(config: Option<PathBuf>, flags: Vec<Flag>) -> Self {
        Self { config, flags, vars: std::env::vars_os().collect() }
    }

    /// Reads all layers.
    ///
    /// # Errors
    ///
    /// All that is wrong anywhere, at once.
    pub(crate) fn load(&self) -> Result<Loaded, SettingsError> {
        load(self.config.as_deref(), &self.flags, self.vars.iter().cloned(), Path::new(DEFAULT_FILE))
    }

    /// The settings file as it is now; `None` if it is not there.
    pub(crate) fn print(&self) -> Option<FilePrint> {
        let meta = fs::metadata(self.file()).ok()?;
        let changed = (meta.mtime(), meta.mtime_nsec());
        Some(FilePrint { device: meta.dev(), inode: meta.ino(), bytes: meta.len(), changed })
    }

    /// The settings file, whether it is there or not.
    pub(crate) fn file(&self) -> PathBuf {
        let named = self.vars.iter().find(|(name, value)| name == CONFIG_VARIABLE && !value.is_empty());
        let named = self.config.clone().or_else(|| named.map(|(_, value)| value.into()));
        named.unwrap_or_else(|| DEFAULT_FILE.into())
    }
}
