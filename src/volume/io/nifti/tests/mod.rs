mod files;
mod read;
mod refuse;
mod write;
