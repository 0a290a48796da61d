//! For tests only: a fake Docker socket, a private dockerd, a private PostgreSQL, builders, waits.
