//! Keeps tinyforge's index of Docker containers true.
fn main() {}
