//! The preprocess room.
