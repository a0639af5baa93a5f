//! The postprocess room.
