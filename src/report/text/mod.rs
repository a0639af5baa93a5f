//! Generated texts: methods paragraph, CLAIM checklist, notes on missing results.

pub(crate) mod claim;
pub(crate) mod methods;
pub(crate) mod missing;
