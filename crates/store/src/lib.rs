//! tinyforge's database behind a small interface: load, write, watch, query.
