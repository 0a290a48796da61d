//! Docker's API behind a small interface: list, inspect, events, identity.
