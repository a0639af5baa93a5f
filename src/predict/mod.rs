//! The predict room.
