//! The actors that carry out plans, and the guardian that rebuilds them.
