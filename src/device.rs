//! Device names to Burn devices: the only place that knows which backends are compiled in.
