//! The experiment room.
